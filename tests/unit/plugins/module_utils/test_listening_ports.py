"""Sockets and their owners are read from /proc as the kernel writes it."""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import listening_ports as ports
from hypothesis import given
from hypothesis import strategies as st

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address: str, port: int, state: str, inode: int) -> str:
    """A line of /proc/net/<protocol>."""
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1\n"


@given(st.ip_addresses())
def test_address_survives_the_kernels_format(address: object) -> None:
    """Whatever address the kernel prints on this machine, the same one is decoded."""
    packed = address.packed  # type: ignore[attr-defined]  # hypothesis types it as a union without the attribute
    words = [struct.unpack("=I", packed[start : start + 4])[0] for start in range(0, len(packed), 4)]
    field = "".join(f"{word:08X}" for word in words)
    assert ports.decode_address(field) == str(address)


@pytest.mark.parametrize(("order", "address"), [("little", "127.0.0.1"), ("big", "1.0.0.127")])
def test_byte_order_of_the_machine_counts(order: str, address: str) -> None:
    """On a big-endian machine the words stand as they are sent."""
    assert ports.decode_address("0100007F", order) == address


@pytest.mark.parametrize(("protocol", "waiting", "busy"), [("tcp", "0A", "01"), ("udp", "07", "01")])
def test_only_waiting_sockets_are_listed(protocol: str, waiting: str, busy: str) -> None:
    """A connected socket is not listed; a short line of a table that grows while it is read is left out."""
    table = HEADER + row("00000000", 22, waiting, 7) + row("00000000", 40000, busy, 8) + "   2: 0000\n"
    assert [(found.port, found.inode) for found in ports.parse_sockets(protocol, table)] == [(22, 7)]


def test_protocols_of_both_families_have_one_name(tmp_path: Path) -> None:
    """tcp6 is tcp with an IPv6 address; a missing table (no IPv6) is none."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp6").write_text(HEADER + row("0" * 32, 80, "0A", 1), encoding="ascii")
    assert ports.read_sockets(str(tmp_path)) == [ports.Socket("tcp", "::", 80, 1)]


def test_owner_is_the_first_process_that_holds_the_socket(tmp_path: Path) -> None:
    """Of a master and its workers the master is named; processes that cannot be read are passed over."""
    for pid, name in ((10, "nginx"), (11, "worker")):
        fd = tmp_path / str(pid) / "fd"
        fd.mkdir(parents=True)
        (fd / "3").symlink_to("socket:[99]")
        (fd / "4").symlink_to("/dev/null")
        (tmp_path / str(pid) / "comm").write_text(f"{name}\n", encoding="utf-8")
    (tmp_path / "12").mkdir()
    owners = ports.read_owners(str(tmp_path))
    assert owners == {99: ports.Process(10, "nginx")}
    assert [port["process"] for port in ports.describe([ports.Socket("tcp", "::", 1, 99)], owners)] == ["nginx"]
    assert [port["pid"] for port in ports.describe([ports.Socket("tcp", "::", 1, 5)], owners)] == [None]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_real_socket_of_this_process_is_found() -> None:
    """A socket opened here is listed with this process as its owner."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [entry for entry in ports.describe(ports.read_sockets(), ports.read_owners()) if entry["port"] == port]
    assert [(entry["address"], entry["pid"]) for entry in found] == [("127.0.0.1", os.getpid())]
