"""The sentences of vantages outside the country, and of what they see of the platform, too."""

from __future__ import annotations

from probe.verdict.ladder.facts import Facts


def fails(facts: Facts) -> str:
    """The sentence for what fails at a vantage outside."""
    return f"{facts.title}: fails at this vantage outside the country."


def slow(facts: Facts) -> str:
    """The sentence for what is slow at a vantage outside."""
    return (
        f"{facts.title}: slow at this vantage outside the country; its own servers may be the "
        "cause."
    )


def fails_too(facts: Facts) -> str:
    """The sentence for what fails here and outside."""
    return f"{facts.title}: fails from outside the country too; that is not interference here."


def slow_too(facts: Facts) -> str:
    """The sentence for what is slow here and outside."""
    return f"{facts.title}: slow from outside the country too; its own servers may be the cause."
