# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The limits on guesses, as whoever guesses meets them: over the bus and root's own socket."""

import os
import signal
import time

import pytest
from attempts import (BURST, DENIED, HOME, PASSWORD, STRANGER, WRONG, asked, attempt, attempts, fill, know, may, may_not,
                      owed, reasons, together)
from daemon import ALICE, NAME, OBJECT, POLICY, Refused, background, in_child, read_fd, wait_for

CROWD = 200
JUNK = "\b\n\r\177INCORRECT"  # what sshd passes on for who may not log in, whatever he typed


@pytest.fixture
def host(make_host):
    return asked(make_host)


# At once


def test_T4_guesses_at_once_get_no_more_than_the_burst(host):
    replies = together(CROWD, lambda number: attempts(host, 1, rhost=f"203.0.113.{number}")[0])
    # Until the times of 64 checks are known an answer that is refused takes a check's, and the queue may be full.
    busy = replies.count("Busy")
    assert replies.count(DENIED) == CROWD - busy
    found = reasons(host)
    assert (found.count("wrong-password"), found.count("throttled")) == (BURST, CROWD - BURST - busy)
    assert owed(host, limit="other-hosts")["other-hosts", "alice"]["failures"] == BURST


def test_T4_right_answers_at_once_wait_and_pass(host):
    know(host, "alice")
    replies = together(CROWD, lambda number: attempts(host, 1, password=PASSWORD, rhost=HOME)[0])
    assert [reply[0] for reply in replies] == ["allow"] * CROWD
    assert "throttled" not in reasons(host) and not owed(host)


# Where they come from


@pytest.mark.parametrize("closed, open_", [(STRANGER, HOME), (STRANGER, None), (HOME, None), (HOME, STRANGER),
                                           (None, HOME), (None, STRANGER)])
def test_T2_T15_one_place_closes_no_other(host, closed, open_):
    know(host, "alice")
    fill(host, rhost=closed)
    assert may(host, rhost=open_)
    assert may(host, "bob", rhost=open_)


def test_T2_a_device_and_a_login_are_places_of_their_own(host):
    """sudo in a login: guesses from outside do not close it, nor its guesses the console or the host it came from."""
    def login():
        host.log_in("alice", rhost=HOME)
        fill(host, rhost=HOME)
        fill(host, rhost=None)
        assert attempts(host, 1, password=PASSWORD, rhost=None, service="sudo")[0][0] == "allow"
        host.call("Throttle.Reset", "a{sv}", {"user": "alice"})
        assert attempts(host, BURST, rhost=None, service="sudo") == [DENIED] * BURST
        verdict, result = attempts(host, 1, password=PASSWORD, rhost=None, service="sudo")[0]
        assert (verdict, result["reason"]) == ("deny", "credential") and "try again in" in result["message"]
        assert [limit for limit, _ in owed(host)] == ["known-client"]

    in_child(login, login=ALICE)
    assert may(host, rhost=HOME) and may(host, rhost=None)


def test_T5_a_64_is_one_host_and_a_48_gets_sixteen(host):
    assert len(attempts(host, BURST, user="nosuchuser", rhost="2001:db8:5:1::1")) == BURST
    assert may_not(host, rhost="2001:db8:5:1:ffff::9") and may(host, rhost="2001:db8:5:2::1")
    for net in range(2, 17):
        attempts(host, BURST, user="nosuchuser", rhost=f"2001:db8:5:{net:x}::1")
    assert may_not(host, rhost="2001:db8:5:77::1") and may(host, rhost="2001:db8:6:1::1")
    fill(host, "bob", STRANGER)
    assert may_not(host, "alice", f"::ffff:{STRANGER}")


def test_T6_services_share_one_ledger(host):
    """Whatever asks, it is the same account: no service is a fresh budget."""
    for service, count in (("sshd", 4), ("login", 3), ("gdm-password", 3)):
        assert attempts(host, count, service=service) == [DENIED] * count
    for service in ("sshd", "login", "vsftpd"):
        assert may_not(host, service=service)
    assert reasons(host).count("throttled") == 3


def test_T6_in_one_login_sudo_su_and_the_command_share_one(host):
    host.write("policy.conf", POLICY + "\n[service:su]\nroles=admin\n")
    host.reload()

    def login():
        host.log_in("alice")
        assert attempts(host, 4, rhost=None, service="sudo") == [DENIED] * 4
        assert attempts(host, 3, rhost=None, service="su") == [DENIED] * 3
        wrong = [host.as_uid(ALICE, "Sessions.StepUp", "h", ("secret", WRONG)) for _ in range(2)]
        with pytest.raises(Refused) as refused:
            host.as_uid(ALICE, "Users.SetPassword", "shh", "alice", ("secret", WRONG), ("secret", PASSWORD))
        assert wrong == [DENIED] * 2 and refused.value.name == "WrongCredential"
        for service in ("sudo", "su"):
            assert may_not(host, rhost=None, service=service)
        assert host.as_uid(ALICE, "Sessions.StepUp", "h", ("secret", PASSWORD))[0] == "deny"

    in_child(login, login=ALICE)


@pytest.mark.parametrize("other", ["Alice", "ALICE", "alice@host", " alice", "alice ", "alice\t", "20001"])
def test_P16_another_spelling_is_no_second_budget(host, other):
    """It is another's name or nobody's: it neither opens alice's account nor is charged to it."""
    def spelled(password):
        try:
            return attempts(host, 1, user=other, password=password, rhost="203.0.113.5")[0][0]
        except Refused as refused:
            return refused.name

    assert spelled(PASSWORD) in ("not-ours", "InvalidArgument")
    for _ in range(BURST):
        spelled(WRONG)
    assert not owed(host, key="alice")
    fill(host)
    assert spelled(PASSWORD) in ("not-ours", "InvalidArgument")


def test_T9_a_success_clears_its_own_place_alone(host):
    """Not the attacker's host, by an account of his own; nor by account and session, which prove nothing."""
    know(host, "alice")
    attempts(host, 9)
    attempts(host, 9, rhost=HOME)
    assert may(host, "bob") and may(host, rhost=None)
    for _ in range(3):
        host.call("Login.Authorize", "ssa{sv}", "alice", "sshd", {"rhost": HOME})
        in_child(lambda: host.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"rhost": HOME}), login=ALICE)
    before = owed(host)
    assert before["known-host", f"alice {HOME}"]["failures"] == before["other-hosts", "alice"]["failures"] == 9
    assert before["host", STRANGER]["failures"] == 9
    assert may(host, rhost=HOME)
    assert owed(host).keys() == before.keys() - {("known-host", f"alice {HOME}")}


def test_P23_the_word_of_who_is_not_root_names_no_host(host):
    """It charges none, and is no way around what he owes himself."""
    def unlock(password, rhost):
        return host.as_uid(ALICE, "Login.Authenticate", "ssa{sv}h", "alice", "swaylock", {"rhost": rhost},
                           ("secret", password))

    host.write("policy.conf", (host.folder / "etc/policy.conf").read_text() + "\n[service:swaylock]\nroles=everyone\n")
    host.reload()
    for number in range(BURST):
        assert unlock(WRONG, f"203.0.113.{number}") == DENIED
    assert unlock(PASSWORD, STRANGER) == DENIED
    assert {limit for limit, _ in owed(host)} == {"known-client", "api"} and "203.0.113." not in host.text()
    assert may(host, rhost="203.0.113.1")


# What is no guess


def test_P21_junk_of_sshd_charges_no_account(host):
    """For a name that nobody has: its host pays, and the name is written down nowhere."""
    for number in range(2 * BURST):
        assert attempts(host, 1, user="canary-name", password=JUNK, rhost=f"203.0.113.{number % 7}")[0][0] == "not-ours"
    assert {limit for limit, _ in owed(host)} == {"host"}
    assert "unknown-user" in host.text() and "canary-name" not in host.text()
    assert may(host)


def failures(host):
    """Not when they may try again: that is told in seconds of the wall, and two looks may differ by one."""
    return {key: row["failures"] for key, row in owed(host).items()}


def test_T9_a_token_is_no_guess(host):
    """One with a right signature is taken from wherever others have guessed, and charges and clears nothing."""
    def login():
        host.log_in("alice")
        return in_child(printed, uid=ALICE)

    def printed():
        client = host.bus()
        return read_fd(client.connection.call_blocking(NAME, OBJECT, f"{NAME}.Tokens", "Print", "a{sv}", ({},))[0])

    token = in_child(login, login=ALICE)
    fill(host)
    before = failures(host)
    assert attempts(host, 1, password=token)[0][0] == "allow"
    assert failures(host) == before and may_not(host)
    assert attempts(host, 1, user="bob", password=token) == [DENIED]  # genuine, and another's
    assert failures(host) == before
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert attempts(host, 2, user="bob", password=forged, rhost="203.0.113.9") == [DENIED] * 2
    assert owed(host)["other-hosts", "bob"]["failures"] == 2


def test_B11_who_vanishes_has_been_charged(host):
    """kill -9 in the middle of a check gives no guess for nothing."""
    def guess():
        attempt(host.root(), rhost=None)

    for _ in range(3 * BURST):
        pid = background(guess)
        time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    attempts(host, BURST, rhost=None)
    wait_for(lambda: owed(host)["local", "alice"]["failures"] == BURST)
    assert reasons(host).count("wrong-password") == BURST


# Restarts


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_T7_a_restart_forgets_nothing_of_users(host, how):
    know(host, "alice")
    fill(host)
    fill(host, rhost=HOME)
    attempts(host, 3, user="bob", rhost=None)
    before = {key: row for key, row in owed(host).items() if key[0] != "host"}
    if how == signal.SIGKILL:
        time.sleep(2)  # what is promised to be there by then
    host.restart(how)
    after = owed(host)
    assert after.keys() == before.keys()
    for key, row in before.items():
        assert (after[key]["failures"], after[key]["closed"]) == (row["failures"], row["closed"])
        assert abs(after[key]["retry_at"] - row["retry_at"]) <= 2
    assert may_not(host) and may_not(host, rhost=HOME) and may(host, "bob", None)
