"""What somebody hands on with a list of sums is looked at in its own folder and nowhere else, and
names in it command no terminal."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis.strategies import lists, sampled_from, text

from probe.cli import main
from probe.commands.manifest import NoSums, add_to_manifest, sums_in

BODY = b"measured"
SUM = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a file, a file below it, and one beside it that is nobody's business."""
    made = tmp_path / "given"
    (made / "below").mkdir(parents=True)
    for file in (made / "f", made / "below" / "f", tmp_path / "own"):
        file.write_bytes(BODY)
    (made / "out").symlink_to(tmp_path)
    (made / "linked").symlink_to(tmp_path / "own")
    (made / "within").symlink_to(made / "below" / "f")
    return made


def verified(folder: Path, listed: str | bytes) -> Result:
    sums = folder / "SHA256SUMS"
    sums.write_bytes(listed if isinstance(listed, bytes) else listed.encode())
    return CliRunner().invoke(main, ["verify", str(sums)])


@pytest.mark.parametrize(
    "listed",
    [
        f"{SUM}  f\n",
        f"{SUM} *f\n",
        f"{SUM.upper()}  f\n",
        f"SHA256 (f) = {SUM}\n",
        f"{SUM}  f",
        f"{SUM}  f\r\n{SUM}  below/f\r\n",
        f"{SUM}  ./f\n{SUM} *below/../below/f\n",
        f"{SUM}  within\n",
    ],
)
def test_each_form_of_a_list_is_read(listed: str, folder: Path) -> None:
    found = verified(folder, listed)
    assert found.exit_code == 0, found.output
    assert found.output.count("as it was made") == len(listed.splitlines())


@pytest.mark.parametrize("option", ["--text", "--binary", "--tag", "--zero"])
def test_what_sha256sum_writes_is_read(option: str, folder: Path) -> None:
    names = ["f", " f ", "*f", "f\\n", "\\f", "(f) = f", "fünf"]
    if option != "--zero":
        names += ["f\nf", "f\\\n"]
    for name in names:
        (folder / name).write_bytes(BODY)
    made = subprocess.run(
        ["sha256sum", option, "--", *names], cwd=folder, capture_output=True, check=True
    )
    found = verified(folder, made.stdout)
    if option == "--zero":
        assert "is no list of sums" in found.output
    else:
        assert found.exit_code == 0, found.output
        assert found.output.count("as it was made") == len(names)


@pytest.mark.parametrize(
    "name",
    [
        "../own",
        "below/../../own",
        "out/own",
        "linked",
        "out/given/../own",
        "/etc/passwd",
        "../../../../../../../../etc/passwd",
        "//etc/passwd",
        "..",
    ],
)
def test_what_lies_outside_is_not_read_and_that_is_said(name: str, folder: Path) -> None:
    """Whether or not the sum is right: that would tell who wrote the list what the file holds."""
    for digest in (SUM, "0" * 64):
        found = verified(folder, f"{digest}  {name}\n{SUM}  f\n")
        assert found.exit_code == 1
        assert f"{name}: OUTSIDE the folder of the list, and not looked at" in found.output
        assert "1 of 2 are not as they were made" in found.output


@pytest.mark.parametrize(
    "listed",
    [
        f"{SUM}  f\n{'0' * 64}  f\n",
        f"{'0' * 64}  f\n{SUM}  f\n",
        f"{SUM}  f\n{SUM}  f\n",
        f"{SUM}  f\n{SUM} *./f\n",
        f"{SUM}  below/f\nSHA256 (below//f) = {SUM}\n",
        f"{SUM}  f\n\\{SUM}  f\n",
    ],
)
def test_a_name_twice_is_refused(listed: str, folder: Path) -> None:
    found = verified(folder, listed)
    assert found.exit_code == 1
    assert "line 2 has a name for the second time" in found.output
    assert "as it was made" not in found.output


@pytest.mark.parametrize(
    "listed",
    ["", "\n", "f\n", f"{SUM}\n", f"{SUM} f\n", f"{SUM[1:]}  f\n", f"{SUM}  f\n\n{SUM}  below/f\n"],
)
def test_what_is_no_list_is_refused(listed: str, folder: Path) -> None:
    found = verified(folder, listed)
    assert found.exit_code == 1
    assert "is no list of sums" in found.output


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[2Jf",
        "\x1b]0;t\x07",
        "\rf: as it was made",
        "a\x85b",
        "a\u2028b",
        "\u202eexe.f",
        "\x9b1m",
    ],
)
def test_names_command_no_terminal(name: str, folder: Path) -> None:
    for listed in (f"{SUM}  {name}\n", f"{SUM}  {name}\n{SUM}  {name}\n", f"{SUM} {name}\n"):
        found = verified(folder, listed)
        assert found.exit_code == 1
        assert isinstance(found.exception, SystemExit)
        assert found.output.replace("\n", "").isprintable()


def test_a_line_cannot_be_made_up_by_a_name(folder: Path) -> None:
    (folder / "f\ng: as it was made").write_bytes(b"")
    found = verified(folder, f"\\{SUM}  f\\ng: as it was made\n")
    said = "f\N{REPLACEMENT CHARACTER}g: as it was made: ALTERED"
    assert found.output.splitlines()[0] == said


@given(lists(sampled_from((SUM, SUM[1:], "  ", " *", "f", "\\", "\n", "\r", "\0")) | text()))
def test_any_text_is_a_list_or_none(parts: list[str]) -> None:
    listed = "".join(parts)
    found: dict[str, str] = {}
    with contextlib.suppress(NoSums):
        found = sums_in(listed)
    assert all(name and "\0" not in name and len(digest) == 64 for name, digest in found.items())
    assert len(found) in (0, listed.removesuffix("\n").count("\n") + 1)


@pytest.mark.parametrize("name", ["f\ng", "f\\g", " f", "*f", "f\r"])
def test_what_export_lists_can_be_checked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BODY)
    sums = tmp_path / "SHA256SUMS"
    add_to_manifest(sums, [tmp_path / name], None)
    add_to_manifest(sums, [tmp_path / name], None)
    assert sums_in(sums.read_text()) == {name: SUM}
    assert CliRunner().invoke(main, ["verify", str(sums)]).exit_code == 0
    subprocess.run(["sha256sum", "--strict", "-c", sums.name], cwd=tmp_path, check=True)


@pytest.mark.parametrize("output", ["../r.csv", "linked"])
def test_a_list_names_nothing_outside_its_folder(output: str, folder: Path) -> None:
    given = ["--manifest", str(folder / "SHA256SUMS"), "-o", str(folder / output)]
    made = CliRunner().invoke(main, ["export", "-f", "csv", *given])
    assert made.exit_code == 2
    assert "lies outside the folder" in made.output
    assert not (folder / "SHA256SUMS").exists()
