# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""ansible-core becomes root by sudo and su: without a prompt while the sign-in is fresh, with exactly one when stale."""

import json

import pytest
from conftest import PASSWORDS, UNIX_PASSWORDS, forgive
from host import Host

ALICE = PASSWORDS["alice"]
PLAY = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - {command: id -u, register: first}
    - copy: {content: "by ansible", dest: /root/by-ansible}
    - {command: id -u, register: second}
    - assert: {that: first.stdout == "0" and second.stdout == "0"}
"""
SOCKET = "/run/alice-master"


@pytest.fixture(scope="module")
def host(ready_layer):
    with Host("web1", ready_layer) as host:
        host.sh("tessera service enable su --yes --breakglass breakglass")
        host.write("/root/play.yml", PLAY)
        host.write("/root/inventory", "web1 ansible_host=127.0.0.1 ansible_user=alice\n")
        yield host


@pytest.fixture
def login(host):
    """A connection of alice', signed in by password just now, that ansible rides on."""
    host.sh("rm -f /root/by-ansible")
    forgive(host)
    with host.shell("alice", ALICE, options=["-o", "ControlMaster=yes", "-o", f"ControlPath={SOCKET}"]) as shell:
        shell.session = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
        yield shell


@pytest.fixture
def stale(host, login):
    """The same, an hour later."""
    host.sh(["sqlite3", "/var/lib/tessera/tessera.db",
             f"pragma busy_timeout=5000; update session set auth_time = auth_time - 3600 where id = '{login.session}'"])
    return login


def play(host, method, password=None):
    """Runs the playbook, without a terminal; what came of it, and what the session went through meanwhile."""
    before = len(events(host))
    if password:
        host.write("/root/vars.json", json.dumps({"ansible_become_password": password}), 0o600)
    result = host.sh(f"cd; ANSIBLE_SSH_ARGS='-o ControlPath={SOCKET} -o BatchMode=yes' ANSIBLE_TIMEOUT=20 "
                     f"ansible-playbook -i inventory --become-method {method} {'-e @vars.json' if password else ''} play.yml",
                     check=False, timeout=300)
    return result, events(host)[before:]


def events(host):
    lines = host.journal("_SYSTEMD_UNIT=tesserad.service", "TESSERA_USER=alice", "-o", "json").splitlines()
    return [found["TESSERA_EVENT"] for found in map(json.loads, lines) if found["TESSERA_SERVICE"] in ("sudo", "su")]


METHODS = pytest.mark.parametrize("method", ["sudo", "su"])


@METHODS
@pytest.mark.parametrize("password", [None, ALICE], ids=["no password", "a password that is not needed"])
def test_fresh_without_a_prompt(host, login, method, password):
    result, found = play(host, method, password)
    assert result.returncode == 0, result.stdout + result.stderr
    assert host.read("/root/by-ansible") == "by ansible"
    assert "used" in found and set(found) <= {"used", "authorized"}


@METHODS
def test_stale_with_exactly_one_prompt(host, stale, method):
    """sudo's is ansible's own (sudo -p), which it waits for; su's it knows by its first word."""
    result, found = play(host, method, ALICE)
    assert result.returncode == 0, result.stdout + result.stderr
    assert host.read("/root/by-ansible") == "by ansible"
    assert found.count("step-up-asked") == 1 and found.count("step-up") == 1 and found.count("used") >= 3


def test_stale_without_a_password_says_what_is_missing(host, stale):
    result, found = play(host, "sudo")
    assert result.returncode != 0 and "Missing sudo password" in result.stdout
    assert found.count("step-up-asked") == 1 and "step-up" not in found


def test_stale_with_the_unix_password_says_that_it_is_wrong(host, stale):
    result, found = play(host, "sudo", UNIX_PASSWORDS["alice"])
    assert result.returncode != 0 and "Incorrect sudo password" in result.stdout
    assert "step-up" not in found and "used" not in found
