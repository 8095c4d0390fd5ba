"""A private certificate authority that issues for the platforms' real names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trustme

from probe.config.formats import is_address

# Real platforms carry dozens of names; their chains weigh 3 to 5 KB, and a line that is slowed
# down from the ClientHello on is slow by that weight.
OTHER_NAMES = 60


class Authority:
    """A root that the client trusts, and an intermediate that signs. Keys live in memory."""

    def __init__(self, name: str = "throttlewatch lab") -> None:
        self._root = trustme.CA(organization_name=name, organization_unit_name="root")
        self._signer = self._root.create_child_ca()

    @property
    def root_pem(self) -> bytes:
        """What a client puts into its CA file."""
        return self._root.cert_pem.bytes()

    def issue(self, names: Sequence[str], *, other_names: int = OTHER_NAMES) -> bytes:
        """Key, leaf and intermediate in PEM, for host names (``*.`` too) and literal addresses."""
        domain = next((n.removeprefix("*.") for n in names if not is_address(n)), "lab.example")
        others = [f"also-{i:02}.{domain}" for i in range(other_names)]
        return self._signer.issue_cert(*names, *others).private_key_and_cert_chain_pem.bytes()

    def write_root(self, path: Path) -> Path:
        """The root certificate as a file."""
        path.write_bytes(self.root_pem)
        return path
