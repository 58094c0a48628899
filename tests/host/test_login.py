# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Logging in: who gets in, at which prompt, and what the stack around us still decides."""

import json
import re

import pexpect
from conftest import PASSWORDS, UNIX_PASSWORDS
from host import PROMPT

ALICE = PASSWORDS["alice"]


def status(host, user, answer, **kwargs):
    return json.loads(host.ssh(user, answer, "tessera status --json", **kwargs).stdout)


def test_status_knows_the_session(host):
    found = status(host, "alice", ALICE)
    assert found["signed_in"] is True and found["user"] == "alice" and "admin" in found["roles"]
    session = found["session"]
    assert session["service"] == "sshd" and session["from"] == "127.0.0.1" and session["methods"] == ["pwd"]
    assert session["state"] == "active" and session["current"] is True and session["auth_time"]


def test_password_method_is_the_same_stack(host):
    options = ["-o", "PreferredAuthentications=password"]
    host.ssh("alice", ALICE, options=options)
    assert host.ssh("alice", "wrong", options=options, check=False).returncode == 255
    assert host.ssh("alice", UNIX_PASSWORDS["alice"], options=options, check=False).returncode == 255


def test_the_unix_password_of_an_enrolled_user_opens_nothing(host):
    assert host.ssh("alice", UNIX_PASSWORDS["alice"], check=False).returncode == 255


def test_P39_an_empty_answer_lets_nobody_in(host):
    """Also where the Unix account has an empty password and pam_unix says nullok."""
    host.sh("useradd -m -s /bin/bash empty && passwd -d empty")
    host.write("/etc/ssh/sshd_config.d/01-test.conf", "PermitEmptyPasswords yes\n")
    host.sh("systemctl restart ssh")
    try:
        for user in ("empty", "carol", "alice", "glass"):
            for method in ("keyboard-interactive", "password"):
                options = ["-o", f"PreferredAuthentications={method}"]
                assert host.ssh(user, "", options=options, check=False).returncode == 255, (user, method)
    finally:
        host.sh("rm /etc/ssh/sshd_config.d/01-test.conf; userdel -r empty; systemctl restart ssh", check=False)


def test_unknown_and_forbidden_names_get_the_same_prompt(host):
    for name in ("nobody-here", "root", "1000", "-x", "a b"):
        result = host.ssh(name if not name.startswith("-") else "x" + name, "whatever", check=False)
        assert result.returncode == 255, name


def test_P25_roots_key_login_does_not_ask_the_daemon(host):
    options = host.key_options("root")
    host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
    try:
        assert host.ssh("root", None, "id -u", options=options).stdout == "0\n"
    finally:
        host.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket")


def test_a_key_login_is_adopted_without_auth_time(host):
    found = status(host, "alice", None, options=host.key_options("alice"))
    session = found["session"]
    assert session["methods"] == ["pop"] and session["auth_time"] is None


def test_P28_the_shell_gets_a_handle_and_no_secret(host):
    env = host.ssh("alice", ALICE, "tr '\\0' '\\n' < /proc/self/environ; tr '\\0' '\\n' < /proc/$$/environ").stdout
    current = status(host, "alice", ALICE)["session"]["id"]
    handle = [line for line in env.splitlines() if line.startswith("TESSERA_SESSION=")]
    assert handle and len(handle[0]) == len("TESSERA_SESSION=") + len(current)
    assert ALICE not in env


def test_P32_a_forged_handle_gains_nothing(host):
    """pam_env reads ~/.pam_environment behind us: it must not end or take over another session."""
    with host.shell("bob", PASSWORDS["bob"]) as victim:
        victim_id = json.loads(victim.run("tessera status --json")[0])["session"]["id"]
        victim_xdg = victim.run("echo $XDG_SESSION_ID")[0].strip()
        host.sh("cat > ~alice/.pam_environment; chown alice: ~alice/.pam_environment",
                input=f"TESSERA_SESSION={victim_id}\nXDG_SESSION_ID={victim_xdg}\n")
        try:
            for answer, options in ((ALICE, ()), (None, host.key_options("alice"))):
                found = json.loads(host.ssh("alice", answer, "tessera status --json", options=options).stdout)
                assert found["user"] == "alice" and found["session"]["id"] != victim_id
                assert "TESSERA_SESSION=" + victim_id in host.ssh("alice", answer, "env", options=options).stdout
                host.sh(f"tessera session revoke {found['session']['id']}", check=False)
            assert json.loads(victim.run("tessera status --json")[0])["session"]["state"] == "active"
            assert victim.alive()
        finally:
            host.sh("rm -f ~alice/.pam_environment")
    host.wait(lambda: shown(host, victim_id)["state"] == "closed", what="the victim's own logout closes its session")


def shown(host, session):
    return json.loads(host.sh(["tessera", "--json", "session", "show", session]).stdout)


def test_A5_expired_accounts_and_nologin_are_still_refused(host):
    token = host.ssh("alice", ALICE, "tessera token print; sleep 8 >/dev/null 2>&1 &").stdout.strip()
    host.sh("chage -E 0 alice")
    try:
        assert host.ssh("alice", ALICE, check=False).returncode != 0
        assert host.ssh("alice", token, check=False).returncode != 0
    finally:
        host.sh("chage -E -1 alice")
    host.write("/etc/nologin", "closed for the night\n")
    try:
        assert host.ssh("alice", ALICE, check=False).returncode != 0
    finally:
        host.sh("rm /etc/nologin")
    host.ssh("alice", ALICE)


def test_a_disabled_user_is_refused_by_password_and_by_key(host):
    options = host.key_options("bob")
    host.ssh("bob", None, options=options)
    with host.shell("bob", PASSWORDS["bob"]) as shell:
        host.sh("tessera user disable bob")
        try:
            assert shell.ended(seconds=2)
            assert host.ssh("bob", PASSWORDS["bob"], check=False).returncode == 255
            assert host.ssh("bob", None, options=options, check=False).returncode != 0
        finally:
            host.sh("tessera user enable bob")
    host.ssh("bob", PASSWORDS["bob"])


def test_ten_wrong_answers_close_the_door_also_to_the_right_one(host):
    for _ in range(10):
        assert host.ssh("bob", "guess", check=False).returncode == 255
    assert host.ssh("bob", PASSWORDS["bob"], check=False).returncode == 255
    assert "throttled" in host.journal("TESSERA_REASON=throttled", "-o", "json")
    host.sh("tessera throttle reset --user bob")
    host.ssh("bob", PASSWORDS["bob"])


def test_P24_a_service_that_was_not_enabled_is_untouched_and_a_missing_module_denies(fresh):
    assert "tessera" not in fresh.read("/etc/pam.d/login") + fresh.read("/etc/pam.d/su") + fresh.read("/etc/pam.d/common-auth")
    module = fresh.sh("ls /usr/lib/*/security/pam_tessera.so").stdout.strip()
    fresh.sh(f"mv {module} {module}.away")
    for user, password in (("alice", ALICE), ("carol", UNIX_PASSWORDS["carol"]), ("carol", "wrong")):
        assert fresh.ssh(user, password, check=False).returncode != 0
    fresh.sh(f"mv {module}.away {module}")
    fresh.ssh("alice", ALICE)


def test_P38_a_second_factor_after_common_auth_is_kept(fresh):
    """success=1 jumps over common-auth only: what the admin put behind it is still asked."""
    fresh.sh("sed -i '/pam_permit.so/a auth required pam_deny.so' /etc/pam.d/sshd; cat /etc/pam.d/sshd")
    assert fresh.ssh("alice", ALICE, check=False).returncode == 255
    assert fresh.ssh("carol", UNIX_PASSWORDS["carol"], check=False).returncode == 255


def test_a_prompt_asks_once_for_everybody(host):
    for user in ("alice", "carol", "nobody-here"):
        argv = host.argv(host._ssh(user, ["-tt"], "127.0.0.1"))
        child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=20)
        child.expect_exact(PROMPT)
        child.sendline("wrong")
        rest = child.read()
        child.close()
        assert "assword:" not in rest and PROMPT not in rest, (user, rest)


def test_the_line_after_login(fresh):
    """Since when and from where, and what failed in between; told once."""
    def told(shell):
        # sshd has a line of its own (PrintLastLog), which names the day.
        return [line for line in shell.greeting.splitlines()
                if re.search("Last login: .* ago|Last login: just now|failed attempt", line)]

    with fresh.shell("alice", ALICE) as shell:
        assert told(shell) == []
    with fresh.shell("alice", ALICE) as shell:
        assert len(told(shell)) == 1 and "from 127.0.0.1" in told(shell)[0] and "failed" not in told(shell)[0]
    for _ in range(2):
        fresh.ssh("alice", "wrong", check=False)
    with fresh.shell("alice", ALICE) as shell:
        assert "2 failed attempts since" in told(shell)[0] and told(shell)[0].count("from 127.0.0.1") == 2
    with fresh.shell("alice", ALICE) as shell:
        assert "failed" not in told(shell)[0]
