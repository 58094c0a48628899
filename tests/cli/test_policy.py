# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""policy explain, and policy check --diff: against a real daemon, and without it."""

import os
import signal
import subprocess

import pytest
from daemon_host import ROOT

SHIPPED = (ROOT / "policy/policy.conf").read_text()
STEP = {"text", "file", "line"}


@pytest.fixture
def policy(host):
    """Writes policy.conf; the shipped one counts again behind the test."""
    def write(text, count=True):
        (host.folder / "etc/policy.conf").write_text(text)
        if count:
            reload(host)

    yield write
    write(SHIPPED)


@pytest.fixture
def draft(host):
    path = host.folder / "draft.conf"

    def write(text):
        path.write_text(text)
        return str(path)

    host.folder.chmod(0o755)
    yield write
    path.unlink(missing_ok=True)


@pytest.fixture
def stopped(host):
    os.kill(int((host.folder / "pid").read_text()), signal.SIGTERM)
    host.daemon.wait(20)
    yield
    host.start_daemon()


def reload(host):
    """Until the daemon says that it has read it."""
    (host.folder / "status").write_text("")
    host.run_in("systemctl", "try-reload-or-restart", "tesserad.service")
    for _ in range(200):
        if (host.folder / "status").read_text():
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise AssertionError(host.log())


def line_of(text, start):
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start))


# Explain


def test_explain_for_people(signed_in):
    answer = signed_in.run("policy", "explain", "alice", "sudo")
    lines = answer.stdout.splitlines()
    assert answer.status == 0 and lines[-1] == "allow" and answer.stderr == ""
    assert f'"sudo" is ruled by [service:sudo] (/etc/tessera/policy.conf:{line_of(SHIPPED, "[service:sudo]")})' in lines
    assert f'holds "admin": in the group "sudo" (gid 27) (/etc/tessera/policy.conf:{line_of(SHIPPED, "groups=sudo")})' in lines
    assert f'max-age is 15min (/etc/tessera/policy.conf:{line_of(SHIPPED, "max-age=15min")})' in lines
    signed_in.run("logout")
    answer = signed_in.run("policy", "explain", "alice", "sudo")
    assert answer.status == 3 and answer.stdout.splitlines()[-1] == "step-up: no-session"


def test_explain_for_programs(host, signed_in):
    answer = signed_in.json("policy", "explain", "alice", "sudo")
    assert answer["verdict"] == "allow" and answer["reason"] == "ok"
    assert all(set(step) == STEP and (step["file"] is None) == (step["line"] is None) for step in answer["steps"])
    answer = host.root.json("policy", "explain", "bob", "sudo", status=3)
    assert (answer["verdict"], answer["reason"]) == ("deny", "role-missing")
    assert any(step["text"].startswith('does not hold "admin"') for step in answer["steps"])
    answer = host.root.json("policy", "explain", "bob", "cups", status=3)
    assert (answer["verdict"], answer["reason"]) == ("deny", "unknown-service")
    answer = host.root.json("policy", "explain", "nobody-there", "sshd", status=3)
    assert (answer["verdict"], answer["reason"]) == ("deny", "not-enrolled")


def test_explain_by_a_session(host, signed_in):
    session = signed_in.json()["session"]["id"]
    answer = host.root.json("policy", "explain", "alice", "sudo", "--session", session[:8])
    assert answer["verdict"] == "allow" and session[:8] in answer["steps"][0]["text"]
    assert host.root.run("policy", "explain", "bob", "sudo", "--session", session).status == 1
    host.root.run("session", "revoke", session, "--keep-login")
    answer = signed_in.json("policy", "explain", "alice", "sudo", status=3)
    assert (answer["verdict"], answer["reason"]) == ("deny", "revoked")


def test_explain_is_not_for_others(host, alice):
    for user in ("bob", "nobody-there", "root"):
        answer = alice.run("--json", "policy", "explain", user, "sudo")
        assert answer.status == 3 and answer.stdout == "" and '"code":"denied"' in answer.stderr
    assert alice.run("policy", "explain", "alice", "su do").status == 1


# Check --diff


def test_nothing_changes(host, policy):
    answer = host.root.run("policy", "check", "--diff")
    assert answer.status == 0 and answer.stdout.splitlines() == ["nobody gains or loses anything", "no mistakes"]
    answer = host.root.json("policy", "check", "--diff")
    assert answer["valid"] and answer["changes"] == [] and answer["against"] == "tesserad"
    assert answer["users"] == "enrolled" and answer["skipped"] == []
    assert "changes" not in host.root.json("policy", "check")


def test_what_a_reload_would_change(host, policy):
    policy(SHIPPED.replace("groups=sudo", "users=bob").replace("max-age=15min", "max-age=1h\nmethods=pwd"), count=False)
    answer = host.root.run("policy", "check", "--diff")
    assert answer.status == 0 and answer.stdout.splitlines() == [
        "su: max-age 1h instead of 15min",
        "su: methods pwd instead of any",
        "sudo: max-age 1h instead of 15min",
        "sudo: methods pwd instead of any",
        'alice loses the role admin: so far in the group "sudo" (gid 27)',
        'alice loses su: so far by "admin"',
        'alice loses sudo: so far by "admin"',
        'bob gains the role admin: "bob" is one of its users',
        'bob gains su: by "admin"',
        'bob gains sudo: by "admin"',
        "no mistakes"]
    changes = host.root.json("policy", "check", "--diff")["changes"]
    assert {"service": "sudo", "change": "max-age", "from": "15min", "to": "1h"} in changes
    assert {"user": "bob", "service": "sudo", "change": "gains", "reason": 'by "admin"'} in changes
    assert {"user": "alice", "role": "admin", "change": "loses",
            "reason": 'in the group "sudo" (gid 27)'} in changes
    reload(host)
    assert host.root.json("policy", "check", "--diff")["changes"] == []


def test_what_is_assigned_counts_in_both(host, policy, draft):
    grant = host.root.run("role", "grant", "admin", "bob", "--reason", "on call")
    assert grant.status == 0, grant
    try:
        reason = "assigned by root until it is taken away, because: on call"
        assert f'holds "admin": {reason}' in host.root.run("policy", "explain", "bob", "sudo").stdout.splitlines()
        changes = host.root.json("policy", "check", draft(SHIPPED.replace("groups=sudo", "users=alice")), "--diff")["changes"]
        assert changes == []
        text = SHIPPED.replace("[role:admin]", "[role:boss]").replace("roles=admin", "roles=boss")
        changes = host.root.json("policy", "check", draft(text), "--diff")["changes"]
        assert {"user": "bob", "role": "admin", "change": "loses", "reason": reason} in changes
        assert {"user": "bob", "service": "sudo", "change": "loses", "reason": 'by "admin"'} in changes
    finally:
        host.root.run("role", "revoke", "admin", "bob")


def test_a_draft_in_the_place_of_policy_conf(host, policy, draft):
    (host.folder / "etc/policy.d").mkdir(exist_ok=True)
    more = host.folder / "etc/policy.d/cups.conf"
    more.write_text("[service:cups]\nroles=admin\n")
    try:
        reload(host)
        path = draft(SHIPPED.replace("groups=sudo", "users=bob"))
        changes = host.root.json("policy", "check", path, "--diff")["changes"]
        assert {(c["user"], c.get("service"), c["change"]) for c in changes if "service" in c} == {
            (user, service, change) for user, change in (("alice", "loses"), ("bob", "gains"))
            for service in ("sudo", "su", "cups")}
    finally:
        more.unlink()
        reload(host)


def test_a_mistake_is_told_and_nothing_compared(host, policy, draft):
    answer = host.root.json("policy", "check", draft("[service:sudo]\nroles=nobody\n"), "--diff", status=1)
    assert not answer["valid"] and "changes" not in answer
    assert host.root.run("policy", "check", draft("[host:web1]\nusers=*\n"), "--diff").status == 2


def test_others_are_told_of_themselves(host, alice, draft):
    path = draft(SHIPPED.replace("groups=sudo", "users=bob"))
    answer = alice.json("policy", "check", path, "--diff")
    assert answer["users"] == "oneself" and {c["user"] for c in answer["changes"]} == {"alice"}
    answer = alice.run("policy", "check", path, "--diff")
    assert "you alone" in answer.stderr and "bob" not in answer.stdout


def test_a_user_without_account_is_not_looked_at(host, policy, draft):
    passwd = host.folder / "passwd"
    text = passwd.read_text()
    passwd.write_text(text.replace("bob:x:20002", "bob:x:20009"))
    try:
        answer = host.root.json("policy", "check", draft(SHIPPED.replace("groups=sudo", "users=bob")), "--diff")
        assert answer["skipped"] == ["bob"] and {c["user"] for c in answer["changes"]} == {"alice"}
    finally:
        passwd.write_text(text)


def test_without_the_daemon_it_is_the_installed_files(host, stopped, draft):
    path = draft(SHIPPED.replace("groups=sudo", "users=bob"))
    answer = host.root.json("policy", "check", path, "--diff")
    assert answer["against"] == "files" and answer["users"] == "accounts"
    assert {(c["user"], c["change"]) for c in answer["changes"] if c.get("role") == "admin"} == {
        ("alice", "loses"), ("bob", "gains")}
    answer = host.root.run("policy", "check", path, "--diff")
    assert answer.status == 0 and "tesserad is down" in answer.stderr and "without assigned roles" in answer.stderr
    answer = host.root.run("policy", "check", "--diff")
    assert answer.status == 0 and "which is what was read" in answer.stderr
    assert host.root.run("policy", "explain", "alice", "sudo").status == 5
