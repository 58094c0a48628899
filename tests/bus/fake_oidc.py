#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""fake_oidc.py FOLDER: tessera-oidc's interface on FOLDER/socket, with the answers of FOLDER/answers.json.

An answer to a method is {"type", "reply"} (a GVariant's text), {"error", "message"} or {"silence": true}; it is read
at each call. FOLDER/calls has a line for each: method and arguments as JSON, a descriptor's text and seals in its place.
"""

import fcntl
import json
import os
import pathlib
import sys

from gi.repository import Gio, GLib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
XML = (ROOT / "daemon/oidc/org.tessera.Oidc1.xml").read_text()


class Fake:
    def __init__(self, folder):
        self.folder = folder
        self.connections = []
        self.interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]

    def note(self, method, arguments, fds):
        values = list(arguments.unpack())
        if fds:
            fd = fds.get(0)
            values[-1:] = [os.pread(fd, 65536, 0).decode(), fcntl.fcntl(fd, 1034)]  # F_GET_SEALS
            os.close(fd)
        with open(self.folder / "calls", "a") as calls:
            calls.write(json.dumps([method, *values]) + "\n")

    def on_call(self, connection, sender, path, interface, method, arguments, invocation):
        self.note(method, arguments, invocation.get_message().get_unix_fd_list())
        answer = json.loads((self.folder / "answers.json").read_text()).get(method, {"silence": True})
        if "reply" in answer:
            invocation.return_value(GLib.Variant.parse(GLib.VariantType(answer["type"]), answer["reply"], None, None))
        elif "error" in answer:
            invocation.return_dbus_error(answer["error"], answer["message"])

    def on_connection(self, server, connection):
        self.connections.append(connection)  # kept, or it is closed
        connection.register_object("/org/tessera/Oidc1", self.interface, self.on_call, None, None)
        return True


def main():
    folder = pathlib.Path(sys.argv[1])
    fake = Fake(folder)
    path = folder / "socket"
    path.unlink(missing_ok=True)
    observer = Gio.DBusAuthObserver()
    observer.connect("authorize-authenticated-peer", lambda *_: True)
    server = Gio.DBusServer.new_sync(f"unix:path={path}", Gio.DBusServerFlags.NONE, Gio.dbus_generate_guid(), observer,
                                     None)
    server.connect("new-connection", fake.on_connection)
    server.start()
    os.chmod(path, 0o666)
    (folder / "ready").touch()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
