"""Every row of IANA's special-purpose address registries, and what no row speaks of."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from probe.measure.names.special_addresses import is_nowhere, is_special

# "Address Block" and "Globally Reachable" of both registries, as of 2026-07-18. ``None``: blank or
# "N/A" there.
ROWS: tuple[tuple[str, bool | None], ...] = (
    ("0.0.0.0/8", False),
    ("0.0.0.0/32", False),
    ("10.0.0.0/8", False),
    ("100.64.0.0/10", False),
    ("127.0.0.0/8", False),
    ("169.254.0.0/16", False),
    ("172.16.0.0/12", False),
    ("192.0.0.0/24", False),
    ("192.0.0.0/29", False),
    ("192.0.0.8/32", False),
    ("192.0.0.9/32", True),
    ("192.0.0.10/32", True),
    ("192.0.0.170/32", False),
    ("192.0.0.171/32", False),
    ("192.0.2.0/24", False),
    ("192.31.196.0/24", True),
    ("192.52.193.0/24", True),
    ("192.88.99.0/24", None),
    ("192.88.99.2/32", False),
    ("192.168.0.0/16", False),
    ("192.175.48.0/24", True),
    ("198.18.0.0/15", False),
    ("198.51.100.0/24", False),
    ("203.0.113.0/24", False),
    ("240.0.0.0/4", False),
    ("255.255.255.255/32", False),
    ("::1/128", False),
    ("::/128", False),
    ("::ffff:0:0/96", False),
    ("64:ff9b:1::/48", False),
    ("100::/64", False),
    ("100:0:0:1::/64", False),
    ("2001::/23", False),
    ("2001::/32", None),
    ("2001:1::1/128", True),
    ("2001:1::2/128", True),
    ("2001:1::3/128", True),
    ("2001:2::/48", False),
    ("2001:3::/32", True),
    ("2001:4:112::/48", True),
    ("2001:10::/28", None),
    ("2001:20::/28", True),
    ("2001:30::/28", True),
    ("2001:db8::/32", False),
    ("2620:4f:8000::/48", True),
    ("3fff::/20", False),
    ("5f00::/16", False),
    ("fc00::/7", False),
    ("fe80::/10", False),
)
BLOCKS = [(ip_network(block), reachable) for block, reachable in ROWS]


def _reachable(address: str) -> bool:
    """What the narrowest row that holds ``address`` and says anything says; none: it is."""
    ip = ip_address(address)
    rows = [(net.prefixlen, said) for net, said in BLOCKS if ip in net and said is not None]
    return max(rows, default=(0, True))[1]


@pytest.mark.parametrize("block", [block for block, _ in ROWS])
def test_an_address_is_as_its_row_says(block: str) -> None:
    network = ip_network(block)
    first, last = int(network[0]), int(network[-1])
    for number in (first, (first + last) // 2, last):
        address = str(network[number - first])
        assert is_special(address) is not _reachable(address), address


@pytest.mark.parametrize(
    ("address", "special"),
    [
        ("64:ff9b::8.8.8.8", False),
        ("64:ff9b::10.1.2.3", True),
        ("2002:808:808::1", False),
        ("2002:a01:203::1", True),
        ("2002:7f00:1::1", True),
        ("224.0.0.1", True),
        ("ff02::1", True),
        ("fec0::1", True),
        ("1.1.1.1", False),
        ("100.128.0.0", False),
        ("172.32.0.0", False),
        ("192.88.98.255", False),
        ("2a03:2880::1", False),
        ("2001:200::", False),
        ("2606:4700::1", False),
    ],
)
def test_an_address_that_stands_for_another_is_as_that_one_is(address: str, special: bool) -> None:
    assert is_special(address) is special


@pytest.mark.parametrize(
    ("address", "nowhere"),
    [
        ("2002:7f00:1::1", True),
        ("2002:0:0::1", True),
        ("64:ff9b::127.0.0.1", True),
        ("::ffff:0.0.0.0", True),
        ("2002:a01:203::1", False),
        ("2002:808:808::1", False),
        ("10.0.0.1", False),
    ],
)
def test_what_leads_to_this_host_or_to_nobody(address: str, nowhere: bool) -> None:
    assert is_nowhere(address) is nowhere
