# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""policy.conf: a mistake changes nothing and is told to the letter."""

import json

import pytest
from conftest import PASSWORDS

MISTAKES = [
    ("[role:admin]\ngroup=sudo\n", "policy.conf:2:1", "groups"),
    ("[role:admin]\ngroups=sudo\n[service:sudo]\nroles=admin\nmax-age=15\n", "policy.conf:5:9", "15"),
    ("[role:admin]\ngroups=sudo # all of them\n", "policy.conf:2:", "comment"),
    ("[service:sudo]\nroles=nobody-defined-this\n", "policy.conf:2:7", "nobody-defined-this"),
    ("[role:a]\nincludes=b\n[role:b]\nincludes=a\n", "policy.conf:", "includes"),
    ("[rolle:admin]\n", "policy.conf:1:", "role"),
]


@pytest.fixture
def policy(host):
    path = "/etc/tessera/policy.conf"
    shipped = host.read(path)
    yield path
    host.write(path, shipped)
    host.sh("systemctl reset-failed; systemctl reload-or-restart tesserad.service")


@pytest.mark.parametrize("text,place,word", MISTAKES)
def test_a_mistake_keeps_the_old_policy_and_names_the_place(host, policy, text, place, word):
    host.write(policy, text)
    checked = host.sh("tessera policy check", check=False)
    assert checked.returncode == 1 and place in checked.stdout + checked.stderr and word in checked.stdout + checked.stderr
    host.sh("systemctl reload tesserad.service", check=False)
    host.wait(lambda: place in host.journal("-u", "tesserad"), what="the mistake is in the journal")
    assert host.ssh("alice", PASSWORDS["alice"], "sudo -n id -u").stdout == "0\n"


def test_a_mistake_at_start_stops_the_daemon(host, policy):
    host.write(policy, MISTAKES[0][0])
    host.sh("systemctl restart tesserad.service", check=False)
    assert MISTAKES[0][1] in host.journal("-u", "tesserad")
    assert host.ssh("alice", PASSWORDS["alice"], check=False).returncode == 255


def test_a_good_policy_counts_at_once(host, policy):
    text = host.read(policy)
    assert host.sh("tessera policy check").returncode == 0
    with host.shell("bob", PASSWORDS["bob"]) as shell:
        assert shell.run("sudo -n id -u")[1] == 1
        host.write("/etc/sudoers.d/zz-test", "bob ALL=(ALL) ALL\n", 0o440)
        try:
            host.write(policy, text.replace("groups=sudo", "groups=sudo\nusers=bob"))
            host.sh("systemctl reload tesserad.service")
            host.wait(lambda: shell.run("sudo -n id -u") == ("0\n", 0))
        finally:
            host.sh("rm /etc/sudoers.d/zz-test")


def test_a_reload_is_over_when_the_policy_counts(host, policy):
    """Also where the daemon is slow to hear of it, or is asked a second time meanwhile."""
    explain = "tessera --json policy explain bob sudo"
    text = host.read(policy)
    pid = host.sh("systemctl show -P MainPID tesserad.service").stdout.strip()
    slowly = (f"kill -STOP {pid}; (sleep 0.5; kill -CONT {pid}) >/dev/null 2>&1 & systemctl reload tesserad.service; "
              f"ps -o stat= -p {pid}")
    assert json.loads(host.sh(explain, check=False).stdout)["reason"] == "role-missing"
    for groups, missing in [("groups=sudo\nusers=bob", False), ("groups=sudo", True)]:
        host.write(policy, text.replace("groups=sudo", groups))
        assert not host.sh(slowly).stdout.startswith("T")
        assert (json.loads(host.sh(explain, check=False).stdout)["reason"] == "role-missing") == missing
    host.write(policy, text.replace("groups=sudo", "groups=sudo\nusers=bob"))
    host.sh(f"kill -HUP {pid} && systemctl reload tesserad.service")
    assert json.loads(host.sh(explain, check=False).stdout)["reason"] != "role-missing"


def test_the_shipped_policy_is_good(bare):
    assert bare.sh("tessera policy check").returncode == 0
