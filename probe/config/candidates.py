"""The objects that may stand for a target, in their order: the first, its fallback, and the others.

Each is a target by itself, with one object and nothing left to follow from elsewhere, so whoever
makes legs need not know whose place it takes.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from msgspec.structs import replace

from probe.config.definition import Candidate, Target

MARK_DIGITS = 8


@lru_cache(maxsize=1_024)
def candidates_of(target: Target) -> tuple[Target, ...]:
    """``target`` as each of its objects alone would have it; at least one, and each once: who
    overrides the first may name what is there as another already.

    The fallback is asked as the first object is: same names, same place, same swap. Of the others
    only those things are the target's that a ``Candidate`` does not have or leaves open.
    """
    plain = replace(target, fallback=None, candidates=())
    found = [] if target.url is None and target.discover is None else [plain]
    if target.fallback is not None:
        one = target.fallback
        found.append(replace(plain, url=one.url, discover=None, min_bytes=one.min_bytes))
    found += [_as_target(plain, one) for one in target.candidates]
    return tuple({mark_of(one): one for one in reversed(found)}.values())[::-1]


@lru_cache(maxsize=4_096)
def mark_of(candidate: Target) -> str:
    """What tells one candidate from another: the beginning of a hash of what the configuration
    names, its URL or its page, and where and under which name it is asked. The link on a page
    changes, and the candidate stays."""
    found = candidate.url or (candidate.discover.page if candidate.discover is not None else "")
    named = " ".join((found, candidate.connect_to or "", candidate.sni or ""))
    return hashlib.sha256(named.encode()).hexdigest()[:MARK_DIGITS]


def marked(target: Target, mark: str) -> Target:
    """The candidate with this mark; the first one if none has it."""
    every = candidates_of(target)
    return next((one for one in every if mark_of(one) == mark), every[0])


def _as_target(plain: Target, one: Candidate) -> Target:
    return replace(
        plain,
        evidence=one.evidence,
        url=one.url,
        discover=one.discover,
        connect_to=one.connect_to,
        sni=one.sni,
        host=one.host,
        certificate_name=one.certificate_name,
        also_certified=one.also_certified,
        verify=one.verify,
        min_bytes=one.min_bytes,
        expect_status=one.expect_status or plain.expect_status,
        swap=one.swap or plain.swap,
    )
