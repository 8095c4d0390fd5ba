"""Whatever an operator's files and variables say: an end within seconds, and a mistake in words."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, get_origin

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.config import ConfigErrors, environment, warnings
from probe.config.checks import CHECKS
from probe.config.document import MOST_LEVELS, Node, parse, plain
from probe.config.hints import bare
from probe.config.schema import Config, Settings
from probe.config.values import Bytes, Seconds
from probe.config.walk import INVALID, Walker
from probe.config.web import load_web
from tests.config.files import loaded, mistakes

HUGE = "9" * 400
LAUGHS = "l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MAPS = "m0: &m0 {a: 1}\n" + "".join(
    f"m{n}: &m{n} {{a: *m{n - 1}, b: *m{n - 1}}}\n" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        (LAUGHS, 1, "more than 100,000 values"),
        (MAPS, 3, "more than 100,000 values"),
        ("a: 1\nb:\n  " + "[" * 300_000, 3, "nested too deeply"),
        ("a: 1\nb:\n" + "- " * 50_000, 3, "nested too deeply"),
        ("a: 1\nb: " + "x" * 500_000, 2, "a text of 500,000 characters"),
        ('a: 1\nb: "' + "\\n" * 150_000 + '"', 2, "a text of 150,000 characters"),
        ("a: 1\n? " + "x" * 500_000 + "\n: 1", 2, "a text of 500,000 characters"),
        ("a: 1\n" * 300_000, 0, "1,500,000 characters"),
        ("a: 1\nb: !" + "x" * 150_000 + " 1", 2, "a text of 150,009 characters"),
        ("a: 1\nb: &b {c: *b}", 2, "an alias to itself"),
        ("a: 1\nb: &b [[*b]]", 2, "an alias to itself"),
        (f"%YAML {'9' * 5_000}.1\n---\na: 1", 0, "text that is not YAML"),
        ('a: "\\UFFFFFFFF"', 0, "text that is not YAML"),
        ('a: 1\nb: "\\0"', 2, "\\0"),
        ('a: 1\n"b\\ud800": 1', 2, "half of a surrogate pair"),
    ],
    ids=range(15),
)
def test_what_is_too_much_is_a_mistake_with_its_line(text: str, line: int, found: str) -> None:
    before = time.process_time()
    _, errors = parse(text, "file")
    # The first seconds were minutes, or did not end.
    assert time.process_time() - before < 10.0
    assert [(e.line, found in e.found) for e in errors][:1] == [(line, True)]
    assert len(str(errors[0])) < 1_000


def test_levels_that_a_configuration_needs_are_left(tmp_path: Path) -> None:
    text = "{a: " * (MOST_LEVELS - 1) + "1" + "}" * (MOST_LEVELS - 1)
    node, errors = parse(text, "file")
    assert (node is not None, errors) == (True, [])


def keys() -> list[tuple[str, Any]]:
    """Every key that is a number or an amount, by its variable."""
    return [
        (name, hint)
        for name, _, hint in environment.variables()
        if get_origin(bare(hint)) is None and bare(hint) in (int, float, Seconds, Bytes)
    ]


@pytest.mark.parametrize("written", [HUGE, f"-{HUGE}", "1e308", f"0x{'f' * 400}", "9" * 5_000])
def test_a_number_beyond_all_bounds_is_a_mistake(written: str, tmp_path: Path) -> None:
    names = [name for name, _ in keys()]
    assert names
    found = mistakes(tmp_path, "", dict.fromkeys(names, written))
    assert sorted(e.file for e in found) == sorted(names)
    # The same keys in a file, each in a line of its own.
    paths = {name: path for name, path, _ in environment.variables()}
    lines, heads, wanted = [], set[str](), []
    for name in sorted(names):
        *above, key = paths[name]
        for depth, head in enumerate(above):
            if head not in heads:
                lines.append(f"{'  ' * depth}{head}:")
                heads.add(head)
        lines.append(f"{'  ' * len(above)}{key}: {written}")
        wanted.append(len(lines))
    found = mistakes(tmp_path, "\n".join(lines))
    assert [(e.file, e.line) for e in found] == [(str(tmp_path / "main.yaml"), n) for n in wanted]


def test_a_file_that_never_ends_or_has_no_name_is_a_mistake(tmp_path: Path) -> None:
    for key in ("ca_file", "web_config"):
        (error,) = mistakes(tmp_path, f"{key}: /dev/zero")
        assert "no regular file" in error.found or "more than 4,194,304 bytes" in error.found
    for key in ("ca_file", "web_config", "definitions"):
        assert mistakes(tmp_path, f'{key}: "a\\0b"')


def test_a_file_that_is_wrong_throughout_is_not_told_line_by_line(tmp_path: Path) -> None:
    text = "".join(f"k{n}: 1\n" for n in range(5_000))
    with pytest.raises(ConfigErrors) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).endswith("and 4,900 more mistakes")


def test_a_lines_end_is_no_part_of_a_name(tmp_path: Path) -> None:
    (error,) = mistakes(tmp_path, 'vantages: [{name: "home\\n"}]')
    assert error.key == "vantages[0].name"


def test_no_text_is_taken_for_false(tmp_path: Path) -> None:
    assert [e.found for e in mistakes(tmp_path, "%YAML 1.1\n---\nquic: yes")] == ["`yes`"]


@pytest.mark.parametrize("pattern", ["(" * 3_000 + ")" * 3_000, "a{99999999999999999999}"])
def test_a_pattern_beyond_the_engine_is_a_mistake(pattern: str, tmp_path: Path) -> None:
    discover = f"{{page: 'https://x.com/', hosts: [x.com], pattern: '{pattern}'}}"
    text = f"overrides: {{x: {{targets: [{{name: page, discover: {discover}}}]}}}}"
    assert "discover.pattern" in mistakes(tmp_path, text)[0].key


# Texts that look like YAML, and some that do not.
_letters = st.text(
    st.sampled_from(list("ab01-+.eExX_:,#!&*?|>%@`'\"\\[]{} \n\t~<=\0\x85\u2028\ud800é"))
    | st.characters(),
    max_size=60,
)
# What letters drawn one by one hardly ever make.
_parts = [
    *("%YAML 1.", "%YAML ", "%TAG ! tag:", "--- ", "...\n", "\n", "? ", ": ", "- ", "&a ", "*a "),
    *("!!int ", "!!binary ", "!!timestamp ", "!<", "<<: ", "|9", ">-", "\\U00", "0x"),
]
yamlish = _letters | st.lists(st.sampled_from(_parts), max_size=12).map("".join)


@settings(deadline=None, max_examples=400)
@example("%YAML 1.1.1\n--- ")
@example("%YAML 1.0\n--- a")
@example("%YAML 1.3\n--- a")
@example("!!int ''")
@example("a: &x 1\nb: &x *x")
@given(yamlish)
def test_any_text_is_a_tree_or_a_mistake(text: str) -> None:
    node, errors = parse(text, "file")
    assert node is not None or errors
    for error in errors:
        str(error).encode()
    if node is not None and not errors:
        plain(node)


_values = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [HUGE, "1e999", "-1", "0x1p3", ".inf", "[", "{}", "[]", "null", "~", "²", "a:b"]
    ),
    st.integers().map(str),
    st.floats().map(str),
)


@settings(deadline=None, max_examples=300)
@given(name=st.sampled_from([name for name, _, _ in environment.variables()]), value=_values)
def test_any_value_of_any_key_is_taken_or_a_mistake(name: str, value: str) -> None:
    empty = Node(file="main.yaml", line=1, key="", value={})
    main, errors = environment.overlay(empty, {name: value})
    walker = Walker(CHECKS)
    made = walker.build(main, Settings)
    assert made is not INVALID or errors or walker.errors
    for error in (*errors, *walker.errors):
        str(error).encode("utf-8", "backslashreplace")
    if made is not INVALID:
        warnings(Config(settings=made, platforms=(), controls=()))


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ("X-Frame-Options: deny", True),
        ("Strict-Transport-Security: max-age=31536000; includeSubDomains", True),
        ("X-Empty: ''", True),
        ('X-A: "a\\r\\nX-B: c"', False),
        ('X-A: "a\\nb"', False),
        ('X-A: "a\\0b"', False),
        ('X-A: " a"', False),
        ('X-A: "a\\t"', False),
        ('X-A: "\\x7f"', False),
        ("X-A: é", False),
        ('"X A": b', False),
        ('"X-A\\r\\nX-B": c', False),
        ('"X:A": c', False),
        ('"": c', False),
        ("Ä: c", False),
        ("Content-Length: '5'", False),
        ("transfer-encoding: chunked", False),
        ("Connection: close", False),
    ],
)
def test_headers_that_could_not_be_sent_are_mistakes(
    header: str, right: bool, tmp_path: Path
) -> None:
    (tmp_path / "web.yaml").write_text(f"http_server_config: {{headers: {{{header}}}}}")
    _, found = load_web(tmp_path / "web.yaml")
    assert (not found) is right, found


@pytest.mark.parametrize("listen", ["9881", ":9881", '":9881"', '"9881"', '"[::]:9881"'])
def test_a_port_alone_is_every_address(listen: str, tmp_path: Path) -> None:
    config = loaded(tmp_path, f"listen: {listen}")
    assert config.settings.listen == listen.strip('"')
    assert any(w.startswith("listen") and "without a password" in w for w in warnings(config))
