# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The real tessera-oidc as an unprivileged user, and calls to it as the user tessera."""

import contextlib
import fcntl
import os
import pathlib
import re
import socket
import subprocess
import time

from gi.repository import Gio, GLib

TESSERA, HELPER, ALICE = 990, 991, 20001
OBJECT, INTERFACE, ERROR = "/org/tessera/Oidc1", "org.tessera.Oidc1", "org.tessera.Oidc1.Error."
PASSWD = f"""root:x:0:0:root:/root:/bin/sh
tessera:x:{TESSERA}:{TESSERA}::/nonexistent:/usr/sbin/nologin
tessera-oidc:x:{HELPER}:{HELPER}::/nonexistent:/usr/sbin/nologin
"""
REDIRECT_URI = "http://127.0.0.1:49152/callback"


class Refused(Exception):
    def __init__(self, error):
        name = Gio.DBusError.get_remote_error(error) or ""
        self.name = name.removeprefix(ERROR)
        self.message = error.message.removeprefix(f"GDBus.Error:{name}: ")
        super().__init__(f"{self.name}: {self.message}")


@contextlib.contextmanager
def user(uid):
    """This process, as another user to whom it may concern: sockets take the effective one."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def sealed(data, seals=0xF):
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data if isinstance(data, bytes) else data.encode())
    if seals:
        fcntl.fcntl(fd, 1033, seals)  # F_ADD_SEALS
    return fd


class Connection:
    def __init__(self, path, uid=TESSERA):
        with user(uid):
            self.bus = Gio.DBusConnection.new_for_address_sync(
                f"unix:path={path}", Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
        self.bus.set_exit_on_close(False)

    def call(self, method, signature, *arguments, timeout=40, fds=()):
        fd_list = Gio.UnixFDList.new_from_array(list(fds)) if fds else None
        try:
            reply, _ = self.bus.call_with_unix_fd_list_sync(
                None, OBJECT, INTERFACE, method, GLib.Variant(signature, arguments), None, Gio.DBusCallFlags.NONE,
                int(timeout * 1000), fd_list, None)
        except GLib.Error as error:
            raise Refused(error) from None
        return reply.unpack()

    def close(self):
        self.bus.close_sync(None)

    def start_device(self, provider="corp"):
        return self.call("StartDevice", "(s)", provider)

    def start_code(self, provider="corp", redirect_uri=REDIRECT_URI):
        return self.call("StartCode", "(ss)", provider, redirect_uri)

    def wait(self, flow, seconds=30):
        return self.call("Wait", "(su)", flow, int(seconds * 1000), timeout=seconds + 10)

    def redirect(self, flow, query):
        return self.call("Redirect", "(sh)", flow, 0, fds=[sealed(query)])

    def cancel(self, flow):
        self.call("Cancel", "(s)", flow)

    def check(self, provider="corp"):
        return self.call("Check", "(s)", provider)


class Helper:
    def __init__(self, folder, build, authority):
        self.folder, self.build, self.authority = pathlib.Path(folder), build, authority
        self.log = self.folder / "log"
        self.run = self.folder / "run"
        self.socket = self.run / "socket"
        self.providers = self.folder / "config/providers.d"
        self.providers.mkdir(parents=True)
        self.run.mkdir()
        os.chown(self.run, HELPER, HELPER)
        (self.folder / "passwd").write_text(PASSWD)
        (self.folder / "group").write_text(f"root:x:0:\ntessera:x:{TESSERA}:\ntessera-oidc:x:{HELPER}:\n")
        self.process = None
        self.sanitized = b"__asan_init" in (build / "daemon/oidc/tessera-oidc").read_bytes()  # keeps what was freed

    def write(self, text, name="corp"):
        path = self.providers / f"{name}.conf"
        path.write_text(text)
        path.chmod(0o644)

    def configure(self, provider, name="corp", **keys):
        """A file for the provider, with the authority of the tests and keys (client_id becomes client-id)."""
        keys = {"issuer": provider.issuer, "client_id": "tessera", "ca_file": self.authority.path, **keys}
        lines = [f"{key.replace('_', '-')}={value}" for key, value in keys.items() if value is not None]
        self.write(f"[provider:{name}]\n" + "\n".join(lines) + "\n", name)

    def secret(self, text, mode=0o640, gid=HELPER):
        path = self.folder / "secret"
        path.write_text(text)
        os.chown(path, 0, gid)
        path.chmod(mode)
        return path

    def start(self, idle=60, environment=None, groups=()):
        variables = {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_PASSWD": str(self.folder / "passwd"),
                     "NSS_WRAPPER_GROUP": str(self.folder / "group"), "NSS_WRAPPER_DISABLE_DEEPBIND": "1",
                     "PATH": os.environ["PATH"], "G_MESSAGES_DEBUG": "all", "G_DEBUG": "fatal-criticals",
                     "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0:abort_on_error=1:handle_abort=0",
                     "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", **(environment or {})}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.build / "daemon/oidc/tessera-oidc", "--config-dir", self.folder / "config", "--socket", self.socket,
                 "--idle", str(idle)],
                env=variables, stdout=log, stderr=log, user=HELPER, group=HELPER, extra_groups=list(groups))
        deadline = time.monotonic() + 10
        while not self._listens():
            assert self.process.poll() is None and time.monotonic() < deadline, self.text()
            time.sleep(0.02)
        os.chown(self.socket, TESSERA, TESSERA)  # as systemd's unit does
        return self

    def _listens(self):
        with socket.socket(socket.AF_UNIX) as end, user(HELPER):
            return end.connect_ex(str(self.socket)) == 0

    def connect(self, uid=TESSERA):
        return Connection(self.socket, uid)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def alive(self):
        return self.process.poll() is None

    def memory(self):
        """Anonymous memory in KiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1])

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
