from __future__ import annotations

import ssl

import pytest

from probe.demo.hello import LARGEST_BYTES, HelloError, server_name


def hello(name: str | None) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def test_the_name_is_found_as_soon_as_the_hello_is_whole() -> None:
    whole = hello("x.com")
    assert [server_name(whole[:length]) for length in range(len(whole))] == [None] * len(whole)
    assert server_name(whole) == "x.com"


def test_a_hello_without_a_name_has_the_empty_one() -> None:
    assert server_name(hello(None)) == ""


@pytest.mark.parametrize("received", [b"GET / HTTP/1.1\r\n\r\n", bytes(300), b"SSH-2.0-x\r\n"])
def test_what_is_no_hello_is_refused(received: bytes) -> None:
    with pytest.raises(HelloError):
        server_name(received)


def test_a_hello_without_end_is_refused() -> None:
    endless = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + bytes(LARGEST_BYTES)
    with pytest.raises(HelloError):
        server_name(endless[:LARGEST_BYTES])
