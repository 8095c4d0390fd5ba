"""What the verdicts of many vantages say about a country, and what became of it over time."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class FindingKind(StrEnum):
    """What a finding is about; each has its own words, so that none is taken for another.

    ``restricted``: a platform is throttled or blocked. ``impaired``: it is slow or failing while
    other sites are fine, and nothing rules out that it is so everywhere; never a restriction.
    ``degraded``: lines are slow, controls included (congestion, a cut cable, generalised
    throttling). ``offline``: lines answer nothing (a shutdown, or a power cut). ``silent``: most
    vantages stopped being heard within minutes; about no platform.
    """

    RESTRICTED = "restricted"
    IMPAIRED = "impaired"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    SILENT = "silent"


class Scope(StrEnum):
    """How far it reaches. ``insufficient``: too few networks were heard to say anything.

    ``none``: no vantage is affected. ``vantage``: some are, but not the majority of any network's.
    ``network``: one network is. ``partial``: several are. ``nation``: most of the country, for long
    enough, while reference vantages abroad are fine or absent.
    """

    NONE = "none"
    VANTAGE = "vantage"
    NETWORK = "network"
    PARTIAL = "partial"
    NATION = "nation"
    INSUFFICIENT = "insufficient"


# A scope as the value of a metric, so that larger is wider.
SCOPE_CODE: dict[Scope, int] = {
    Scope.INSUFFICIENT: -1,
    Scope.NONE: 0,
    Scope.VANTAGE: 1,
    Scope.NETWORK: 2,
    Scope.PARTIAL: 3,
    Scope.NATION: 4,
}


class Reference(StrEnum):
    """What the vantages outside the country say of the platform at the same time.

    They are weighed. With ``absent`` references a finding is only "consistent with" something
    national, and so it is with ``divided`` ones (neither do most say fine, nor do more fail);
    ``failing`` ones veto it: what fails everywhere is not national.
    """

    FINE = "fine"
    FAILING = "failing"
    DIVIDED = "divided"
    ABSENT = "absent"


class Finding(Struct, frozen=True, kw_only=True):
    """One sentence about one country, platform and kind at one step of the 60 s grid.

    ``at`` is the step (Unix seconds). ``reasons`` are words of a closed set: why the scope is not a
    larger one (docs/nation.md). ``affected_share``: weight of the affected networks over that of
    the networks that were heard (``None``: none was). ``coverage``: weight heard over weight known
    (``None``: no network is known). ``covered_asns`` were heard, ``affected_asns`` among them are
    affected. ``vantages`` counts the vantages inside that have a verdict or are about to,
    ``affected_vantages`` those affected, hosting ones included. ``since`` is the median onset of
    the affected networks, ``onset_spread_seconds`` the time between the first and the last of them.
    ``onset_first_at`` is the first network's onset. ``divided_asns`` are networks of which exactly
    half of the vantages are affected: they are neither heard nor affected. ``upstreams`` is how
    many different upstreams the affected networks have. ``weighed``: whether networks differ in
    their weights. For ``silent``, ``platform`` is empty and onsets are when vantages were last
    heard. ``factor``: median slowdown at affected vantages, where known. ``wide``: most of the
    country is affected at this step, whether or not that has lasted long enough. ``systematic``:
    this platform began within the same minutes as another operator's, over several networks.
    ``drill``: a drill. ``transport``: empty for what verdicts say, which is so over TCP; else the
    one beside it that this is about. ``tcp_affected`` and ``tcp_covered`` then are how many
    networks are affected, and were heard, over TCP at the same step: said beside it, never added.
    ``same_law``: in how many of the affected networks the throttle was found to work alike (0: in
    none, or it is not known).
    """

    at: float
    country: str
    platform: str
    kind: FindingKind
    scope: Scope
    sentence: str
    reasons: tuple[str, ...] = ()
    affected_share: float | None = None
    coverage: float | None = None
    covered_asns: tuple[int, ...] = ()
    affected_asns: tuple[int, ...] = ()
    vantages: int = 0
    affected_vantages: int = 0
    reference: Reference = Reference.ABSENT
    since: float | None = None
    onset_spread_seconds: float | None = None
    factor: float | None = None
    wide: bool = False
    systematic: bool = False
    drill: bool = False
    onset_first_at: float | None = None
    divided_asns: tuple[int, ...] = ()
    upstreams: int = 0
    weighed: bool = False
    transport: str = ""
    tcp_affected: int | None = None
    tcp_covered: int | None = None
    same_law: int = 0


class Ending(StrEnum):
    """Why an incident was closed: ``recovered``, nobody has been heard for too long, or it was part
    of one that an earlier run had opened."""

    RECOVERED = "recovered"
    NO_DATA = "no_data"
    MERGED = "merged"


class Incident(Struct, frozen=True, kw_only=True):
    """Findings of one country, platform, kind and transport (empty: TCP) in which networks were
    affected, from first to last.

    ``id`` is made of the key and the second in which it was opened, so that computing it again
    gives the same. ``since`` is the onset, ``opened_at`` the step at which it was found,
    ``updated_at`` the last step at which it was affected, ``closed_at`` and ``ending`` are ``None``
    while it is open (all Unix seconds). ``scope`` is the widest that was reached,
    ``peak_share`` the largest affected share, ``networks`` every network that was affected.
    ``severity`` is the sum of factor x share x minutes over its steps: 600 is the whole country
    slowed to a tenth for an hour. ``sentence`` is the last one of the widest scope.
    ``height_sentence`` is that of its height: of the widest scope, and in it of the largest
    affected share (``height_share``), of the most networks (``height_networks``); ``height_at`` is
    when that was so last, ``None`` of incidents of earlier versions, which do not know it.
    """

    id: str
    country: str
    platform: str
    kind: FindingKind
    scope: Scope
    since: float
    opened_at: float
    updated_at: float
    severity: float
    peak_share: float
    networks: tuple[int, ...]
    sentence: str
    closed_at: float | None = None
    ending: Ending | None = None
    reference: Reference = Reference.ABSENT
    systematic: bool = False
    drill: bool = False
    transport: str = ""
    height_sentence: str = ""
    height_at: float | None = None
    height_share: float = 0.0
    height_networks: int = 0
