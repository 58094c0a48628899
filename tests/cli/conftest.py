# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A daemon for the tests of a file, and logins of its users."""

import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from daemon_host import ACCOUNTS, PASSWORD, Host


@pytest.fixture(scope="module")
def host(build):
    if os.geteuid() != 0:
        pytest.skip("callers of several uids need root")
    # Not pytest's own folder: that is root's alone, and the daemon reads its configuration here.
    with tempfile.TemporaryDirectory(prefix="tessera-cli-") as folder:
        pathlib.Path(folder).chmod(0o755)
        made = Host(pathlib.Path(folder), build)
        try:
            made.add("alice")
            made.add("bob")
            yield made
        finally:
            made.end()
        assert "CRITICAL" not in made.log() and "Sanitizer" not in made.log()


@pytest.fixture
def alice(host):
    """A new login of hers, not signed in."""
    host.root.run("session", "revoke", "--user", "alice")
    login = host.login(ACCOUNTS["alice"])
    yield login
    login.run("logout")


@pytest.fixture
def signed_in(alice):
    assert alice.run("login", stdin=PASSWORD + "\n").status == 0
    return alice
