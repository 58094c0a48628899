# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A server that answers INFO with what the test wants, and all else with an error."""

import contextlib
import socket
import threading


def _serve(connection, info):
    with connection:
        while call := connection.recv(65536):
            asked = b"INFO" in call
            connection.sendall(b"$%d\r\n%s\r\n" % (len(info), info) if asked else b"-ERR no\r\n")


@contextlib.contextmanager
def serve_info(info):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def run():
            with contextlib.suppress(OSError):
                while True:
                    _serve(listener.accept()[0], info)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)
