"""Files that the configuration names, as paths that hold from anywhere."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from probe.config import environment
from probe.config.document import Node
from probe.config.readable import home_of
from probe.config.schema import ForwardConfig, HubConfig, NotifyConfig, StoreConfig, TargetsConfig
from probe.config.values import AUTO


def file_placed(file: str | None, node: Node, path: Path | None) -> str | None:
    """A file as a path that holds from anywhere."""
    return None if file is None else str(relative_to(path.parent if path else None, node))


def store_placed(store: StoreConfig, main: Node, path: Path | None) -> StoreConfig:
    """The history's file as a path that holds from anywhere."""
    if store.path is None or store.path == AUTO:
        return store
    folder = path.parent if path is not None else None
    return replace(store, path=str(relative_to(folder, main.find("store", "path"))))


def forward_placed(forward: ForwardConfig, main: Node, path: Path | None) -> ForwardConfig:
    """The same for the receiver's certificates and credentials."""
    folder = path.parent if path is not None else None
    placed = {
        key: str(relative_to(folder, main.find("forward", key)))
        for key in ("password_file", "bearer_token_file", "ca_file")
        if getattr(forward, key) is not None
    }
    return replace(forward, **placed)


def notify_placed(notify: NotifyConfig, main: Node, path: Path | None) -> NotifyConfig:
    """The same for the receivers' URLs."""
    folder, node = path.parent if path is not None else None, main.find("notify", "receivers")
    placed = (
        replace(one, url_file=str(relative_to(folder, node.find(number, "url_file"))))
        for number, one in enumerate(notify.receivers)
    )
    return replace(notify, receivers=tuple(placed))


def hub_placed(hub: HubConfig, main: Node, path: Path | None) -> HubConfig:
    """The same for a hub's certificates and this probe's credential there."""
    folder = path.parent if path is not None else None
    placed = {
        key: str(relative_to(folder, main.find("hub", key)))
        for key in ("credential_file", "ca_file")
        if getattr(hub, key) is not None
    }
    return replace(hub, **placed)


def targets_placed(targets: TargetsConfig, main: Node, path: Path | None) -> TargetsConfig:
    """The same for the certificates of whoever has bundles."""
    if targets.ca_file is None:
        return targets
    folder = path.parent if path is not None else None
    return replace(targets, ca_file=str(relative_to(folder, main.find("targets", "ca_file"))))


def outside_placed(file: str | None, main: Node, path: Path | None) -> str | None:
    """The same for the key that a reference signs with."""
    folder = path.parent if path is not None else None
    return None if file is None else str(relative_to(folder, main.find("outside_key_file")))


def relative_to(folder: Path | None, node: Node) -> Path:
    """The path in ``node``: in a file relative to the file's folder, in a variable to ours."""
    from_variable = node.file.startswith(environment.PREFIX)
    base = Path.cwd() if folder is None or from_variable else folder
    return (base / home_of(node.text)).absolute()
