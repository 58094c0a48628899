# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Hosts for tests: bare with the packages installed, and ready with people on them."""

import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from browser import PROGRAM  # noqa: E402
from company import CERTIFIED, LOGIN, Company  # noqa: E402
from host import Host  # noqa: E402
from network import Network  # noqa: E402

from scale import scaled  # noqa: E402

SCALED_LOGINS = scaled(200)
SCALED_CUTS = scaled(1000)
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

PASSWORDS = {"alice": "alice's tessera password", "bob": "bob's tessera password"}
UNIX_PASSWORDS = {"alice": "alice-unix-1", "bob": "bob-unix-1", "carol": "carol-unix-1", "glass": "glass-unix-1"}


def install(host, packages):
    """Installs the packages as a person does: dpkg on files copied to the host."""
    target = host.root / "var/tmp"
    for deb in packages:
        (target / deb.name).write_bytes(deb.read_bytes())
    host.sh("dpkg -i /var/tmp/*.deb && rm /var/tmp/*.deb", timeout=120)


def accounts(host):
    """alice may sudo; bob may only log in; carol is unknown to tessera; glass is break-glass."""
    host.sh("groupadd breakglass")
    for user, password in UNIX_PASSWORDS.items():
        host.sh(f"useradd -m -s /bin/bash {user} && chpasswd", input=f"{user}:{password}\n")
    host.sh("usermod -aG sudo alice; usermod -aG sudo,breakglass glass")


def enroll(host):
    for user, password in PASSWORDS.items():
        host.sh(["tessera", "user", "add", user], input=password + "\n")


def forgive(host):
    """Nothing is owed any more: users' failures are forgotten, and hosts' with the daemon that counts them."""
    for user in PASSWORDS:
        host.sh(["tessera", "throttle", "reset", "--user", user])
    host.sh("systemctl restart tesserad.service")


@pytest.fixture(scope="session")
def installed_layer(packages):
    host = Host("image").boot()
    install(host, packages)
    return host.into_layer()


@pytest.fixture(scope="session")
def ready_layer(installed_layer):
    host = Host("image", [installed_layer]).boot()
    accounts(host)
    enroll(host)
    host.sh("tessera service enable sshd sudo --yes --breakglass breakglass")
    return [host.into_layer(), installed_layer]


@pytest.fixture(scope="session")
def server_layer(installed_layer):
    """For hosts of a network: accounts and services, but no name, keys and users yet. See server()."""
    host = Host("image", [installed_layer]).boot()
    accounts(host)
    host.sh("tessera service enable sshd sudo --yes --breakglass breakglass")
    host.sh("systemctl stop tesserad.socket tesserad.service && rm -r /var/lib/tessera/*")
    # Storms of logins, and logins whose cable is pulled out, are not to wait for each other.
    host.write("/etc/ssh/sshd_config.d/storm.conf", "MaxStartups 500\nClientAliveInterval 2\nClientAliveCountMax 2\n")
    return [host.into_layer(), installed_layer]


def server(network, name, layers, **options):
    """A host of the network that tessera runs on, with keys of its own; alice and bob are enrolled."""
    host = network.host(name, layers, **options)
    enroll(host)
    return host


@pytest.fixture(scope="session")
def laptop_layer(packages):
    """A machine of a person, ann there, with the command alone."""
    host = Host("image").boot()
    install(host, [deb for deb in packages if deb.name.startswith("tessera_")])
    host.sh("useradd -m -s /bin/bash ann")
    return [host.into_layer()]


@pytest.fixture
def bare(installed_layer):
    """A host with the packages installed and nothing else done."""
    with Host("web1", [installed_layer]) as host:
        yield host


@pytest.fixture(scope="module")
def shared(ready_layer):
    """A host with people on it and sshd and sudo enabled; one for all tests of a file."""
    with Host("web1", ready_layer) as host:
        yield host


@pytest.fixture
def host(shared):
    """The file's host, with no failed attempts remembered."""
    forgive(shared)
    return shared


@pytest.fixture
def fresh(ready_layer):
    """The same, but a host for this test alone: one that breaks it."""
    with Host("web1", ready_layer) as host:
        yield host


@pytest.fixture(scope="module")
def shared_company(server_layer, tmp_path_factory):
    """A company for all tests of a file."""
    if not (CERTIFIED / "node_modules").is_dir() or not shutil.which("node") or not shutil.which(PROGRAM):
        pytest.skip("needs oidc-provider and a browser: tests/install test")
    with Network(LOGIN, "web1", "laptop") as network:
        made = Company(network, tmp_path_factory.mktemp("company"), server(network, "web1", server_layer))
        yield made
        made.person.end()


@pytest.fixture
def company(shared_company):
    """The file's company, with no failed attempts remembered."""
    forgive(shared_company.web1)
    return shared_company
