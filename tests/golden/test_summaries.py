"""What a summary holds of a round is what it held when its form was given a number."""

from __future__ import annotations

from hashlib import blake2b

from probe.model.round_summary import SUMMARY_FORM
from probe.model.stored import StoredRound
from probe.store.summaries import packed
from synth.golden.kept import read
from synth.shape import verdict_of

# A digest of the summaries of all golden rounds, by form. Whoever changes one adds a line, and
# raises SUMMARY_FORM: else reports mix what was counted in two ways.
FORMS = {1: "02242e901433bfbb", 2: "f507749a7fec5c96", 3: "49bcb20375ae5168"}


def test_another_summary_is_another_form() -> None:
    digest = blake2b(digest_size=8)
    for history in read():
        for observed in history.rounds:
            # What is said of a round changes with the rules, and does not matter here.
            verdict = verdict_of(observed)
            digest.update(packed(StoredRound(observed=observed, verdict=verdict)).row)
    assert FORMS[SUMMARY_FORM] == digest.hexdigest()
