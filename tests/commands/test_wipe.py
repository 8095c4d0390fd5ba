"""What is ours is gone afterwards, what is not is untouched, and what cannot be erased is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli import main
from probe.commands.wipe import erase, state_folders, stored_files
from tests.store.test_writer import a_store

OURS = (
    "history.sqlite3",
    "history.sqlite3-wal",
    "history.sqlite3.corrupt-1",
    "history.sqlite3.lock",
    "history.sqlite3.asked",
)


def filled(folder: Path) -> Path:
    state = folder / "throttlewatch"
    state.mkdir()
    for name in (*OURS, "other.txt"):
        (state / name).write_bytes(b"secret" * 20_000)
    return state


def wipe(home: Path, *arguments: str, answer: str = "") -> Result:
    environ = {"XDG_STATE_HOME": str(home), "STATE_DIRECTORY": "", "THROTTLEWATCH_CONFIG": ""}
    return CliRunner().invoke(main, ["wipe", *arguments], env=environ, input=answer)


def test_everything_of_ours_goes_and_nothing_else(tmp_path: Path) -> None:
    state = filled(tmp_path)
    result = wipe(tmp_path, "--yes")
    assert result.exit_code == 0, result.output
    assert [f.name for f in state.iterdir()] == ["other.txt"]
    assert "SD card" in result.output


def test_it_lists_and_asks_first(tmp_path: Path) -> None:
    state = filled(tmp_path)
    result = wipe(tmp_path, answer="n\n")
    assert result.exit_code == 1
    assert all(name in result.output for name in OURS)
    assert len(list(state.iterdir())) == len(OURS) + 1
    assert wipe(tmp_path, answer="y\n").exit_code == 0
    assert [f.name for f in state.iterdir()] == ["other.txt"]


def test_a_history_that_the_configuration_names_goes_too(tmp_path: Path) -> None:
    main_file = tmp_path / "main.yaml"
    main_file.write_text(f"store: {{path: {tmp_path / 'mine.db'}}}\n")
    (tmp_path / "mine.db").touch()
    result = wipe(tmp_path, "--yes", "-c", str(main_file))
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "mine.db").exists()


def test_of_a_history_that_is_named_no_other_goes(tmp_path: Path) -> None:
    """It takes no more than it lists, and lists no more than was named."""
    state = filled(tmp_path)
    before = {f.name: f.read_bytes() for f in state.iterdir()}
    main_file = tmp_path / "main.yaml"
    main_file.write_text(f"store: {{path: {tmp_path / 'mine.db'}}}\n")
    (tmp_path / "mine.db").touch()
    result = wipe(tmp_path, "-c", str(main_file), answer="y\n")
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "mine.db") in result.output
    assert str(state) not in result.output
    assert {f.name: f.read_bytes() for f in state.iterdir()} == before
    assert not (tmp_path / "mine.db").exists()


@pytest.mark.parametrize("store", ["", "store: {path: auto}", "store: {keep: 30d}"])
def test_a_configuration_that_names_none_means_the_usual_places(tmp_path: Path, store: str) -> None:
    state = filled(tmp_path)
    (tmp_path / "main.yaml").write_text(f"{store}\n")
    result = wipe(tmp_path, "--yes", "-c", str(tmp_path / "main.yaml"))
    assert result.exit_code == 0, result.output
    assert [f.name for f in state.iterdir()] == ["other.txt"]


def test_a_configuration_with_mistakes_erases_nothing(tmp_path: Path) -> None:
    state = filled(tmp_path)
    (tmp_path / "main.yaml").write_text("stroe: {}\n")
    result = wipe(tmp_path, "--yes", "-c", str(tmp_path / "main.yaml"))
    assert result.exit_code == 2
    assert "nothing was erased" in result.output
    assert len(list(state.iterdir())) == len(OURS) + 1


@pytest.mark.parametrize("gone", [False, True], ids=["with its file", "after its file was removed"])
def test_while_a_daemon_writes_nothing_is_erased(tmp_path: Path, gone: bool) -> None:
    state = tmp_path / "throttlewatch"
    store = a_store(state / OURS[0], batch=3_600.0)
    if gone:
        (state / OURS[0]).unlink()
    before = sorted(f.name for f in state.iterdir())
    result = wipe(tmp_path, "--yes")
    assert result.exit_code == 1
    assert "a daemon writes to" in result.output
    assert "Stop it first" in result.output
    assert sorted(f.name for f in state.iterdir()) == before
    assert store.close(20)
    assert wipe(tmp_path, "--yes").exit_code == 0
    assert list(state.iterdir()) == []


def test_other_names_of_a_file_are_told(tmp_path: Path) -> None:
    state = filled(tmp_path)
    (tmp_path / "snapshot").hardlink_to(state / OURS[0])
    result = wipe(tmp_path, answer="n\n")
    assert "other name" in result.output
    assert (tmp_path / "snapshot").read_bytes().startswith(b"secret")


def test_nothing_stored_is_said(tmp_path: Path) -> None:
    result = wipe(tmp_path)
    assert result.exit_code == 0
    assert "nothing is stored" in result.output


def test_the_bytes_are_overwritten_before_the_name_goes(tmp_path: Path) -> None:
    state = filled(tmp_path)
    kept = tmp_path / "kept"
    kept.hardlink_to(state / OURS[0])
    assert erase(state / OURS[0]) == ""
    assert set(kept.read_bytes()) == {0}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "history.sqlite3").symlink_to(precious)
    stored = stored_files([tmp_path])
    assert stored.files == ()
    assert str(precious) in stored.left[0]


def test_what_is_not_erased_is_no_success(tmp_path: Path) -> None:
    state = filled(tmp_path)
    (state / OURS[0]).rename(tmp_path / "elsewhere")
    (state / OURS[0]).symlink_to(tmp_path / "elsewhere")
    result = wipe(tmp_path, "--yes")
    assert result.exit_code == 1
    assert "a link to" in result.output
    assert (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_looked_at_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, listed = filled(tmp_path), Path.iterdir

    def refused(self: Path) -> Iterator[Path]:
        if self == state:
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", refused)
    result = wipe(tmp_path, "--yes")
    assert result.exit_code == 1
    assert "cannot be looked at (permission denied)" in result.output


@pytest.mark.parametrize("by", ["symlink_to", "hardlink_to", "rename"])
def test_what_was_put_in_its_place_while_it_asked_is_not_touched(tmp_path: Path, by: str) -> None:
    state, precious = filled(tmp_path), tmp_path / "precious"
    precious.write_text("mine")
    stored = stored_files([state])
    (state / OURS[0]).unlink()
    if by == "rename":
        (tmp_path / "another").hardlink_to(precious)
        (tmp_path / "another").rename(state / OURS[0])
    else:
        getattr(state / OURS[0], by)(precious)
    assert erase(state / OURS[0], stored.known[state / OURS[0]]) != ""
    assert precious.read_text() == "mine"


def test_files_that_only_begin_alike_are_nobodys(tmp_path: Path) -> None:
    for name in ("tw", "tw-wal", "tw.yaml", "tw-photos.tar", "tw.corrupt-1"):
        (tmp_path / name).touch()
    found = stored_files([], [tmp_path / "tw"]).files
    assert [f.name for f in found] == ["tw", "tw-wal", "tw.corrupt-1"]


def test_a_file_that_cannot_be_erased_is_named(tmp_path: Path) -> None:
    assert erase(tmp_path / "gone") == "no such file or directory"


def test_a_history_elsewhere_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.db").touch()
    (tmp_path / "mine.db-wal").touch()
    (tmp_path / "other.db").touch()
    found = stored_files([], [tmp_path / "mine.db"]).files
    assert [f.name for f in found] == ["mine.db", "mine.db-wal"]


def test_no_test_reaches_what_the_machines_own_service_has_stored() -> None:
    """Run by root, the suite erased it."""
    folders = list(state_folders(os.environ))
    assert folders
    assert all(Path("/var/lib") not in folder.parents for folder in folders)
