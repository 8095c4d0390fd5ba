"""Sentences are read wholly or not at all, and said with the marks and numbers of the language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.model.failure import REASONS, Failure
from probe.model.identity import Phase
from probe.publish.languages.catalog import catalog
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.sentence_reader import SentenceReader
from probe.publish.languages.terms import term
from probe.publish.languages.tongue import Tongue
from probe.publish.plain_words import failure_words
from probe.publish.report.times import TimeWriter
from tests.every import for_every
from tests.publish.terminal.test_round_table import failing

ROOT = Path(__file__).parents[3]
# Units and numbers are fields of a form, and no words of it.
UNIT = re.compile("^(KiB|ms|times|1) ")
RUSSIAN = SentenceReader(catalog("ru"))
ISOLATES = re.compile("[\u2068\u2069]")


def said(language: str, text: str) -> str:
    """Without the isolates."""
    return ISOLATES.sub("", Tongue(language).plain(text))


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("ru", "X: it took 2.4 times as long as normal while 1 of 3 controls is fine.",
         "X: потребовалось в 2,4 раза больше времени, чем обычно; при этом контрольных сайтов в "
         "норме: 1 из 3."),
        ("ru", "X: it took 2.4 times as long as normal, not counting up to 4.0 times that its "
         "greater distance may explain while 1 of 3 controls is fine.",
         "X: потребовалось в 2,4 раза больше времени, чем обычно, не считая большего "
         "расстояния, которым объясняется не более чем в 4,0 раза; при этом контрольных сайтов в "
         "норме: 1 из 3."),
        ("ru", "X: this line is 12 times slower than normal, other sites included.",
         "X: эта линия в 12 раз медленнее обычного, включая другие сайты."),
        ("ru", "Measured 22 minutes ago · first seen 2 days ago",
         "Измерено 22 минуты назад · впервые замечено 2 дня назад"),
        ("ru", "X and YouTube: slowed down on 2 lines in PK, 3 times, 20 January 2026",
         "X и YouTube: замедление: Пакистан, на 2 линиях, 3 раза, 20 января 2026"),
        ("ru", "58 times", "в 58 раз"),
        ("ru", "How it works, by 3 reads: 50 to 60 kbit/s after 12 KiB, each connection for "
         "itself.",
         "Как это действует, по числу чтений 3: 50–60 кбит/с после 12 КБ, каждое соединение "
         "отдельно."),
        ("ar", "X: the clock was set during the round; nothing is concluded.",
         "X: ضُبطت الساعة أثناء الجولة؛ لا يُستنتج شيء."),
        ("fa", "Facebook, X and YouTube are fine since 13:40 UTC.",
         "Facebook،‏ X، و YouTube از ۱۳:۴۰ UTC سالم‌اند."),
        ("ur", "X: one round does not tell why.", "X: ایک دور سے وجہ معلوم نہیں ہوتی۔"),
        ("tr", "Nothing is concluded.", "Bir sonuç çıkarılmıyor."),
        ("tr", "No object could be read since 2026-01-20 13:40 UTC.",
         "20 Ocak 2026, 13:40 UTC zamanından beri hiçbir dosya okunamadı."),
    ],
)  # fmt: skip
def test_sentences(language: str, text: str, expected: str) -> None:
    assert said(language, text) == expected


def test_what_is_not_known_stays_english_whole_and_is_marked_so() -> None:
    text = "X: nothing is concluded; <this> is new."
    for language in OFFERED:
        assert Tongue(language).plain(text) == text
    assert Tongue("ur").said(text) == (
        '<span lang="en" dir="ltr">X: nothing is concluded; &lt;this&gt; is new.</span>'
    )
    assert Tongue(ENGLISH).said(text) is text


@for_every(sorted(REASONS))
def test_every_failure_is_told_in_every_language(reason: str) -> None:
    """Those too that nobody has seen yet: a machine without a resolver has its own."""
    leg = failing(Phase.CONNECT, reason).legs[0]
    for phase in Phase:
        words = failure_words(replace(leg, failure=Failure(phase=phase, reason=reason)))
        text = f"Last failure: page, {words}, 17 s ago"
        for language in OFFERED:
            if language != ENGLISH:
                assert Tongue(language).plain(text) != text, (language, text)


def test_a_name_in_latin_letters_turns_nothing_around() -> None:
    assert (
        Tongue("ur")
        .plain("X (Twitter): nothing is concluded.")
        .startswith("\u2068X (Twitter)\u2069: ")
    )
    assert "\u2068" not in Tongue("ru").plain("X (Twitter): nothing is concluded.")


@pytest.mark.parametrize("number", ["1" * 29, f"{'9' * 60}.25", f"{'1' * 40}%"])
def test_a_number_of_many_digits_keeps_each_of_them(number: str) -> None:
    written = RUSSIAN.said(number)
    assert written is not None
    digits = [c for c in written if c.isdigit()]
    assert digits == [c for c in number if c.isdigit()]


@given(st.text(max_size=60) | st.text(alphabet=".;:,()· abX1", max_size=40))
def test_any_text_is_said_or_stays_as_it_is(text: str) -> None:
    said = RUSSIAN.said(text)
    assert said is None or (said.strip() == "") == (text.strip() == "")


def words_of(path: Path) -> Iterator[str]:
    """Every clause, or piece of one, in the texts of a module that writes sentences."""
    tree = ast.parse(path.read_text())
    left_out = {
        id(node)
        for owner in ast.walk(tree)
        for node in (
            [owner.body[0].value]
            if isinstance(owner, ast.Module | ast.ClassDef | ast.FunctionDef)
            and owner.body
            and isinstance(owner.body[0], ast.Expr)
            else []
        )
    }
    # Reasons of rules and of the table of grounds are for the docs.
    for keyword in (one for one in ast.walk(tree) if isinstance(one, ast.keyword)):
        if keyword.arg in ("why", "needs", "rules_out", "wrong", "extra"):
            left_out |= {id(node) for node in ast.walk(keyword.value)}
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            left_out.add(id(statement.value))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in left_out
        ):
            for piece in re.split(r"[.;:,] |\\. |[()]|\\.$", node.value):
                words = UNIT.sub("", piece.strip(" .;:,"))
                if re.search(r"[a-z]{2} [a-z]", words) and not re.search("[%'<>]none|src", words):
                    yield words


WRITERS = [
    *(ROOT / "probe" / "verdict").glob("*words*.py"),
    *(
        ROOT / "probe" / name
        for name in (
            "verdict/normal/before.py",
            "verdict/basis/claims.py",
            "verdict/ladder/ladder.py",
            "verdict/transports.py",
            "nation/finding_words.py",
            "nation/incident_words.py",
            "publish/curtain_notes.py",
            "publish/latest/overdue.py",
            "publish/plain_words.py",
            "publish/state_words.py",
            "publish/web/landing_page.py",
            "publish/web/this_line.py",
        )
    ),
]


KNOWN = "\n".join(
    text for of in catalog("ru").forms.values() for form in of for text in form.english
).lower()


@for_every(WRITERS)
def test_every_word_that_is_written_is_in_the_catalogs(path: Path) -> None:
    missing = [words for words in words_of(path) if words.lower() not in KNOWN]
    assert not missing, missing


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ru", "1 декабря 2026, 02:54 PKT (30 ноября, 21:54 UTC)"),
        ("tr", "1 Aralık 2026, 02:54 PKT (30 Kasım, 21:54 UTC)"),
        ("ur", "1 دسمبر 2026, 02:54 PKT (30 نومبر, 21:54 UTC)"),
        ("ar", "1 ديسمبر 2026, 02:54 PKT (30 نوفمبر, 21:54 UTC)"),
        ("fa", "۱ دسامبر ۲۰۲۶, ۰۲:۵۴ PKT (۳۰ نوامبر, ۲۱:۵۴ UTC)"),
    ],
)
def test_the_day_of_utc_is_said_where_it_is_another(language: str, expected: str) -> None:
    """Without it, five hours are read as nineteen."""
    english = TimeWriter(ZoneInfo("Asia/Karachi")).moment(1_796_075_640.0)
    assert english == "1 December 2026, 02:54 PKT (30 November, 21:54 UTC)"
    found = ISOLATES.sub("", term("moment", english, catalog(language)))
    assert found.replace("،", ",") == expected
    same = TimeWriter(ZoneInfo("Asia/Karachi")).moment(1_796_100_000.0)
    assert ISOLATES.sub("", term("moment", same, catalog(language))).count(",") <= 1
