"""The lab as one thing: a network, a world in it, and a client that can run any command."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec
from ruamel.yaml import YAML

from lab.box.control import BoxControl
from lab.box.spec import BoxSpec
from lab.capture import Capture
from lab.net import BOX_INSIDE, BOX_OUTSIDE, WORLD_ADDRESS, Topology
from lab.pki import Authority
from lab.world import events
from lab.world.build import world_for
from lab.world.spec import WorldSpec
from probe.config.schema import Config

REPOSITORY = Path(__file__).parents[1]
STOPS_SECONDS = 5.0
SECOND_DELAY_SECONDS = 0.015
CA_VARIABLES = ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


class LabError(Exception):
    """The lab could not be set up; the text says why."""


class Lab:
    """client ↔ box ↔ world, with the world alive. A context manager.

    ``spec`` is the world; ``delay_seconds`` puts a forwarder into the box that holds every frame
    back for so long in each direction; ``box`` is a command to be run in the box in its stead: it
    forwards between the box's two interfaces and prints ``ready`` when it does. ``path`` runs the
    lab's own box (line and censor) there, which ``control()`` then speaks to. ``second_uplink``:
    the client has another interface, past the box, ``SECOND_DELAY_SECONDS`` from the world.
    ``card``: the client has a network card (``Topology``); it needs ``delay_seconds``.
    """

    topology: Topology
    folder: Path

    def __init__(
        self,
        spec: WorldSpec,
        *,
        delay_seconds: float = 0.0,
        box: Sequence[str] | None = None,
        path: BoxSpec | None = None,
        second_uplink: bool = False,
        card: bool = False,
    ) -> None:
        self.spec = spec
        self._path = path
        self._second_uplink = second_uplink
        self._card = card
        self._delay_seconds = delay_seconds
        self._box = box
        self._processes: list[subprocess.Popen[str]] = []

    @classmethod
    def of(cls, config: Config) -> Lab:
        """The lab in which everything that ``config`` names is well."""
        return cls(world_for(config))

    def __enter__(self) -> Self:
        bridge = self._box is None and self._path is None and not self._delay_seconds
        self.topology = Topology(bridge=bridge, second_uplink=self._second_uplink, card=self._card)
        self.topology.__enter__()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.topology.mark}-"))
        try:
            self._settle()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        said = self.complaints()
        self.close()
        if said and kind is None:
            raise LabError(f"the lab's own programs complained:\n{said}")

    def complaints(self) -> str:
        """What the world and the box wrote to standard error: nothing, if all is well."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.stderr")))

    def close(self) -> None:
        """Stop and remove everything."""
        while self._processes:
            process = self._processes.pop()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()
            process.terminate()
            try:
                process.wait(STOPS_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.topology.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _settle(self) -> None:
        authority, nobodys = Authority(), Authority("an authority that nobody trusts")
        self.ca_file = authority.write_root(self.folder / "ca.pem")
        for site in self.spec.sites:
            for certificate in site.certificates:
                issuer = authority if certificate.trusted else nobodys
                (self.folder / certificate.file).write_bytes(issuer.issue(certificate.names))
        self._write_spec()
        own = {WORLD_ADDRESS}
        self.topology.give_world([a for a in self.spec.addresses() if a not in own])
        self.topology.client.etc(
            {
                "resolv.conf": f"nameserver {WORLD_ADDRESS}\n",
                "hosts": "127.0.0.1 localhost\n::1 localhost\n",
                "nsswitch.conf": "hosts: files dns\n",
            }
        )
        if self._path is not None:
            self._box = self._own_box(self._path)
        elif self._box is None and self._delay_seconds:
            self._box = [sys.executable, "-m", "lab.delay", str(self._delay_seconds)]
            if self._card:
                self._box += ["--card", self.topology.client.name]
        if self._box is not None:
            self._start(self.topology.box.wrap(self._box), "the box")
        if self._second_uplink:
            hold = [sys.executable, "-m", "lab.delay", str(SECOND_DELAY_SECONDS)]
            self._start(self.topology.past.wrap(hold), "the way past")
        world = [sys.executable, "-m", "lab.world", "--with-parent"]
        world += ["--spec", str(self.folder / "spec.json"), "--log", str(self._log_file)]
        self._log_file.touch()
        self._world = self._start(self.topology.world.wrap(world), "the world")

    def _write_spec(self) -> None:
        """In one step: the world must never read half of it."""
        new = self.folder / "spec.json.new"
        new.write_bytes(msgspec.json.encode(self.spec))
        new.rename(self.folder / "spec.json")

    def _own_box(self, path: BoxSpec) -> list[str]:
        (self.folder / "box.json").write_bytes(msgspec.json.encode(path))
        return [
            sys.executable, "-m", "lab.box", "--inner", BOX_INSIDE, "--outer", BOX_OUTSIDE,
            "--control", str(self._box_socket), "--spec", str(self.folder / "box.json"),
        ]  # fmt: skip

    @property
    def _box_socket(self) -> Path:
        return self.folder / "box.sock"

    def control(self) -> BoxControl:
        """A connection to the lab's own box."""
        return BoxControl(self._box_socket)

    def change_world(self, spec: WorldSpec) -> None:
        """Let the servers have other objects from now on. Addresses and names stay as they are."""
        self.spec = spec
        self._write_spec()
        self._world.send_signal(signal.SIGHUP)
        assert self._world.stdout is not None
        if self._world.stdout.readline().strip() != "ready":
            raise LabError("the world did not take up its other objects")

    def _start(self, argv: Sequence[str], what: str) -> subprocess.Popen[str]:
        """Run a program of the lab until it says ``ready``."""
        said = self.folder / f"{what.rpartition(' ')[2]}.stderr"
        with said.open("wb") as stderr:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd=REPOSITORY,
                # ^C is for the command that runs in the lab, not for the lab.
                start_new_session=True,
            )
        self._processes.append(process)
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise LabError(f"{what} did not start: {said.read_text().strip()}")
        return process

    @property
    def _log_file(self) -> Path:
        return self.folder / "events.jsonl"

    def events(self) -> list[events.Event]:
        """What the world's servers have seen so far."""
        return events.read(self._log_file)

    def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float | None = 60.0,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the client's namespace, from the repository's root, and wait for it."""
        return self.topology.client.run(
            argv, timeout_seconds=timeout_seconds, cwd=REPOSITORY, env=env
        )

    def capture(self, path: Path | None = None) -> Capture:
        """Record the client's packets while the context lasts."""
        return Capture(self.topology.client, path or self.folder / "client.pcap")

    def environment(self) -> dict[str, str]:
        """Variables by which common tools (curl, OpenSSL, httpx) trust the lab's authority."""
        return {name: str(self.ca_file) for name in ("LAB_CA", *CA_VARIABLES)}

    def daemon_config(self, extra: Mapping[str, object] | None = None) -> Path:
        """A main file for the daemon: the default but for the CA file, that private addresses are
        honest answers, the fixed controls, no QUIC, a history of its own, and what ``extra`` says
        (whole keys of the top level).

        The default's resolvers need no change: the world answers at their addresses.
        """
        own = {
            "ca_file": str(self.ca_file),
            "dns": {"allow_private": True},
            # A probe's own draw would have others than the world has.
            "controls": ["all"],
            # The world does not depend on what is installed.
            "quic": False,
            # Never the history of this machine, nor that of another lab.
            "store": {"path": str(self.folder / "history.sqlite")},
        }
        path = self.folder / "throttlewatch.yaml"
        with path.open("w") as stream:
            YAML(typ="safe").dump({**own, **(extra or {})}, stream)
        return path
