"""A definition with other paces loads with them in it and all else as it was, however it is
written; or it is refused, and the sentence says why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import (
    DrawFn,
    booleans,
    composite,
    dictionaries,
    floats,
    integers,
    lists,
    sampled_from,
    text,
)

from probe.config import embedded
from probe.config.bundle_nodes import mistakes_of
from probe.config.definition import UsualPace
from probe.config.document import Node, parse, plain
from probe.config.shipped import yaml_files
from probe.config.written_paces import NotWritten, as_values, with_paces
from probe.model.identity import Access

FILE = "x.yaml"
NEW = (
    UsualPace(target="object", share=0.0001, lines=20, evidence="2026-11"),
    UsualPace(target="object", share=0.5, lines=31, evidence="2026-11", access=Access.MOBILE),
)
HEAD = """\
name: x
title: X
why: because
operator: X
hosts: [x.com]
targets:
  - name: object
    why: because
    url: https://x.com/large
    min_bytes: 1MB
    no_swap: nobody's name there
    no_decoy: no beacon
"""
OLD = "{target: object, share: 0.25, lines: 40, evidence: 2026-01}"
IN_LINES = "target: object\n  share: 0.25\n  lines: 40\n  # all\n  evidence: 2026-01\n"
MORE = OLD.replace("{", "{access: fixed, ")
FLOW = (
    "{name: x, title: X, why: because, operator: X, hosts: [x.com], targets: [{name: object, "
    "why: because, url: 'https://x.com/large', min_bytes: 1MB, no_swap: none, no_decoy: none}]"
)
SHAPES = {
    "none": HEAD,
    "no end of the line": HEAD.rstrip(),
    "in a line": f"{HEAD}paces: [{OLD}]\n",
    "a list at the margin": f"{HEAD}paces:\n- {OLD}\n",
    "a list at the margin, in lines": f"{HEAD}paces:\n- {IN_LINES}",
    "a list over several lines": f"{HEAD}paces: [\n  {OLD},\n{MORE}\n]\n",
    "braces over several lines": f"{HEAD}paces:\n  - {OLD}\n".replace(", s", ",\n     s"),
    "a document's end": f"---\n{HEAD}...\n",
    "a document's end, with them": f"---\n{HEAD}paces: [{OLD}]\n...\n",
    "a version": f"%YAML 1.2\n---\n{HEAD}",
    "quoted": f'{HEAD}"paces":\n  - {OLD}\n',
    "quoted once": f"{HEAD}'paces' : [{OLD}]\n",
    "escaped": f'{HEAD}"\\x70aces": [{OLD}]\n',
    "with a tag": f"{HEAD}paces: !!seq\n  - {OLD}\n",
    "an explicit key": f"{HEAD}? paces\n: - {OLD}\n",
    "an explicit key after": f"paces: []\n? name\n: x\n{HEAD.removeprefix('name: x')}",
    "empty": f"{HEAD}paces:\n",
    "an empty list": f"{HEAD}paces: []  # none yet\n",
    "in front": f"paces:\n  - {OLD}\n{HEAD}",
    "amid": HEAD.replace("hosts:", f"paces:\n- {OLD}\n\n# of these\nhosts:"),
    "comments": f"# a\n{HEAD}# b\npaces:  # c\n  # d\n  - {OLD}  # e\n# f\n",
    "a comment at the end": f"{HEAD}  # g\n# h",
    "indented": "".join(f"  {line}\n" for line in f"{HEAD}paces:\n- {OLD}".splitlines()),
    "other line ends": f"{HEAD}paces:\n  - {OLD}\n".replace("\n", "\r\n"),
    "old line ends": f"{HEAD}paces:\n  - {OLD}\n".replace("\n", "\r"),
    "a text at the end": HEAD.replace("why: because\nop", "op") + "why: |\n  because\n  paces: 1\n",
    "a text that ends amid": HEAD.replace("why: because\nop", "op") + "why: |\n  because",
    "a text with lines kept": HEAD.replace("why: because\nop", "op") + "why: |+\n  because\n\n\n",
    "a text without its end": HEAD.replace("why: because\nop", "op") + "why: >-\n  be\n\n  cause\n",
    "a text over lines": HEAD.replace("why: because\nop", "op") + "why: be\n  cause\n  paces\n",
    "a text with quotes": HEAD.replace("because\nop", '"be\\\n  cause\n\n  paces: 1"\nop'),
    "a comment behind them that a text before them would take": HEAD.replace(
        "why: because\nop", "op"
    )
    + "why: |\n   be\n   cause\npaces: []\n   # deep\n",
    "below another key": HEAD.replace("operator: X", "operator: 'paces:'"),
    "braces": f"{FLOW}}}\n",
    "braces, with them": f"{FLOW}, paces: [{OLD}]}}\n",
    "braces, with them first": f"{{paces: [{OLD}], {FLOW[1:]}}}",
    "braces, with them alone": "{paces: []}",
    "braces, with a comma": f"{FLOW}, paces: [{OLD}],}}\n",
    "braces over lines": f"{FLOW.replace(', ', ',' + chr(10))},\n'paces':[\n{OLD}]\n}} # all\n",
    "JSON": FLOW.replace("{name", '{"paces": [], name', 1) + "}",
    "an anchor": HEAD.replace("why: because\nop", "why: &w because\nop").replace(
        "    why: because", "    why: *w"
    ),
    "an anchor among them": f"paces: [&p {OLD}]\n{HEAD}",
    "an anchor that is used": f"{HEAD.replace('title: X', 'title: &t object')}paces:\n"
    f"- {OLD.replace('target: object', 'target: *t')}\n",
    "a list that is an alias": f"{HEAD.replace('hosts: ', 'hosts: &h ')}paces: *h\n",
    "two": f"{HEAD}paces: []\npaces: []\n",
    "no definition": "just words",
    "a list": "- 1\n",
    "nothing": "",
    "only a comment": "# paces: []\n",
    "no YAML": f"{HEAD}paces: [\n",
    "two documents": f"{HEAD}---\n{HEAD}",
    "another name": HEAD.replace("name: x\n", "name: y\n"),
    "broken ones": f"{HEAD}paces:\n  - {{target: object, share: 0.000, lines: 3}}\n",
}
REFUSED = {
    "two",
    "no definition",
    "a list",
    "nothing",
    "only a comment",
    "no YAML",
    "two documents",
    "another name",
    "braces, with them alone",
}


def without_paces(node: Node) -> dict[str, Any]:
    return {key: value for key, value in plain(node).items() if key != "paces"}


def written(text: str) -> str | None:
    """With the new ones, checked by what the loader reads; ``None``: refused in words."""
    made, said = "", ""
    try:
        made = with_paces(text, NEW, FILE)
    except NotWritten as error:
        said = str(error)
    if not made:
        assert said.strip()
        return None
    before, after = parse(text, FILE)[0], parse(made, FILE)[0]
    assert before is not None
    assert after is not None
    assert mistakes_of({FILE: made}) == []
    assert repr(without_paces(after)) == repr(without_paces(before))
    assert plain(after)["paces"] == as_values(NEW)
    return made


@pytest.mark.parametrize("shape", SHAPES)
def test_every_way_to_write_a_definition(shape: str) -> None:
    made = written(SHAPES[shape])
    assert (made is None) == (shape in REFUSED)
    if made is not None:
        # Once more: the same.
        assert written(made) == made
        comments = [line for line in SHAPES[shape].splitlines() if line.strip()[:1] == "#"]
        kept = [one for one in comments if one.strip() not in ("# d", "# all")]
        assert all(one in made.splitlines() for one in kept)


def test_the_shipped_ones_keep_every_letter() -> None:
    for file in yaml_files(embedded.folder() / "platforms"):
        text = file.read_text("utf-8")
        node = parse(text, file.name)[0]
        assert node is not None
        read = next(
            (
                one.find("name").text
                for one in node.find("targets").items()
                if one.get("compares") is None
            ),
            None,
        )
        if read is None or node.find("kind").text == "control":
            continue
        paces = [UsualPace(target=read, share=0.5, lines=20, evidence="2026-11")]
        assert with_paces(text, paces, file.name).startswith(text)


SCALARS = ("because", "'be: cause'", '"be\\tcause"', "|\n   be\n   cause\n", ">-\n   be\n\n   c\n")
COMMENTS = ("", "# paces: []\n", "\n\n", "   # deep\n")


@composite
def definitions(draw: DrawFn) -> str:
    """Keys in any order, texts in any style, comments anywhere, paces in any place and form."""
    keys = ["name: x", "title: X", "operator: X", "hosts: [x.com]"]
    keys += [f"why: {draw(sampled_from(SCALARS))}".rstrip("\n")]
    keys += [HEAD[HEAD.index("targets:") :].rstrip("\n")]
    if draw(booleans()):
        keys += [draw(sampled_from(("enabled: true", "ranges:\n- 10.0.0.0/8", "country: TR")))]
    key = draw(sampled_from(("paces", '"paces"', "'paces'")))
    entries = draw(lists(sampled_from((OLD, f"{{\n {OLD[1:-1]}\n }}")), max_size=1))
    style = draw(sampled_from(("flow", "margin", "deep", "none")))
    if style == "flow":
        keys.append(f"{key}: [{', '.join(entries)}]")
    elif style != "none":
        lead = "- " if style == "margin" else "    - "
        keys.append("\n".join((f"{key}:", *(f"{lead}{one}" for one in entries))))
    order = draw(lists(integers(0, 99), min_size=len(keys), max_size=len(keys)))
    keys = [one for _, one in sorted(zip(order, keys, strict=True), key=lambda pair: pair[0])]
    comments = draw(lists(sampled_from(COMMENTS), min_size=len(keys), max_size=len(keys)))
    body = "".join(f"{c}{one}\n" for c, one in zip(comments, keys, strict=True))
    head, tail = draw(sampled_from((("", ""), ("---\n", ""), ("---\n", "...\n"), ("", "# end"))))
    whole = f"{head}{body}{tail}"
    return draw(sampled_from((whole, whole.rstrip("\n"), whole.replace("\n", "\r\n"))))


@settings(max_examples=40)
@given(definitions())
def test_any_definition(definition: str) -> None:
    if mistakes_of({FILE: definition}) == []:
        assert written(definition) is not None
    else:
        written(definition)


@settings(max_examples=20)
@given(
    dictionaries(text(max_size=5), floats() | text(max_size=9) | integers(), max_size=3),
    text(max_size=60),
)
def test_any_text_is_written_rightly_or_refused(more: dict[str, object], tail: str) -> None:
    written(f"{HEAD}{tail}")
    written(f"{HEAD}\n{more!r}")
