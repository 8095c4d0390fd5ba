"""The main file and the web configuration as typed, frozen values; ``definition.py`` has the rest.

Field names are the keys of the YAML files. Every default here is the default of the product;
``config/throttlewatch.yaml`` shows the same values with comments and a test holds both together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from probe.config.bundle import Bundle
from probe.config.definition import Definition
from probe.config.values import (
    AUTO,
    Address,
    AddressAndPort,
    AsnText,
    Bytes,
    ClientAuth,
    Country,
    Host,
    HostAndPort,
    Hours,
    HttpsUrl,
    Interface,
    LabelName,
    Language,
    Listen,
    LogFormat,
    LogLevel,
    MonthlyBytes,
    Name,
    OnWhereInstalled,
    ProxyUrl,
    PublicKey,
    ReceiverUrl,
    Seconds,
    TlsVersion,
    Upstream,
    Weight,
)
from probe.model.identity import Access, Family, Role

# Bytes of a month.
LEAST_BUDGET = 10_000_000


class VantageConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vantage of this daemon. ``country`` and ``data_budget`` default to the main file's.
    ``interface`` and ``source_address`` may be combined, ``proxy`` (``socks5://host:port`` or
    ``http://host:port``, also with ``user:password@``) stands alone. ``nameservers`` replace the
    host's and are asked from the vantage itself. ``upstream`` is whom the vantage's network gets
    its way abroad from: a name, or an ASN."""

    name: Name
    country: Country | None = None
    asn: Annotated[int, Meta(ge=1, le=4_294_967_295)] | None = None
    access: Access = Access.FIXED
    role: Role = Role.INSIDE
    upstream: Upstream | None = None
    interface: Interface | None = None
    source_address: Address | None = None
    proxy: ProxyUrl | None = None
    nameservers: tuple[AddressAndPort, ...] = ()
    data_budget: Annotated[MonthlyBytes, Meta(ge=LEAST_BUDGET)] | None = None


class ResolverConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A resolver to measure: ``address`` (``9.9.9.9`` or ``9.9.9.9:53``) or a ``doh`` URL.

    A DoH URL's host must be an address or have ``address`` beside it, so that reaching the resolver
    needs no other resolver.
    """

    name: Name
    address: AddressAndPort | None = None
    doh: HttpsUrl | None = None


class DnsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``system``: whether the host's own resolver is measured. ``linger``: how long a measurement
    waits on after an answer, for a second, different one. ``allow_private``: private addresses are
    honest answers (a laboratory, a national network); otherwise they are ``dns_bogon_error``."""

    system: bool = True
    resolvers: tuple[ResolverConfig, ...] = (
        ResolverConfig(name="quad9", address="9.9.9.9"),
        ResolverConfig(name="google", address="8.8.8.8"),
        ResolverConfig(name="cloudflare-doh", doh="https://1.1.1.1/dns-query"),
    )
    deadline: Annotated[Seconds, Meta(gt=0.0, le=60.0)] = Seconds(5.0)
    linger: Annotated[Seconds, Meta(ge=0.0)] = Seconds(1.0)
    allow_private: bool = False


class ScheduleConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often. A transfer round takes the place of a light one; a long one, of a transfer.

    ``jitter`` is the share of the interval by which a round may move either way. ``reserve`` is the
    share of the data budget that calm days leave for suspicious ones. ``quiet_hours`` and
    ``metered_hours`` are stretches of the host's local day, ``22:00-06:30``: nothing is measured in
    the former, nothing is read in the latter.
    """

    light: Annotated[Seconds, Meta(ge=1.0)] = Seconds(300.0)
    transfer: Annotated[Seconds, Meta(ge=1.0)] = Seconds(900.0)
    long: Annotated[Seconds, Meta(ge=1.0)] = Seconds(86_400.0)
    jitter: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.1
    controls: Annotated[int, Meta(ge=1, le=16)] = 2
    reserve: Annotated[float, Meta(ge=0.0, le=0.9)] = 0.15
    quiet_hours: tuple[Hours, ...] = ()
    metered_hours: tuple[Hours, ...] = ()


class LegsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Caps of every leg. ``deadline`` bounds the whole leg, whatever the far end does."""

    light_bytes: Annotated[Bytes, Meta(ge=1)] = Bytes(1_024)
    # Less says nothing about a rate.
    transfer_bytes: Annotated[Bytes, Meta(ge=16_384)] = Bytes(65_536)
    long_bytes: Annotated[Bytes, Meta(ge=16_384)] = Bytes(524_288)
    light_deadline: Annotated[Seconds, Meta(gt=0.0)] = Seconds(15.0)
    transfer_deadline: Annotated[Seconds, Meta(gt=0.0)] = Seconds(30.0)
    long_deadline: Annotated[Seconds, Meta(gt=0.0)] = Seconds(60.0)


class NationConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From vantages to a country. All numbers are ours: nobody has published a rule in numbers.

    A finding says ``nation`` when ``min_networks`` networks with ``min_share`` of the heard weight
    are affected, ``min_coverage`` of the known weight is heard, for ``hold``. ``weights`` gives
    networks (by ASN) a weight, ``other_weight`` is that of all others; ``total_weight`` is what the
    weights of all the country's networks sum up to (``None``: the known ones).
    ``remember``: how far back rules look for who was known when they did not run.
    ``min_upstreams``: the affected networks must have so many different upstreams.
    ``min_references``: so many reference vantages must be fine to say that it is fine abroad.
    ``gone``: vantages that will not come back; any other that is silent stays known.
    ``onset_window`` and ``systematic_platforms`` define "systematic". ``block_factor`` is what a
    block counts as in severity. An incident closes after ``close`` without an affected network, or
    ``forget`` without data.
    """

    min_networks: Annotated[int, Meta(ge=2, le=100)] = 3
    min_share: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.5
    min_coverage: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.5
    min_upstreams: Annotated[int, Meta(ge=1, le=100)] = 2
    min_references: Annotated[int, Meta(ge=1, le=100)] = 1
    hold: Annotated[Seconds, Meta(ge=0.0, le=86_400.0)] = Seconds(600.0)
    remember: Annotated[Seconds, Meta(ge=3_600.0, le=2_592_000.0)] = Seconds(86_400.0)
    gone: tuple[Name, ...] = ()
    weights: dict[AsnText, Weight] = {}
    other_weight: Weight = 1.0
    total_weight: Weight | None = None
    systematic_platforms: Annotated[int, Meta(ge=2, le=100)] = 2
    onset_window: Annotated[Seconds, Meta(ge=60.0, le=86_400.0)] = Seconds(600.0)
    block_factor: Annotated[float, Meta(ge=1.0)] = 30.0
    close: Annotated[Seconds, Meta(ge=60.0)] = Seconds(900.0)
    forget: Annotated[Seconds, Meta(ge=60.0)] = Seconds(86_400.0)


class StoreConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The history on disk. ``path``: ``auto`` is the service's state folder, ``null`` none at all.

    ``batch``: how long a finished round waits, at most, until it is on the disk; a minute at most
    while its platform is not ``ok``. After ``full_detail`` one round an hour is left of calm times,
    after ``keep`` none; rounds in and around incidents stay for ``keep_incidents``. Above
    ``max_size`` the oldest calm ones go first.
    """

    path: str | None = AUTO
    batch: Annotated[Seconds, Meta(ge=0.0, le=3_600.0)] = Seconds(300.0)
    max_size: Annotated[Bytes, Meta(ge=1_048_576)] = Bytes(536_870_912)
    full_detail: Annotated[Seconds, Meta(ge=86_400.0)] = Seconds(2_592_000.0)
    keep: Annotated[Seconds, Meta(ge=86_400.0)] = Seconds(34_560_000.0)
    keep_incidents: Annotated[Seconds, Meta(ge=86_400.0)] = Seconds(157_680_000.0)


class ForwardConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prometheus remote write of all that ``/metrics`` shows. ``url: null``: nothing is sent.

    ``external_labels`` are added to every series. At most one of ``username`` (with
    ``password_file``) and ``bearer_token_file``; the files are read at each request, so they may
    change. ``samples_per_second`` bounds how fast what waited is sent; ``keep`` how long it waits.
    """

    url: ReceiverUrl | None = None
    external_labels: dict[LabelName, str] = {}
    username: str | None = None
    password_file: str | None = None
    bearer_token_file: str | None = None
    ca_file: str | None = None
    proxy: ProxyUrl | None = None
    timeout: Annotated[Seconds, Meta(gt=0.0, le=300.0)] = Seconds(30.0)
    samples_per_second: Annotated[int, Meta(ge=100)] = 5_000
    keep: Annotated[Seconds, Meta(ge=3_600.0)] = Seconds(2_592_000.0)


class OutsideConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reference abroad that publishes what it sees. ``key`` is its public key (Ed25519, Base64);
    ``vantage`` is by whose way it is read (``None``: the first inside)."""

    url: ReceiverUrl
    key: PublicKey
    vantage: Name | None = None


class TargetsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose bundles of definitions take the place of the shipped ones. Without ``keys`` nobody's.

    ``threshold``: how many of the ``keys`` (Ed25519, Base64) must have signed. ``url``: where the
    daemon looks for a newer one every ``interval``; ``None``: nowhere. ``vantage`` is by whose way
    (``None``: the first inside), ``ca_file`` whose certificates are believed there.
    ``confirm_hosts``: one that changes which hosts are contacted is used only after the operator
    has seen which.
    """

    url: ReceiverUrl | None = None
    keys: Annotated[tuple[PublicKey, ...], Meta(max_length=16)] = ()
    threshold: Annotated[int, Meta(ge=1, le=16)] = 1
    interval: Annotated[Seconds, Meta(ge=60.0)] = Seconds(21_600.0)
    vantage: Name | None = None
    ca_file: str | None = None
    confirm_hosts: bool = False


class MaySet(StrEnum):
    """What a hub may set at a probe. ``targets``: bundles, by signatures of ``targets.keys``, come
    from it; ``rounds``: it may ask for extra ones."""

    SCHEDULE = "schedule"
    PLATFORMS = "platforms"
    TARGETS = "targets"
    ROUNDS = "rounds"


class HubConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hub of a fleet that this probe asks what it wishes. ``url: None``: nobody is asked.

    ``may_set`` is all that it may set here. ``vantage`` is by whose way it is asked (``None``: the
    first inside), every ``interval``. ``send_rounds``: what is measured goes to it, round by round,
    as an export has it.
    """

    url: ReceiverUrl | None = None
    credential_file: str | None = None
    ca_file: str | None = None
    may_set: Annotated[tuple[MaySet, ...], Meta(max_length=8)] = ()
    interval: Annotated[Seconds, Meta(ge=60.0)] = Seconds(300.0)
    vantage: Name | None = None
    send_rounds: bool = False


class NotifyReceiver(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is told. ``url_file`` has one of Apprise's URLs, and nothing else; ``hosts``
    (port 443 where none is given) are all that may be contacted for it, by ``proxy`` if any."""

    name: Name
    url_file: str
    hosts: Annotated[tuple[HostAndPort, ...], Meta(min_length=1, max_length=16)]
    proxy: ProxyUrl | None = None


class NotifyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Notifications; to nobody by default. What comes within ``gather`` is one message."""

    receivers: Annotated[tuple[NotifyReceiver, ...], Meta(max_length=16)] = ()
    gather: Annotated[Seconds, Meta(ge=0.0, le=86_400.0)] = Seconds(60.0)


class LogConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``format``: ``auto`` is text on a terminal and JSON elsewhere."""

    level: LogLevel = "info"
    format: LogFormat = "auto"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The main file. ``platforms`` are names of definitions; ``controls`` too (``all``:
    every enabled one that is not for drawing only; ``drawn``: the same, until the daemon draws).
    ``allowed_hosts`` are names by which the server is asked, beside its own.
    ``quic``: ``auto`` until it is known what is installed, and then never (``installed.py``).
    ``resolve`` pins names to addresses, as curl's ``--resolve`` does. ``language``: of the
    page, where who reads it asks for none that there is."""

    country: Country = "ZZ"
    listen: Listen = "127.0.0.1:9880"
    allowed_hosts: tuple[Host, ...] = ()
    web_config: str | None = None
    vantages: Annotated[tuple[VantageConfig, ...], Meta(min_length=1)] = (
        VantageConfig(name="default"),
    )
    platforms: Annotated[tuple[Name, ...], Meta(min_length=1)] = (
        "x",
        "facebook",
        "instagram",
        "youtube",
    )
    controls: Annotated[tuple[Name, ...], Meta(min_length=1)] = ("drawn",)
    definitions: str | None = None
    overrides: dict[str, dict[str, object]] = {}
    schedule: ScheduleConfig = ScheduleConfig()
    data_budget: Annotated[MonthlyBytes, Meta(ge=LEAST_BUDGET)] = MonthlyBytes(3_400_000_000)
    legs: LegsConfig = LegsConfig()
    dns: DnsConfig = DnsConfig()
    families: Annotated[tuple[Family, ...], Meta(min_length=1)] = (Family.IPV4,)
    ca_file: str | None = None
    resolve: dict[Host, tuple[Address, ...]] = {}
    beacon: Host | None = None
    quic: OnWhereInstalled = AUTO
    upload: bool = False
    acknowledge_risks: bool = False
    nation: NationConfig = NationConfig()
    store: StoreConfig = StoreConfig()
    forward: ForwardConfig = ForwardConfig()
    outside: tuple[OutsideConfig, ...] = ()
    outside_key_file: str | None = None
    targets: TargetsConfig = TargetsConfig()
    hub: HubConfig = HubConfig()
    notify: NotifyConfig = NotifyConfig()
    log: LogConfig = LogConfig()
    language: Language = "en"


class TlsServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``cert_file`` and ``key_file`` are PEM files, relative to the web configuration's folder."""

    cert_file: str
    key_file: str
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: str = ""
    min_version: TlsVersion = "TLS12"


class HttpServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``http2`` is accepted and makes no difference: HTTP/1.1 is served. ``headers`` are added to
    every answer."""

    http2: bool = True
    headers: dict[str, str] = {}


class WebConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``basic_auth_users``: name to bcrypt hash. Without any, no password is asked for."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: dict[str, str] = {}

    @property
    def authenticates(self) -> bool:
        """Whether every client must show who it is."""
        tls = self.tls_server_config
        return bool(self.basic_auth_users) or (
            tls is not None and tls.client_auth_type == "RequireAndVerifyClientCert"
        )


class Config(Struct, frozen=True, kw_only=True):
    """A checked configuration: settings, and the definitions that they select.

    ``platforms`` and ``controls`` are in the order in which they are measured; ``web`` is what
    ``web_config`` names. ``bundle`` is the one whose definitions took the place of shipped ones;
    ``bundle_trouble`` says why the one that is installed did not. ``pool``: from which a daemon
    draws controls in place of those in it (empty: ``controls`` are measured as they are).
    ``by_installed``: the probers of which the file said ``auto``: what is installed decided.
    """

    settings: Settings
    platforms: tuple[Definition, ...]
    controls: tuple[Definition, ...]
    web: WebConfig = WebConfig()
    pool: tuple[Definition, ...] = ()
    bundle: Bundle | None = None
    bundle_trouble: str = ""
    by_installed: tuple[str, ...] = ()
