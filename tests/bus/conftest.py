# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

import itertools
import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from daemon import ADMINISTRATORS, Host

SANITIZER = ("ERROR: AddressSanitizer", "runtime error:", "-CRITICAL **", "CRITICAL")


def pytest_addoption(parser):
    parser.addoption("--write-golden", action="store_true", help="write authorization.golden anew, to be looked at")


@pytest.fixture
def make_host(build):
    """Makes hosts; at the end nothing of them is left, and none has said that it is broken."""
    if os.geteuid() != 0:
        pytest.skip("callers of several uids need root")
    hosts = []
    # Not pytest's own folder: that is root's alone, and other uids have to come to the sockets.
    with tempfile.TemporaryDirectory(prefix="tessera-bus-") as base:
        pathlib.Path(base).chmod(0o755)
        count = itertools.count()

        def make(kind=Host, **options):
            folder = pathlib.Path(base) / str(next(count))
            folder.mkdir()
            hosts.append(kind(folder, build, **options))
            return hosts[-1]

        yield make
        for host in hosts:
            text = host.text()
            print(text)
            host.end()
            assert not any(word in text for word in SANITIZER), text[-4000:]


def started(make_host, **options):
    host = make_host(**options)
    host.start_bus()
    host.start()
    host.add("alice")
    host.add("bob")
    return host


@pytest.fixture
def host(make_host):
    """Both daemons, with the policy that is shipped; alice and bob are enrolled."""
    return started(make_host)


@pytest.fixture
def open_host(make_host):
    """The same without the bus's policy in front: every call reaches the daemon."""
    return started(make_host, fence=False)


@pytest.fixture
def administered(make_host):
    """The shipped fence, and a policy by which carol and dave may administer."""
    host = make_host()
    host.write("policy.conf", ADMINISTRATORS)
    host.start_bus()
    host.start()
    for user in ("alice", "bob", "carol", "dave"):
        host.add(user)
    return host
