"""What a day of chaos draws from: configurations, good and bad, and troubles of the line."""

from __future__ import annotations

from synth.troubles import Kind

GOOD_CONFIGS = (
    "",
    "platforms: [x, youtube]\n",
    "schedule: {light: 2m, transfer: 6m}\n",
    "schedule: {light: 10m, transfer: 30m}\nlog: {level: debug}\n",
    "vantages: [{name: default}, {name: behind, proxy: 'socks5://127.0.0.1:9'}]\n",
    "allowed_hosts: [probe.example]\nnation: {hold: 1m}\n",
)
BAD_CONFIGS = (
    b"\xff\xfe\x00",
    b"platforms: [nobody]\n",
    b"schedule: {light: " + b"9" * 400 + b"}\n",
    b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"a%d: &a%d [*a]\n" % (n, n) for n in range(99)),
    b"[" * 10_000,
    b"listen: '127.0.0.1:9880'\nlisten: '127.0.0.1:9880'\n",
    b"country: IR\x00\n",
    b"",
)
KINDS = (
    (Kind.OFFLINE, 1.0),
    (Kind.RESOLVER, 1.0),
    (Kind.RESOLVER, 0.4),
    (Kind.CROSS_TRAFFIC, 10.0),
    (Kind.PORTAL, 1.0),
    (Kind.CLOCK_BEHIND, 1.0),
    (Kind.INSPECTION, 1.0),
    (Kind.PORTS, 0.5),
    (Kind.WIFI, 0.2),
    (Kind.TUNNEL, 0.2),
    (Kind.BUSY_HOST, 0.1),
)
