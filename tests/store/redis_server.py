# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A real redis-server in a folder of its own, on loopback ports that are free, ended by its pid."""

import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """options: lines of its redis.conf, "_" in their names for "-"; users: lines of ACL rules."""

    def __init__(self, folder, authority=None, certificate="good", ask_certificate=False, users=(), program="redis-server",
                 **options):
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        lines = {"bind": "127.0.0.1", "port": self.port, "dir": folder, "save": '""', "appendonly": "yes",
                 "unixsocket": folder / "socket", "loglevel": "warning"}
        if authority:
            pem = authority.certificate(certificate)
            lines |= {"tls-port": self.tls_port, "tls-cert-file": pem, "tls-key-file": pem,
                      "tls-ca-cert-file": authority.path, "tls-auth-clients": "yes" if ask_certificate else "no"}
        lines |= {name.replace("_", "-"): value for name, value in options.items()}
        text = "".join(f"{name} {value}\n" for name, value in lines.items()) + "".join(f"user {user}\n" for user in users)
        (folder / "redis.conf").write_text(text)
        self.program = program
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program, self.folder / "redis.conf"], stdout=open(self.folder / "log", "ab"),
                                        stderr=subprocess.STDOUT)
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def _wait(self):
        until = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.folder / "socket"))
                probe.sendall(b"PING\r\n")
                return not probe.recv(64).startswith(b"-LOADING")
        except OSError:
            return False

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(timeout=20)
