# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""sudo: silent when role and age allow, a step-up when not, a refusal that says what is missing."""

import json
import re

import pytest
from conftest import PASSWORDS, UNIX_PASSWORDS

ALICE = PASSWORDS["alice"]

QUICK = """[role:admin]
groups=sudo
[role:everyone]
users=*
[service:sshd]
roles=everyone
[service:sudo]
roles=admin
max-age=1s
"""


@pytest.fixture
def stale(host):
    """A policy under which every login is stale after a second."""
    shipped = host.read("/etc/tessera/policy.conf")
    host.write("/etc/tessera/policy.conf", QUICK)
    host.sh("systemctl reload tesserad.service")
    yield host
    host.write("/etc/tessera/policy.conf", shipped)
    host.sh("systemctl reload tesserad.service")


def test_a_fresh_login_with_the_role_is_not_asked(host):
    with host.shell("alice", ALICE) as shell:
        for command in ("sudo id -u", "sudo -n id -u", "sudo -i id -u", "sudo -u bob id -un"):
            output, status = shell.run(command)
            assert (output, status) == ("bob\n" if "bob" in command else "0\n", 0)


def test_a_stale_login_steps_up_by_password(stale):
    with stale.shell("alice", ALICE) as shell:
        shell.run("sleep 2.1")
        assert shell.run("sudo -n id")[1] == 1
        shell.start("sudo id -u")
        shell.expect("Password or token: ")
        shell.answer(ALICE)
        assert "0\n" in shell.finish()[0]
        assert shell.run("sudo -n id -u") == ("0\n", 0)  # renewed


def test_P31_a_token_proves_nothing_fresh(stale):
    with stale.shell("alice", ALICE) as shell:
        before = json.loads(shell.run("tessera status --json")[0])["session"]["auth_time"]
        shell.run("sleep 2.1")
        output, status = shell.run("tessera token print | sudo -S id")
        assert status == 1 and "uid=0" not in output
        assert json.loads(shell.run("tessera status --json")[0])["session"]["auth_time"] == before
        child_token = shell.run("tessera token print")[0].strip()
    # Nor do tokens passed on from login to login: the child is as old as its origin.
        with stale.shell("alice", child_token) as child:
            assert child.run("sudo -n id")[1] == 1
            assert json.loads(child.run("tessera status --json")[0])["session"]["auth_time"] == before


def test_a_wrong_password_at_step_up(stale):
    with stale.shell("alice", ALICE) as shell:
        shell.run("sleep 2.1")
        output, status = shell.run(f"echo wrong | sudo -S id; echo {UNIX_PASSWORDS['alice']} | sudo -S id")
        assert "uid=0" not in output and status == 1


def test_without_the_role_there_is_no_prompt_and_one_line(host):
    with host.shell("bob", PASSWORDS["bob"]) as shell:
        output, status = shell.run("sudo id")
        lines = [line for line in output.splitlines() if "tessera" in line or '"admin"' in line]
        assert status == 1 and "Password" not in output
        assert len(lines) == 1 and '"admin"' in lines[0] and "bob" in lines[0], output
    audit = [json.loads(line) for line in host.journal("TESSERA_USER=bob", "TESSERA_REASON=role-missing", "-o", "json").splitlines()]
    assert audit and audit[-1]["TESSERA_SERVICE"] == "sudo"


def test_A6_a_refusal_is_one_structured_line(host):

    def lines():
        return len(host.journal("TESSERA_REASON=role-missing", "-o", "json").splitlines())

    before = lines()
    with host.shell("bob", PASSWORDS["bob"]) as shell:
        shell.run("sudo -n id")
    host.wait(lambda: lines() > before, what="the refusal is in the journal")
    assert lines() == before + 1


@pytest.fixture(params=["targetpw", "rootpw", "runaspw"])
def default(request, host):
    """One of sudoers' ways to ask for another's password. root has one, and carol may sudo."""
    host.sh("chpasswd", input="root:root-unix-1\n")
    host.write("/etc/sudoers.d/zz-test", f"Defaults {request.param}\ncarol ALL=(ALL) ALL\n", 0o440)
    yield request.param
    host.sh("rm /etc/sudoers.d/zz-test; passwd -l root")


def test_P33_the_gate_is_for_who_calls(host, default):
    with host.shell("alice", ALICE) as shell:
        assert shell.run("sudo -n id -u") == ("0\n", 0)
        assert shell.run("sudo -n -u bob id -un") == ("bob\n", 0)
    with host.shell("bob", PASSWORDS["bob"]) as shell:
        for command in ("sudo id", "sudo -u alice id", "echo root-unix-1 | sudo -S id"):
            output, status = shell.run(command)
            assert status == 1 and "uid=" not in output and "[sudo]" not in output and "oken" not in output, command


def test_P33_the_others_password_is_none_of_ones_own(stale, default):
    """runaspw, targetpw: that of bob; rootpw: root's. Neither makes alice fresh; her own does."""
    with stale.shell("alice", ALICE) as shell:
        for answer in ("root-unix-1", UNIX_PASSWORDS["bob"], PASSWORDS["bob"]):
            shell.run("sleep 2.1")
            output, status = shell.run(f'echo "{answer}" | sudo -S -u bob id')
            assert status == 1 and "uid=" not in output, answer
        assert "uid=" in shell.run(f'echo "{ALICE}" | sudo -S -u bob id')[0]


def test_P33_who_tessera_does_not_know_is_asked_as_sudoers_says(host, default):
    with host.shell("carol", UNIX_PASSWORDS["carol"]) as shell:
        right = "root-unix-1" if default in ("rootpw", "runaspw") else UNIX_PASSWORDS["bob"]
        for answer in (UNIX_PASSWORDS["carol"], right):
            output, _ = shell.run(f"echo '{answer}' | sudo -S -u bob id -un")
            assert ("bob" in output.split()) == (answer == right), (answer, output)


def test_P6_nopasswd_and_timestamp_do_not_skip_the_role(host):
    """auth is skipped, account is not: bob has a sudoers line and no role."""
    host.write("/etc/sudoers.d/zz-test", "bob ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    try:
        with host.shell("bob", PASSWORDS["bob"]) as shell:
            output, status = shell.run("sudo id")
            assert status == 1 and "uid=0" not in output and '"admin"' in output
    finally:
        host.sh("rm /etc/sudoers.d/zz-test")


def test_A4_losing_the_role_counts_at_the_next_call(host):
    with host.shell("alice", ALICE) as shell:
        assert shell.run("sudo -n id -u")[1] == 0
        token = shell.run("tessera token print")[0].strip()
        host.sh("gpasswd -d alice sudo")
        try:
            assert shell.run("sudo -n id -u")[1] == 1
            verified = host.sh("tessera token verify --role admin", input=token, check=False)
            assert verified.returncode == 3
        finally:
            host.sh("usermod -aG sudo alice")
        assert shell.run("sudo -n id -u")[1] == 0


def test_an_admins_key_login_gets_the_prompt(host):
    with host.shell("alice", None, options=host.key_options("alice")) as shell:
        assert shell.run("sudo -n id")[1] == 1
        shell.start("sudo id -u")
        shell.expect("Password or token: ")
        shell.answer(ALICE)
        assert "0\n" in shell.finish()[0]
        assert shell.run("sudo -n id -u") == ("0\n", 0)
        assert "pwd" in json.loads(shell.run("tessera status --json")[0])["session"]["methods"]


def test_tmux_after_logout_steps_up_into_a_new_session(host):
    host.sh("loginctl enable-linger alice", check=False)
    with host.shell("alice", ALICE) as shell:
        old = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
        shell.run("tmux -L t new-session -d -x 200 -y 50")
        shell.run("tessera logout")
        assert shell.run("tessera status")[1] == 4
    host.wait("pgrep -u alice tmux")
    with host.shell("alice", ALICE) as later:
        later.run("tmux -L t send-keys 'sudo id -u > /tmp/tmux-out 2>&1; tessera status --json > /tmp/tmux-status' Enter")
        host.wait(lambda: "Password or token" in later.run("tmux -L t capture-pane -p")[0], what="sudo asks in tmux")
        later.run(f"tmux -L t send-keys \"{ALICE}\" Enter")
        host.wait("grep -q signed_in /tmp/tmux-status")
        new = json.loads(host.read("/tmp/tmux-status"))["session"]
        assert "0" in host.read("/tmp/tmux-out").split()
        assert new["id"] != old and new["state"] == "active"
        assert new["id"] != json.loads(later.run("tessera status --json")[0])["session"]["id"]
        later.run("tmux -L t kill-server")


def test_P37_roots_own_sudo_and_su_work_with_the_daemon_down(host):
    host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
    try:
        assert host.sh("sudo -n id -u").stdout == "0\n"
        assert host.sh("sudo -n -u alice id -un").stdout == "alice\n"
        assert host.sh("su alice -c 'id -un'").stdout == "alice\n"
        assert host.ssh("root", None, "sudo -n id -u", options=host.key_options("root")).stdout == "0\n"
    finally:
        host.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket")


def test_P4_sudo_records_nothing_for_its_target(host):
    """With and without a session line of ours in sudo's stack."""
    original = host.read("/etc/pam.d/sudo")
    before = {s["id"] for s in json.loads(host.sh("tessera --json session list --all-users").stdout)}
    for extra in ("", "session required pam_tessera.so\n"):
        host.write("/etc/pam.d/sudo", original + extra)
        try:
            with host.shell("alice", ALICE) as shell:
                assert shell.run("sudo -n -u bob id -un") == ("bob\n", 0)
                assert shell.run("sudo -n id -u") == ("0\n", 0)
            sessions = json.loads(host.sh("tessera --json session list --all-users").stdout)
            new = [s for s in sessions if s["id"] not in before]
            assert not [s for s in new if s["user"] == "root" or s["service"].startswith("sudo")]
        finally:
            host.write("/etc/pam.d/sudo", original)


def test_P8_a_failing_session_line_denies_nothing_that_account_allowed(host):
    """sudo ignores SESSION_ERR: no denial of ours depends on the session phase."""
    with host.shell("bob", PASSWORDS["bob"]) as shell:
        assert shell.run("sudo -n id")[1] == 1


def test_A7_sudo_by_number(host):
    with host.shell("alice", ALICE) as shell:
        for target in ("'#-1'", "'#4294967295'"):
            output, status = shell.run(f"sudo -n -u {target} id -u")
            assert status != 0 and output.strip() != "0"
        output, status = shell.run("sudo -n -u '#12345' id -u")  # has no passwd entry
        assert (status != 0 or output == "12345\n") and output.strip() != "0"
    host.sh("systemctl is-active tesserad.service")


def test_P34_logins_that_share_an_audit_id(host):
    """An sshd started from a login gives all its logins that login's audit id."""
    with host.shell("root", None, options=host.key_options("root")) as admin:
        admin.run("/usr/sbin/sshd -p 2222 -o PidFile=/run/sshd-2222.pid")
        port = ["-p", "2222"]
        host.sh("tessera session revoke --user alice; tessera session revoke --user bob")
        try:
            with host.shell("alice", ALICE, options=port) as one, host.shell("alice", ALICE, options=port) as two, \
                    host.shell("bob", PASSWORDS["bob"], options=port) as other:
                ids = {shell.run("cat /proc/self/sessionid")[0] for shell in (one, two, other)}
                sessions = json.loads(host.sh("tessera --json session list --all-users").stdout)
                mine = [s for s in sessions if s["state"] == "active" and s["user"] == "alice"]
                assert len(mine) == 2
                assert one.run("sudo -n id -u")[0] == "0\n"
                output, status = other.run("sudo -n id -u")
                assert status == 1 and output.strip() != "0"  # never alice's session, though the number is the same
                if len(ids) == 1:
                    assert [s["parent"] for s in mine].count(None) == 1  # the second is an unbound child
        finally:
            host.sh("kill $(cat /run/sshd-2222.pid)", check=False)
    # Without any audit id: no session is matched, so a non-root process is asked.
    output = host.sh("sudo -n id -u", user="alice", check=False)
    assert output.returncode == 1 and not re.search(r"^0$", output.stdout, re.M)


def test_sudo_prompt_option_is_honoured(stale):
    with stale.shell("alice", ALICE) as shell:
        shell.run("sleep 2.1")
        shell.start("sudo -p 'become please: ' id -u")
        shell.expect("become please: ")
        shell.answer(ALICE)
        assert "0\n" in shell.finish()[0]
