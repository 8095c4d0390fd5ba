"""What is said of a platform when its last verdict holds no more: that nobody knows."""

from __future__ import annotations

from probe.model.verdict import State, Verdict

NOT_MEASURED = "not_measured"
"""The reason: no round has ended for longer than the last one holds."""


def overdue(last: Verdict, title: str, seconds: float) -> Verdict:
    """What is said in place of ``last``, ``seconds`` after it was given, when it holds no more: the
    state goes on to be told while the daemon lives. ``title``: the platform's, for people."""
    return Verdict(
        vantage=last.vantage,
        platform=last.platform,
        state=State.UNKNOWN,
        rule_id=f"unknown.{NOT_MEASURED}",
        reason=NOT_MEASURED,
        sentence=(
            f"{title}: nothing recent; no round has ended for {seconds / 60.0:.0f} minutes, so how "
            "it is now is not known."
        ),
        at=last.at,
        since=last.holds_until,
        rules_version=last.rules_version,
        holds_seconds=last.holds_seconds,
    )
