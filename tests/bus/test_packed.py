# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Lengths that lie: every number in a message's bytes, on the socket where no bus looks at them first."""

import re
import select
import socket
import struct

from daemon import NAME, OBJECT, PASSWORD, ROOT, wait_for

LIES = (0, 7, 4096, 2**26, 2**31 - 1, 2**32 - 1)
PATIENCE = 0.01  # s; what is not answered by then is waiting for the rest


def padded(data, to):
    return data + bytes(-len(data) % to)


def text(value):
    return struct.pack("<I", len(value)) + value.encode() + b"\0"


def call(interface, member, argument):
    """A method call with one string, as it goes over the wire."""
    fields = b""
    for code, kind, value in ((1, "o", OBJECT), (2, "s", f"{NAME}.{interface}"), (3, "s", member)):
        fields = padded(fields, 8) + bytes((code, 1)) + kind.encode() + b"\0" + text(value)
    fields = padded(fields, 8) + bytes((8, 1)) + b"g\0" + b"\1s\0"
    body = text(argument)
    return padded(struct.pack("<cBBBII", b"l", 1, 0, 1, len(body), 7) + struct.pack("<I", len(fields)) + fields, 8) + body


def answers(host, data):
    """All that comes back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.connect(str(host.folder / "run/private"))
        peer.settimeout(0.2)
        found = b""
        try:
            peer.sendall(b"\0AUTH EXTERNAL 30\r\n")
            assert peer.recv(256).startswith(b"OK")
            peer.sendall(b"BEGIN\r\n" + data)
            if select.select([peer], [], [], PATIENCE)[0]:
                found = peer.recv(65536)
            peer.shutdown(socket.SHUT_WR)  # it may be waiting for more
            while part := peer.recv(65536):
                found += part
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        return found


def test_B15_no_length_is_trusted(host):
    """No answer to it holds more than an answer does: nothing that lay beside it in memory."""
    host.log_in("alice")
    good = call("Sessions", "Show", "0" * 32)
    wait_for(lambda: b"NotFound" in answers(host, good))
    for at in range(0, len(good) - 3, 4):
        for lie in LIES:
            found = answers(host, good[:at] + struct.pack("<I", lie) + good[at + 4:])
            assert len(found) < 1024 and PASSWORD.encode() not in found, (at, lie, found)
    for size in range(0, len(good), 3):  # and what is cut off
        assert len(answers(host, good[:size])) < 1024
    assert host.alive() and host.call("Roles.List")


def test_B9_a_call_without_a_number_is_no_mistake_of_ours(host):
    """It cannot be answered; GDBus took it all the same, and complained of us (critical) when we tried."""
    good = call("Sessions", "Show", "0" * 32)
    assert b"NotFound" not in answers(host, good[:8] + bytes(4) + good[12:])
    assert host.alive() and host.call("Roles.List")


def test_B15_nothing_is_packed_by_hand():
    """Replies are GVariant's own: no length is written by anybody else."""
    by_hand = re.compile(r"\bg_variant_(new_from_(data|bytes)|store|byteswap)\b|\bg_dbus_message_set_body\b|\bmemcpy\b")
    sources = [path for pattern in ("pack.c", "unpack.c", "call.c", "handle-*.c", "monitor*.c")
               for path in (ROOT / "daemon/bus").glob(pattern)]
    assert len(sources) > 15
    found = [f"{path.name}: {line}" for path in sources for line in path.read_text().splitlines() if by_hand.search(line)]
    assert not found
