"""The pictures of docs/images show what the program says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import pictures

ROOT = Path(__file__).parent.parent
ANEW = "python -m benchmarks.pictures makes it anew"


def shown(name: str) -> str:
    return pictures.carried((pictures.IMAGES / f"{name}.png").read_bytes())


def test_the_pictures_are_no_older_than_what_they_show() -> None:
    examples = pictures.examples()
    assert examples.keys() == pictures.PICTURES.keys() - {"demo"}
    for name in examples:
        said = pictures.words(examples[name], pictures.PICTURES[name])
        assert len(said) > 500
        assert shown(name) == said, f"docs/images/{name}.png is out of date: {ANEW}"


def test_the_picture_of_the_demo_has_the_states_that_the_page_has() -> None:
    def legend(words: str) -> str:
        begin, end = "fine throttled blocked", "not measured"
        return words[words.index(begin) : words.index(end)]

    said = shown("demo")
    assert "Demo of" in said
    assert "nation-wide" in said
    assert legend(said) == legend(shown("page")), f"docs/images/demo.png is out of date: {ANEW}"


def test_each_picture_is_one_that_can_be_made_anew() -> None:
    assert {path.stem for path in pictures.IMAGES.iterdir()} == set(pictures.PICTURES)


def test_words_are_what_a_reader_sees() -> None:
    page = (
        "<head><title>no</title></head><body><style>p{}</style><h1>X &amp; <b>Y</b></h1>"
        "<svg><text>no</text></svg> <p>slow<footer>no</footer></body>"
    )
    picture = pictures.Picture(width=1, height=1, until="<footer")
    assert pictures.words(page, picture) == "X & Y slow"


@pytest.mark.parametrize("said", ["", "X: «reads», 58 times", "x" * 70_000])
def test_a_picture_carries_its_words(said: str) -> None:
    picture = (pictures.IMAGES / "page.png").read_bytes()
    once = pictures.with_words(picture, said)
    assert pictures.carried(once) == said
    # Those of before are gone, and nothing else is.
    assert pictures.with_words(once, "other") == pictures.with_words(picture, "other")
