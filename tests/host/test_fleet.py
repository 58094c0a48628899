# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Three booted hosts and one Redis: what is done at one counts at all, and what becomes of them without it."""

import base64
import json
import struct

import pytest
from conftest import PASSWORDS
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fleet import FLEET, Fleet, at_once, sessions, status, verify
from strangers import Strangers, owed, refusals

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]


@pytest.fixture(scope="module")
def fleet(server_layer, laptop_layer, tmp_path_factory):
    with Fleet(server_layer, laptop_layer, tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


def token_of(shell, *options):
    text, code = shell.run(" ".join(["tessera token print", *options]))
    assert code == 0, text
    return text.strip()


def events(host, event):
    """The audit's records of this kind."""
    lines = host.journal("TESSERA_EVENT=" + event, "-o", "json").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def alarms(fleet):
    """How often a host said that a token was used twice."""
    return sum(len(events(host, "reuse")) for host in fleet.hosts)


# One for all


def test_a_revocation_at_one_host_ends_all_at_another(fleet):
    with fleet.web1.shell("alice", ALICE) as shell:
        session, token = status(shell)["id"], token_of(shell)
        assert shell.run("sudo -n id -u") == ("0\n", 0) and verify(fleet.web1, token)["valid"]
        fleet.web2.sh(["tessera", "sessions", "revoke", session, "--reason", "a test"])
        assert verify(fleet.web1, token) == {"valid": False, "reason": "revoked"}
        assert shell.ended(2)
    assert fleet.web1.ssh("alice", token, check=False).returncode == 255


def test_sudo_fails_at_once_where_the_login_is_spared(fleet):
    with fleet.web1.shell("alice", ALICE) as shell:
        session, token = status(shell)["id"], token_of(shell)
        assert shell.run("sudo -n id -u") == ("0\n", 0)
        fleet.web2.sh(["tessera", "sessions", "revoke", session, "--keep-login"])
        text, code = shell.run("sudo -n id -u")
        assert code == 1 and text != "0\n"
        assert verify(fleet.web1, token) == {"valid": False, "reason": "revoked"}
        assert not shell.ended(3) and shell.run("tessera status")[1] == 4


def test_the_list_of_all_shows_each_with_its_host(fleet):
    with fleet.web1.shell("alice", ALICE) as one, fleet.web2.shell("alice", ALICE) as two, fleet.web3.shell("bob", BOB) as three:
        opened = {status(shell)["id"]: (user, host) for shell, user, host in
                  ((one, "alice", "web1"), (two, "alice", "web2"), (three, "bob", "web3"))}
        shown = {row["id"]: (row["user"], row["host"]) for row in sessions(fleet.web3, "--all-users") if row["state"] == "active"}
        assert opened.items() <= shown.items()
        head, *rows = [line.split() for line in fleet.web3.sh("tessera sessions --all-users").stdout.splitlines()]
        shown = {(row[0], row[head.index("HOST")]) for row in rows}
        assert {(session[:8], host) for session, (_, host) in opened.items()} <= shown


def test_a_user_added_at_one_logs_in_at_another(fleet):
    for host in fleet.hosts:
        host.sh("useradd -m -s /bin/bash dave")
    fleet.web1.sh("tessera user add dave", input="dave's tessera password\n")
    assert fleet.web2.ssh("dave", "dave's tessera password", "id -un").stdout == "dave\n"


# Once for all


def refresh_token(key, counter):
    """As docs/refresh-tokens.md says, of the whole key that device add printed."""
    seed = base64.urlsafe_b64decode(key["seed"] + "=")
    audience = key["audience"].encode()
    body = bytes.fromhex(key["device"]) + struct.pack(">I", counter)
    signed = b"tessera-ts1\0" + body + struct.pack(">H", len(audience)) + audience
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(signed)
    return "ts1_" + base64.urlsafe_b64encode(body + signature).rstrip(b"=").decode()


@pytest.mark.parametrize("way", ["refresh", "login"])
def test_R1_a_refresh_token_at_two_hosts_at_once_counts_once(fleet, way):
    """The other use tells of a copy; whether the first has its answer by then or not, nothing is left of it."""
    both = (fleet.web1, fleet.web2)
    for number in range(3):
        key = json.loads(fleet.web1.sh(f"tessera device add --user alice --name {way}{number} < /dev/null").stdout)
        assert key["audience"] == FLEET
        for host, counter in ((fleet.web2, 1), (fleet.web3, 2)):
            assert host.ssh("alice", refresh_token(key, counter), "echo in").stdout == "in\n"
        token, before = refresh_token(key, 3), alarms(fleet)
        if way == "refresh":
            results = at_once(*[lambda host=host: host.sh("tessera token refresh", input=token, check=False) for host in both])
        else:
            results = at_once(*[lambda host=host: host.ssh("alice", token, "echo in; sleep 3", check=False) for host in both])
        assert len([result for result in results if result.stdout]) <= 1, results
        for host, result in zip(both, results):
            if way == "refresh" and result.stdout:
                assert verify(host, result.stdout.strip()) == {"valid": False, "reason": "revoked"}
        assert alarms(fleet) == before + 1
        assert [row for row in sessions(fleet.web3, "--user", "alice") if row["device"] == key["device"]] == []
        assert fleet.web3.ssh("alice", refresh_token(key, 4), check=False).returncode == 255


def test_a_ticket_for_the_fleet_is_spent_at_all(fleet):
    fleet.trust_each_other()
    with fleet.web1.shell("alice", ALICE) as shell:
        ticket, other = token_of(shell, "--audience", FLEET), token_of(shell, "--audience", FLEET)
        assert verify(fleet.web2, ticket)["valid"] and verify(fleet.web3, ticket)["valid"]
        assert fleet.web1.ssh("alice", ticket, "hostname", address="web2").stdout == "web2\n"
        assert fleet.web1.ssh("alice", ticket, address="web3", check=False).returncode == 255
        assert verify(fleet.web3, ticket) == {"valid": False, "reason": "replayed"}
        at_two = at_once(*[lambda name=name: fleet.web1.ssh("alice", other, "hostname", address=name, check=False).returncode
                           for name in ("web2", "web3")])
        assert sorted(at_two) == [0, 255]


def test_T4_guesses_spread_over_three_hosts_have_one_budget(fleet):
    crowd = Strangers(fleet.store.host, "web1")

    def judged():
        return {reason: sum(len(refusals(host, reason, "TESSERA_USER=alice")) for host in fleet.hosts)
                for reason in ("wrong-password", "throttled")}

    fleet.forgive("alice")
    before = judged()
    sources = crowd.addresses(30)
    results = at_once(*[lambda source=source, host=host: crowd.ssh("alice", "a guess", source, target=host)
                        for source, host in zip(sources, ["web1", "web2", "web3"] * 10)])
    assert {result.returncode for result in results} == {255}
    after = judged()
    assert {reason: after[reason] - before[reason] for reason in before} == {"wrong-password": 10, "throttled": 20}
    for host in fleet.hosts:
        assert owed(host)["other-hosts", "alice"]["failures"] == 10
        assert not crowd.gets_in("alice", target=host.name)
    fleet.web3.sh(["tessera", "throttle", "reset", "--user", "alice"])
    assert crowd.gets_in("alice", target="web2")
