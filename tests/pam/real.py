# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A real tesserad behind the module, where the module looks for it, with the accounts of the namespace."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

# Behind our own folder: both have a conftest.
sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "bus"))

from daemon import Host  # noqa: E402

PRIVATE = "/run/tessera/private"
TESSERA = 4101
PASSWORD = "the-canary-Sesame-4711"
POLICY = """[role:admin]
users=alice;dora

[role:everyone]
users=*

[service:sshd]
roles=everyone

[service:login]
roles=admin

[service:sudo]
roles=admin

[service:su]
roles=admin
"""


class Real(Host):
    """Enrolled are alice and dora, who hold the role of login, sudo and su; and bob, who does not and is disabled."""

    def __init__(self, build):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tessera-pam-"))
        super().__init__(folder, build, uid=TESSERA)
        for name in ("passwd", "group"):
            shutil.copy(f"/etc/{name}", folder / name)
        self.write("policy.conf", POLICY)
        os.makedirs(os.path.dirname(PRIVATE), exist_ok=True)
        os.chown(os.path.dirname(PRIVATE), TESSERA, TESSERA)
        self.start()
        for user in ("alice", "bob", "dora"):
            self.add(user, PASSWORD)
        self.call("Users.SetEnabled", "sb", "bob", False)

    @property
    def private_address(self):
        return f"unix:path={PRIVATE}"

    def command(self, *more):
        return [f"--private-socket={PRIVATE}" if "--private-socket" in str(word) else word
                for word in super().command(*more)]

    def halt(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """And takes from its queue who waited there."""
        self.process.send_signal(signal.SIGCONT)
        self.call("Roles.List")

    def end(self):
        self.process.send_signal(signal.SIGCONT)
        super().end()
        pathlib.Path(PRIVATE).unlink(missing_ok=True)
