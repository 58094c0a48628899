# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Roles given and taken away: each way counts at the very next sudo, whatever sudo itself remembers.

The commands are typed into one shell of bob's, who is logged in all the while and whom sudoers lets
do anything. Only the role changes.
"""

import json
import time

import pytest
from conftest import PASSWORDS

BOB = PASSWORDS["bob"]
SUDOERS = "/etc/sudoers.d/zz-test"  # behind ours, so that what it says last wins
POLICY = "/etc/tessera/policy.conf"


def policy(users="carol", max_age="15min"):
    return (f"[role:admin]\ngroups=sudo\nusers={users}\n[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\n"
            f"[service:sudo]\nroles=admin\nmax-age={max_age}\n")


def use_policy(host, text):
    """Returns when the daemon decides by it: systemctl is back a moment earlier."""
    users = next(line.removeprefix("users=") for line in text.splitlines() if line.startswith("users="))
    host.write(POLICY, text)
    host.sh("systemctl reload tesserad.service")
    host.wait(lambda: role(host)["users"] == users.split(";"), what="the policy is in use")


def role(host, name="admin"):
    return json.loads(host.sh(f"tessera --json role show {name}").stdout)


def grant(host, *options):
    host.sh(["tessera", "role", "grant", "admin", "bob", *options])


# Each way: how bob gets the role, and how it is taken from him.


def give_assignment(host, _):
    grant(host)


def revoke_assignment(host, _):
    host.sh("tessera role revoke admin bob")


def let_assignment_end(host, _):
    """Nobody does anything any more: its time is over."""
    grant(host, "--for", "1s")
    time.sleep(1.1)


def give_group(host, _):
    host.sh("usermod -aG sudo bob")


def gpasswd(host, _):
    host.sh("gpasswd -d bob sudo")


def usermod(host, _):
    host.sh("usermod -G '' bob")


def give_by_policy(host, mode):
    use_policy(host, policy("bob", mode.max_age))


def reload_policy(host, mode):
    use_policy(host, policy("carol", mode.max_age))


def disable(host, _):
    """With the root helper that would end the shell held up: the gate does not depend on it."""
    host.sh("systemctl stop tessera-end.path && tessera user disable bob")


WAYS = {
    "assignment revoked": (give_assignment, revoke_assignment),
    "assignment ended": (give_assignment, let_assignment_end),
    "gpasswd -d": (give_group, gpasswd),
    "usermod -G": (give_group, usermod),
    "policy reloaded": (give_by_policy, reload_policy),
    "user disabled": (give_assignment, disable),
}


class Mode:
    """How sudoers would let bob pass without asking PAM's auth."""

    def __init__(self, sudoers, max_age="15min"):
        self.sudoers, self.max_age = sudoers, max_age

    def enter(self, shell):
        assert shell.run("sudo -n id -u") == ("0\n", 0)


class Timestamp(Mode):
    """Inside sudo's timestamp: tessera finds the login stale, and sudo does not ask."""

    def enter(self, shell):
        shell.run("sleep 2.1")
        shell.start("sudo id -u")
        shell.expect("Password or token: ")
        shell.answer(BOB)
        assert "0\n" in shell.finish()[0]
        shell.run("sleep 2.1")
        super().enter(shell)  # which is stale by now: only the timestamp can be why


MODES = {
    "plain": Mode("bob ALL=(ALL) ALL\n"),
    "NOPASSWD": Mode("bob ALL=(ALL) NOPASSWD: ALL\n"),
    "timestamp": Timestamp("Defaults timestamp_timeout=15\nbob ALL=(ALL) ALL\n", "1s"),
}


@pytest.fixture
def stage(host):
    """A host on which the tests may turn everything that gives bob a role."""
    shipped = host.read(POLICY)
    yield host
    host.write(POLICY, shipped)
    host.sh(f"rm -f {SUDOERS}; gpasswd -d bob sudo; tessera role revoke admin bob; tessera user enable bob; "
            "rm -f /run/tessera/end/*; systemctl start tessera-end.path; systemctl reload tesserad.service", check=False)
    host.wait(lambda: role(host)["users"] == [])


def assert_refused(shell, command):
    output, status = shell.run(command)
    assert status == 1 and "uid=" not in output, (command, status, output)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", WAYS)
def test_A4_P6_taken_away_is_gone_at_the_next_sudo(stage, way, mode):
    give, take = WAYS[way]
    mode = MODES[mode]
    stage.write(SUDOERS, mode.sudoers, 0o440)
    use_policy(stage, policy(max_age=mode.max_age))
    with stage.shell("bob", BOB) as shell:
        assert_refused(shell, "sudo -n id")
        give(stage, mode)
        mode.enter(shell)
        take(stage, mode)
        assert_refused(shell, "sudo -n id")
        assert_refused(shell, "sudo -n -i id")
        assert_refused(shell, "sudo -n -u alice id")


def test_given_is_there_at_the_next_sudo(stage):
    stage.write(SUDOERS, MODES["plain"].sudoers, 0o440)
    with stage.shell("bob", BOB) as shell:
        output, status = shell.run("sudo id -u")
        assert status == 1 and "Password or" not in output and 'needs the role "admin"; you have "everyone"' in output
        grant(stage, "--for", "2h", "--reason", "on call")
        assert shell.run("sudo -n id -u") == ("0\n", 0)
        assert json.loads(shell.run("tessera --json role show admin")[0])["assignments"] == role(stage)["assignments"]
        token = shell.run("tessera token print")[0].strip()
        assert stage.sh("tessera token verify --role admin", input=token).returncode == 0
    [assigned] = role(stage)["assignments"]
    assert (assigned["user"], assigned["by"], assigned["reason"]) == ("bob", "root", "on call")
    assert 7000 < assigned["until"] - time.time() <= 7200


def test_R9_it_survives_a_restart_of_the_daemon_and_a_power_cut(fresh):
    fresh.write(SUDOERS, MODES["plain"].sudoers, 0o440)
    grant(fresh, "--reason", "on call")
    before = role(fresh)
    fresh.sh("systemctl restart tesserad.service")
    assert role(fresh) == before
    assert fresh.ssh("bob", BOB, "sudo -n id -u").stdout == "0\n"
    grant(fresh)
    fresh.cut_power()
    assert [assigned["reason"] for assigned in role(fresh)["assignments"]] == [None]
    assert fresh.ssh("bob", BOB, "sudo -n id -u").stdout == "0\n"
    fresh.sh("tessera role revoke admin bob")
    fresh.cut_power()
    assert role(fresh)["assignments"] == []
    assert fresh.ssh("bob", BOB, "sudo -n id -u", check=False).returncode == 1


def test_the_journal_says_who_gave_what_to_whom_and_why(stage):
    grant(stage, "--for", "1s", "--reason", "on call")
    stage.sh("tessera role grant everyone bob; tessera role revoke everyone bob")

    def lines():
        entries = [json.loads(line) for line in stage.journal("TESSERA_USER=bob", "-o", "json").splitlines()]
        return [(entry["TESSERA_EVENT"], entry["MESSAGE"]) for entry in entries if entry["TESSERA_EVENT"].startswith("role-")]

    stage.wait(lambda: ("role-revoked", "role-revoked: bob: everyone, by root") in lines())
    assert any(event == "role-granted" and message.startswith("role-granted: bob: admin until 20") and
               message.endswith("Z: on call, by root") for event, message in lines())
    assert ("role-granted", "role-granted: bob: everyone, by root") in lines()
    # The sweep, which comes every minute, tells of the end; it counted before.
    stage.wait(lambda: any(event == "role-ended" for event, _ in lines()), seconds=75, what="the end is told")
    assert role(stage)["assignments"] == []
