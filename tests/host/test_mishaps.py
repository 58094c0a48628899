# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""An administrator's bad luck between "service enable" and "confirm", and what is cleared away under the daemon."""

from conftest import install
from test_service import snapshot, undone_in


def armed(host):
    return host.sh("systemctl is-active tessera-undo.timer; systemctl is-enabled tessera-undo.service",
                   check=False).stdout.split() == ["active", "enabled"]


def test_an_upgrade_does_not_disarm_the_undo(bare, packages):
    undone_in(bare, 20)
    before = snapshot(bare)
    bare.sh("tessera service enable sshd sudo")
    install(bare, packages)
    assert armed(bare)
    bare.wait(lambda: snapshot(bare) == before, 40, "the undo")
