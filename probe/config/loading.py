"""Read a configuration: main file, environment and definitions, with all their mistakes at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from probe.config import embedded, environment
from probe.config.bundle import Bundle
from probe.config.bundle_nodes import nodes_of
from probe.config.bundle_places import InstalledBundle, installed
from probe.config.calling import called_near
from probe.config.checks import CHECKS
from probe.config.definition import Definition
from probe.config.document import Node, merge, parse
from probe.config.errors import ConfigError, ConfigErrors
from probe.config.hints import default_of, keys_of, near
from probe.config.hub_wishes import from_hub
from probe.config.installed import Has, decided, libraries_missing
from probe.config.named_hosts import fitting, undeclared_hosts
from probe.config.placed_files import (
    file_placed,
    forward_placed,
    hub_placed,
    notify_placed,
    outside_placed,
    relative_to,
    store_placed,
    targets_placed,
)
from probe.config.readable import Unreadable, home_of, must_be_file, read_text
from probe.config.schema import Config, Settings, WebConfig
from probe.config.shipped import (
    LATER,
    Defined,
    countries_of,
    disabled,
    is_here,
    pool_of,
    read_shipped,
    shipped_files,
    yaml_files,
)
from probe.config.walk import INVALID, Invalid, Walker, shown
from probe.config.web import load_web

ALL = "all"
DRAWN = "drawn"
_PEM = "-----BEGIN CERTIFICATE-----"


class _BundleNodes(Struct, frozen=True):
    """The trees of the bundle that is used, or why none is."""

    bundle: Bundle | None = None
    nodes: Mapping[str, Node] = {}
    trouble: str = ""


def load(
    path: str | Path | None,
    environ: Mapping[str, str],
    *,
    bundle: Bundle | None = None,
    has: Has | None = None,
) -> Config:
    """The checked configuration of the file at ``path``.

    Without a path it is the file that ``THROTTLEWATCH_CONFIG`` names, else the embedded default.
    ``environ`` is the environment, whose ``THROTTLEWATCH_`` variables override keys. ``bundle``:
    with this one's definitions, as a trial, in place of those of the one that is installed.
    ``has``: what can be imported, for who will measure by it; without it nobody asks what is
    installed, and ``auto`` stays. Sends nothing. Raises ``ConfigErrors`` with every mistake of
    every file.
    """
    return _Loading(environ, bundle, has).load(Path(path) if path is not None else None)


class _Loading:
    """One reading: collects every mistake."""

    def __init__(self, environ: Mapping[str, str], trial: Bundle | None, has: Has | None) -> None:
        self._environ = environ
        self._trial = trial
        self._has = has
        self._walker = Walker(CHECKS)
        self._errors = self._walker.errors
        # Definitions that cannot be read, by the names of their files.
        self._unread: set[str] = set()

    def load(self, path: Path | None) -> Config:
        named = self._environ.get(environment.MAIN_FILE, "").strip()
        path = path or (home_of(named) if named else None)
        home = embedded.folder()
        file = path or home / embedded.MAIN
        main = self._file(file, None if path else embedded.MAIN)
        main = main or Node(file=str(file), line=1, key="", value={})
        main, mistakes = environment.overlay(main, self._environ)
        self._errors += mistakes

        settings = self._walker.build(main, Settings)
        if settings is not INVALID:
            settings = replace(settings, store=store_placed(settings.store, main, path))
        found = self._bundle(settings)
        countries = set() if settings is INVALID else countries_of(settings)
        shipped = shipped_files(home, countries)
        definitions = self._definitions(
            main, shipped, path.parent if path is not None else None, found.nodes
        )
        platforms = self._select(main, "platforms", "platform", definitions, countries)
        controls = self._select(main, "controls", "control", definitions, countries)
        pool = (
            pool_of(definitions) if settings is not INVALID and DRAWN in settings.controls else ()
        )
        ca_file = self._ca_file(main, path)
        web = self._web(main, path)
        by_installed: tuple[str, ...] = ()
        if settings is not INVALID and self._has is not None:
            settings, by_installed = decided(settings, self._has)
            self._errors += libraries_missing(main, settings, self._has)
        if self._errors:
            if found.trouble and self._trial is None:
                self._errors.append(
                    main.find("targets").error(
                        found=f"a bundle that is installed and not used: {found.trouble}",
                        expected="one that can be used, if the configuration needs what it defines",
                    )
                )
            raise ConfigErrors(self._errors)
        hub = hub_placed(settings.hub, main, path)
        return Config(
            settings=replace(
                settings,
                ca_file=ca_file,
                web_config=file_placed(settings.web_config, main.find("web_config"), path),
                forward=forward_placed(settings.forward, main, path),
                notify=notify_placed(settings.notify, main, path),
                hub=hub,
                targets=from_hub(targets_placed(settings.targets, main, path), hub),
                outside_key_file=outside_placed(settings.outside_key_file, main, path),
            ),
            platforms=platforms,
            controls=controls,
            web=web,
            pool=pool,
            bundle=found.bundle,
            bundle_trouble=found.trouble,
            by_installed=by_installed,
        )

    def _bundle(self, settings: Settings | Invalid) -> _BundleNodes:
        """What a bundle defines: the one on trial, or the one that is installed. Mistakes in that
        one are told, and the shipped definitions used: another release may have made them, and a
        daemon that does not start measures nothing."""
        if settings is INVALID:
            return _BundleNodes()
        trial, environ = self._trial, self._environ
        use = installed(settings, environ) if trial is None else InstalledBundle(trial)
        if use.bundle is None:
            return _BundleNodes(trouble=use.trouble)
        nodes, mistakes = nodes_of(use.bundle, allow_private=settings.dns.allow_private)
        if not mistakes:
            return _BundleNodes(use.bundle, nodes)
        if trial is not None:
            self._errors += mistakes
        return _BundleNodes(trouble=f"it has mistakes: {mistakes[0]}")

    def _file(self, path: Path, embedded_name: str | None = None) -> Node | None:
        text, name = self._text(path, embedded_name)
        if text is None:
            return None
        # The embedded one is the same each time, and most of what a second reading takes.
        node, mistakes = parse(text, name) if embedded_name is None else _embedded(text, name)
        self._errors += mistakes
        return node

    def _text(self, path: Path, embedded_name: str | None) -> tuple[str | None, str]:
        """What the file says (``None``: it cannot be read), and how it is called."""
        name = str(path) if embedded_name is None else embedded.PREFIX + embedded_name
        try:
            return read_text(path), name
        except Unreadable as error:
            expected = "a YAML file that can be read"
            self._errors.append(
                ConfigError(file=name, line=0, key="", found=str(error), expected=expected)
            )
            return None, name

    def _definitions(
        self, main: Node, shipped: Iterable[Path], beside: Path | None, bundle: Mapping[str, Node]
    ) -> dict[str, Defined]:
        """The embedded definitions; a bundle's and then the operator's in their place or beside
        them; overridden."""
        nodes: dict[str, Node] = {}
        as_shipped: dict[str, Defined] = {}
        for file in shipped:
            defined, mistakes = read_shipped(*self._text(file, f"{file.parent.name}/{file.name}"))
            self._errors += mistakes
            if defined is not None:
                nodes[defined.node.find("name").text] = defined.node
                as_shipped[defined.node.find("name").text] = defined
        nodes |= bundle
        nodes |= self._operators(main, beside)
        overrides = main.get("overrides")
        given = overrides.value if overrides is not None else None
        for name, over in (given if isinstance(given, dict) else {}).items():
            if name not in nodes:
                self._errors.append(
                    over.error(
                        found=f"no definition of the name {name}",
                        expected=f"one of: {', '.join(sorted(nodes))}",
                        suggestion=near(name, nodes),
                    )
                )
            else:
                nodes[name] = fitting(merge(nodes[name], over), over)
        return {
            name: as_shipped[name]
            if name in as_shipped and as_shipped[name].node is node
            else self._definition(node)
            for name, node in nodes.items()
        }

    def _definition(self, node: Node) -> Defined:
        value = self._walker.build(node, Definition)
        self._errors += undeclared_hosts(node)
        return Defined(node, None if value is INVALID else value)

    def _operators(self, main: Node, beside: Path | None) -> dict[str, Node]:
        named = main.get("definitions")
        if named is not None and isinstance(named.value, str):
            folder = relative_to(beside, named)
            if not folder.is_dir():
                self._errors.append(
                    named.error(found=f"{shown(named)}, which is no folder", expected="a folder")
                )
        elif beside is not None:
            folder = beside / embedded.PLATFORMS
        else:
            return {}
        nodes: dict[str, Node] = {}
        for file in yaml_files(folder):
            node = self._file(file)
            if node is None:
                self._unread.add(file.stem)
                continue
            name = node.find("name").text
            if name and name in nodes:
                self._errors.append(
                    node.find("name").error(
                        found=f"`{name}`, which {nodes[name].file} defines too",
                        expected="each definition once",
                    )
                )
            nodes[name or str(file)] = node
        return nodes

    def _select(
        self,
        main: Node,
        key: str,
        kind: str,
        definitions: Mapping[str, Defined],
        countries: set[str],
    ) -> tuple[Definition, ...]:
        """The definitions that the main file's ``key`` names, in its order."""
        of_kind = {
            name: defined
            for name, defined in sorted(definitions.items())
            if (defined.node.find("kind").text or "platform") == kind
        }
        place = main.find(key)
        given = [node for node in place.items() if isinstance(node.value, str)]
        names: Iterable[str] = [node.text for node in given]
        if place is main:
            names = default_of(keys_of(Settings)[key])
        chosen = []
        word = next((word for word in (ALL, DRAWN) if word in names and kind == "control"), "")
        if word:
            names = [
                name
                for name, defined in of_kind.items()
                if not disabled(defined.node)
                and defined.node.find("pool").text != LATER
                and is_here(defined.node, countries)
            ]
            if len(given) > 1 or not names:
                self._errors.append(
                    place.error(
                        found=f"`{word}` beside names" if names else "no control that is enabled",
                        expected=f"only `{word}`, or only names" if names else "at least one",
                    )
                )
            given = []
        for name in names:
            at = next((node for node in given if node.text == name), place)
            if name in self._unread:
                continue
            if name not in of_kind:
                unknown = at.error(
                    found=f"`{name}`, which is no {kind} that is defined",
                    expected=f"one of: {', '.join(of_kind)}",
                    suggestion=_called(name, of_kind),
                )
                # That it has not the form of a name (`X`) is the same mistake.
                place_of = (unknown.file, unknown.line, unknown.key)
                self._errors[:] = [
                    e for e in self._errors if (e.file, e.line, e.key) != place_of
                ] + [unknown]
            elif disabled(of_kind[name].node):
                self._errors.append(
                    at.error(
                        found=f"`{name}`, which is not enabled in {of_kind[name].node.file}",
                        expected="enabled: true there, or another name",
                    )
                )
            chosen.append(of_kind.get(name))
        return tuple(c.value for c in chosen if c is not None and c.value is not None)

    def _web(self, main: Node, path: Path | None) -> WebConfig:
        node = main.get("web_config")
        if node is None or not isinstance(node.value, str):
            return WebConfig()
        web, mistakes = load_web(relative_to(path.parent if path is not None else None, node))
        self._errors += mistakes
        return web or WebConfig()

    def _ca_file(self, main: Node, path: Path | None) -> str | None:
        """``ca_file`` as a path that holds from anywhere: it is relative to the file naming it."""
        node = main.get("ca_file")
        if node is None or not isinstance(node.value, str):
            return None
        file = relative_to(path.parent if path is not None else None, node)
        try:
            must_be_file(file)  # it is read again and again
            found = "" if _PEM in read_text(file, any_bytes=True) else "no certificate in it"
        except (Unreadable, ValueError) as error:
            found = str(error)
        except OSError as error:
            found = (error.strerror or type(error).__name__).lower()
        if found:
            self._errors.append(
                node.error(found=f"{shown(node)}: {found}", expected="a file of PEM certificates")
            )
        return str(file)


@lru_cache(maxsize=1)
def _embedded(text: str, name: str) -> tuple[Node | None, tuple[ConfigError, ...]]:
    node, mistakes = parse(text, name)
    return node, tuple(mistakes)


def _called(name: str, known: Mapping[str, Defined]) -> str:
    titles = {name: defined.node.find("title").text for name, defined in known.items()}
    return called_near(name, titles)
