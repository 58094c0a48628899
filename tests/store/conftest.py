# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from redis_server import Redis  # noqa: E402


def _authority_class():
    spec = importlib.util.spec_from_file_location("certificates", HERE.parent / "oidc/certificates.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Authority


@pytest.fixture(scope="session")
def scratch():
    with tempfile.TemporaryDirectory(prefix="tessera-store-") as folder:
        yield pathlib.Path(folder)


@pytest.fixture(scope="session")
def authority(scratch):
    return _authority_class()(scratch)


@pytest.fixture(scope="session")
def other_authority(scratch):
    folder = scratch / "other"
    folder.mkdir()
    return _authority_class()(folder)


@pytest.fixture
def make_redis(scratch):
    """Makes servers; each ends with the test."""
    servers = []

    def make(**options):
        servers.append(Redis(pathlib.Path(tempfile.mkdtemp(dir=scratch)), **options))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


class Driver:
    """The link in a process of its own: say() asks and returns the answer's line."""

    def __init__(self, build, settings):
        self.process = subprocess.Popen([build / "tests/store/redis-driver", *self._words(settings)], text=True,
                                        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},  # its tracer trips over GnuTLS
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @staticmethod
    def _words(settings):
        return [f"{key}={value}" for key, value in ({"host": "127.0.0.1"} | settings).items()]

    def say(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        return answer.strip()

    def link(self, **settings):
        return self.say(" ".join(["link", *self._words(settings)]))

    def end(self):
        _, errors = self.process.communicate(timeout=20)
        assert self.process.returncode == 0 and not errors, errors


@pytest.fixture
def driver(build):
    """Makes drivers; each is looked at in the end: whole, and silent."""
    drivers = []

    def make(**settings):
        drivers.append(Driver(build, settings))
        return drivers[-1]

    yield make
    for each in drivers:
        each.end()
