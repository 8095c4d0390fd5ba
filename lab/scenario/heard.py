"""What the daemon says, read from its /metrics as any Prometheus would."""

from __future__ import annotations

import http.client
from collections import defaultdict
from typing import NamedTuple

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from lab.box.inside import inside
from lab.net import Namespace
from probe.model.verdict import State
from probe.publish.metrics.metric_names import PREFIX
from scenarios.model import ACCUSING, Over

READING = ("transfer", "long")
SCRAPE_SECONDS = 5.0
_OF_PLATFORM = ("rounds", "bursts", "running")
# What is asked of a scrape: to parse all else, twice a second of ten labs, takes a fifth of a core.
ASKED = tuple(
    f"{PREFIX}{name}{{"
    for name in (
        "verdict_state",
        "verdict_info",
        "verdict_detail_info",
        "verdict_slowdown_ratio",
        "round_running",
        "rounds_total",
        "transport_info",
        "transport_slowdown_ratio",
    )
)


class Key(NamedTuple):
    """Of what something is said: a platform, at a vantage, over a transport."""

    vantage: str
    platform: str
    over: Over = Over.TCP

    def text(self) -> str:
        """As a path: what is so over TCP is the platform's own."""
        beside = () if self.over is Over.TCP else (self.over.value,)
        return "/".join((self.vantage, self.platform, *beside))

    @classmethod
    def of_text(cls, text: str) -> Key:
        """The key that was written so."""
        vantage, platform, *over = text.split("/")
        return cls(vantage, platform, Over(over[0]) if over else Over.TCP)


class Heard(Struct, frozen=True, kw_only=True):
    """What is said of one platform at one vantage at one time.

    ``rounds``: transfer rounds that have ended, ``bursts`` likewise. ``running``: whether a round
    is being made. Empty texts: nothing of the kind is said.
    """

    state: State
    rounds: int = 0
    bursts: int = 0
    running: bool = False
    rule_id: str = ""
    reason: str = ""
    method: str = ""
    trigger: str = ""
    signature: str = ""
    phase: str = ""
    severity: str = ""
    slowdown: float | None = None

    def text(self) -> str:
        """In a few words."""
        words = [self.method, self.trigger, self.signature, self.phase, self.severity]
        detail = " ".join(word for word in words if word)
        # Of a platform that is fine the ratio is noise around one.
        tells = self.slowdown is not None and self.state in (*ACCUSING, State.DEGRADED)
        slow = f"{self.slowdown:.1f}x" if tells else ""
        return " ".join(w for w in (self.state.value, detail, slow, self.reason) if w)

    def same(self, other: Heard) -> bool:
        """Whether both say the same."""
        return (
            self.state is other.state
            and self.rule_id == other.rule_id
            and (self.method, self.trigger, self.signature, self.phase, self.severity)
            == (other.method, other.trigger, other.signature, other.phase, other.severity)
        )


def scrape(namespace: Namespace, port: int) -> str | None:
    """The exposition, or ``None`` while nobody listens."""
    with inside(namespace):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SCRAPE_SECONDS)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        except OSError:
            return None
        finally:
            connection.close()


def heard(text: str) -> dict[Key, Heard]:
    """By vantage, platform and transport. Rounds and bursts are the platform's."""
    found: dict[Key, dict[str, object]] = defaultdict(dict)
    asked = "".join(f"{line}\n" for line in text.splitlines() if line.startswith(ASKED))
    for family in text_string_to_metric_families(asked):
        for sample in family.samples:
            labels = sample.labels
            if "vantage" not in labels or "platform" not in labels:
                continue
            over = Over(labels.get("transport", Over.TCP.value))
            own = found[Key(labels["vantage"], labels["platform"], over)]
            _take(own, sample.name.removeprefix(PREFIX), labels, sample.value)
    for key, own in found.items():
        of_platform = found.get(key._replace(over=Over.TCP), {})
        own |= {name: of_platform[name] for name in _OF_PLATFORM if name in of_platform}
    return {key: Heard(**own) for key, own in found.items() if "state" in own}  # type: ignore[arg-type]


def _take(own: dict[str, object], name: str, labels: dict[str, str], value: float) -> None:
    if name == "verdict_state" and value:
        own["state"] = State(labels["state"])
    elif name == "verdict_info":
        own["rule_id"], own["reason"] = labels["rule_id"], labels.get("reason", "")
    elif name == "verdict_detail_info":
        for field in ("method", "trigger", "signature", "phase", "severity"):
            own[field] = labels.get(field, "")
    elif name == "transport_info":
        own["state"] = State(labels["state"])
        for field in ("reason", "method", "trigger"):
            own[field] = labels.get(field, "")
    elif name in ("verdict_slowdown_ratio", "transport_slowdown_ratio"):
        own["slowdown"] = value
    elif name == "round_running":
        own["running"] = bool(value)
    elif name == "rounds_total":
        counter = "rounds" if labels["kind"] in READING else "bursts"
        if labels["kind"] in READING or labels["kind"] == "burst":
            own[counter] = int(str(own.get(counter, 0))) + int(value)
