# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What a user's own program asks about him on the bus, and what passwd asks for who started it."""

import os

import pytest
from daemon import ALICE, BOB, NOBODY, PASSWORD, POLICY, Refused, in_child, secret

LOCKED = """
[service:swaylock]
roles=everyone

[service:vault]
roles=admin
"""
AUTHENTICATE, AUTHORIZE = "Login.Authenticate", "Login.Authorize"
NEW = "canary-another-password"
BUS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"


@pytest.fixture
def desk(host):
    """With the shipped policy of the bus, and two services of lockers."""
    host.write("policy.conf", POLICY + LOCKED)
    host.reload()
    return host


def unlock(host, uid, user="alice", password=PASSWORD, service="swaylock", **context):
    return host.as_uid(uid, AUTHENTICATE, "ssa{sv}h", user, service, context, ("secret", password))


def account(host, uid, user="alice", service="swaylock"):
    return host.as_uid(uid, AUTHORIZE, "ssa{sv}", user, service, {})[0]


def test_alice_for_alice(desk):
    assert unlock(desk, ALICE) == ["allow", {}]  # outside a login: no session comes of it
    assert account(desk, ALICE) == "allow"
    assert unlock(desk, ALICE, password="wrong")[0] == "deny"
    assert desk.call("Sessions.List", "a{sv}", {"all-users": True}) == []
    for service in ("i3lock", "vault"):
        verdict, result = unlock(desk, BOB, "bob", service=service)
        assert (verdict, result["reason"]) == ("deny", "role-missing")
        assert account(desk, BOB, "bob", service) == "deny"


@pytest.mark.parametrize("user, service", [("bob", "swaylock"), ("root", "swaylock"), ("nosuchuser", "swaylock"),
                                           ("Alice", "swaylock"), ("alice", "sudo"), ("alice", "sudo-i"),
                                           ("alice", "su"), ("alice", "su-l"), ("bob", "tessera")])
def test_B3_alice_for_nobody_else(desk, user, service):
    for ask in (unlock, account):
        with pytest.raises(Refused) as refused:
            ask(desk, ALICE, user, service=service)
        assert refused.value.name == "AccessDenied"


def test_B3_nobody_for_alice(desk):
    """Whoever is not alice learns nothing and costs her nothing."""
    for _ in range(30):
        for uid in (NOBODY, BOB):
            with pytest.raises(Refused) as refused:
                unlock(desk, uid, password="wrong")
            assert refused.value.name == "AccessDenied"
    assert unlock(desk, ALICE)[0] == "allow"


def test_in_a_login_it_is_a_step_up_of_that_one(desk):
    def login():
        session = desk.log_in("alice")
        return session, in_child(mine, uid=ALICE)

    def mine():
        client = desk.bus()
        before = client.call("Sessions.GetCurrent")
        answer = client.call(AUTHENTICATE, "ssa{sv}h", "alice", "swaylock",
                             {"rhost": "192.0.2.66", "tty": "tty9", "session": "f" * 32}, secret(PASSWORD))
        return answer, before, client.call("Sessions.GetCurrent")

    other = in_child(lambda: desk.log_in("alice"), login=ALICE)
    session, ((verdict, result), before, after) = in_child(login, login=ALICE)
    assert (verdict, result) == ("allow", {"session": session})
    assert after["auth_time"] >= before["auth_time"] and after["from"] == "192.0.2.1" and after["service"] == "sshd"
    assert desk.call("Sessions.Show", "s", other)[0]["state"] == "active"
    events = [(e["event"], e["service"]) for e in desk.call("Sessions.Show", "s", session)[1]]
    assert ("step-up", "own:swaylock") in events
    assert "192.0.2.66" not in desk.text()


def test_P31_no_token_unlocks(desk):
    def mine():
        client = desk.bus()
        token = client.connection.call_blocking("org.tessera.Tessera1", "/org/tessera/Tessera1",
                                                "org.tessera.Tessera1.Tokens", "Print", "a{sv}", ({},))[0]
        return client.call(AUTHENTICATE, "ssa{sv}h", "alice", "swaylock", {}, token)

    def login():
        desk.log_in("alice")
        return in_child(mine, uid=ALICE)

    verdict, result = in_child(login, login=ALICE)
    assert (verdict, result["reason"]) == ("deny", "stale")


def test_no_login_comes_of_sshd(desk):
    """A yes to a process of alice's is none that a process of root's could open."""
    verdict, result = unlock(desk, ALICE, service="sshd")
    assert (verdict, result) == ("allow", {})
    for method, arguments in (("Login.OpenSession", ("ssa{sv}", "alice", "sshd", {})), ("Login.CloseSession", ("s", "f" * 32)),
                              ("Login.Check", ("ssa{sv}", "alice", "sudo", {}))):
        with pytest.raises(Refused) as refused:
            desk.as_uid(ALICE, method, *arguments)
        assert refused.value.name == BUS_DENIED


def test_P20_one_ledger_for_lockers_and_sudo(desk):
    for i in range(10):
        assert unlock(desk, ALICE, password="wrong", rhost=f"192.0.2.{i}") == ["deny", {"reason": "credential"}]
    assert unlock(desk, ALICE) == ["deny", {"reason": "credential"}]
    sudo = desk.call(AUTHENTICATE, "ssa{sv}h", "alice", "sudo", {}, secret(PASSWORD))
    assert sudo == ["deny", {"reason": "credential", "message": "too many wrong answers; try again in 90 s"}]
    assert in_child(lambda: desk.log_in("alice"), login=ALICE)  # from elsewhere she is let in
    desk.call("Users.SetEnabled", "sb", "bob", False)
    assert unlock(desk, BOB, "bob") == ["deny", {"reason": "credential"}]


# passwd


def passwd(host, real, current, new, user="alice"):
    """passwd's process: root's effective uid, and the real one of who started it."""
    def call():
        os.setresuid(real, 0, 0)
        return host.call("Login.ChangePassword", "ssa{sv}hh", user, "passwd", {}, secret(current), secret(new))
    return in_child(call)


def test_passwd_acts_for_who_started_it(desk):
    assert passwd(desk, ALICE, "", "") == ["step-up", {"reason": "credential"}]
    assert passwd(desk, ALICE, "", NEW) == ["deny", {"reason": "credential"}]  # never without the old one
    assert passwd(desk, ALICE, "wrong", NEW) == ["deny", {"reason": "credential"}]
    assert passwd(desk, ALICE, PASSWORD, "") == ["allow", {}]
    verdict, result = passwd(desk, ALICE, PASSWORD, "short")
    assert (verdict, result["reason"]) == ("deny", "password") and "8 characters" in result["message"]
    assert passwd(desk, ALICE, PASSWORD, NEW)[0] == "allow"
    assert unlock(desk, ALICE, password=NEW)[0] == "allow" and unlock(desk, ALICE)[0] == "deny"
    assert "canary" not in desk.text()


def test_passwd_of_root_acts_for_anybody(desk):
    assert passwd(desk, 0, "", "") == ["allow", {}]
    assert passwd(desk, 0, "", NEW)[0] == "allow"
    assert unlock(desk, ALICE, password=NEW)[0] == "allow"


def test_B3_passwd_of_another_changes_nothing(desk):
    for uid in (BOB, NOBODY):
        for current, new in (("", ""), (PASSWORD, ""), (PASSWORD, NEW)):
            verdict, result = passwd(desk, uid, current, new)
            assert (verdict, result["reason"]) == ("deny", "not-yours")
    assert passwd(desk, NOBODY, "", "", user="nobody") == ["not-ours", {}]
    assert unlock(desk, ALICE)[0] == "allow"


def test_passwd_on_the_bus_is_the_same(desk):
    """Where the private socket is missing."""
    def call():
        os.setresuid(ALICE, 0, 0)
        client = desk.bus()
        return [client.call("Login.ChangePassword", "ssa{sv}hh", "alice", "passwd", {}, secret(current), secret(new))[0]
                for current, new in (("", ""), ("", NEW), (PASSWORD, NEW))]

    assert in_child(call) == ["step-up", "deny", "allow"]
