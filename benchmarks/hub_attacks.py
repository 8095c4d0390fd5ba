"""What harm can be done to a hub: ``python -m benchmarks.hub_attacks [--joins N] [--writes N]``.

The real hub before a real Prometheus. At once come ``--joins`` that have an invitation each, as
many that try one which was used, and ``--writes`` hostile remote writes: of strangers, and of a
probe that was stolen, with the labels of others, forged times, what is no snappy or no request, and
what unpacks to far more than it is. Meanwhile an honest probe sends a sample again and again, and
comes again when it is sent away, as a daemon does. Prints what was answered, and ends with 1 if
anything came into the engine that is not the sender's own, or anything honest is missing. Loopback
only, Linux only (``/proc``).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import cramjam
import httpx

from benchmarks.hub import Running, engine, told
from lab.loopback.prometheus import free_address
from probe.hub.enrolled import FleetPlace
from probe.hub.register import Register
from probe.publish.forward.remote_write_message import HEADERS, WriteRequest

AT_ONCE = 100
HONEST, STOLEN = FleetPlace(country="PK", asn=64_500), FleetPlace(country="PK", asn=64_501)
DAY = 86_400_000
WRITE, JOIN = "/api/v1/write", "/api/v1/join"


def request(labels: list[tuple[str, str]], times: list[int]) -> bytes:
    """One series as a request, unpacked."""
    made = WriteRequest()
    one = made.timeseries.add()
    for name, value in labels:
        one.labels.add(name=name, value=value)
    for at in times:
        one.samples.add(value=1.0, timestamp=at)
    return bytes(made.SerializeToString())


def packed(plain: bytes) -> bytes:
    """As it is sent."""
    return bytes(cramjam.snappy.compress_raw(plain))


def hostile(random: Random, victim: str, now: int) -> bytes:
    """One body that means harm."""
    name = ("__name__", random.choice(["throttlewatch_verdict_state", "up", "a:b", "", "\x00"]))
    who = ("vantage", random.choice([victim, "", "../../etc/passwd", "x" * 70_000]))
    where = [("country", "DE"), ("asn", "1"), ("role", "reference"), ("instance", victim)]
    at = now + random.choice([-400 * DAY, -DAY, 0, DAY, 2**40, -(2**62)])
    plain = request([name, who, *random.sample(where, 2)], random.choice([[at], [at, at - 1, at]]))
    kind = random.randrange(7)
    if kind == 0:
        return random.randbytes(random.randrange(2_000))
    if kind == 1:
        return packed(random.randbytes(random.randrange(2_000)))
    if kind == 2:
        return packed(plain)[: random.randrange(len(plain))]
    if kind == 3:
        return packed(plain + b"\x00" * random.randrange(1, 8_000_000))
    if kind == 4:
        return packed(plain * random.randrange(1, 400))
    if kind == 5:
        # What passes, if it is believed who sends it: in the hub's words of where that is.
        return packed(request([("__name__", "throttlewatch_verdict_state"), *where[:3]], [now]))
    return packed(plain)


class Attack:
    """The hub at ``url``, who sends there, and what was answered."""

    def __init__(self, url: str, register: Path, joins: int) -> None:
        book, now = Register(register), time.time()
        self.honest = book.join(book.invite(HONEST, until=now + 9_999, now=now), now)
        self.stolen = book.join(book.invite(STOLEN, until=now + 9_999, now=now), now)
        used = book.invite(STOLEN, until=now + 9_999, now=now)
        book.join(used, now)
        self.invitations = [book.invite(HONEST, until=now + 9_999, now=now) for _ in range(joins)]
        self.used = [used] * joins
        self.members = len(book.everybody())
        book.close()
        self.url, self.answers = url, dict[str, Counter[int]]()
        self.honest_seconds: list[float] = []
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def run(self, writes: int, seed: int) -> int:
        """Everything at once; how many honest samples were taken."""
        random, over = Random(seed), asyncio.Event()
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=120.0) as client:
            calm = asyncio.create_task(self._honest(client, over))
            async with asyncio.TaskGroup() as group:
                for secret in self.invitations:
                    group.create_task(self._join(client, "invited", secret))
                for secret in self.used:
                    group.create_task(self._join(client, "used", secret))
                for _ in range(writes):
                    bearer = random.choice([self.stolen[1], "x" * 43, ""])
                    group.create_task(self._write(client, bearer, random.getrandbits(64)))
            over.set()
            return await calm

    async def _join(self, client: httpx.AsyncClient, what: str, secret: str) -> None:
        async with self._gate:
            while True:
                answer = await client.post(JOIN, json={"invitation": secret})
                self.answers.setdefault(what, Counter())[answer.status_code] += 1
                if answer.status_code != 503:
                    return
                await asyncio.sleep(0.5)

    async def _write(self, client: httpx.AsyncClient, bearer: str, seed: int) -> None:
        async with self._gate:
            body = hostile(Random(seed), self.honest[0].name, int(time.time() * 1_000))
            headers = {**HEADERS, "Authorization": f"Bearer {bearer}"}
            what = "stolen" if bearer == self.stolen[1] else "strangers"
            try:
                answer = await client.post(WRITE, content=body, headers=headers)
                status = answer.status_code
            except httpx.HTTPError:
                status = 0
            self.answers.setdefault(what, Counter())[status] += 1

    async def _honest(self, client: httpx.AsyncClient, over: asyncio.Event) -> int:
        taken = 0
        who, credential = self.honest
        headers = {**HEADERS, "Authorization": f"Bearer {credential}"}
        labels = [("__name__", "throttlewatch_attack_test"), ("vantage", who.name)]
        while not over.is_set():
            body = packed(request(labels, [int(time.time() * 1_000)]))
            while True:
                began = time.monotonic()
                answer = await client.post(WRITE, content=body, headers=headers)
                self.honest_seconds.append(time.monotonic() - began)
                if answer.status_code == 204:
                    break
                await asyncio.sleep(0.2)
            taken += 1
            await asyncio.sleep(0.05)
        return taken


def wrong_in(behind: str, attack: Attack, taken: int, register: Path) -> list[str]:
    """What came in that should not have, and what is missing."""
    found = []
    stolen, honest = attack.stolen[0].name, attack.honest[0].name
    with httpx.Client(base_url=f"http://{behind}", trust_env=False, timeout=60.0) as client:

        def count(query: str) -> float:
            answer = client.get("/api/v1/query", params={"query": query}).json()
            result = answer["data"]["result"]
            return float(result[0]["value"][1]) if result else 0.0

        # 40 days, as far as time may be forged.
        every = 'count(last_over_time({__name__=~".+", instance%s}[40d]))'
        if count(every % f'!~"{stolen}|{honest}"'):
            found.append("series of somebody else")
        strange = every % f'="{stolen}", country!~"PK|", asn!~"64501|"'
        if count(strange) or count(every % f'="{honest}", __name__!="throttlewatch_attack_test"'):
            found.append("series of the stolen probe that are not its own")
        there = count(f'sum(count_over_time(throttlewatch_attack_test{{instance="{honest}"}}[1h]))')
        print(f"honest samples: {taken} were taken, {there:.0f} are in the engine")
        if there != taken:
            found.append("honest samples are missing")
    book = Register(register)
    came = len(book.everybody()) - attack.members
    book.close()
    print(f"{came} of {len(attack.invitations)} came in by an invitation of their own")
    if came != len(attack.invitations):
        found.append("joined others than were invited")
    return found


def main() -> int:
    """Attack, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--joins", type=int, default=1_000)
    parser.add_argument("--writes", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        register, listen, behind = folder / "hub.sqlite3", free_address(), free_address()
        attack = Attack(f"http://{listen}", register, given.joins)
        answers = engine(folder, behind)
        hub = Running(
            *(folder, "hub", f"http://{listen}", "/-/healthy", sys.executable, "-m", "probe"),
            *("hub", "serve", "--register", str(register), "--listen", listen),
            *("--metrics-listen", free_address(), "--engine", f"http://{behind}/api/v1/write"),
        )
        try:
            taken = asyncio.run(attack.run(given.writes, given.seed))
            for what, statuses in sorted(attack.answers.items()):
                print(f"{what}: {', '.join(f'{s} {n}' for s, n in sorted(statuses.items()))}")
            told("honest", attack.honest_seconds)
            memory, seconds = hub.own()
            print(f"the hub: {memory / 1e6:.0f} MB at most, {seconds:.1f} s of CPU")
            wrong = wrong_in(behind, attack, taken, register)
        finally:
            hub.stop()
            answers.stop()
    print("\n".join(wrong) or "nothing came in that should not have, and nothing is missing")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
