"""What a single value of the configuration may be.

``Seconds`` are written ``10s``, ``2m``, ``6h`` or a bare number; ``Bytes`` are written ``64KiB``,
``1MB`` or a bare number, ``MonthlyBytes`` are written ``3GB/month`` or ``100MB/day``.
"""

from __future__ import annotations

from typing import Annotated, Literal, NewType

from msgspec import Meta

Seconds = NewType("Seconds", float)
Bytes = NewType("Bytes", int)
# The path of the history: wherever the service manager or the user's system keeps state. What needs
# a library: on where that is installed (``installed.py``).
AUTO: Literal["auto"] = "auto"
OnWhereInstalled = Annotated[bool | Literal["auto"], Meta(description="auto, true or false")]
MonthlyBytes = NewType("MonthlyBytes", int)

# Names become metric labels, file names and keys, so they are kept plain.
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z",
        description="a name of at most 40 of a-z, 0-9, - and _, such as home-line",
    ),
]
Country = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{2}\Z",
        description="a country as two capital letters (ISO 3166-1), such as TR or NO",
        extra={"said_by": "country"},
    ),
]
Month = Annotated[
    str,
    Meta(
        pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])\Z",
        description="a month as year and number, such as 2026-11",
    ),
]

# Texts of a certain form; ``formats.py`` checks each and says what it expects.
HttpsUrl = Annotated[str, Meta(extra={"format": "https-url"})]
Host = Annotated[str, Meta(extra={"format": "host"})]
HostName = Annotated[str, Meta(extra={"format": "host-name"})]
HostPattern = Annotated[str, Meta(extra={"format": "host-pattern"})]
Address = Annotated[str, Meta(extra={"format": "address"})]
AddressRange = Annotated[str, Meta(extra={"format": "address-range"})]
AddressAndPort = Annotated[str, Meta(extra={"format": "address-and-port"})]
HostAndPort = Annotated[str, Meta(extra={"format": "host-and-port"})]
Listen = Annotated[str, Meta(extra={"format": "listen"})]
ProxyUrl = Annotated[str, Meta(extra={"format": "proxy"})]
Pattern = Annotated[str, Meta(extra={"format": "regex"})]
ReceiverUrl = Annotated[str, Meta(extra={"format": "receiver-url"})]
LabelName = Annotated[
    str,
    Meta(
        pattern=r"^(?!__)[a-zA-Z_][a-zA-Z0-9_]*\Z",
        description="a label's name: letters, digits and _, such as instance",
    ),
]
LinkWithHole = Annotated[
    str,
    Meta(
        pattern=r"^https://[^\s{}]*\{\}[^\s{}]*\Z",
        description="an https URL with {} in it, such as https://example.com/{}/app.js",
    ),
]
UrlPath = Annotated[str, Meta(extra={"format": "url-path"})]
Hours = Annotated[str, Meta(extra={"format": "hours"})]
Interface = Annotated[str, Meta(extra={"format": "interface"})]
DefinitionKind = Annotated[str, Meta(extra={"choices": ("platform", "control")})]
ControlScope = Annotated[str, Meta(extra={"choices": ("domestic", "foreign")})]
ControlNetwork = Annotated[
    str, Meta(extra={"choices": ("cdn", "cloud", "university", "mirror", "own")})
]
ControlPool = Annotated[str, Meta(extra={"choices": ("first", "later")})]
HttpVersion = Annotated[str, Meta(extra={"choices": ("h2", "http/1.1")})]
LogLevel = Annotated[str, Meta(extra={"choices": ("debug", "info", "warning", "error")})]
Language = Annotated[str, Meta(extra={"choices": ("en", "ar", "fa", "ru", "tr", "ur")})]
LogFormat = Annotated[str, Meta(extra={"choices": ("auto", "text", "json")})]
PublicKey = Annotated[
    str,
    Meta(
        # The last letter has four bits of the key: in any other way two texts would be one key.
        pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z",
        description="the public key that `throttlewatch outside key` or `targets key` printed, "
        "44 letters",
    ),
]
KeyPin = Annotated[
    str,
    Meta(
        pattern=r"^sha256//[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z",
        description="the pin that `throttlewatch beacon` prints: sha256// and 44 letters",
    ),
]
Upstream = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}\Z",
        description="a name or the number of an autonomous system, such as AS64500",
    ),
]
AsnText = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,9}\Z",
        description="the number of an autonomous system, such as 64500",
        extra={"said_by": "network"},
    ),
]
Weight = Annotated[float, Meta(gt=0.0)]
ClientAuth = Annotated[str, Meta(extra={"choices": ("NoClientCert", "RequireAndVerifyClientCert")})]
TlsVersion = Annotated[str, Meta(extra={"choices": ("TLS12", "TLS13")})]
Sentence = Annotated[str, Meta(min_length=1)]
# Joiners, which several scripts need, are no controls; marks that turn the direction of what
# follows are.
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff]{1,80}\Z"
Title = Annotated[
    str,
    Meta(
        pattern=ONE_LINE,
        description="a name for people: one line of at most 80 letters, no control characters",
    ),
]
Status = Annotated[int, Meta(ge=100, le=599)]
