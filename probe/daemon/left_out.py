"""What a daemon does without: docstrings, what the parameters of functions are annotated with, and
modules that libraries load and a daemon has no use for.

The first two are for who reads the source, and took a daemon 3 MB for months. Python leaves
docstrings out by itself with ``-OO``, but with them the assertions, those of libraries that read
from the network, too. Annotations of classes stay: configuration and history are read by them. The
modules (1.2 MB) are loaded by the first who asks one of them for anything, so nobody misses them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import LazyLoader
from opcode import opmap
from types import CodeType, FunctionType, ModuleType

_SHOWN = ("probe.cli", "probe.commands")
"""What they say of themselves is what ``--help`` says."""
LATER = frozenset(
    {
        "OpenSSL.SSL",
        "attr.converters",
        "attr.filters",
        "attr.validators",
        "csv",
        "email.header",
        "http.cookies",
        "logging.config",
        "msgspec.inspect",
        "service_identity.pyopenssl",
        "tzlocal.windows_tz",
    }
)
"""What nobody asks for anything in a daemon, whatever its configuration."""
_LOADS = ("LOAD_CONST", "RETURN_CONST")
_LOADS_THE_FIRST = tuple(bytes((opmap[name], 0)) for name in _LOADS if name in opmap)


def leave_out_of_modules() -> None:
    """It is so of whatever is loaded from now on, from source or from what was compiled of it."""
    loaders = (
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_Loader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )
    sys.path_hooks.insert(0, FileFinder.path_hook(*loaders))
    sys.path_importer_cache.clear()
    sys.meta_path.insert(0, _Later())


def without(code: CodeType) -> CodeType:
    """``code`` and all functions in it, which do what they did and have no docstring.

    A function's docstring is its first constant. One that its code loads is something else as well,
    and stays.
    """
    constants = [without(one) if isinstance(one, CodeType) else one for one in code.co_consts]
    if constants and isinstance(constants[0], str) and not _loads_the_first(code.co_code):
        constants[0] = None
    if all(new is old for new, old in zip(constants, code.co_consts, strict=True)):
        return code
    return code.replace(co_consts=tuple(constants))


def _loads_the_first(instructions: bytes) -> bool:
    """Whether the first constant may be loaded. Instructions have two bytes."""
    for load in _LOADS_THE_FIRST:
        at = instructions.find(load)
        while at >= 0:
            if at % 2 == 0:
                return True
            at = instructions.find(load, at + 1)
    return False


class _Later:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in LATER:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        code = super().get_code(fullname)
        return code if code is None or fullname.startswith(_SHOWN) else without(code)

    def exec_module(self, module: ModuleType) -> None:
        """What is left out here may be asked for while a module is made, and is not after."""
        super().exec_module(module)
        if not module.__name__.startswith(_SHOWN):
            module.__doc__ = None
            _bare(module, module.__name__)


def _bare(holder: ModuleType | type, module: str) -> None:
    """Leave out of what ``holder`` has of its own ``module``."""
    for value in tuple(vars(holder).values()):
        if issubclass(type(value), type):
            outer = holder.__qualname__ if isinstance(holder, type) else ""
            if value.__module__ == module and value.__qualname__.rpartition(".")[0] == outer:
                _bare_type(value, module)
        else:
            for function in _functions_of(value):
                if function.__module__ == module:
                    function.__annotations__ = None  # type: ignore[assignment]


def _bare_type(one: type, module: str) -> None:
    if isinstance(vars(one).get("__doc__"), str):
        try:
            one.__doc__ = None
        except (AttributeError, TypeError):
            return  # a type of an extension, which cannot be changed
    _bare(one, module)


def _functions_of(value: object) -> Iterator[FunctionType]:
    # By its own type: what stands for something else is not asked what it is.
    if type(value) is FunctionType:
        yield value
    elif type(value) is classmethod or type(value) is staticmethod:
        yield from _functions_of(value.__func__)
    elif type(value) is property:
        for part in (value.fget, value.fset, value.fdel):
            yield from _functions_of(part)
