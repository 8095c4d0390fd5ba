"""Reading the kernel's ``tcp_info``, of whatever length it is."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.measure.connection import tcp_info


def raw(**fields: tuple[int, str, int]) -> bytes:
    data = bytearray(280)
    for offset, form, value in fields.values():
        struct.pack_into("=" + form, data, offset, value)
    return bytes(data)


FULL = raw(
    options=(5, "B", 1),
    rtt=(68, "I", 40_000),
    rcv_rtt=(92, "I", 50_000),
    total_retrans=(100, "I", 2),
    bytes_received=(128, "Q", 70_000),
    segs_out=(136, "I", 30),
    segs_in=(140, "I", 60),
    min_rtt=(148, "I", 39_000),
    bytes_sent=(200, "Q", 900),
    rcv_ooopack=(224, "I", 4),
)


def test_every_field() -> None:
    account = tcp_info.parse(FULL, socket.AF_INET)

    assert account.tcp.rtt_seconds == pytest.approx(0.040)
    assert account.tcp.min_rtt_seconds == pytest.approx(0.039)
    assert account.tcp.receive_rtt_seconds == pytest.approx(0.050)
    assert account.tcp.retransmits == 2
    assert account.tcp.out_of_order == 4
    assert (account.tcp.segments_in, account.tcp.segments_out) == (60, 30)
    assert (account.tcp.bytes_received, account.tcp.bytes_sent) == (70_000, 900)
    assert account.wire_bytes_received == 70_000 + 60 * 52 + 8
    assert account.wire_bytes_sent == 900 + 30 * 52 + 8


def test_the_ip_header_is_the_familys() -> None:
    account = tcp_info.parse(FULL, socket.AF_INET6)
    assert account.wire_bytes_received == 70_000 + 60 * 72 + 8


def test_an_old_kernel_has_fewer_fields() -> None:
    account = tcp_info.parse(FULL[:192], socket.AF_INET)

    assert account.tcp.min_rtt_seconds is not None
    assert account.tcp.bytes_sent is None
    assert account.tcp.out_of_order is None
    assert account.wire_bytes_sent is None
    assert account.wire_bytes_received is not None


def test_no_sample_is_not_zero() -> None:
    account = tcp_info.parse(raw(min_rtt=(148, "I", 0xFFFF_FFFF)), socket.AF_INET)
    assert account.tcp.rtt_seconds is None
    assert account.tcp.min_rtt_seconds is None
    assert account.tcp.receive_rtt_seconds is None


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(data: bytes) -> None:
    tcp_info.parse(data, socket.AF_INET)


def rtt(sock: socket.socket) -> float | None:
    account = tcp_info.read(sock)
    return None if account is None else account.tcp.rtt_seconds


@given(st.binary(max_size=400))
def test_the_handshake_is_what_the_whole_account_says(data: bytes) -> None:
    class Connected(socket.socket):
        def getsockopt(self, *_: object) -> bytes:  # type: ignore[override]
            return data

    with Connected() as sock:
        account = tcp_info.parse(data, socket.AF_INET).tcp
        once = account.retransmits == 0
        assert tcp_info.handshake_seconds(sock) == (account.rtt_seconds if once else None)


def test_a_real_connection() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as server,
    ):
        client.sendall(b"x" * 100)
        assert tcp_info.handshake_seconds(client) in (None, rtt(client))
        server.recv(100, socket.MSG_WAITALL)
        account = tcp_info.read(server)

    if account is None:
        pytest.skip("this system has no TCP_INFO")
    assert account.tcp.bytes_received == 100
    assert account.tcp.rtt_seconds is not None
    assert account.tcp.rtt_seconds < 1


def test_the_window_follows_the_memory_for_it() -> None:
    windows = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for buffer_bytes in (8_192, 32_768):
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
                client.connect(listener.getsockname())
                listener.accept()[0].close()
                windows.append(tcp_info.window_bytes(client) or 0)
    # Linux doubles what it is asked for, and takes a half or so of it for its own needs.
    assert 0 < windows[0] <= 16_384 < windows[1] <= 65_536
