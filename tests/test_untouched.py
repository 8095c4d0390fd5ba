"""The check at the end of all tests sees what a test could do to the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import untouched
from tests.commands.test_output import device

pytest_plugins = ["pytester"]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "passwd").write_text("root")
    (tmp_path / "link").symlink_to("passwd")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "conf").write_text("1")
    return tmp_path


def seen(folder: Path) -> untouched.Seen:
    return untouched.devices(folder) | {
        f"conf {name}": found for name, found in untouched.configuration(folder).items()
    }


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "passwd").unlink(),
        lambda folder: (folder / "d" / "conf").write_text("12"),
        lambda folder: (folder / "passwd").chmod(0o600),
        lambda folder: (folder / "d" / "new").write_text(""),
        lambda folder: (folder / "null").write_text(""),
        lambda folder: os.utime(folder / "passwd", (1, 1)),
    ],
)
def test_what_changed_is_named(machine: Path, harm: Callable[[Path], object]) -> None:
    before = seen(machine)
    assert untouched.harm(before, seen(machine)) == []
    harm(machine)
    assert untouched.harm(before, seen(machine))


def test_a_file_in_place_of_a_device_is_named(machine: Path) -> None:
    device(machine / "null")
    before = seen(machine)
    (machine / "null").unlink()
    (machine / "null").write_text("a report")
    assert any("crw" in line and "-rw" in line for line in untouched.harm(before, seen(machine)))


def test_a_device_that_the_kernel_makes_is_no_harm(machine: Path) -> None:
    before = untouched.devices(machine)
    device(machine / "loop9")
    assert untouched.harm(before, untouched.devices(machine)) == []


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "with workers"])
def test_a_run_that_harmed_the_machine_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Of a folder that stands for /etc, by the very hooks of these tests."""
    root = Path(__file__).parents[1]
    etc = pytester.mkdir("etc")
    (etc / "hosts").write_text("127.0.0.1 localhost")
    monkeypatch.setenv("PYTHONPATH", str(root))
    pytester.makeconftest(
        f"""
        from pathlib import Path
        from tests import untouched
        untouched.seen = lambda: untouched.configuration(Path({str(etc)!r}))
        untouched.PACKAGES = (Path({str(etc.with_name("packages"))!r}),)
        from tests.conftest import *
        """
    )
    pytester.makepyfile(
        f"""
        from pathlib import Path
        def test_good(): pass
        def test_bad(): (Path({str(etc)!r}) / "hosts").write_text("")
        def test_installs():
            (Path({str(etc)!r}) / "hosts").write_text("more")
            Path({str(etc.with_name("packages"))!r}).write_text("one more")
        """
    )
    installs = pytester.runpytest_subprocess("-p", "no:cacheprovider", *workers, "-k", "installs")
    assert installs.ret == pytest.ExitCode.OK
    installs.stdout.fnmatch_lines([f"{etc}/hosts: was *"])
    harmless = pytester.runpytest_subprocess("-p", "no:cacheprovider", *workers, "-k", "good")
    assert harmless.ret == pytest.ExitCode.OK
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *workers, "-k", "bad")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["*this machine was changed*", f"{etc}/hosts: was *"])


def test_another_file_in_place_of_the_history_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    path.write_bytes(b"rounds")
    before = untouched.history(path)
    path.write_bytes(b"more rounds")
    assert untouched.harm(before, untouched.history(path)) == []
    path.unlink()
    assert untouched.harm(before, untouched.history(path)) == [f"{path}: gone"]
