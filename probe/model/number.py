"""Numbers in texts that others wrote: a far end, a client, an environment."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"0*([0-9]{1,18})")


def whole(text: str) -> int | None:
    """``text`` as a whole number, if it is one in ASCII digits and below 10 to the 18th.

    ``int`` takes more than that (signs, underscores, other scripts' digits), and raises on some of
    what ``str.isdecimal`` allows (more than 4,300 digits).
    """
    match = _DIGITS.fullmatch(text)
    return None if match is None else int(match[1])
