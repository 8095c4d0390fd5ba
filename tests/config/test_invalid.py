"""One mistake for each file of ``invalid/``, and the exact message in ``MESSAGES.txt``."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.config import ConfigErrors, load
from tests.config.files import DEMO, mistakes, written

FOLDER = Path(__file__).parent / "invalid"


def messages() -> dict[str, str]:
    blocks = (FOLDER / "MESSAGES.txt").read_text().split("== ")
    named = (block.partition("\n") for block in blocks if block)
    return {name: text.rstrip("\n") for name, _, text in named}


def test_every_file_has_a_message_and_every_message_a_file() -> None:
    assert sorted(messages()) == sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", sorted(messages()))
def test_one_mistake_gives_one_message(name: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(FOLDER / f"{name}.yaml", {})
    assert str(caught.value).replace(f"{FOLDER}/", "") == messages()[name]
    assert len(caught.value.errors) == 1
    assert "hunter2" not in repr(caught.value.errors)


@pytest.mark.parametrize(
    "text",
    [
        'vantages: [{name: a, proxy: "ftp://me:hunter2@192.0.2.1:1"}]',
        'vantages: [{name: a, proxy: "socks5://me:hun ter2 hunter2@192.0.2.1:1/x"}]',
        'vantages: [{name: a, interface: "me:hunter2@192.0.2.1"}]',
        'vantages: [{name: a, proxi: "socks5://me:hunter2@192.0.2.1:1"}]',
        'vantages: [{name: a, proxy: ["socks5://me:hunter2@192.0.2.1:1"]}]',
        'vantages: [{name: a, proxy: "socks5://me:hunter2@192.0.2.1:1}]',
        '"socks5://me:hunter2@192.0.2.1:1": x',
        'resolve: {"socks5://me:hunter2@192.0.2.1:1": []}',
        'listen: "socks5://me:hunter2@192.0.2.1:1"',
        'beacon: "http://me:hunter2/@192.0.2.1:1"',
    ],
)
def test_a_password_is_not_shown_wherever_it_was_put(text: str, tmp_path: Path) -> None:
    found = mistakes(tmp_path, text)
    assert found
    assert "hunter2" not in repr(found)


def test_all_mistakes_of_all_files_are_shown_at_once(tmp_path: Path) -> None:
    text = """\
countri: TR
schedule: {light: 5min, transfer: 1m}
vantages: [{name: home, asn: 0}, {name: home}]
platforms: [demo, broken, nothing]
controls: [control-jqeury]
overrides: {youtube: {titel: T, targets: [{name: page, url: http://www.youtube.com/}]}}
"""
    wrong = DEMO.replace("demo.example/", "other.example/").replace("why:", "wy:")
    found = mistakes(
        tmp_path, text, {"THROTTLEWATCH_LISTEN": "here"}, demo=wrong, broken="name: [\n"
    )
    places = {(Path(e.file).name, e.line, e.key) for e in found}
    assert places == {
        ("THROTTLEWATCH_LISTEN", 0, "listen"),
        ("main.yaml", 1, "countri"),
        ("main.yaml", 2, "schedule.light"),
        ("main.yaml", 3, "vantages[0].asn"),
        ("main.yaml", 3, "vantages[1].name"),
        ("main.yaml", 4, "platforms[2]"),
        ("main.yaml", 5, "controls[0]"),
        ("main.yaml", 6, "overrides.youtube.titel"),
        ("main.yaml", 6, "overrides.youtube.targets[0].url"),
        ("demo.yaml", 1, ""),
        ("demo.yaml", 3, "wy"),
        ("demo.yaml", 7, "targets[0].url"),
        ("broken.yaml", 2, ""),
    }


def test_a_file_that_is_not_there_is_a_mistake_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path / "none.yaml", {})
    (error,) = caught.value.errors
    assert (error.file, error.found) == (
        str(tmp_path / "none.yaml"),
        "no such file or directory",
    )


def test_a_folder_or_bytes_in_place_of_a_file_are_mistakes_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="is a directory"):
        load(tmp_path, {})
    (tmp_path / "bytes.yaml").write_bytes(b"country: \xff\xfe")
    with pytest.raises(ConfigErrors, match="bytes not in UTF-8"):
        load(tmp_path / "bytes.yaml", {})


def test_a_definition_twice_is_a_mistake_of_the_second_file(tmp_path: Path) -> None:
    (error,) = mistakes(tmp_path, "", one=DEMO, two=DEMO)
    assert Path(error.file).name == "two.yaml"
    assert "one.yaml defines too" in error.found


def test_no_control_left_is_a_mistake(tmp_path: Path) -> None:
    names = [c.name for c in load(None, {}).controls]
    text = "overrides:\n" + "".join(f"  {name}: {{enabled: false}}\n" for name in names)
    (error,) = mistakes(tmp_path, text)
    assert error.found == "no control that is enabled"


def test_nesting_without_end_is_a_mistake_and_not_a_crash(tmp_path: Path) -> None:
    assert [e.found for e in mistakes(tmp_path, "[" * 5000)] == ["values nested too deeply"]
    assert mistakes(tmp_path, "overrides: &a {x: *a}")


def test_a_mistake_in_a_named_file_shows_the_name_that_was_given(tmp_path: Path) -> None:
    main = written(tmp_path, "country: tr\n")
    with pytest.raises(ConfigErrors) as caught:
        load(None, {"THROTTLEWATCH_CONFIG": str(main)})
    assert caught.value.errors[0].file == str(main)
