"""Every catalog has every form, with its fields and its plurals, and no English is left in it."""

from __future__ import annotations

import re
from collections import Counter
from typing import get_args

import pytest
from babel import Locale
from babel.messages.pofile import read_po
from msgspec import Meta

from probe.config import values
from probe.publish.languages.catalog import DOMAIN, FIELD, FOLDER, PLURALS, Catalog, catalog
from probe.publish.languages.offered import ENGLISH, OFFERED
from probe.publish.languages.terms import PATTERNS

LANGUAGES = [code for code in OFFERED if code != ENGLISH]
# Names of things that are written so everywhere.
LATIN = frozenset(
    re.findall(
        r"\S+",
        "API AS Atom CPU CSV DNS E ETag GB HTML HTTP HTTPS IODA IPv4 IPv6 JSON KB KiB MB NAME "
        "NXDOMAIN OONI QUIC REFUSED SERVFAIL SHA SOCKS SVG TCP TLS UTC X YouTube c ca certificates "
        "check code counted d docs etc explain fleet hosts kB leg md method now online p report "
        "run runbook s show t targets throttlewatch true update vantage",
    )
)


def every(language: str) -> list[tuple[str, str, str]]:
    """Context, English and translation of each text of a catalog."""
    return [
        (form.context, form.english[0], said)
        for forms in catalog(language).forms.values()
        for form in forms
        for said in form.said
    ]


def english_of(found: Catalog) -> set[tuple[str, tuple[str, ...]]]:
    return {(form.context, form.english) for forms in found.forms.values() for form in forms}


def test_what_may_be_configured_is_what_is_offered() -> None:
    (meta,) = [one for one in get_args(values.Language) if isinstance(one, Meta)]
    assert meta.extra is not None
    assert set(meta.extra["choices"]) == set(OFFERED)
    assert {file.parts[-3] for file in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_run_as_the_locale_has_it(language: str) -> None:
    rtl = Locale.parse(language).text_direction == "rtl"
    assert OFFERED[language].right_to_left == rtl
    assert OFFERED[language].name == Locale.parse(language).get_display_name(language).capitalize()


def test_every_catalog_has_every_form() -> None:
    first, *others = map(catalog, LANGUAGES)
    for one in others:
        assert english_of(one) == english_of(first)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_fields_of_its_english(language: str) -> None:
    wrong = [
        (english, said)
        for _, english, said in every(language)
        if not said or Counter(FIELD.findall(english)) != Counter(FIELD.findall(said))
    ]
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_is_known(language: str) -> None:
    contexts = catalog(language).forms.keys() | PATTERNS.keys()
    fields = {
        name.rstrip("0123456789")
        for _, english, _ in every(language)
        for name in FIELD.findall(english)
    }
    assert fields <= contexts
    assert contexts - {"", "unit"} - PATTERNS.keys() <= fields


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_word_for_each_plural_form(language: str) -> None:
    with (FOLDER / language / "LC_MESSAGES" / DOMAIN).open("rb") as file:
        header = read_po(file, locale=language)
    forms = [form for of in catalog(language).forms.values() for form in of if form.counts]
    assert forms
    assert {len(form.said) for form in forms} == {header.num_plurals}
    assert len(PLURALS.get(language, ("one", "other"))) == header.num_plurals
    assert not [form for form in forms if "n" not in FIELD.findall(form.english[0])]


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "tr"])
def test_no_english_is_left(language: str) -> None:
    left = {
        word: english
        for _, english, said in every(language)
        for word in re.findall(r"[A-Za-z]+\d*", FIELD.sub("", said))
        if word not in LATIN
    }
    assert not left


def test_turkish_is_not_english() -> None:
    same = {english for _, english, said in every("tr") if english == said}
    assert {text for text in same if re.search("[a-z]{3}", FIELD.sub("", text))} <= {"platform"}
