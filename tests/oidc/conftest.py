# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from certificates import Authority  # noqa: E402
from helper import Helper  # noqa: E402
from provider import ACCESS_TOKEN, DEVICE_CODE, Provider  # noqa: E402

BROKEN = ("ERROR: AddressSanitizer", "runtime error:", "CRITICAL", "WARNING **: cannot")
SECRETS = (ACCESS_TOKEN, DEVICE_CODE, "WDJB-MJHT", "the-canary")


@pytest.fixture(scope="session")
def scratch():
    if os.geteuid() != 0:
        pytest.skip("callers of several uids need root")
    with tempfile.TemporaryDirectory(prefix="tessera-oidc-") as folder:
        pathlib.Path(folder).chmod(0o755)
        yield pathlib.Path(folder)


@pytest.fixture(scope="session")
def authority(scratch):
    return Authority(scratch)


@pytest.fixture
def make_helper(scratch, build, authority):
    """Makes helpers; each is looked at in the end: whole, and silent about what is secret (O2)."""
    helpers = []

    def make():
        folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        folder.chmod(0o755)
        helpers.append(Helper(folder, build, authority))
        return helpers[-1]

    yield make
    for helper in helpers:
        helper.end()
        text = helper.text()
        print(text)
        assert not any(word in text for word in BROKEN), text[-4000:]
        assert not any(secret in text for secret in SECRETS), text[-4000:]


@pytest.fixture
def make_provider(authority):
    """Makes providers that behave well, so far."""
    providers = []

    def make(kind="good", **options):
        providers.append(Provider(authority, kind, **options))
        return providers[-1]

    yield make
    for provider in providers:
        provider.end()


@pytest.fixture
def provider(make_provider):
    return make_provider()


@pytest.fixture
def helper(make_helper, provider):
    """A helper that runs, with the provider "corp"."""
    helper = make_helper()
    helper.configure(provider)
    return helper.start()


@pytest.fixture
def client(helper):
    connection = helper.connect()
    yield connection
    connection.close()
