# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Three booted hosts and one Redis: what is done at one counts at all, and what becomes of them without it."""

import base64
import collections
import contextlib
import json
import struct
import time

import pytest
from conftest import PASSWORDS, UNIX_PASSWORDS
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fleet import FLEET, Fleet, at_once, sessions, status, verify
from strangers import Strangers, owed, refusals

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]
LIMIT = 8  # seconds; the daemon waits 2 for its store, and hosts that share a processor for each other


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


# Without Redis, and with one that lost something


def refused(host):
    """How often this host refused somebody, by the audit's reason."""
    return collections.Counter(event["TESSERA_REASON"] for event in events(host, "refused"))


class Revoked:
    """What was revoked, at web2, and of web1: it stays so whatever becomes of the store."""

    def __init__(self, fleet, name):
        self.fleet, self.name, self.password = fleet, name, f"{name}'s tessera password"
        at_once(*[lambda host=host: host.sh(f"useradd -m -s /bin/bash {name}") for host in fleet.hosts])
        fleet.web1.sh(f"tessera user add {name}", input=self.password + "\n")
        self.key = json.loads(fleet.web1.sh(f"tessera device add --user alice --name {name} < /dev/null").stdout)
        assert fleet.web3.ssh("alice", refresh_token(self.key, 1), "echo in").stdout == "in\n"
        self.shell = fleet.web1.shell("alice", ALICE)
        self.token = token_of(self.shell)
        fleet.store.copy("before")
        fleet.web2.sh(["tessera", "sessions", "revoke", status(self.shell)["id"], "--keep-login"])
        fleet.web2.sh(["tessera", "device", "revoke", self.key["device"], "--yes"])
        fleet.web2.sh(["tessera", "user", "disable", name, "--yes"])

    def assert_revoked(self):
        """And for that reason, not for another: nobody owes anything."""
        self.fleet.forgive("alice", self.name)
        assert verify(self.fleet.web1, self.token) == {"valid": False, "reason": "revoked"}
        before = [refused(host) for host in self.fleet.hosts]
        tries = [lambda host=host, user=user, answer=answer: host.ssh(user, answer, check=False).returncode
                 for host in self.fleet.hosts
                 for user, answer in ((self.name, self.password), ("alice", refresh_token(self.key, 2)))]
        assert at_once(*tries, lambda: self.fleet.web1.ssh("alice", self.token, check=False).returncode) == [255] * 7
        at_all = {"disabled": 1, "device-revoked": 1}
        assert [refused(host) - old for host, old in zip(self.fleet.hosts, before)] == \
            [at_all | {"token-revoked": 1}, at_all, at_all]

    def assert_no_sudo(self):
        text, code = self.shell.run("sudo -n id -u")
        assert code == 1 and "this login was revoked" in text


@pytest.fixture(scope="module")
def revoked(fleet):
    fleet.web1.sh("tessera user add glass", input="glass's tessera password\n")
    for host in fleet.hosts:
        assert host.ssh("glass", UNIX_PASSWORDS["glass"], check=False).returncode == 255
    fleet.forgive("alice", "glass")
    revoked = Revoked(fleet, "erin")
    with revoked.shell:
        yield revoked


def daemons(fleet):
    return [host.sh("systemctl show -P MainPID tesserad").stdout for host in fleet.hosts]


UNAVAIL = "Authentication service cannot retrieve authentication info"  # PAM_AUTHINFO_UNAVAIL


def outages(host, user):
    return host.journal("-t", "sshd").count(f"outage user={user}: ")


def refused_for_an_outage(host, users=("alice", "carol")):
    """
    None of them gets in, and that is said in time, but who is in breakglass; and no answer is a guess. Not even carol,
    who is no user of tessera's: that is for the store to say.
    """
    told, judged = outages(host, "alice"), refused(host)
    start = time.monotonic()
    assert host.ssh("alice", ALICE, check=False).returncode == 255
    assert time.monotonic() - start < LIMIT
    assert outages(host, "alice") == told + 1
    asked = host.sh("pamtester sshd alice authenticate", input=ALICE + "\n", check=False)
    assert asked.returncode != 0 and UNAVAIL in asked.stdout + asked.stderr
    for user in users:
        assert host.ssh(user, UNIX_PASSWORDS[user], check=False).returncode == 255
    assert host.ssh("glass", UNIX_PASSWORDS["glass"], "id -un").stdout == "glass\n"
    assert host.ssh("glass", "wrong", check=False).returncode == 255
    assert refused(host) == judged


def refused_in_a_login(shell):
    start = time.monotonic()
    text, code = shell.run("sudo -n id -u")
    assert code == 1 and text != "0\n" and time.monotonic() - start < LIMIT
    assert shell.run("tessera token print")[1] != 0


@contextlib.contextmanager
def killed(fleet):
    fleet.store.kill()
    try:
        yield
    finally:
        fleet.store.start()


@contextlib.contextmanager
def stopped(fleet):
    fleet.store.signal("STOP")
    try:
        yield
    finally:
        fleet.store.signal("CONT")


@contextlib.contextmanager
def cut_off(fleet):
    fleet.pull(fleet.store.host)
    try:
        yield
    finally:
        fleet.plug(fleet.store.host)


@contextlib.contextmanager
def flushed(fleet):
    fleet.store.copy("whole")
    fleet.store.say("flushall")
    try:
        yield
    finally:
        fleet.store.start_with("whole")


@contextlib.contextmanager
def empty(fleet):
    fleet.store.copy("whole")
    fleet.store.start_with()
    try:
        yield
    finally:
        fleet.store.start_with("whole")


def works_again(fleet):
    at_once(*[lambda host=host: host.wait(lambda: host.ssh("alice", ALICE, check=False).returncode == 0, seconds=20,
                                          what="logins work again") for host in fleet.hosts])


@pytest.mark.parametrize("disaster", [killed, stopped, cut_off, flushed, empty], ids=lambda disaster: disaster.__name__)
def test_R12_without_its_store_a_fleet_lets_nobody_in_and_comes_back(fleet, revoked, disaster):
    """What was emptied counts again when the data is put back: nobody's word is needed for that."""
    before = daemons(fleet)
    with fleet.web1.shell("alice", ALICE) as shell:
        token = token_of(shell)
        with disaster(fleet):
            at_once(*[lambda host=host: refused_for_an_outage(host) for host in fleet.hosts])
            refused_in_a_login(shell)
            for text in (token, revoked.token):
                answer = fleet.web1.sh("tessera --json token verify", input=text, check=False)
                assert answer.returncode != 0 and answer.stdout == ""
            assert fleet.web2.sh("tessera session revoke --user bob", check=False).returncode != 0
            assert fleet.web3.sh("tessera user add carol", input="carol's tessera password\n", check=False).returncode != 0
        works_again(fleet)
        assert shell.run("sudo -n id -u") == ("0\n", 0) and verify(fleet.web1, token)["valid"]
    revoked.assert_no_sudo()
    revoked.assert_revoked()
    assert daemons(fleet) == before


def test_R12_a_full_store_gives_nothing_and_takes_all_the_same(fleet, revoked):
    """Who is in goes on; who ends a session needs no room for that."""
    before = daemons(fleet)
    with fleet.web1.shell("alice", ALICE) as shell:
        session, token = status(shell)["id"], token_of(shell)
        fleet.store.say("config", "set", "maxmemory", "1")
        try:
            at_once(*[lambda host=host: refused_for_an_outage(host, ["alice"]) for host in fleet.hosts])
            assert shell.run("sudo -n id -u") == ("0\n", 0) and verify(fleet.web1, token)["valid"]
            assert fleet.web3.sh("tessera device add --user bob --name b < /dev/null", check=False).returncode != 0
            fleet.web2.sh(["tessera", "session", "revoke", session])
            assert shell.ended(2)
            assert verify(fleet.web1, token) == {"valid": False, "reason": "revoked"}
            revoked.assert_no_sudo()
        finally:
            fleet.store.say("config", "set", "maxmemory", "0")
    works_again(fleet)
    assert verify(fleet.web1, token) == {"valid": False, "reason": "revoked"}
    revoked.assert_revoked()
    assert daemons(fleet) == before


def test_R12_a_host_that_was_cut_off_hears_what_was_revoked_before_it_answers(fleet, revoked):
    before = daemons(fleet)
    with fleet.web1.shell("alice", ALICE) as shell:
        session, token = status(shell)["id"], token_of(shell)
        fleet.pull(fleet.web1)
        try:
            refused_for_an_outage(fleet.web1)
            refused_in_a_login(shell)
            assert fleet.web2.ssh("alice", ALICE, "echo in").stdout == "in\n"
            assert ("web1", "active") in [(row["host"], row["state"]) for row in sessions(fleet.web3, "--all-users")
                                          if row["id"] == session]
            fleet.web2.sh(["tessera", "session", "revoke", session])
            assert shell.alive()
        finally:
            fleet.plug(fleet.web1)
        answers = []
        fleet.web1.wait(lambda: answers.append(fleet.web1.sh("tessera --json token verify", input=token, check=False).stdout)
                        or answers[-1], seconds=20, what="an answer")
        assert json.loads(answers[-1]) == {"valid": False, "reason": "revoked"}
        assert shell.ended(10)  # the feed may wait for 5 s before it looks
    works_again(fleet)
    assert daemons(fleet) == before


def test_R12_an_older_copy_revives_nothing(fleet, revoked):
    """Of sessions, devices and users; and who was added since is nobody whom a Unix password lets in."""
    before = daemons(fleet)
    new = [lambda host=host: host.sh("useradd -m -s /bin/bash frank && chpasswd", input="frank:frank-unix-1\n")
           for host in fleet.hosts]
    at_once(*new)
    fleet.web1.sh("tessera user add frank", input="frank's tessera password\n")
    assert fleet.web2.ssh("frank", "frank's tessera password", "echo in").stdout == "in\n"
    fleet.store.start_with("before")
    works_again(fleet)
    assert [user["enabled"] for user in json.loads(fleet.web1.sh("tessera --json user list").stdout)
            if user["user"] == revoked.name] == [False]
    revoked.assert_revoked()
    assert revoked.shell.ended(10)  # what the feed has told is not known any more: docs/redis.md, a feed that was trimmed
    for host in fleet.hosts:  # also where nobody has ever asked for him
        told = outages(host, "frank")
        for answer in ("frank-unix-1", "frank's tessera password"):
            assert host.ssh("frank", answer, check=False).returncode == 255
        assert outages(host, "frank") == told + 2
    assert fleet.web2.ssh("bob", BOB, "id -un").stdout == "bob\n"
    fleet.web3.sh(["tessera", "user", "enable", revoked.name])
    fleet.web1.sh("tessera user add frank", input="frank's other password\n")
    for user, password in ((revoked.name, revoked.password), ("frank", "frank's other password")):
        assert fleet.web1.ssh(user, password, "id -un").stdout == user + "\n"
    assert daemons(fleet) == before


def test_R12_an_emptied_store_is_adopted_while_tesserad_runs(fleet, revoked):
    """Its new users log in, what was of the old one is over, and what was revoked there stays so."""
    before = daemons(fleet)
    with fleet.web2.shell("bob", BOB) as shell:
        token = token_of(shell)
        fleet.store.say("flushall")
        at_once(*[lambda host=host: refused_for_an_outage(host) for host in fleet.hosts])
        assert fleet.web1.sh("tessera --no-input store adopt", check=False).returncode == 2
        refused_for_an_outage(fleet.web1)
        for host in fleet.hosts:
            assert json.loads(host.sh("tessera --json --yes store adopt").stdout)["changed"]
        fleet.web1.sh("tessera user add alice", input=ALICE + "\n")
        works_again(fleet)  # a login under way while the feed tells its gap begins again
        assert verify(fleet.web1, revoked.token) == {"valid": False, "reason": "revoked"}
        assert verify(fleet.web2, token)["valid"] is False
        assert fleet.web3.ssh("alice", refresh_token(revoked.key, 3), check=False).returncode == 255
        text, code = shell.run("sudo -n id -u")
        assert code == 1 and text != "0\n"
        assert shell.run("tessera")[1] == 4
    assert daemons(fleet) == before
