"""Nothing in ``probe/`` is there for nobody: what only a test uses goes.

A name of a module counts as used if its own module loads it, or another imports it or reaches it
through the module. A method or a field counts as used if anything outside the tests has an
attribute, a keyword or a text of that name, so homonyms can hide one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("probe", "lab", "scenarios", "synth", "benchmarks", "tools")
# Called by a library by its name.
LIBRARIES = {
    "PatientHandler.emit": "logging",
    "Moment.convert": "click",
    "Client.cookies": "httpx",
    "_NoCookies.extract_cookies": "httpx",
    "_NoLogin.async_auth_flow": "httpx",
    "GridTrigger.get_next_fire_time": "apscheduler",
    "HttpServer.http2": "a key of the web configuration that makes no difference",
    "MonotonicZone.fromutc": "datetime",
    "MonotonicZone.utcoffset": "datetime",
    "MonotonicZone.dst": "datetime",
    "MonotonicZone.tzname": "datetime",
    "_Visitor.quic_event_received": "aioquic",
    "_Embedded.capture_signals": "uvicorn",
    "_OnlyPrintable.process_renderables": "rich",
    "_Resolver._make_channel": "aiodns",
    "_Resolver._start_timer": "aiodns",
}
# Rows of tables that the documents are held to.
DOCUMENTED = {"Column.meaning", "Ground.needs", "Ground.rules_out", "MetricSpec.when_absent"}


@cache
def trees() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text())
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def named(node: ast.stmt) -> Iterator[str]:
    """The names that a statement gives."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def is_a_command(node: ast.stmt) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any("command(" in ast.unparse(decorator) for decorator in decorators)


def dotted(node: ast.expr) -> str:
    """``a.b.c`` as it is written; empty: it is something else. (``unparse`` takes long.)"""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


@cache
def used() -> frozenset[tuple[str, str]]:
    """Module and name, of all that is loaded or imported."""
    found = set()
    for path, tree in trees().items():
        module, modules = module_of(path), {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found.add((node.module, alias.name))
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.Import):
                modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.add((module, node.id))
            elif isinstance(node, ast.Attribute) and (whose := dotted(node.value)) in modules:
                found.add((modules[whose], node.attr))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # A table may name what is imported when it is needed.
                named_so = re.fullmatch(r"([\w.]+):(\w+)", node.value)
                found |= {(named_so[1], named_so[2])} if named_so else set()
    return frozenset(found)


@cache
def attributes() -> frozenset[str]:
    """What is asked of any value, by whatever means."""
    found = set[str]()
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if node.value.isidentifier() else set()
            elif isinstance(node, ast.MatchClass):
                found |= set(node.kwd_attrs)
    for template in (ROOT / "probe").rglob("*.j2"):
        found |= set(re.findall(r"\w+", template.read_text()))
    return frozenset(found)


def test_no_name_of_a_module_is_for_nobody() -> None:
    unused = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in trees().items()
        if path.is_relative_to(ROOT / "probe")
        for node in tree.body
        if not is_a_command(node)
        for name in named(node)
        if not name.startswith("__") and (module_of(path), name) not in used()
    ]
    assert not unused


def members() -> Iterator[tuple[Path, str, str]]:
    for path, tree in trees().items():
        if path.is_relative_to(ROOT / "probe"):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    yield from (
                        (path, node.name, name) for each in node.body for name in named(each)
                    )


def test_no_method_and_no_field_is_for_nobody() -> None:
    unused = {
        f"{kind}.{name}": path.relative_to(ROOT)
        for path, kind, name in members()
        if not name.startswith("__") and name not in attributes()
    }
    known = {*LIBRARIES, *DOCUMENTED}
    assert not {name: path for name, path in unused.items() if name not in known}
    assert not known - {f"{kind}.{name}" for _, kind, name in members()}, "gone: shorten the list"
