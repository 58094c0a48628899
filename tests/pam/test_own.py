# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Screen lockers: programs of the user's own, as him (over the system bus) or setuid root."""

import os

import pytest

from conftest import ALICE, BOB
from mock import ALLOW, DENY, NOT_OURS, ROLE, STEP_UP, Error, Reply, verdict

BUS = "/run/dbus/system_bus_socket"
DRIVER, DAEMON = "org.freedesktop.DBus", ":1.7"
BARE = verdict("allow")  # as outside a login: no session comes with it
TOKEN = verdict("deny", reason="stale", message="a token does not prove that you are present; enter your password")


def from_daemon(reply):
    reply.sender = DAEMON
    return reply


@pytest.fixture
def bus(make_mock):
    """A system bus with the daemon on it."""
    bus = make_mock(BUS)
    os.chmod(BUS, 0o666)
    os.chmod(os.path.dirname(BUS), 0o755)
    bus.answers.update(Hello=Reply("s", [":1.8"], sender=DRIVER), GetNameOwner=Reply("s", [DAEMON], sender=DRIVER),
                       GetConnectionUnixUser=Reply("u", [4101], sender=DRIVER))
    return bus


def say(bus, **answers):
    for method, reply in answers.items():
        bus.answers[method] = from_daemon(type(reply)(reply.signature, reply.values)
                                          if type(reply) is Reply else reply)


def lock(driver, arguments="timeout=1", **options):
    """swaylock: runs as alice and nothing else."""
    driver.start("swaylock", "alice", arguments, **options)
    driver.do("become", ALICE)
    return driver.answer("hunter2")


def login_calls(mock):
    return [call for call in mock.calls if call["interface"] == "org.tessera.Tessera1.Login"]


@pytest.mark.parametrize("answer", [BARE, ALLOW], ids=["outside a login", "with its session"])
def test_a_right_password_unlocks(driver, bus, answer):
    say(bus, Authenticate=answer, Authorize=BARE)
    result = lock(driver).call("authenticate")
    assert (result.code, result.texts("prompt"), result.texts("error")) == ("SUCCESS", ["Password or token: "], [])
    assert driver.get("$TESSERA_SESSION") == ""  # of the login it is, and not of this handle
    assert driver.call("account").code == "SUCCESS"
    assert driver.call("setcred").code == "SUCCESS"
    calls = login_calls(bus)
    assert [call["method"] for call in calls] == ["Authenticate", "Authorize"]
    assert calls[0]["secret"] == b"hunter2" and calls[0]["user"] == "alice" and calls[0]["service"] == "swaylock"


@pytest.mark.parametrize("answer, auth, account", [
    (DENY, "AUTH_ERR", "PERM_DENIED"), (ROLE, "AUTH_ERR", "PERM_DENIED"), (STEP_UP, "AUTH_ERR", "PERM_DENIED"),
    (NOT_OURS, "IGNORE", "IGNORE"), (Error("org.tessera.Tessera1.Error.AccessDenied"), "SYSTEM_ERR", "SYSTEM_ERR"),
    (Error(DRIVER + ".Error.AccessDenied"), "AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL")], ids=range(6))
def test_P1_what_it_is_answered(driver, bus, answer, auth, account):
    say(bus, Authenticate=answer, Authorize=answer)
    lock(driver)
    assert (driver.call("authenticate").code, driver.call("account").code) == (auth, account)


def test_it_is_told_why(driver, bus):
    """Who runs a program of his own is no stranger to it. Wrong, throttled and disabled come without a word."""
    lock(driver)
    for answer, error in ((TOKEN, [f"tessera: {TOKEN.values[1]['message'][1]}"]), (DENY, [])):
        say(bus, Authenticate=answer)
        result = driver.call("authenticate")
        assert (result.code, result.texts("error")) == ("AUTH_ERR", error)
        assert result.delays[0] > 0


def test_sessions_are_not_a_lockers(driver, bus):
    """SESSION_ERR, without a question, and the log says what to do about it."""
    say(bus, OpenSession=ALLOW, CloseSession=Reply())
    lock(driver)
    for function in ("open", "close"):
        result = driver.call(function)
        assert result.code == "SESSION_ERR"
        assert any("take this line out" in line for line in result.texts("log 3"))
    assert bus.calls == []


def test_passwd_without_roots_uid_changes_nothing(driver, bus):
    say(bus, ChangePassword=Error(DRIVER + ".Error.AccessDenied"))
    assert lock(driver).call("chauthtok").code == "TRY_AGAIN"


def test_B6_who_is_not_the_daemon_unlocks_nothing(driver, bus):
    say(bus, Authenticate=BARE)
    bus.answers["GetConnectionUnixUser"] = Reply("u", [ALICE], sender=DRIVER)
    assert lock(driver).call("authenticate").code == "AUTHINFO_UNAVAIL"
    assert login_calls(bus) == []


def test_break_glass_unlocks_by_the_unix_password(driver, make_driver):
    """No bus, no daemon: left to the modules below, for alice, who is in the group."""
    assert lock(driver, "timeout=1 breakglass=rescue").call("authenticate").code == "IGNORE"
    bob = make_driver().start("swaylock", "bob", "timeout=1 breakglass=rescue").answer("hunter2")
    bob.do("become", BOB)
    assert bob.call("authenticate").code == "AUTHINFO_UNAVAIL"


@pytest.mark.parametrize("answer", [BARE, ALLOW], ids=["outside a login", "with its session"])
def test_a_setuid_locker(driver, mock, answer):
    """physlock: root's uid and so the private socket, but started by alice for herself."""
    mock.answers.update(Authenticate=answer, Authorize=BARE)
    driver.start("physlock", "alice").answer("hunter2")
    driver.do("uid", ALICE)
    assert driver.call("authenticate").code == "SUCCESS"
    assert driver.get("$TESSERA_SESSION") == ""
    assert driver.call("account").code == "SUCCESS"
    assert mock.methods() == ["Authenticate", "Authorize"]
