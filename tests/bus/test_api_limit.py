# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The limit on one uid's calls: those that fail or change something."""

import os
import re
import threading
import time

import pytest
from attempts import owed
from daemon import ALICE, BOB, CAROL, NOBODY, PASSWORD, SETTINGS, Refused, in_child, scaled, secret, wait_for

API_BURST = 100  # as the manual says


def outcome(client, method, *arguments):
    try:
        client.call(method, *arguments)
    except Refused as refused:
        return refused.name
    return "good"


def outcomes(host, uid, count, method, *arguments):
    """Of so many calls by that uid, in order."""
    def call():
        client = host.bus()
        return [outcome(client, method, *[secret(a[1]) if isinstance(a, tuple) else a for a in arguments])
                for _ in range(count)]
    return in_child(call, uid=uid)


FAILS = ("Sessions.Show", "s", "0" * 32)
CHANGES = ("Sessions.Logout", "b", False)
LOOKS = ("Roles.List",)


def exhaust(host, uid):
    assert outcomes(host, uid, API_BURST, *FAILS) == ["NotFound"] * API_BURST
    assert outcomes(host, uid, 1, *FAILS) == ["Throttled"]


def test_B10_who_fails_too_often_waits(open_host):
    exhaust(open_host, NOBODY)
    with pytest.raises(Refused) as refused:
        open_host.as_uid(NOBODY, *LOOKS)
    assert refused.value.name == "Throttled"
    wait = int(refused.value.message.removeprefix(
        "too many calls that failed or changed something; try again in ").removesuffix(" s"))
    assert 1 <= wait <= 9
    assert owed(open_host, limit="api").keys() == {("api", f"uid {NOBODY}")}
    line = [line for line in open_host.text().splitlines() if "TESSERA_REASON=throttled" in line][-1]
    assert f"uid {NOBODY} calls" in line


def test_B10_who_waits_keeps_nobody_else(open_host):
    exhaust(open_host, NOBODY)
    assert outcomes(open_host, ALICE, 3, *LOOKS) == ["good"] * 3
    assert outcomes(open_host, BOB, 3, *FAILS) == ["NotFound"] * 3
    client = open_host.root()
    assert {outcome(client, *FAILS) for _ in range(2 * API_BURST)} == {"NotFound"}  # root is never charged
    assert client.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {}, secret(PASSWORD))[0] == "allow"


def test_what_changes_something_is_charged(open_host):
    assert outcomes(open_host, ALICE, 7, *CHANGES) and outcomes(open_host, ALICE, 3, *LOOKS) == ["good"] * 3
    assert owed(open_host, limit="api")["api", "alice"]["failures"] == 7


def test_looking_costs_nothing(open_host):
    for method in (LOOKS, ("Policy.Show",), ("Tokens.Verify", "ha{sv}", ("secret", "no token"), {})):
        assert set(outcomes(open_host, ALICE, max(scaled(3000), API_BURST + 20), *method)) == {"good"}
    assert not owed(open_host, limit="api")


def test_T12_an_outage_is_nobodys_fault(open_host):
    """NSS cannot say who calls: as nss_wrapper has it of whom it does not know."""
    accounts = open_host.folder / "passwd"
    reading, writing = os.pipe()
    later = time.time() + 3600

    def call():
        client = open_host.bus()
        os.write(writing, b"x")
        wait_for(lambda: accounts.stat().st_mtime > later - 1)
        return [outcome(client, "Sessions.StepUp", "h", secret("x")) for _ in range(API_BURST + 20)]

    def without_carol():
        os.read(reading, 1)
        accounts.write_text(re.sub("carol.*\n", "", accounts.read_text()))
        os.utime(accounts, (later, later))  # within one second of the last look it would not be read again

    thread = threading.Thread(target=without_carol)
    thread.start()
    assert set(in_child(call, uid=CAROL)) == {"Internal"}
    thread.join()
    assert not owed(open_host, limit="api")


def test_who_is_exempt_owes_nothing(open_host):
    exhaust(open_host, ALICE)
    open_host.write("tessera.conf", SETTINGS + "\n[throttle]\nexempt-users=alice\n")
    open_host.reload()
    assert outcomes(open_host, ALICE, 3, *FAILS) == ["NotFound"] * 3
    exhaust(open_host, BOB)


def test_a_reset_of_the_user_lifts_it(open_host):
    exhaust(open_host, ALICE)
    exhaust(open_host, BOB)
    assert open_host.call("Throttle.Reset", "a{sv}", {"user": "alice"}) is True
    assert outcomes(open_host, ALICE, 1, *FAILS) == ["NotFound"]
    assert outcomes(open_host, BOB, 1, *FAILS) == ["Throttled"]
    assert open_host.call("Throttle.Reset", "a{sv}", {"user": "bob"}) is True
    assert open_host.call("Throttle.Reset", "a{sv}", {"user": "bob"}) is False
