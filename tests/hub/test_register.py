"""Who takes part: an invitation works once, and nothing in the file says a secret."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.hub.enrolled import Enrolled, FleetPlace, VantageHeard, digest_of, new_secret
from probe.hub.register import NoRegisterError, NoSuchVantageError, NotInvitedError, Register

PLACE = FleetPlace(country="PK", asn=17_557)
NOW = 1_800_000_000.0


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    made = Register(tmp_path / "hub")
    yield made
    made.close()


def invited(register: Register, lasts: float = 60.0) -> str:
    return register.invite(PLACE, until=NOW + lasts, now=NOW)


def test_one_joins_and_is_known_by_its_credential(register: Register) -> None:
    who, credential = register.join(invited(register), NOW)
    assert who.place == PLACE
    assert register.bearer(credential) == who
    assert register.everybody() == [who]


def test_names_say_the_network_and_nothing_else(register: Register) -> None:
    names = {register.join(invited(register), NOW)[0].name for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("pk-17557-") for name in names)


@pytest.mark.parametrize("secret", ["", "a", "x" * 43, "é" * 43, "a" * 10_000, "'; DROP TABLE x"])
def test_a_stranger_does_not_come_in(register: Register, secret: str) -> None:
    invited(register)
    with pytest.raises(NotInvitedError):
        register.join(secret, NOW)
    assert register.bearer(secret) is None
    assert register.everybody() == []


def test_an_invitation_works_once_and_in_its_time(register: Register) -> None:
    used, late = invited(register), invited(register, 10.0)
    register.join(used, NOW)
    for secret, now in ((used, NOW), (late, NOW + 10.0)):
        with pytest.raises(NotInvitedError):
            register.join(secret, now)
    assert len(register.everybody()) == 1


def test_a_clock_that_leaps_ahead_costs_no_invitation(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = invited(register)
    leap = NOW + 3_650 * 86_400.0
    register.invite(PLACE, until=leap + 60.0, now=leap)
    register.join(honest, NOW + 30.0)
    monkeypatch.setattr("probe.hub.register.MOST_PAST", 2)
    late = [invited(register) for _ in range(3)]
    register.invite(PLACE, until=leap + 60.0, now=leap)
    with pytest.raises(NotInvitedError):
        register.join(late[0], NOW + 30.0)
    register.join(late[2], NOW + 30.0)


def test_of_many_at_once_one_comes_in(register: Register, tmp_path: Path) -> None:
    secret = invited(register)
    came: list[Enrolled] = []

    def try_it() -> None:
        mine = Register(tmp_path / "hub")
        try:
            came.append(mine.join(secret, NOW)[0])
        except NotInvitedError:
            pass
        finally:
            mine.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(came) == 1


def test_who_is_revoked_is_known_no_more(register: Register) -> None:
    who, credential = register.join(invited(register), NOW)
    register.revoke(who.name, NOW + 5.0)
    assert register.bearer(credential) is None
    assert register.everybody()[0].revoked == NOW + 5.0
    with pytest.raises(NoSuchVantageError, match=who.name):
        register.revoke(who.name, NOW)
    with pytest.raises(NoSuchVantageError, match=who.name):
        register.rotate(who.name)


def test_a_rotated_credential_takes_the_place_of_the_old_one(register: Register) -> None:
    who, old = register.join(invited(register), NOW)
    new = register.rotate(who.name)
    assert register.bearer(old) is None
    assert register.bearer(new) == who


def test_no_secret_is_in_the_file_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    register = Register(tmp_path / "hub")
    unused = invited(register)
    _, credential = register.join(invited(register), NOW)
    register.close()
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert unused.encode() not in content
        assert credential.encode() not in content
    assert (tmp_path / "hub").stat().st_mode & 0o077 == 0


def test_another_file_is_not_taken(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE kept (x)")
    other.close()
    (tmp_path / "text").write_text("no database, but long enough for a header of SQLite's" * 4)
    for name in ("other", "text"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(NoRegisterError, match=name):
            Register(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(NoRegisterError):
        Register(tmp_path)


def test_it_is_opened_again(tmp_path: Path) -> None:
    first = Register(tmp_path / "hub")
    who, credential = first.join(invited(first), NOW)
    first.close()
    again = Register(tmp_path / "hub")
    assert again.bearer(credential) == who
    again.close()


def test_several_hubs_share_a_register(register: Register, tmp_path: Path) -> None:
    """Gates beside one another: who is revoked at one is known at none, and what one heard last is
    not taken back by what the other heard before."""
    other = Register(tmp_path / "hub")
    who, credential = register.join(invited(register), 1.0)
    assert other.bearer(credential) == who
    register.keep_heard({who.name: VantageHeard(at=100.0, newest_at=90.0)})
    other.keep_heard({who.name: VantageHeard(at=70.0, newest_at=60.0)})
    assert register.heard()[who.name].at == 100.0
    other.keep_heard({who.name: VantageHeard(at=130.0, newest_at=120.0)})
    assert register.heard()[who.name].at == 130.0
    # A clock that was days ahead is no later time.
    register.keep_heard({who.name: VantageHeard(at=900_000.0, newest_at=120.0)})
    other.keep_heard({who.name: VantageHeard(at=160.0, newest_at=150.0)})
    assert register.heard()[who.name].at == 160.0
    other.revoke(who.name, 200.0)
    assert register.bearer(credential) is None
    other.close()


def test_what_is_kept_of_a_secret_is_not_the_secret() -> None:
    secret = new_secret()
    assert digest_of(secret) == digest_of(secret) != secret
    assert digest_of(secret + "a") is None
