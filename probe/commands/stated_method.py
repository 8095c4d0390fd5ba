"""Which method a report was made by, so that whoever cites it can find that very text: the hash of
the document that came with the program, and the project's address if it states one."""

from __future__ import annotations

import re
from hashlib import sha256

from probe.config import embedded
from probe.publish.report.citing import StatedMethod

# Keys of CITATION.cff that say where a project is; the first that is there holds.
_ADDRESS = re.compile(r"^(?:repository-code|url):\s*[\"']?(https://[^\s\"'#]+)", re.MULTILINE)


def stated_method() -> StatedMethod:
    """Of this installation. Nothing is looked up: what a file does not say is empty."""
    parts = embedded.parts()
    method, citation = parts["docs"] / "method.md", parts["CITATION.cff"]
    try:
        digest = sha256(method.read_bytes()).hexdigest()
        stated = _ADDRESS.search(citation.read_text(encoding="utf-8"))
    except OSError:
        # Somebody took the documents out to save room.
        return StatedMethod()
    return StatedMethod(digest=digest, address=stated[1] if stated else "")
