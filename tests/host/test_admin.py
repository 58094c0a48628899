# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""carol administers over ssh, without sudo: fresh, stale, by key, and when the role is taken away."""

import json

import pytest
from conftest import PASSWORDS

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]
CAROL = "carol's tessera password"

KEEPERS = """
[role:keeper]
groups=keepers

[service:tessera]
roles=keeper
max-age={max_age}
"""


@pytest.fixture(scope="module")
def administered(shared):
    """carol is a keeper: no root, no sudo."""
    shared.sh("groupadd keepers && usermod -aG keepers carol")
    shared.sh(["tessera", "user", "add", "carol"], input=CAROL + "\n")
    return shared


@pytest.fixture
def host(administered):
    set_max_age(administered, "15min")
    yield administered
    administered.sh("tessera user enable bob; usermod -aG keepers carol")


def set_max_age(host, max_age):
    host.write("/etc/tessera/policy.d/keepers.conf", KEEPERS.format(max_age=max_age))
    host.sh("systemctl reload tesserad.service")


def shown(shell, command):
    output, status = shell.run(f"tessera --json {command}")
    assert status == 0, output
    return json.loads(output)


def told(host, event, **fields):
    """Is there a line of the event that says so?"""
    lines = [json.loads(line) for line in host.journal(f"TESSERA_EVENT={event}", "-o", "json").splitlines()]
    return any(all(line.get(f"TESSERA_{key}") == value for key, value in fields.items()) for line in lines)


def test_carol_administers_without_sudo(host):
    with host.shell("carol", CAROL) as carol, host.shell("bob", BOB) as bob:
        assert {s["user"] for s in shown(carol, "session --all-users")} >= {"bob", "carol"}
        session = shown(carol, "session --user bob")[0]["id"]
        assert shown(carol, f"session revoke {session[:8]} --reason 'left his desk'")["revoked"] == [session]
        assert bob.ended(seconds=5)
        assert shown(carol, "user disable bob") == {"changed": True, "user": "bob"}
        assert host.ssh("bob", BOB, check=False).returncode == 255
        assert shown(carol, "user disable bob")["changed"] is False
        assert shown(carol, "user enable bob")["changed"] is True
        assert {u["user"] for u in shown(carol, "user list")} == {"alice", "bob", "carol"}
        assert shown(carol, "role grant admin bob --for 2h --reason 'on call'")["changed"] is True
        assert ("admin", "bob", "carol") in [(r["role"], a["user"], a["by"]) for r in shown(carol, "role list")
                                             for a in r["assignments"]]
        assert shown(carol, "role revoke admin bob")["changed"] is True
        assert shown(carol, "key list") and shown(carol, "device list --user bob") == []
        # And nothing beyond: no sudo, no file of root's.
        assert carol.run("sudo -n id")[1] == 1
        assert carol.run("tessera trust add web9 --users=x --roles=y </dev/null")[1] == 3
    assert host.ssh("bob", BOB).returncode == 0
    assert told(host, "user-disabled", USER="bob", BY="carol")
    assert told(host, "role-granted", USER="bob", BY="carol")
    assert told(host, "revoked", USER="bob", SESSION=session, BY="carol")


def test_bob_does_not_and_reads_why(host):
    with host.shell("bob", BOB) as bob:
        for command in ("user list", "session --all-users", "session revoke --user carol", "key list",
                        "device --user alice", "role grant admin bob", "user disable carol", "user enable nobody-such"):
            output, status = bob.run(f"tessera {command}")
            assert status == 3 and 'needs the role "keeper"' in output, output
            assert "assword" not in output
    assert told(host, "refused", BY="bob", REASON="not-allowed")


def test_a_stale_login_is_asked_once(host):
    set_max_age(host, "2s")
    with host.shell("carol", CAROL) as carol:
        carol.run("sleep 3.1")
        # Without a person to ask: refused, with what to do.
        for command in ("tessera user list --no-input", "tessera user list </dev/null"):
            output, status = carol.run(command)
            assert status == 3 and "tessera login" in output and "assword:" not in output
        carol.start("tessera user disable bob")
        carol.expect("Password: ")
        carol.answer(CAROL)
        output, status = carol.finish()
        assert status == 0 and "bob is disabled" in output and "Password" not in output
        # What is her own asks for nothing.
        carol.run("sleep 3.1")
        assert carol.run("tessera session list --no-input")[1] == 0
        # A wrong password: once, and nothing is done.
        carol.start("tessera user enable bob")
        carol.expect("Password: ")
        carol.answer("wrong")
        output, status = carol.finish()
        assert status == 3 and "Password" not in output
        assert json.loads(host.sh(["tessera", "--json", "user", "show", "bob"]).stdout)["enabled"] is False


def test_a_key_login_is_asked(host):
    options = host.key_options("carol")
    assert host.ssh("carol", None, "tessera user list", options=options, check=False).returncode == 3
    with host.shell("carol", None, options=options) as carol:
        carol.start("tessera user list")
        carol.expect("Password: ")
        carol.answer(CAROL)
        output, status = carol.finish()
        assert status == 0 and "alice" in output
        assert carol.run("tessera user list --no-input")[1] == 0


def test_A4_the_role_taken_away_counts_at_the_next_call(host):
    with host.shell("carol", CAROL) as carol:
        assert carol.run("tessera user list")[1] == 0
        host.sh("gpasswd -d carol keepers")
        output, status = carol.run("tessera user list")
        assert status == 3 and 'needs the role "keeper"' in output
        host.sh("usermod -aG keepers carol")
        assert carol.run("tessera user list")[1] == 0
        host.sh("rm /etc/tessera/policy.d/keepers.conf && systemctl reload tesserad.service")
        output, status = carol.run("tessera user list")
        assert status == 3 and "[service:tessera]" in output


def test_carol_sees_everybodys_events_until_she_may_not(host):
    with host.shell("carol", CAROL) as carol:
        carol.run("tessera monitor --json > ~/events & sleep 1")
        host.ssh("bob", BOB)
        host.wait("grep -q '\"user\":\"bob\"' ~carol/events", what="carol is told of bob's login")
        host.sh("gpasswd -d carol keepers")
        host.ssh("alice", ALICE)
        host.wait("grep -q monitor-narrowed ~carol/events", what="carol is told that this is over")
        assert '"user":"alice"' not in host.read("/home/carol/events")
        carol.run("kill %1")


def test_carol_sets_bobs_password_and_her_own(host):
    with host.shell("carol", CAROL) as carol:
        carol.start("tessera passwd bob")
        for prompt in ("New password: ", "Once more: "):
            carol.expect(prompt)
            carol.answer(BOB)
        assert carol.finish()[1] == 0
        carol.start("tessera passwd carol")
        for prompt, answer in (("Current password: ", CAROL), ("New password: ", CAROL), ("Once more: ", CAROL)):
            carol.expect(prompt)
            carol.answer(answer)
        assert carol.finish()[1] == 0
    assert told(host, "password-changed", USER="bob", BY="carol")
