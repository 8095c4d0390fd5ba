"""A platform or control as typed, frozen values: one file of the platforms folder.

Field names are the keys of the YAML files.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from probe.config.values import (
    AddressRange,
    Bytes,
    ControlNetwork,
    ControlPool,
    ControlScope,
    Country,
    DefinitionKind,
    Host,
    HostName,
    HostPattern,
    HttpsUrl,
    HttpVersion,
    KeyPin,
    LinkWithHole,
    Month,
    Name,
    Pattern,
    Sentence,
    Status,
    Title,
    UrlPath,
)
from probe.model.identity import Access, Answer, Compares, Verify

LEAST_LINES = 20
"""So many lines at least tell what nineteen of twenty have."""
MOST_CANDIDATES = 8
"""Each may be asked for in turn; more than these would be a list of links, which is a discovery."""


class Discovery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Find an object whose URL changes: fetch ``page``, take the largest match of ``pattern``.

    ``pattern`` is a regular expression; its first group (or the whole match) is the link, which may
    be JSON-escaped, relative to the page or scheme-relative. It must stay on ``hosts``. Of many
    links a few are looked at. ``pages`` are asked in turn while those before give no link.
    ``link``: what was found is no link but a part of one, and stands in the place of ``{}``.
    """

    page: HttpsUrl
    pages: Annotated[tuple[HttpsUrl, ...], Meta(max_length=4)] = ()
    pattern: Pattern
    link: LinkWithHole | None = None
    hosts: Annotated[tuple[HostPattern, ...], Meta(min_length=1)]


class Fallback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fixed object used while the discovered or first one fails to give what is expected."""

    url: HttpsUrl
    min_bytes: Bytes = Bytes(65_536)


class Corner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A swap or decoy leg: what differs from its target.

    Swap: connects where the target does, says ``sni``; or, to tell a range with exceptions from the
    platform's name, ``famous``, which a list of exceptions may have. Decoy: says the target's name,
    connects to ``connect_to`` (a server that is nobody's target; ``beacon`` of the main file by
    default). ``path`` replaces the target's path and query, ``host`` the Host header (default:
    ``sni`` for a swap, the target's for a decoy), ``certificate_name`` the name that the
    certificate must carry (default: ``sni``).

    A swap with ``answer: any`` says a neutral name that the server need not know, drawn anew for
    each leg from ``names`` (default: those of the configured controls), and counts whatever the
    server answers to the ClientHello. Nothing is asked of it.
    """

    why: Sentence
    answer: Answer = Answer.EXPECTED
    names: tuple[HostName, ...] = ()
    famous: HostName | None = None
    sni: HostName | None = None
    host: Host | None = None
    path: UrlPath | None = None
    connect_to: Host | None = None
    certificate_name: Host | None = None
    verify: Verify = Verify.STRICT
    compares: Compares = Compares.HANDSHAKE
    min_bytes: Bytes = Bytes(0)
    expect_status: Annotated[tuple[Status, ...], Meta(min_length=1)] | None = None


class Candidate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more object that stands for a target, when those before it are gone.

    Exactly one of ``url`` and ``discover``. Where it is asked, under which names, follows from its
    URL unless it is given here; nothing of that is the target's. What is not here is
    (``compares``, ``http``, ``quic``, ``decoy``), and so are ``expect_status`` and ``swap`` if they
    are not given.
    """

    why: str = ""
    evidence: Month | None = None
    url: HttpsUrl | None = None
    discover: Discovery | None = None
    connect_to: Host | None = None
    sni: HostName | None = None
    host: Host | None = None
    certificate_name: Host | None = None
    also_certified: tuple[Host, ...] = ()
    verify: Verify = Verify.STRICT
    min_bytes: Bytes = Bytes(65_536)
    expect_status: Annotated[tuple[Status, ...], Meta(min_length=1)] | None = None
    swap: Corner | None = None


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One endpoint of a platform or control.

    One of ``url`` and ``discover`` is its first object, ``fallback`` the second, ``candidates`` are
    the next ones (``candidates_of``); without the first, ``candidates`` are all. Everything else
    that is not given follows from the URL: ``connect_to``, ``sni``, ``host`` and
    ``certificate_name`` are its host. A certificate for one of ``also_certified`` is right as well.
    ``optional``: left out where ``overrides`` give other ``hosts``, and its own are not among them.
    ``viewers_cache``: it is the cache that viewers are sent to, and is told of by itself.
    ``not_a_page``: an answer of type ``text/html`` is not the object. ``compares: goodput``
    targets are read in transfer rounds, all targets are reached in light rounds.
    ``no_swap``/``no_decoy`` say why that corner of the square does not exist. ``quic``: it speaks
    HTTP/3, and is measured over it too where the main file says so. ``upload``: a body is sent to
    it, likewise. ``pin``: of the key that its
    server has; then nobody need vouch for the certificate, nor is its name looked at.
    ``evidence``: the month in which what ``why`` says of its first object and of its fallback was
    looked up.
    """

    name: Name
    why: str = ""
    evidence: Month | None = None
    optional: bool = False
    url: HttpsUrl | None = None
    discover: Discovery | None = None
    fallback: Fallback | None = None
    candidates: Annotated[tuple[Candidate, ...], Meta(max_length=MOST_CANDIDATES)] = ()
    connect_to: Host | None = None
    sni: HostName | None = None
    host: Host | None = None
    certificate_name: Host | None = None
    also_certified: tuple[Host, ...] = ()
    verify: Verify = Verify.STRICT
    pin: KeyPin | None = None
    not_a_page: bool = False
    viewers_cache: bool = False
    compares: Compares = Compares.GOODPUT
    min_bytes: Bytes = Bytes(0)
    expect_status: Annotated[tuple[Status, ...], Meta(min_length=1)] = (200, 206)
    http: Annotated[tuple[HttpVersion, ...], Meta(min_length=1)] = ("h2", "http/1.1")
    swap: Corner | None = None
    quic: bool = False
    upload: bool = False
    no_swap: str = ""
    decoy: Corner | None = None
    no_decoy: str = ""


class UsualPace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast a target is where it is well: on nineteen of twenty of so many ``lines`` it gives
    this ``share`` of what the fastest site abroad gives there. The lines are of the kind ``access``
    (``None``: of any), and ``evidence`` is the month. ``throttlewatch targets paces`` makes these.
    """

    target: Name
    share: Annotated[float, Meta(gt=0.0, le=1.0)]
    lines: Annotated[int, Meta(ge=LEAST_LINES)]
    evidence: Month
    access: Access | None = None


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the platforms folder: a platform, or a control (``kind``).

    ``hosts`` are all host names that measuring it may contact (``*.`` for any label below); a test
    and the loader hold every URL, discovery and corner to them. ``operator`` is who runs it.
    ``scope`` of a control: ``domestic`` or ``foreign``. ``enabled: false`` keeps the file as a
    template. ``operator`` of a control: whose servers answer; ``network``: of which kind these are;
    ``ranges``: which addresses are in that network, so that a platform is known to be in it, too.
    ``pool`` of a control: a probe draws its handful from those that have it; ``first`` ones are
    what is measured where nothing was drawn. ``country``: used only there. ``paces`` of a platform:
    what is known of its targets from many lines.
    """

    name: Name
    title: Title
    why: Sentence
    hosts: Annotated[tuple[HostPattern, ...], Meta(min_length=1)]
    targets: Annotated[tuple[Target, ...], Meta(min_length=1)]
    kind: DefinitionKind = "platform"
    operator: str = ""
    scope: ControlScope = "foreign"
    network: ControlNetwork | None = None
    ranges: Annotated[tuple[AddressRange, ...], Meta(max_length=256)] = ()
    pool: ControlPool | None = None
    country: Country | None = None
    enabled: bool = True
    paces: tuple[UsualPace, ...] = ()
