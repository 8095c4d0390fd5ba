"""The archive's copy in a bucket, at a server that speaks S3 and looks at keys and signatures
(moto), by the real command; between both a relay that can be away, or cut answers short."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from probe.config.schema import VantageConfig
from probe.hub.archive_copy import ArchiveCopy, CopyTurn
from probe.hub.bucket import KEY, SECRET, BucketError, BucketPlace, RoundsBucket
from probe.publish.parcels.archive import Archive
from probe.publish.parcels.archive_reader import ArchivedHistory
from probe.publish.privacy.configured_names import Named
from tests.again import SOON_SECONDS
from tests.store.rounds import stored

BUCKET, FOLDER = "rounds", "hub/first"
AT = f"s3://{BUCKET}/{FOLDER}"
NAME = "default"
"""The vantage of the rounds that are kept."""


class Server:
    """A server with a bucket, and the keys of somebody who may use it."""

    def __init__(self) -> None:
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, self.port = self._moto.get_host_and_port()
        self.url = f"http://{host}:{self.port}"
        anybody = {"aws_access_key_id": "any", "aws_secret_access_key": "body"}
        where = {"endpoint_url": self.url, "region_name": "us-east-1"}
        iam = boto3.client("iam", **where, **anybody)
        iam.create_user(UserName="hub")
        made = iam.create_access_key(UserName="hub")["AccessKey"]
        self.keys = {KEY: made["AccessKeyId"], SECRET: made["SecretAccessKey"]}
        may = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        iam.put_user_policy(UserName="hub", PolicyName="s3", PolicyDocument=policy)
        boto3.client("s3", **where, **anybody).create_bucket(Bucket=BUCKET)
        self._look_at_keys(after=0)

    def close(self) -> None:
        self._look_at_keys(after=10**6)
        self._moto.stop()

    def _look_at_keys(self, after: int) -> None:
        """From so many requests on."""
        answer = httpx.post(
            f"{self.url}/moto-api/reset-auth",
            content=str(after),
            headers={"Content-Type": "text/plain"},
            trust_env=False,
        )
        assert answer.status_code == 200


class Relay:
    """On the way to the server. ``away``: it takes no connection; ``after``: it ends each answer
    when so many bytes of it have passed."""

    def __init__(self, port: int) -> None:
        self._to, self.away, self.after = ("127.0.0.1", port), False, 10**9
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            if self.away:
                return
            with socket.create_connection(self._to) as far:
                threading.Thread(target=_pass, args=(near, far, 10**9), daemon=True).start()
                _pass(far, near, self.after)


def _pass(source: socket.socket, sink: socket.socket, most: int) -> None:
    with suppress(OSError):
        while most > 0 and (data := source.recv(min(65_536, most))):
            sink.sendall(data)
            most -= len(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    made = Relay(server.port)
    yield made
    made.close()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two hours of rounds of one vantage."""
    made = Archive(tmp_path / "archive")
    made.begin()
    made.place(VantageConfig(name=NAME, country="PK", asn=17_557))
    made.name(Named(hosts=frozenset({"x.com"})))
    made.add(NAME, [stored(n) for n in (0, 1, 70)])
    return made


@pytest.fixture
def bucket(server: Server, relay: Relay) -> Iterator[RoundsBucket]:
    place = BucketPlace(bucket=BUCKET, folder=FOLDER, endpoint=relay.url)
    yield RoundsBucket(place, server.keys)
    relay.away, relay.after = False, 10**9
    straight = RoundsBucket(
        BucketPlace(bucket=BUCKET, folder=FOLDER, endpoint=server.url), server.keys
    )
    straight.delete(list(straight.stored()))


def files(archive: Archive) -> dict[str, bytes]:
    root = archive.root
    return {one.relative_to(root).as_posix(): one.read_bytes() for one in archive.files()}


def has(bucket: RoundsBucket) -> dict[str, bytes]:
    return {name: bucket.get(name) for name in bucket.stored()}


def command(keys: dict[str, str], url: str, *words: object) -> list[str]:
    """The real one, with such keys and no other word of the environment."""
    env = (f"{name}={value}" for name, value in keys.items())
    return [
        *("env", *env, sys.executable, "-m", "probe", "hub", "copy"),
        *("--endpoint", url, "--to", AT, *map(str, words)),
    ]


def ran(*words: str) -> tuple[int, str]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def test_what_is_copied_comes_back_and_can_be_read(
    server: Server, relay: Relay, bucket: RoundsBucket, archive: Archive, tmp_path: Path
) -> None:
    status, said = ran(*command(server.keys, relay.url, "--archive", archive.root))
    assert (status, said) == (0, "4 files copied, 0 were there\n")
    assert has(bucket) == files(archive)
    # By another process, that remembers nothing.
    _, said = ran(*command(server.keys, relay.url, "--archive", archive.root))
    assert said == "0 files copied, 4 were there\n"
    archive.add(NAME, [stored(71)])
    _, said = ran(*command(server.keys, relay.url, "--archive", archive.root))
    assert said == "1 files copied, 3 were there\n"

    back = Archive(tmp_path / "back")
    status, said = ran(*command(server.keys, relay.url, "--archive", back.root, "--back"))
    assert (status, said) == (0, "4 files written\n")
    assert files(back) == files(archive)
    read = ArchivedHistory(back.root)
    assert [one.observed.id for one in read.rounds()] == [
        stored(n).observed.id for n in (0, 1, 70, 71)
    ]

    status, said = ran(*command(server.keys, relay.url, "--archive", back.root, "--delete", NAME))
    assert (status, said) == (0, f"3 files of {NAME} are deleted\n")
    assert list(has(bucket)) == ["names.json"]


@pytest.mark.parametrize(
    ("keys", "to", "says"),
    [
        ({SECRET: "wrong"}, AT, "does not take the keys"),
        ({KEY: "AKIANOBODY0000000000"}, AT, "does not take the keys"),
        ({KEY: ""}, AT, "there are no keys"),
        ({}, "s3://other/hub", "no such bucket"),
    ],
)
def test_wrong_keys_or_a_wrong_bucket_are_said_and_nothing_is_written(
    server: Server,
    relay: Relay,
    bucket: RoundsBucket,
    archive: Archive,
    keys: dict[str, str],
    to: str,
    says: str,
) -> None:
    words = command(server.keys | keys, relay.url, "--archive", archive.root, "--to", to)
    status, said = ran(*words)
    assert status == 1
    assert says in said
    assert "Traceback" not in said
    assert server.keys[SECRET] not in said
    assert has(bucket) == {}


def test_while_the_server_is_away_nothing_is_lost_and_then_all_of_it_comes(
    server: Server, relay: Relay, bucket: RoundsBucket, archive: Archive, tmp_path: Path
) -> None:
    relay.away = True
    words = command(server.keys, relay.url, "--archive", archive.root, "--every", "1s")
    with (tmp_path / "said").open("w+") as said:
        copying = subprocess.Popen(words, stderr=said)
        try:
            soon(lambda: "not copied, and tried again" in (tmp_path / "said").read_text())
            archive.add(NAME, [stored(140)])
            relay.away = False
            soon(lambda: len(bucket.stored()) == 5)
            relay.away = True
            archive.add(NAME, [stored(141)])
            archive.add(NAME, [stored(210)])
            time.sleep(2.0)
            assert copying.poll() is None
            relay.away = False
            soon(lambda: has(bucket) == files(archive))
        finally:
            copying.send_signal(signal.SIGTERM)
            copying.wait(30)
    assert "Traceback" not in (tmp_path / "said").read_text()
    assert len(files(archive)) == 6


@pytest.mark.parametrize("after", [0, 1, 20, 200, 600])
def test_an_answer_that_is_cut_short_is_none(
    relay: Relay, bucket: RoundsBucket, archive: Archive, tmp_path: Path, after: int
) -> None:
    """Of a list, an acknowledgement, an object: what comes to be is what was there, or nothing."""
    copying = ArchiveCopy(archive, bucket)
    relay.after = after
    with suppress(BucketError):
        copying.turn()
    relay.after = 10**9
    done = copying.turn()
    assert has(bucket) == files(archive)
    assert copying.turn() == CopyTurn(sent=0, there=4)
    assert done.sent + done.there == 4

    back = Archive(tmp_path / "back")
    whole = files(archive)
    relay.after = after
    for name in whole:
        with suppress(BucketError):
            assert bucket.get(name) == whole[name]
    with suppress(BucketError):
        assert bucket.stored().keys() == whole.keys()
    assert files(back) == {}


def test_what_a_bucket_lost_is_sent_again(bucket: RoundsBucket, archive: Archive) -> None:
    copying = ArchiveCopy(archive, bucket)
    copying.turn()
    lost = sorted(files(archive))[0]
    bucket.delete([lost])
    bucket.put(sorted(files(archive))[1], b"other bytes")
    assert ArchiveCopy(archive, bucket).turn() == CopyTurn(sent=2, there=2)
    assert has(bucket) == files(archive)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("default/2026-01-20/25.jsonl.zst", b"x"),
        ("default/2026-01-20/05.jsonl.zst", b"damaged"),
        ("default/2026-01-20/05.jsonl.zst.part", b"x"),
        ("other/vantage.json", b'{"name":"default","country":"PK"}'),
        ("Makefile", b"x"),
    ],
)
def test_what_is_no_file_of_an_archive_is_not_written(
    server: Server, bucket: RoundsBucket, archive: Archive, tmp_path: Path, name: str, body: bytes
) -> None:
    ArchiveCopy(archive, bucket).turn()
    put = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.keys[KEY],
        aws_secret_access_key=server.keys[SECRET],
    )
    put.put_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}", Body=body)
    back = Archive(tmp_path / "back")
    status, said = ran(*command(server.keys, server.url, "--archive", back.root, "--back"))
    put.delete_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}")
    assert (status, "1 objects are no files of an archive" in said) == (1, True), said
    assert files(back) == files(archive)
    assert {one for one in back.root.rglob("*") if one.is_file()} == set(back.files())


def test_a_name_that_leads_out_of_the_folder_is_not_followed(
    server: Server, bucket: RoundsBucket, tmp_path: Path
) -> None:
    keys = {"aws_access_key_id": server.keys[KEY], "aws_secret_access_key": server.keys[SECRET]}
    put = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", **keys)
    name = f"{FOLDER}/../../outside"
    put.put_object(Bucket=BUCKET, Key=name, Body=b"x")
    folder = tmp_path / "back"
    status, said = ran(*command(server.keys, server.url, "--archive", folder, "--back"))
    put.delete_object(Bucket=BUCKET, Key=name)
    assert (status, "Traceback" in said) == (1, False)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "rounds"),
        ("--to", "s3://R/x"),
        ("--to", "s3://rounds/../x"),
        ("--endpoint", "http://s3.example.org"),
        ("--endpoint", "https://who@s3.example.org"),
        ("--back", "--every", "1m"),
    ],
)
def test_what_is_no_place_is_refused_before_anything_is_asked(
    server: Server, archive: Archive, words: tuple[str, ...]
) -> None:
    status, said = ran(*command(server.keys, server.url, "--archive", archive.root, *words))
    assert status != 0
    assert "Traceback" not in said


def soon(what: object) -> None:
    assert callable(what)
    until = time.monotonic() + SOON_SECONDS
    while True:
        with suppress(BucketError):
            if what():
                return
        assert time.monotonic() < until
        time.sleep(0.2)
