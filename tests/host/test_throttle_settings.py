# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What an administrator has of the limits: tessera throttle, [throttle] in tessera.conf, and the journal."""

import json
import time

import pytest
from conftest import PASSWORDS, forgive, server
from console import Console
from host import PROMPT
from network import Network
from strangers import Strangers, owed, set_throttle

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]
STRANGERS_OF_ALICE = ("other-hosts", "alice")


@pytest.fixture(scope="module")
def net(server_layer, laptop_layer):
    with Network("web1", "crowd") as network:
        network.web1 = server(network, "web1", server_layer)
        network.web1.sh("tessera service enable login --yes --breakglass breakglass")
        network.web1.sh("cat >> /etc/tessera/policy.conf; tessera policy check; systemctl reload tesserad.service",
                        input="[service:tessera]\nroles=admin\nmax-age=15min\n")
        network.crowd = Strangers(network.host("crowd", laptop_layer), "web1")
        yield network


@pytest.fixture
def web1(net):
    set_throttle(net.web1, pay_back="10min")
    forgive(net.web1)
    return net.web1


@pytest.fixture
def crowd(net, web1):
    return net.crowd


def events(host, event):
    lines = host.journal("TESSERA_EVENT=" + event, "-o", "json").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


# tessera throttle


def test_who_owes_is_listed(crowd, web1):
    assert "nobody has failed lately" in "".join(web1.sh("tessera throttle list").stderr)
    known, strange = crowd.make_known("alice"), crowd.address()
    crowd.guess("alice", 10, [strange])
    crowd.guess("alice", 2, [known])
    now = time.time()
    rows = owed(web1)
    assert {key: row["failures"] for key, row in rows.items()} == {
        ("known-host", f"alice {known}"): 2, STRANGERS_OF_ALICE: 10, ("host", strange): 10}
    assert rows["known-host", f"alice {known}"]["retry_at"] is None
    assert 500 < rows[STRANGERS_OF_ALICE]["retry_at"] - now <= 600
    assert not any(row["closed"] for row in rows.values())
    shown = [line.split() for line in web1.sh("tessera throttle").stdout.splitlines()]
    assert shown[0] == ["LIMIT", "WHOSE", "FAILURES", "NEXT", "TRY"]
    assert ["known-host", "alice", known, "2", "now"] in shown
    assert any(row[:3] == ["other-hosts", "alice", "10"] for row in shown)


def test_a_user_that_is_reset_gets_in_at_once(crowd, web1):
    strange = crowd.address()
    crowd.guess("alice", 10, [strange])
    assert not crowd.gets_in("alice", strange)
    assert "alice owes nothing any more" in web1.sh("tessera throttle reset --user alice").stdout
    assert crowd.gets_in("alice", strange)
    assert "nothing changed" in web1.sh("tessera throttle reset --user alice").stdout
    told = events(web1, "limit-reset")[-1]
    assert told["TESSERA_USER"] == "alice" and told["TESSERA_BY"] == "root"


def test_a_host_that_is_reset_is_as_any_other(crowd, web1):
    strange = crowd.address()
    crowd.guess("made-up", 10, [strange])
    assert not crowd.gets_in("alice", strange)
    web1.sh(["tessera", "throttle", "reset", "--host", strange])
    assert crowd.gets_in("alice", strange)
    told = events(web1, "limit-reset")[-1]
    assert told["TESSERA_RHOST"] == strange and told["TESSERA_BY"] == "root"


@pytest.mark.parametrize("arguments, exit, words", [
    ("--host 10.77.0.300", 1, '"10.77.0.300" is no address'),
    ("--host web1.example", 1, '"web1.example" is no address'),
    ("--host ''", 1, "exactly one"),
    ("--user nobody-here", 1, 'does not know the user "nobody-here"'),
    ("", 2, "--user or --host"),
    ("--user alice --host 10.77.0.1", 2, "--user or --host"),
])
def test_what_cannot_be_reset_is_said(web1, arguments, exit, words):
    result = web1.sh("tessera throttle reset " + arguments, check=False)
    assert result.returncode == exit and words in result.stderr


def test_it_is_for_administrators(crowd, web1):
    """alice, in the role admin by a fresh login, is one and is named; bob is none."""
    source = crowd.address()
    for verb in ("list", "reset --user bob", f"reset --host {source}"):
        refused = crowd.ssh("bob", BOB, crowd.address(), f"tessera throttle {verb}")
        assert refused.returncode == 3 and "tessera:" in refused.stderr, verb
    crowd.guess("bob", 10, [crowd.address()])
    assert crowd.ssh("alice", ALICE, source, "tessera throttle reset --user bob").returncode == 0
    assert events(web1, "limit-reset")[-1]["TESSERA_BY"] == "alice"
    assert crowd.gets_in("bob")


# [throttle]


def seconds_to_wait(host):
    return owed(host)[STRANGERS_OF_ALICE]["retry_at"] - time.time()


def test_burst_pay_back_and_cap(crowd, web1):
    """Three at once; one more after the pay-back; and what it costs then is the cap, not twice the pay-back."""
    set_throttle(web1, burst=3, pay_back="15s", cap="20s")
    crowd.guess("alice", 3, [crowd.address()])
    assert not crowd.gets_in("alice")
    assert 0 < seconds_to_wait(web1) <= 15
    time.sleep(seconds_to_wait(web1) + 1)
    crowd.guess("alice", 1, [crowd.address()])
    assert 5 < seconds_to_wait(web1) <= 20
    assert not crowd.gets_in("alice")
    time.sleep(seconds_to_wait(web1) + 1)
    assert crowd.gets_in("alice")
    assert STRANGERS_OF_ALICE not in owed(web1)


def test_stranger_limit_closes_until_she_logs_in_elsewhere(crowd, web1):
    known = crowd.make_known("alice")
    set_throttle(web1, stranger_limit=5, pay_back="1s", cap="1s")
    crowd.guess("alice", 5, crowd.addresses(2))
    time.sleep(6)  # what there is to pay is paid
    row = owed(web1)[STRANGERS_OF_ALICE]
    assert row["closed"] is True and row["retry_at"] is None or row["retry_at"] is None
    assert "when it is reset" in web1.sh("tessera throttle list").stdout
    assert not crowd.gets_in("alice")
    assert crowd.gets_in("alice", known)
    assert owed(web1)[STRANGERS_OF_ALICE]["closed"] is False
    assert crowd.gets_in("alice")


def test_P26_one_handle_for_all_tries_at_the_console(crowd, web1):
    """login's own loop: the fourth is refused though it is right, and from her host she gets in."""
    known = crowd.make_known("alice")
    set_throttle(web1, burst=3, pay_back="10min")
    with Console(web1) as console:
        for answer in ("wrong", "wrong", "wrong", ALICE):
            console.type(("login: ", "alice"), (PROMPT, answer)).refused()
        assert owed(web1)["local", "alice"]["failures"] == 3
        console.type(("login: ", "bob"), (PROMPT, BOB)).shell()
    assert crowd.gets_in("alice", known)


# Calls on the bus


def test_api_burst_is_for_calls_that_fail(crowd, web1):
    """Five of bob's; what only looks costs nothing. alice has her own, and root none."""
    failing = "tessera session revoke 0123456789abcdef >/dev/null; echo $?"

    def call(user, times):
        return [int(line) for line in crowd.ssh(
            user, PASSWORDS[user], sources[user], f"for i in $(seq {times}); do {failing}; done").stdout.split()]

    sources = {user: crowd.make_known(user) for user in PASSWORDS}
    set_throttle(web1, api_burst=5, api_pay_back="10min")
    assert call("bob", 7) == [1] * 5 + [3] * 2
    said = crowd.ssh("bob", BOB, sources["bob"], "tessera session revoke 0123456789abcdef").stderr
    assert "too many calls" in said and "try again in" in said
    assert call("alice", 1) == [1]
    assert web1.sh(f"for i in $(seq 8); do {failing}; done").stdout.split() == ["1"] * 8
    assert owed(web1)["api", "bob"]["failures"] == 5
    assert crowd.ssh("bob", BOB, sources["bob"], "for i in $(seq 8); do tessera status || exit; done").returncode == 3
    set_throttle(web1, api_burst=5, api_pay_back="10min", exempt_users="carol;bob")
    assert call("bob", 2) == [1] * 2
