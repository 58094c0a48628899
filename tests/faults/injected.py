# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A real tesserad whose allocations and system calls fail when a test says so (see trap.h and inject.c)."""

import errno
import mmap
import signal
import struct
import subprocess

import dbus.exceptions
from daemon import Host, Refused

MEMORY, CALL = 1, 2
ERRORS = (errno.EINTR, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EIO,
          errno.ECONNRESET, errno.EPIPE, errno.EACCES)
# What a daemon without memory does: GLib ends it (abort, or a trap), and so may the others.
ENDS = (-signal.SIGABRT, -signal.SIGTRAP)


class Control:
    """The memory that the daemon's faults go by: struct FaultControl."""

    FIELDS = "kind error nth lasting only count fired".split()
    SIZE = len(FIELDS) * 4 + 2 * 4096

    def __init__(self, path):
        path.write_bytes(bytes(self.SIZE))
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), self.SIZE)

    def __getitem__(self, name):
        return struct.unpack_from("<i", self.memory, 4 * self.FIELDS.index(name))[0]

    def __setitem__(self, name, value):
        struct.pack_into("<i", self.memory, 4 * self.FIELDS.index(name), value)

    def arm(self, kind, nth, error=0, lasting=False, only=-1):
        for name, value in (("kind", 0), ("nth", nth), ("error", error), ("lasting", int(lasting)), ("only", only),
                            ("count", 0), ("fired", -1), ("kind", kind)):
            self[name] = value

    def disarm(self):
        """How many came, and whether one failed."""
        self["kind"] = 0
        return self["count"], self["fired"] != -1


class Injected(Host):
    def __init__(self, folder, build):
        self.control = Control(folder / "control")
        self.library = build / "tests/faults/libinject.so"
        super().__init__(folder, build)

    def environment(self):
        found = super().environment()
        return {**found, "LD_PRELOAD": f"{self.library}:{found['LD_PRELOAD']}",
                "FAULT_CONTROL": str(self.folder / "control")}

    def try_call(self, method, signature, *arguments):
        """One call by root. Its answer, or None: it was refused, or nobody answered."""
        try:
            client = self.root(timeout=2)
            try:
                return client.call(method, signature, *arguments, timeout=2)
            finally:
                client.close()
        except (Refused, dbus.exceptions.DBusException):
            return None

    def ended_well(self):
        """It lives, or has ended as a program does that cannot go on: no segmentation fault."""
        code = self.process.poll()
        return code is None or code in ENDS or code > 0

    def serves(self):
        """False where it has ended, as a program does; one that is alive must serve."""
        try:
            self.call("Roles.List")
            return True
        except Refused as error:
            if error.name != "org.freedesktop.DBus.Error.NoReply":
                raise
            why = error
        except dbus.exceptions.DBusException as error:
            why = error
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it is alive and serves nobody: {why}") from None
        assert self.ended_well(), f"it died of {self.process.returncode}\n{self.text()[-2000:]}"
        return False

    def ask(self, *call):
        """One call after a fault: what that left behind may end the daemon only now, and then systemd starts it."""
        try:
            return self.call(*call)
        except Refused as error:
            if error.name != "org.freedesktop.DBus.Error.NoReply" or self.serves():
                raise
        self.revive()
        return self.call(*call)

    def revive(self):
        """What systemd does where the daemon has ended."""
        if not self.serves():
            self.notify.close()
            self.start(on_bus=False)
