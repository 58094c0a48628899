# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A server that answers INFO and TIME with what the test wants, and all else with an error."""

import contextlib
import socket
import threading
import time

FIT = b"\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n"


def _bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)


def _serve(connection, info, ahead):
    with connection:
        while call := connection.recv(65536):
            command = call.split(b"\r\n")[2]
            if command == b"INFO":
                connection.sendall(_bulk(info))
            elif command == b"TIME":
                connection.sendall(b"*2\r\n" + _bulk(b"%d" % (time.time() + ahead)) + _bulk(b"0"))
            else:
                connection.sendall(b"-ERR no\r\n")


@contextlib.contextmanager
def serve(info=FIT, ahead=0):
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def run():
            with contextlib.suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])
                    _serve(connections[-1], info, ahead)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)
