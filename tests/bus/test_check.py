# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What the daemon says about itself to "tessera doctor"."""

import time

import pytest
from daemon import ALICE, Refused


def test_a_whole_database_and_a_damaged_one(host):
    assert host.call("Daemon.Check") == {"finished": True, "database": "", "shared": False, "providers": [],
                                         "store-faults": [], "store-warnings": []}
    host.restart()  # so that all of it is in the file, and nothing in the log beside it
    with open(host.folder / "state/tessera.db", "r+b") as database:
        for page in range(1, 12):
            database.seek(page * 4096 + 8)
            database.write(b"\xa5" * 4000)
    found = host.call("Daemon.Check")
    assert found["finished"] and found["database"]


def test_only_root_has_it_read_through(open_host):
    with pytest.raises(Refused, match="AccessDenied"):
        open_host.as_uid(ALICE, "Daemon.Check")


def test_it_says_which_configuration_it_goes_by(host):
    first = host.bus().get("ConfigurationRead")
    assert 0 < time.time() - first / 1e6 < 60
    host.reload()
    second = host.bus().get("ConfigurationRead")
    assert second > first
    host.write("policy.conf", "[role:admin]\nnonsense=yes\n")
    host.reload()
    assert host.bus().get("ConfigurationRead") == second  # the old configuration stays
