"""The landing page: how each platform is, from each vantage, at a glance. No outside resource."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from probe.config.schema import Definition
from probe.model.identity import Vantage
from probe.model.verdict import State, Verdict
from probe.publish.snapshot import Snapshot

REFRESH_SECONDS = 30

STYLE = """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5b6472; --line: #d9dde3; --paper: #fff;
  --ok: #1a7f37; --bad: #c0262d; --warn: #9a6700; --none: #6b7280; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --soft: #9aa3af; --line: #333942; --paper: #15181c;
    --ok: #4ac26b; --bad: #ff7b72; --warn: #d9a441; --none: #8b949e; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 46rem; margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .25rem; }
p { margin: .25rem 0; } .soft, footer { color: var(--soft); font-size: .875rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { border-top: 1px solid var(--line); padding: .75rem 0 .75rem 1.25rem; position: relative; }
li::before { content: ""; position: absolute; left: 0; top: 1.2rem; width: .6rem; height: .6rem;
  border-radius: 50%; background: var(--none); }
li.ok::before { background: var(--ok); }
li.throttled::before, li.blocked::before { background: var(--bad); }
li.degraded::before, li.down::before, li.offline::before { background: var(--warn); }
.note { border-left: 3px solid var(--warn); padding-left: .75rem; }
footer { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: .75rem; }
a { color: inherit; } footer a { margin-right: 1rem; } code { font-size: .9em; }
"""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)


def render_page(snapshot: Snapshot, version: str) -> str:
    """The page as HTML."""
    vantages = "".join(_vantage(snapshot, vantage) for vantage in snapshot.vantages)
    reload_note = (
        ""
        if snapshot.reload_ok
        else '<p class="note">The last reload of the configuration failed; the one before it is '
        "still in force. The log says what is wrong.</p>"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{REFRESH_SECONDS}">
<title>throttlewatch</title>
<style>{STYLE}</style>
</head>
<body>
<h1>throttlewatch</h1>
<p class="soft">Each platform is measured together with controls that nobody has a reason to
throttle; what differs is said here.</p>
{reload_note}{vantages}
<footer><p><a href="/metrics">Metrics</a>{_probe_link(snapshot)}<a href="/-/healthy">Healthy</a>
<a href="/-/ready">Ready</a> version {escape(version)}</p></footer>
</body>
</html>
"""


def _probe_link(snapshot: Snapshot) -> str:
    if not snapshot.platforms:
        return ""
    name = escape(snapshot.platforms[0].name)
    return f'<a href="/probe?target={name}">Last result of {name}</a>'


def _vantage(snapshot: Snapshot, vantage: Vantage) -> str:
    asn = "" if vantage.asn is None else f", AS{vantage.asn}"
    country = "" if vantage.country == "ZZ" else f"{vantage.country}, "
    what = f"{country}{vantage.access.value}, {vantage.role.value}{asn}"
    items = "".join(_platform(snapshot, vantage, platform) for platform in snapshot.platforms)
    return (
        f'<h2>From {escape(vantage.name)} <span class="soft">{escape(what)}</span></h2>\n'
        f"<ul>\n{items}</ul>\n"
    )


def _platform(snapshot: Snapshot, vantage: Vantage, platform: Definition) -> str:
    slot = (vantage.name, platform.name)
    verdict = snapshot.verdicts.get(slot)
    state = State.UNKNOWN if verdict is None else verdict.state
    return (
        f'<li class="{state.value}"><p>{escape(_sentence(snapshot, slot, platform, verdict))}</p>'
        f'<p class="soft">{escape(_facts(snapshot, slot, state, verdict))}</p></li>\n'
    )


def _sentence(
    snapshot: Snapshot, slot: tuple[str, str], platform: Definition, verdict: Verdict | None
) -> str:
    if verdict is not None:
        return verdict.sentence
    if slot in snapshot.verdicts:
        return f"{platform.title}: no round has ended yet."
    return f"{platform.title}: nothing recent; rounds have not ended for some time."


def _facts(snapshot: Snapshot, slot: tuple[str, str], state: State, verdict: Verdict | None) -> str:
    facts = [state.value]
    if verdict is not None:
        if verdict.provisional:
            facts.append("under test: nothing is proven yet")
        facts.append(f"measured {age(snapshot.taken_at - verdict.at)} ago")
        facts.append(f"so for {age(snapshot.taken_at - verdict.since)}")
    if slot in snapshot.running:
        facts.append("being measured now")
    return " · ".join(facts)


def age(seconds: float) -> str:
    """A duration in its largest useful unit: ``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    if seconds < 90.0:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 5_400.0:
        return f"{seconds / 60.0:.0f} min"
    if seconds < 172_800.0:
        return f"{seconds / 3_600.0:.0f} h"
    return f"{seconds / 86_400.0:.0f} days"
