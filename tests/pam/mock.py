# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A daemon on a socket that answers what the real one never would."""

import array
import os
import socket
import threading
import time

import wire

LOGIN = "org.tessera.Tessera1.Login"
ID = "0123456789abcdef0123456789abcdef"


class Reply:
    """Something to send back: any of these."""

    def __init__(self, signature="", values=(), body=None, before=b"", sender=None):
        self.signature, self.values, self.body, self.before, self.sender = signature, values, body, before, sender

    def data(self, call):
        fields = {wire.REPLY_SERIAL: ("u", call["serial"])}
        if self.sender:
            fields[wire.SENDER] = ("s", self.sender)
        return self.before + wire.message(wire.RETURN, 77, fields, self.signature, self.values, self.body)


class Error(Reply):
    def __init__(self, name, text="no"):
        super().__init__()
        self.name, self.text = name, text

    def data(self, call):
        fields = {wire.REPLY_SERIAL: ("u", call["serial"]), wire.ERROR_NAME: ("s", self.name)}
        return wire.message(wire.ERROR, 77, fields, "s", [self.text])


class Raw(Reply):
    """These bytes, whatever they are."""

    def __init__(self, data):
        super().__init__()
        self.bytes = data

    def data(self, call):
        return self.bytes


class Flood(Reply):
    """Signals without end, and never a reply."""

    def data(self, call):
        return None


SILENCE = "silence"  # keeps the connection and says nothing
HANG_UP = "hang up"


def verdict(word, **result):
    """Texts as s, numbers as u, truth as b; None is left out."""
    kinds = {str: "s", int: "u", bool: "b", bytes: "s"}
    return Reply("sa{sv}", [word, {key.replace("_", "-"): (kinds[type(value)], value)
                                   for key, value in result.items() if value is not None}])


ALLOW = verdict("allow", session=ID)
DENY = verdict("deny", reason="credential")
NOT_OURS = verdict("not-ours")
STEP_UP = verdict("step-up", reason="stale")
FLOW = "fedcba9876543210fedcba9876543210"
WHERE = {"flow": FLOW, "provider": "corp", "uri": "https://login.example.org/device",
         "uri_complete": "https://login.example.org/device?user_code=WDJB-MJHT", "user_code": "WDJB-MJHT",
         "host": "web1.example.org", "expires_in": 600}
PENDING = verdict("pending", **WHERE)
STILL = verdict("pending", flow=FLOW)
ROLE = verdict("deny", reason="role-missing", message="sudo needs the role admin; you have: operator")


def signal(name="Done", values=("allow",), sender="org.tessera.Tessera1"):
    fields = {wire.PATH: ("o", "/org/tessera/Tessera1"), wire.INTERFACE: ("s", LOGIN), wire.MEMBER: ("s", name),
              wire.SENDER: ("s", sender)}
    return wire.message(wire.SIGNAL, 5, fields, "s", values)


class Mock:
    """Listens on @path. `answers` maps a method to what it gets; `calls` is what came."""

    def __init__(self, path, uid=0, backlog=64, delay=0):
        self.answers = {"CloseSession": Reply()}
        self.auth = "good"  # "silence", "garbage", "drip", "refuse", "close"
        self.calls = []
        self.sockets = []
        self.stopped = False
        self.path = path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        os.seteuid(uid)  # the peer credential is that of whoever calls listen()
        try:
            self.listener.listen(backlog)
        finally:
            os.seteuid(0)
        threading.Timer(delay, self.accept).start()

    def close(self):
        if self.stopped:
            return
        self.stopped = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.sockets:
            connection.close()
        os.unlink(self.path)

    def methods(self):
        return [call["method"] for call in self.calls]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        try:
            if self.greet(connection):
                self.talk(connection)
        except OSError:
            pass
        finally:
            if not self.auth == "silence":
                connection.close()

    def greet(self, connection):
        """EXTERNAL, as sd-bus sends it: everything in one go."""
        if self.auth == "silence":
            while not self.stopped:
                time.sleep(0.05)
            return False
        if self.auth == "close":
            return False
        data = b""
        while b"BEGIN\r\n" not in data:
            part = connection.recv(4096)
            if not part:
                return False
            data += part
        if self.auth == "garbage":
            connection.sendall(os.urandom(100000))
            return False
        if self.auth == "refuse":
            connection.sendall(b"REJECTED\r\n" * 3)
            return False
        answer = b"DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n"
        if b"NEGOTIATE_UNIX_FD" in data:
            answer += b"AGREE_UNIX_FD\r\n"
        if self.auth == "drip":
            for byte in answer:
                connection.sendall(bytes([byte]))
                time.sleep(0.5)
        connection.sendall(answer)
        self.rest = data.split(b"BEGIN\r\n", 1)[1]
        return True

    def talk(self, connection):
        data, fds = b"", array.array("i")
        while True:
            part, ancillary, _, _ = connection.recvmsg(65536, 4096)
            for _, _, content in ancillary:
                fds.frombytes(content[:len(content) // 4 * 4])
            if not part:
                return
            data += part
            call, used = wire.parse(data)
            if not call:
                continue
            data = data[used:]
            if not self.answer(connection, call, fds):
                return
            fds = array.array("i")

    def record(self, call, fds):
        values = call["values"]
        entry = {"method": call["fields"][wire.MEMBER], "interface": call["fields"].get(wire.INTERFACE),
                 "destination": call["fields"].get(wire.DESTINATION), "values": values, "fds": len(fds)}
        if len(values) >= 3:
            entry.update(user=values[0], service=values[1], context=values[2])
        if len(fds):
            import fcntl
            entry["seals"] = fcntl.fcntl(fds[0], 1034)
            entry["secret"] = os.pread(fds[0], 65536, 0)
            entry["secrets"] = [os.pread(fd, 65536, 0) for fd in fds]
            for fd in fds:
                os.close(fd)
        self.calls.append(entry)
        return entry["method"]

    def answer(self, connection, call, fds):
        method = self.record(call, fds)
        answer = self.answers.get(method, Error("org.freedesktop.DBus.Error.UnknownMethod"))
        if callable(answer):
            answer = answer(self.calls[-1])
        if answer == HANG_UP:
            return False
        if answer == SILENCE:
            return True
        if isinstance(answer, Flood):
            while not self.stopped:
                connection.sendall(signal())
            return False
        connection.sendall(answer.data(call))
        return True
