"""Of many links the largest of a few; the one in use stays; no answer of a far end breaks it."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from probe.measure.objects.object_choice import MOST_LOOKED_AT, SizeOf, choose
from probe.model.failure import Failure
from probe.model.identity import Phase
from probe.publish.privacy.logged_fields import FIELDS

LINKS = tuple(f"https://x.test/{n}.js" for n in range(20))
RESET = Failure(phase=Phase.TLS, reason="connection_reset")
LEAST = 65_536


class Far:
    """Answers with the sizes given, and counts what it is asked."""

    def __init__(self, sizes: dict[str, int | Failure | None]) -> None:
        self._sizes = sizes
        self.asked: list[str] = []

    async def look(self, url: str) -> int | Failure | None:
        self.asked.append(url)
        return self._sizes[url]


async def chosen(
    links: tuple[str, ...],
    look: SizeOf | None,
    *,
    in_use: str | None = None,
    refused: tuple[str, ...] = (),
    seed: int = 1,
) -> str | Failure:
    return await choose(
        links, in_use=in_use, refused=refused, least=LEAST, look=look, random=Random(seed)
    )


async def test_the_largest_of_a_few_is_taken() -> None:
    far = Far({link: 70_000 + n for n, link in enumerate(LINKS)})
    found = await chosen(LINKS, far.look)
    assert found == max(far.asked, key=LINKS.index)
    assert len(far.asked) == len(set(far.asked)) == MOST_LOOKED_AT


async def test_which_are_looked_at_is_drawn() -> None:
    far = Far(dict.fromkeys(LINKS, 70_000))
    for seed in range(30):
        await chosen(LINKS, far.look, seed=seed)
    assert set(far.asked) == set(LINKS)


async def test_the_one_in_use_stays_and_nobody_is_asked() -> None:
    far = Far({})
    assert await chosen(LINKS, far.look, in_use=LINKS[7]) == LINKS[7]
    assert await chosen((LINKS[0],), far.look) == LINKS[0]
    assert far.asked == []


async def test_one_that_was_gone_is_taken_only_if_there_is_nothing_else() -> None:
    far = Far(dict.fromkeys(LINKS, 70_000))
    found = await chosen(LINKS[:3], far.look, in_use=LINKS[0], refused=LINKS[:2])
    assert found == LINKS[2]
    assert await chosen(LINKS[:1], far.look, in_use=LINKS[0], refused=LINKS[:1]) == LINKS[0]


async def test_small_ones_are_no_objects_and_that_is_told() -> None:
    far = Far(dict.fromkeys(LINKS[:3], LEAST - 1))
    found = await chosen(LINKS[:3], far.look)
    assert isinstance(found, Failure)
    assert FIELDS["reason"](found.detail) == found.detail, "it may stand in the log"


async def test_a_network_that_fails_is_not_asked_again_and_says_nothing_of_the_links() -> None:
    far = Far(dict.fromkeys(LINKS, RESET))
    assert await chosen(LINKS, far.look) == far.asked[0]
    assert len(far.asked) == 1


ANSWERS = st.one_of(st.none(), st.just(RESET), st.integers(0, 10_000_000))


@given(st.lists(ANSWERS, min_size=1, max_size=12), st.integers(0, 5))
async def test_what_is_taken_is_a_link_that_is_not_known_to_be_small(
    answers: list[int | Failure | None], seed: int
) -> None:
    links = LINKS[: len(answers)]
    sizes = dict(zip(links, answers, strict=True))
    far = Far(sizes)
    found = await chosen(links, far.look, seed=seed)
    learnt = [size for link in far.asked if isinstance(size := sizes[link], int)]
    if isinstance(found, Failure):
        assert learnt
        assert max(learnt) < LEAST
        assert len(learnt) == min(len(links), MOST_LOOKED_AT)
    else:
        size = sizes[found] if found in far.asked else None
        if isinstance(size, int):
            assert size == max(learnt) >= LEAST
    assert len(far.asked) <= MOST_LOOKED_AT
