"""Network namespaces, made and removed through ``ip``: a client, a slot for a box, a world.

```
 client            box               world
 up0 ─────── in [bridge] out ─────── down0, lo (the world's addresses)
```

Everything that a run makes carries the run's mark, ``tw<pid>-<start>-<random>``, so several runs
live side by side and whatever a killed run left behind is recognised (its process is gone, or is
a different one that has the same number) and removed by the next.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

NETNS = Path("/run/netns")
# ``ip netns exec`` mounts the files found here over those in /etc.
ETC = Path("/etc/netns")
MARK = re.compile(r"^tw(?P<pid>\d+)-(?P<start>\d+)-[0-9a-f]{6}-")
KILL_SECONDS = 5.0
OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")

CLIENT_ADDRESS = "100.64.0.2"
WORLD_ADDRESS = "100.64.0.1"
CLIENT_ADDRESS6 = "fd00:64::2"
WORLD_ADDRESS6 = "fd00:64::1"
CLIENT_MAC = "02:00:64:00:00:02"
WORLD_MAC = "02:00:64:00:00:01"
CLIENT_INTERFACE = "up0"
WORLD_INTERFACE = "down0"
SECOND_ADDRESS = "100.65.0.2"
SECOND_WORLD_ADDRESS = "100.65.0.1"
SECOND_INTERFACE = "up1"
SECOND_WORLD_INTERFACE = "down1"
BOX_INSIDE = "in"
BOX_OUTSIDE = "out"


class NetError(Exception):
    """A command that builds the network failed; the text is what it said."""


def _start_time(pid: int) -> int | None:
    """Clock ticks after boot at which a process began, ``None`` when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[19])


def run_mark() -> str:
    """A new mark of this process."""
    pid = os.getpid()
    return f"tw{pid}-{_start_time(pid)}-{secrets.token_hex(3)}"


def abandoned(name: str) -> bool:
    """Whether a namespace is ours and the process that made it no longer runs."""
    match = MARK.match(name)
    return match is not None and _start_time(int(match["pid"])) != int(match["start"])


def _command(argv: Sequence[str], text: str | None = None) -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NetError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace that ``ip netns`` knows by name."""

    name: str

    @classmethod
    def create(cls, name: str) -> Self:
        """Make it, with its loopback up."""
        _command(["ip", "netns", "add", name])
        made = cls(name)
        made.ip("link set lo up")
        return made

    def delete(self) -> None:
        """Remove it, with the processes inside it and its files in /etc/netns. Idempotent."""
        self._end_processes()
        shutil.rmtree(ETC / self.name, ignore_errors=True)
        if (NETNS / self.name).exists():
            try:
                _command(["ip", "netns", "del", self.name])
            except NetError:
                # Two runs may find the same leftover at once.
                if (NETNS / self.name).exists():
                    raise

    def _end_processes(self) -> None:
        deadline = time.monotonic() + KILL_SECONDS
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                # Ours must be reaped, or it stays in the list as a zombie.
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            if time.monotonic() > deadline:
                raise NetError(f"processes in {self.name} do not end: {pids}")
            time.sleep(0.01)

    def pids(self) -> list[int]:
        """The processes that are inside."""
        try:
            return [int(pid) for pid in _command(["ip", "netns", "pids", self.name]).split()]
        except NetError:
            return []

    def ip(self, *lines: str) -> None:
        """Run lines of ``ip`` (``link set lo up``) inside, in one process."""
        _command(["ip", "-n", self.name, "-batch", "-"], "\n".join(lines) + "\n")

    def sysctl(self, **values: int | str) -> None:
        """Set kernel parameters inside; underscores twice stand for dots (``net__ipv4__…``)."""
        pairs = [f"{key.replace('__', '.')}={value}" for key, value in values.items()]
        _command([*self.wrap(["sysctl", "-qw"]), *pairs])

    def etc(self, files: Mapping[str, str]) -> None:
        """Files that commands run inside find in /etc: name → text."""
        folder = ETC / self.name
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` inside."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float | None = 60.0,
        check: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside and wait for it, its output captured as text."""
        return subprocess.run(
            self.wrap(argv),
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=check,
            cwd=cwd,
            env=env,
        )

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        own_session: bool = False,
    ) -> subprocess.Popen[str]:
        """Start a command inside. It is ended with the namespace, if not before.

        ``own_session``: signals of our terminal (^C) do not reach it.
        """
        return subprocess.Popen(
            self.wrap(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            cwd=cwd,
            env=env,
            start_new_session=own_session,
        )


def connect(a: Namespace, a_interface: str, b: Namespace, b_interface: str) -> None:
    """Lay a cable (a veth pair) between two namespaces, both ends up.

    Offloads are off: with them the kernel hands on "packets" of 64 KiB and leaves checksums empty,
    which no real line does and no box in the middle could shape.
    """
    _command(
        f"ip link add {a_interface} netns {a.name} type veth "
        f"peer name {b_interface} netns {b.name}".split()
    )
    off = [word for offload in OFFLOADS for word in (offload, "off")]
    for namespace, interface in ((a, a_interface), (b, b_interface)):
        _command(namespace.wrap(["ethtool", "-K", interface, *off]))
        namespace.ip(f"link set {interface} up")


class Topology:
    """client ↔ box ↔ world, as a context manager.

    ``bridge``: the box forwards every frame as a switch does. Without it the box's two interfaces
    (``BOX_INSIDE``, ``BOX_OUTSIDE``) are left to a program that the caller runs in the box.
    ``second_uplink``: another way (``SECOND_INTERFACE``) leads from the client to the world, past
    the box, by a namespace (``past``) in which a program must forward as in the box; what is bound
    to that interface takes it, everything else does not.
    ``card``: the client's interface is not one end of a cable whose other end is in the box, but a
    card of its own, whose far side a program must serve. The kernel merges segments that wait to be
    read only if they come in memory as network cards' drivers (and this one) give it.
    Entering removes leftovers of runs that are no more.
    """

    mark: str
    client: Namespace
    box: Namespace
    world: Namespace
    past: Namespace

    def __init__(
        self, *, bridge: bool = True, second_uplink: bool = False, card: bool = False
    ) -> None:
        self._bridge = bridge
        self._card = card
        self._second_uplink = second_uplink
        self._made: list[Namespace] = []

    def __enter__(self) -> Self:
        remove_leftovers()
        self.mark = run_mark()
        try:
            self.client = self._create(f"{self.mark}-client")
            self.box = self._create(f"{self.mark}-box")
            self.world = self._create(f"{self.mark}-world")
            self._wire()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything that was made."""
        while self._made:
            self._made.pop().delete()

    def _create(self, name: str) -> Namespace:
        made = Namespace.create(name)
        self._made.append(made)
        return made

    def _wire(self) -> None:
        # Nobody here announces routes, and the box is a cable to those who talk over it.
        self.box.sysctl(net__ipv6__conf__default__disable_ipv6=1)
        for end in (self.client, self.world):
            end.sysctl(net__ipv6__conf__default__router_solicitations=0)
        if self._card:
            self.client.ip(
                f"tuntap add dev {CLIENT_INTERFACE} mode tap", f"link set {CLIENT_INTERFACE} up"
            )
        else:
            connect(self.client, CLIENT_INTERFACE, self.box, BOX_INSIDE)
        connect(self.box, BOX_OUTSIDE, self.world, WORLD_INTERFACE)
        if self._bridge:
            self.box.ip(
                # A forwarding delay would swallow the first seconds of traffic.
                "link add br0 type bridge forward_delay 0 mcast_snooping 0",
                f"link set {BOX_INSIDE} master br0",
                f"link set {BOX_OUTSIDE} master br0",
                "link set br0 up",
            )
        # The neighbours are known from the start: looking them up is no part of any path here.
        self.client.ip(
            f"link set {CLIENT_INTERFACE} address {CLIENT_MAC}",
            f"addr add {CLIENT_ADDRESS}/24 dev {CLIENT_INTERFACE}",
            f"addr add {CLIENT_ADDRESS6}/64 dev {CLIENT_INTERFACE} nodad",
            f"neigh replace {WORLD_ADDRESS} lladdr {WORLD_MAC} dev {CLIENT_INTERFACE}",
            f"neigh replace {WORLD_ADDRESS6} lladdr {WORLD_MAC} dev {CLIENT_INTERFACE}",
            f"route add default via {WORLD_ADDRESS}",
            f"route add default via {WORLD_ADDRESS6}",
        )
        self.world.ip(
            f"link set {WORLD_INTERFACE} address {WORLD_MAC}",
            f"addr add {WORLD_ADDRESS}/24 dev {WORLD_INTERFACE}",
            f"addr add {WORLD_ADDRESS6}/64 dev {WORLD_INTERFACE} nodad",
            f"neigh replace {CLIENT_ADDRESS} lladdr {CLIENT_MAC} dev {WORLD_INTERFACE}",
            f"neigh replace {CLIENT_ADDRESS6} lladdr {CLIENT_MAC} dev {WORLD_INTERFACE}",
        )
        # A real edge serves many clients: what one connection learnt about the path must not
        # give the next one another start.
        self.world.sysctl(net__ipv4__tcp_no_metrics_save=1)
        if self._second_uplink:
            self._wire_second()

    def _wire_second(self) -> None:
        # An answer that comes in here belongs to a route that is not the best one.
        for end in (self.client, self.world):
            end.sysctl(net__ipv4__conf__default__rp_filter=0, net__ipv4__conf__all__rp_filter=0)
        self.past = self._create(f"{self.mark}-past")
        self.past.sysctl(net__ipv6__conf__default__disable_ipv6=1)
        connect(self.client, SECOND_INTERFACE, self.past, BOX_INSIDE)
        connect(self.past, BOX_OUTSIDE, self.world, SECOND_WORLD_INTERFACE)
        self.client.ip(
            f"addr add {SECOND_ADDRESS}/24 dev {SECOND_INTERFACE}",
            f"route add default via {SECOND_WORLD_ADDRESS} dev {SECOND_INTERFACE} metric 4000",
        )
        self.world.ip(f"addr add {SECOND_WORLD_ADDRESS}/24 dev {SECOND_WORLD_INTERFACE}")

    def give_world(self, addresses: Sequence[str]) -> None:
        """Let the world answer at more addresses."""
        self.world.ip(
            *(
                f"addr add {a}/128 dev lo nodad" if ":" in a else f"addr add {a}/32 dev lo"
                for a in addresses
            )
        )

    def silence_world(self, addresses: Sequence[str]) -> None:
        """Let nothing answer at some of the world's addresses, not even with a reset."""
        for a in addresses:
            width = 128 if ":" in a else 32
            self.world.ip(f"addr del {a}/{width} dev lo", f"route add blackhole {a}/{width}")

    def unsilence_world(self, addresses: Sequence[str]) -> None:
        """Undo it; the servers that listened there listen there again."""
        for a in addresses:
            self.world.ip(f"route del blackhole {a}/{128 if ':' in a else 32}")
        self.give_world(addresses)


def namespaces() -> list[str]:
    """The names of all namespaces of this machine."""
    return sorted(p.name for p in NETNS.iterdir()) if NETNS.exists() else []


def remove_leftovers() -> list[str]:
    """Remove the namespaces of runs that are gone, and their temporary folders; the names."""
    gone = [name for name in _known() if abandoned(name)]
    for name in gone:
        Namespace(name).delete()
    for folder in Path(tempfile.gettempdir()).glob("tw*"):
        if abandoned(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    return gone


def _known() -> Iterator[str]:
    yield from namespaces()
    if ETC.exists():
        yield from (p.name for p in ETC.iterdir() if not (NETNS / p.name).exists())
