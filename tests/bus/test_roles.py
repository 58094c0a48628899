# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Roles by assignment, on the bus: who may, what is shown to whom, and that the next decision knows."""

import os
import signal
import sqlite3
import time

import dbus
import pytest
from daemon import ALICE, BOB, NOBODY, PASSWORD, POLICY, Refused, background, scaled, secret, wait_for


def grant(host, role, user, **options):
    options = {key: dbus.Int64(value) if key == "for" else value for key, value in options.items()}
    return host.call("Roles.Grant", "ssa{sv}", role, user, options)


def revoke(host, role, user):
    return host.call("Roles.Revoke", "ss", role, user)


def authorize(host, user, service="sudo"):
    return host.call("Login.Authorize", "ssa{sv}", user, service, {})[0]


def assignments(host, uid=None, role="admin"):
    shown = host.as_uid(uid, "Roles.Show", "s", role) if uid else host.call("Roles.Show", "s", role)
    listed = host.as_uid(uid, "Roles.List") if uid else host.call("Roles.List")
    assert [each for each in listed if each["role"] == role] == [shown]
    return shown["assignments"]


def error_of(function, *arguments):
    with pytest.raises(Refused) as refused:
        function(*arguments)
    return refused.value.name, refused.value.message


def test_the_next_decision_knows(host):
    assert authorize(host, "bob") == "deny"
    assert grant(host, "admin", "bob") is True
    assert authorize(host, "bob") == "allow"
    assert grant(host, "admin", "bob") is False
    assert revoke(host, "admin", "bob") is True
    assert authorize(host, "bob") == "deny"
    assert revoke(host, "admin", "bob") is False


def test_what_is_said_of_one(host):
    before = int(time.time())
    grant(host, "admin", "bob", **{"for": 3600, "reason": "on call"})
    [assigned] = assignments(host)
    assert before <= assigned["created"] <= time.time()
    assert assigned["until"] == assigned["created"] + 3600
    assert (assigned["user"], assigned["by"], assigned["reason"]) == ("bob", "root", "on call")
    grant(host, "admin", "bob")
    [assigned] = assignments(host)
    assert (assigned["until"], assigned["reason"]) == (0, "")
    assert "TESSERA_EVENT=role-granted" in host.text() and "TESSERA_BY=root" in host.text()


def test_a_timed_one_ends_by_itself(host):
    grant(host, "admin", "bob", **{"for": 2})
    assert authorize(host, "bob") == "allow"
    wait_for(lambda: authorize(host, "bob") == "deny", timeout=10)
    assert assignments(host) == []


def test_R9_they_survive_a_restart_and_a_kill(host):
    grant(host, "admin", "bob", **{"for": 3600, "reason": "on call"})
    grant(host, "everyone", "alice")
    revoke(host, "everyone", "alice")
    before = assignments(host)
    for how in (signal.SIGTERM, signal.SIGKILL):
        host.restart(how)
        assert assignments(host) == before and assignments(host, role="everyone") == []
        assert authorize(host, "bob") == "allow"


def test_B3_root_gives_and_takes_and_others_see_their_own(open_host):
    host = open_host
    grant(host, "admin", "bob")
    for uid in (ALICE, BOB, NOBODY):
        assert error_of(host.as_uid, uid, "Roles.Grant", "ssa{sv}", "admin", "alice", {})[0] == "AccessDenied"
        assert error_of(host.as_uid, uid, "Roles.Revoke", "ss", "admin", "bob")[0] == "AccessDenied"
    assert [each["user"] for each in assignments(host)] == ["bob"]
    assert [each["user"] for each in assignments(host, BOB)] == ["bob"]
    assert assignments(host, ALICE) == assignments(host, NOBODY) == []


def test_B9_what_is_not_right_is_refused_and_named(host):
    rows = (
        (("opertor", "bob", {}), "NotFound", '"opertor"'),
        (("admin", "nobody", {}), "NotFound", '"nobody"'),
        (("admin", "bob", {"for": dbus.Int64(-1)}), "InvalidArgument", "negative"),
        (("admin", "bob", {"for": dbus.Int64(367 * 86400)}), "InvalidArgument", "366 days"),
        (("admin", "bob", {"reason": "x" * 201}), "InvalidArgument", "200 bytes"),
        (("admin", "bob", {"reason": "a\nb"}), "InvalidArgument", "control character"),
        (("admin", "bob", {"fro": 1}), "InvalidArgument", '"fro"'),
        (("a" * 300, "bob", {}), "InvalidArgument", "longer"),
    )
    for arguments, name, words in rows:
        error, message = error_of(host.call, "Roles.Grant", "ssa{sv}", *arguments)
        assert error == name and words in message, message
    assert error_of(revoke, host, "opertor", "bob")[0] == "NotFound"
    assert error_of(revoke, host, "admin", "nobody")[0] == "NotFound"
    assert assignments(host) == []


def test_a_role_that_no_file_has_any_more_is_shown(host):
    host.write("policy.conf", POLICY + "[role:operator]\nusers=root\n")
    host.reload()
    wait_for(lambda: any(role["role"] == "operator" for role in host.call("Roles.List")))
    grant(host, "operator", "bob")
    host.write("policy.conf", POLICY)
    host.reload()
    wait_for(lambda: host.call("Roles.Show", "s", "operator")["file"] == "")
    assert [each["user"] for each in assignments(host, role="operator")] == ["bob"]
    assert host.call("Users.Show", "s", "bob")["roles"] == ["everyone"]
    assert revoke(host, "operator", "bob") is True
    assert error_of(host.call, "Roles.Show", "s", "operator")[0] == "NotFound"


def test_a_user_is_added_with_a_role_or_not_at_all(host):
    host.call("Users.Remove", "s", "bob")
    error, message = error_of(host.call, "Users.Add", "sha{sv}", "bob", secret(PASSWORD), {"role": "opertor"})
    assert error == "NotFound" and '"opertor"' in message
    assert [user["user"] for user in host.call("Users.List")] == ["alice"]
    host.call("Users.Add", "sha{sv}", "bob", secret(PASSWORD), {"role": "admin"})
    assert host.call("Users.Show", "s", "bob")["roles"] == ["admin", "everyone"]
    host.call("Users.Remove", "s", "bob")
    assert assignments(host) == []


def test_R10_a_store_that_cannot_say_is_a_no(host):
    """The daemon's rows are made unreadable behind its back: nobody is taken for somebody without a role, or with one."""
    grant(host, "admin", "bob")
    with sqlite3.connect(host.folder / "state/tessera.db") as db:
        db.execute("ALTER TABLE assignment RENAME TO elsewhere")
    for service, user in (("sudo", "bob"), ("sudo", "alice"), ("sshd", "bob")):
        assert error_of(authorize, host, user, service)[0] in ("Internal", "StoreUnavailable")
    with sqlite3.connect(host.folder / "state/tessera.db") as db:
        db.execute("ALTER TABLE elsewhere RENAME TO assignment")
    assert authorize(host, "bob") == "allow"


def test_decisions_under_a_storm_of_changes(host):
    """Each decision is of one moment: after a change has returned, no answer is of before it."""
    readers = [background(lambda: [host.call("Roles.List") for _ in range(scaled(1000))]) for _ in range(4)]
    for _ in range(scaled(1000)):
        assert grant(host, "admin", "bob")
        assert authorize(host, "bob") == "allow"
        assert revoke(host, "admin", "bob")
        assert authorize(host, "bob") == "deny"
    for reader in readers:
        assert os.waitpid(reader, 0)[1] == 0
