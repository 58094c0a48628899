# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Who is in, and putting them out."""

import json

from conftest import PASSWORDS

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]
MEMBERS = ["id", "user", "uid", "host", "service", "from", "tty", "methods", "roles", "auth_time", "opened", "seen",
           "ends", "state", "parent", "device", "current"]


def sessions(shell_or_host, *options):
    command = " ".join(["tessera", "--json", "session", "list", *options])
    if hasattr(shell_or_host, "run"):
        return json.loads(shell_or_host.run(command)[0])
    return json.loads(shell_or_host.sh(command).stdout)


def current(shell):
    return json.loads(shell.run("tessera status --json")[0])["session"]


def test_the_list_has_every_member(host):
    with host.shell("alice", ALICE) as alice, host.shell("bob", BOB) as bob:
        mine = sessions(alice)
        assert [s["user"] for s in mine] == ["alice"] and set(MEMBERS) <= set(mine[0])
        assert mine[0]["tty"].startswith("pts/") or mine[0]["tty"] == "ssh"
        assert mine[0]["from"] == "127.0.0.1" and mine[0]["parent"] is None and mine[0]["device"] is None
        both = sessions(host, "--all-users")
        assert {s["user"] for s in both if s["state"] == "active"} == {"alice", "bob"}
        output, status = alice.run("sudo tessera sessions --all-users")
        assert status == 0 and "bob" in output and "127.0.0.1" in output and "ago" in output
        for word in ("alice", mine[0]["id"][:8], "sshd", "pwd"):
            assert word in alice.run("tessera sessions")[0]
        assert bob.run("tessera sessions --all-users")[1] == 3


def test_B5_bob_neither_sees_nor_revokes_alices(host):
    with host.shell("alice", ALICE) as alice, host.shell("bob", BOB) as bob:
        victim = current(alice)["id"]
        assert victim not in bob.run("tessera --json sessions")[0]
        for command in (f"session show {victim}", f"session revoke {victim}", "session revoke --user alice",
                        "session list --user alice", "session revoke --all-users --yes"):
            output, status = bob.run(f"tessera {command} 2>&1")
            assert status in (1, 3) and "pwd" not in output, command
        assert current(alice)["state"] == "active" and alice.alive()
        # An id of root's own making is not bob's either, nor is a prefix of one character that is not his own's.
        short = victim[:1] if victim[:1] != current(bob)["id"][:1] else victim[:8]
        for guess in (victim[:8], short, "0" * 32, "%", "'; drop table session; --"):
            assert bob.run(f"tessera session show \"{guess}\"")[1] in (1, 2, 3)


def test_revoke_ends_sudo_token_and_shell(host):
    with host.shell("alice", ALICE) as shell:
        session = current(shell)["id"]
        token = shell.run("tessera token print")[0].strip()
        host.sh(["tessera", "session", "revoke", session, "--reason", "a test"])
        assert shell.ended(seconds=2)
    verified = host.sh("tessera token verify --json", input=token, check=False)
    assert json.loads(verified.stdout)["reason"] == "revoked"
    shown = json.loads(host.sh(["tessera", "--json", "session", "show", session]).stdout)
    assert shown["state"] == "revoked" and [e["event"] for e in shown["events"]][-1] == "revoked"
    again = host.sh(["tessera", "--json", "session", "revoke", session])
    assert json.loads(again.stdout)["changed"] is False


def test_keep_login_spares_the_shell_and_nothing_else(host):
    with host.shell("alice", ALICE) as shell:
        session = current(shell)["id"]
        token = shell.run("tessera token print")[0].strip()
        assert shell.run("sudo -n id -u") == ("0\n", 0)
        host.sh(["tessera", "session", "revoke", session, "--keep-login"])
        output, status = shell.run("sudo id")
        assert status == 1 and "uid=0" not in output and "Password" not in output  # dead until the login ends
        assert shell.run("tessera status")[1] == 4
        assert shell.run("tessera token print")[1] == 4
        assert host.ssh("alice", token, check=False).returncode == 255
        assert not shell.ended(seconds=3) and shell.run("echo here")[0] == "here\n"
        assert shell.run(f"echo \"{ALICE}\" | tessera login --no-input; true; tessera status")[1] == 4
    host.ssh("alice", ALICE, "sudo -n id -u")


def test_revoking_a_user_ends_all_of_it(host):
    with host.shell("alice", ALICE) as one, host.shell("alice", ALICE) as two, host.shell("bob", BOB) as bob:
        host.sh("tessera session revoke --user alice")
        assert one.ended(seconds=2) and two.ended(seconds=2)
        assert current(bob)["state"] == "active"
    assert not [s for s in sessions(host, "--all-users") if s["user"] == "alice" and s["state"] == "active"]


def test_revoke_others_keeps_this_login(host):
    with host.shell("alice", ALICE) as one, host.shell("alice", ALICE) as two:
        assert one.run("tessera session revoke --others")[1] == 0
        assert two.ended(seconds=2) and current(one)["state"] == "active"


def test_logout_and_login_again(host):
    with host.shell("alice", ALICE) as shell:
        first = current(shell)["id"]
        assert shell.run("tessera logout")[1] == 0
        assert shell.run("tessera status --json")[1] == 4
        shell.start("tessera login")
        shell.expect(": ")
        shell.answer(ALICE)
        assert shell.finish()[1] == 0
        assert current(shell)["id"] != first
        assert shell.run("sudo -n id -u") == ("0\n", 0)


def test_the_end_of_a_login_closes_its_session_once(host):
    with host.shell("alice", ALICE) as shell:
        session = current(shell)["id"]
        shell.answer("exit")
        assert shell.ended(seconds=5)
    host.wait(lambda: json.loads(host.sh(["tessera", "--json", "session", "show", session]).stdout)["state"] == "closed")
    events = json.loads(host.sh(["tessera", "--json", "session", "show", session]).stdout)["events"]
    assert [e["event"] for e in events].count("closed") == 1


def test_a_changed_password_revokes_the_others(host):
    with host.shell("bob", BOB) as one, host.shell("bob", BOB) as two:
        one.start("tessera passwd")
        for answer in (BOB, "another password", "another password"):
            one.expect(": ")
            one.answer(answer)
        assert one.finish()[1] == 0
        try:
            assert two.ended(seconds=2) and current(one)["state"] == "active"
            assert host.ssh("bob", BOB, check=False).returncode == 255
            host.ssh("bob", "another password")
        finally:
            host.sh("tessera passwd bob", input=BOB + "\n")


def test_sessions_of_another_boot_are_closed(fresh):
    with fresh.shell("alice", ALICE) as shell:
        session = current(shell)["id"]
        fresh.cut_power()
    fresh.wait("systemctl is-active tesserad.service || systemctl start tesserad.service")
    shown = json.loads(fresh.sh(["tessera", "--json", "session", "show", session]).stdout)
    assert shown["state"] == "closed"
    assert fresh.ssh("alice", ALICE, "sudo -n id -u").stdout == "0\n"


def test_tessera_end_refuses_what_is_not_its_to_end(host):
    """Only the daemon writes there; even so a name that is none, or a system user's, ends nothing."""
    with host.shell("root", None, options=host.key_options("root")) as root:
        logind = root.run("echo $XDG_SESSION_ID")[0].strip()
        for name in (f"session-{logind}", "user-0", "user-1", "session-..", "session-a%2fb", "junk", "user--1"):
            host.sh(f"touch /run/tessera/end/{name}")
        host.sh("ln -s /etc/passwd /run/tessera/end/session-1x")
        host.wait("test -z \"$(ls /run/tessera/end)\"")
        assert root.run("echo here")[0] == "here\n"
    assert host.sh("systemctl is-active tessera-end.path").stdout == "active\n"
    assert host.sh("wc -c < /etc/passwd").stdout != "0\n"
