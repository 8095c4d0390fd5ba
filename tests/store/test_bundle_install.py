"""A bundle is installed whole or not at all, and never an older one after a newer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from probe.config import ConfigErrors, load
from probe.config.bundle import Bundle, BundleRefusal, BundleRefusedError, Signers
from probe.config.bundle_places import beside, installed, read_bundle
from probe.config.schema import Config
from probe.store.bundle_install import HostChange, Installed, install
from probe.store.files import belonging
from tests.config.bundles import KEYS, LISTED, NOW, PEMS, body_of, handover_of
from tests.config.files import written

ONE = Signers(KEYS[:1])


class Probe:
    """A machine whose configuration trusts keys."""

    def __init__(self, folder: Path, text: str = "", *, keys: tuple[str, ...] = KEYS[:1]) -> None:
        (folder / "state").mkdir(exist_ok=True)
        self.history = folder / "state" / "h"
        said = f"store: {{path: state/h}}\ntargets: {{keys: [{', '.join(keys)}]}}\n"
        self.main = written(folder, said + text)
        self.signers = Signers(keys)

    def config(self, bundle: Bundle | None = None) -> Config:
        return load(self.main, {}, bundle=bundle)

    def take(
        self,
        body: bytes,
        *,
        now: float = NOW,
        agreed: Callable[[Bundle, HostChange], bool] = lambda bundle, change: True,
    ) -> Installed:
        return install(
            body,
            self.history,
            self.signers,
            tried=self.config,
            used=self.config(),
            agreed=agreed,
            now=now,
        )

    def refuses(self, body: bytes, *, now: float = NOW) -> BundleRefusal:
        before = self.config().bundle
        with pytest.raises(BundleRefusedError) as caught:
            self.take(body, now=now)
        assert self.config().bundle == before
        return caught.value.refusal


def listed(title: str = "Listed", host: str = "listed.example", more: str = "") -> dict[str, str]:
    text = LISTED.replace("title: Listed", f"title: {title}").replace("listed.example", host)
    return {"listed.yaml": text + more}


def test_a_bundles_definitions_take_the_place_of_shipped_ones(tmp_path: Path) -> None:
    mine = LISTED.replace("name: listed", "name: x").replace("title: Listed", "title: Mine")
    done = Probe(tmp_path).take(body_of({"x.yaml": mine, **listed()}))
    assert done.new
    probe = Probe(tmp_path, "platforms: [x, listed]\noverrides: {listed: {title: Overridden}}\n")
    config = probe.config()
    assert [p.title for p in config.platforms] == ["Mine", "Overridden"]
    assert config.bundle is not None


def test_hosts_that_a_bundle_changes_are_known_before_it_is_used(tmp_path: Path) -> None:
    shipped = load(None, {}).platforms[0]
    mine = LISTED.replace("name: listed", "name: x").replace("title: Listed", "title: Mine")
    done = Probe(tmp_path).take(body_of({"x.yaml": mine, **listed()}))
    assert "listed.example" in done.hosts.added
    assert set(done.hosts.gone) & set(shipped.hosts)


def test_a_configuration_that_needs_a_bundle_says_why_it_has_none(tmp_path: Path) -> None:
    Probe(tmp_path).take(body_of())
    probe = Probe(tmp_path, "platforms: [listed]\n")
    assert probe.config().bundle is not None
    beside(probe.history).write_bytes(b"{}")
    with pytest.raises(ConfigErrors) as caught:
        probe.config()
    assert [error.key for error in caught.value.errors] == ["targets", "platforms[0]"]
    assert "another form" in caught.value.errors[0].found


def test_the_operators_own_win(tmp_path: Path) -> None:
    (tmp_path / "platforms").mkdir()
    probe = Probe(tmp_path, "platforms: [listed]\n")
    (tmp_path / "platforms" / "mine.yaml").write_text(listed("Mine")["listed.yaml"])
    probe.take(body_of())
    assert [p.title for p in probe.config().platforms] == ["Mine"]


def test_older_ones_are_refused_and_the_same_is_no_news(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    assert probe.take(body_of(version=2)).new
    assert not probe.take(body_of(version=2)).new
    assert probe.refuses(body_of()) is BundleRefusal.OLDER
    assert probe.refuses(body_of(listed("Another"), version=2)) is BundleRefusal.ALTERED
    past = datetime.fromtimestamp(NOW - 1.0, UTC)
    assert probe.refuses(body_of(version=3, expires=past)) is BundleRefusal.EXPIRED
    assert probe.refuses(body_of(version=3, least_program="99.0.0")) is BundleRefusal.PROGRAM
    assert probe.refuses(body_of(version=3, pems=PEMS[1:2])) is BundleRefusal.SIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        "name: [",
        LISTED.replace("why:", "wy:"),
        LISTED.replace("https:", "http:"),
        LISTED.replace("https://listed.example", "https://other.example"),
        LISTED.replace("listed.example", "192.168.1.1"),
        LISTED.replace("listed.example", "127.0.0.1"),
        LISTED.replace("name: listed", "name: other"),
        "a: &a [" + "1, " * 90 + "1]\nb: &b [" + "*a, " * 90 + "*a]\nc: [" + "*b, " * 90 + "*b]",
        "[" * 200,
        "",
    ],
)
def test_one_with_mistakes_is_refused_like_a_configuration(text: str, tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    probe.take(body_of())
    assert probe.refuses(body_of({"listed.yaml": text}, version=2)) is BundleRefusal.DEFINITIONS


def test_so_is_one_that_does_not_fit_the_configuration(tmp_path: Path) -> None:
    probe = Probe(tmp_path, "controls: [control-debian]\n")
    off = LISTED.replace("name: listed", "name: control-debian") + "enabled: false\nkind: control\n"
    body = body_of({"control-debian.yaml": off})
    assert probe.refuses(body) is BundleRefusal.DEFINITIONS


def test_what_is_installed_and_spoilt_later_is_told_and_the_shipped_are_used(
    tmp_path: Path,
) -> None:
    probe = Probe(tmp_path)
    probe.take(body_of())
    file = beside(probe.history)
    whole = file.read_bytes()
    for spoilt in (
        whole[: len(whole) // 2],
        bytes(len(whole)),
        whole.replace(b"Listed", b"Lasted"),
    ):
        file.write_bytes(spoilt)
        config = probe.config()
        assert config.bundle is None
        assert config.bundle_trouble
        assert config.platforms == load(None, {}).platforms
    assert probe.take(body_of()).new


def test_other_keys_in_the_configuration_begin_anew(tmp_path: Path) -> None:
    Probe(tmp_path).take(body_of(version=7))
    other = Probe(tmp_path, keys=KEYS[1:2])
    assert other.config().bundle is None
    assert "trusted" in other.config().bundle_trouble
    assert other.take(body_of(pems=PEMS[1:2])).bundle.version == 1


def test_whoever_withholds_a_handover_undoes_it_neither_now_nor_at_the_next_start(
    tmp_path: Path,
) -> None:
    probe = Probe(tmp_path)
    moved = handover_of(ONE, Signers(KEYS[1:2]), PEMS[:2])
    probe.take(body_of(pems=PEMS[1:2], handovers=[moved]))
    assert probe.refuses(body_of(version=2)) is BundleRefusal.SIGNATURE
    # The new keys' owner need not carry it on for those who have it.
    assert probe.take(body_of(version=3, pems=PEMS[1:2])).new
    config = probe.config()
    assert config.bundle is not None
    assert (config.bundle.version, config.bundle.signed_by) == (3, KEYS[1:2])
    assert probe.refuses(body_of(version=4)) is BundleRefusal.SIGNATURE


def test_without_agreement_the_one_before_stays(tmp_path: Path) -> None:
    asked: list[HostChange] = []

    def agreed(bundle: Bundle, change: HostChange) -> bool:
        asked.append(change)
        return not change.added

    text = LISTED.replace("name: listed", "name: x").replace("listed.example", "a.example")
    probe = Probe(tmp_path)
    probe.take(body_of({"x.yaml": text}))
    moved = probe.take(body_of({"x.yaml": text.replace("a.ex", "b.ex")}, version=2), agreed=agreed)
    assert (moved.waits, moved.new) == (True, False)
    assert asked == [HostChange(("b.example",), ("a.example",))]
    bundle = probe.config().bundle
    assert bundle is not None
    assert bundle.version == 1


def test_who_cannot_be_trusted_with_a_link_is_not_followed(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    beside(probe.history).symlink_to(elsewhere)
    probe.take(body_of())
    assert elsewhere.read_text() == "mine"
    assert not beside(probe.history).is_symlink()


def test_everything_that_is_left_belongs_to_the_history(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    probe.take(body_of())
    left = beside(probe.history).with_name(beside(probe.history).name + "-0123abcd")
    left.write_bytes(b"{")
    assert set(belonging(probe.history)) == {beside(probe.history), left}
    probe.take(body_of(version=2))
    assert set(belonging(probe.history)) == {beside(probe.history)}


def test_a_full_disk_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe(tmp_path)
    probe.take(body_of())

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        probe.take(body_of(version=2))
    monkeypatch.undo()
    bundle = probe.config().bundle
    assert bundle is not None
    assert bundle.version == 1
    assert belonging(probe.history) == (beside(probe.history),)


def test_several_at_once_never_leave_an_older_one(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    bodies = [body_of(version=version) for version in range(1, 9)]
    Random(1).shuffle(bodies)
    gone: list[str] = []

    def take(body: bytes) -> None:
        try:
            probe.take(body)
        except BundleRefusedError as error:
            gone.append(error.refusal.value)

    threads = [threading.Thread(target=take, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bundle = probe.config().bundle
    assert bundle is not None
    assert bundle.version == 8
    assert set(gone) <= {"older"}


INSTALLS = """\
import sys, time
from pathlib import Path
from probe.config import load
from probe.config.bundle_places import signers_of_settings
from probe.store.bundle_install import install
main, *bodies = map(Path, sys.argv[1:])
config = load(main, {})
print("ready", flush=True)
for body in bodies:
    install(body.read_bytes(), Path(config.settings.store.path),
            signers_of_settings(config.settings), tried=lambda bundle: config, used=config,
            agreed=lambda bundle, change: True, now=1_800_000_000.0)
    print("done", flush=True)
"""


def test_killed_in_the_middle_there_is_an_old_or_a_new_one(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    files = []
    for version in range(1, 61):
        files.append(tmp_path / f"{version}.json")
        # Large enough that writing takes a while.
        more = {f"f{n}.yaml": "#" + "x" * 8_000 for n in range(60)}
        files[-1].write_bytes(body_of({**listed(), **more}, version=version))
    command = [sys.executable, "-c", INSTALLS, str(probe.main), *map(str, files)]
    newest = 0
    for wanted in (1, 3, 7):
        with subprocess.Popen(command[:4] + command[4 + newest :], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            for _ in range(1 + wanted):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
        found = read_bundle(beside(probe.history), probe.signers)
        assert found.bundle is not None, found.trouble
        assert found.bundle.version >= newest + wanted
        newest = found.bundle.version


def test_what_the_service_keeps_is_found_by_a_person(tmp_path: Path) -> None:
    probe = Probe(tmp_path)
    probe.take(body_of())
    settings = load(None, {"THROTTLEWATCH_TARGETS__KEYS": KEYS[0]}).settings
    service = {"STATE_DIRECTORY": str(probe.history.parent)}
    beside(probe.history).rename(probe.history.with_name("history.sqlite3.targets"))
    found = installed(settings, service)
    assert found.bundle is not None
    assert json.loads(body_of())["files"] == dict(found.bundle.files)
