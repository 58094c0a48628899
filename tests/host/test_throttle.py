# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The ledger of failed attempts: whom strangers keep out (strangers), and whom never (who is at home)."""

import re
import time

import pytest
from conftest import PASSWORDS, forgive, server
from console import Console
from host import PROMPT
from laptop import DIRECT, Laptop
from network import Network
from strangers import Strangers, owed, refusals, set_throttle
from test_passwd import CURRENT, FIRST, NEW, STACK, passwd

ALICE = PASSWORDS["alice"]
STRANGERS_OF_ALICE = ("other-hosts", "alice")


@pytest.fixture(scope="module")
def net(server_layer, laptop_layer):
    with Network("web1", "crowd") as network:
        network.web1 = server(network, "web1", server_layer)
        network.web1.sh("tessera service enable login --yes --breakglass breakglass")
        set_throttle(network.web1, pay_back="10min")  # no test waits for that, however busy the machine
        network.crowd = Strangers(network.host("crowd", laptop_layer), "web1")
        yield network


@pytest.fixture
def web1(net):
    forgive(net.web1)
    assert owed(net.web1) == {}
    return net.web1


@pytest.fixture
def crowd(net, web1):
    return net.crowd


@pytest.fixture
def attacked(crowd):
    """Ten guesses at alice's password from two addresses; the host of neither is at its own limit."""
    crowd.guess("alice", 10, crowd.addresses(2))
    return crowd


# Who is at home gets in


def test_T2_strangers_guesses_keep_out_strangers(attacked, web1):
    assert not attacked.gets_in("alice")
    assert attacked.gets_in("bob")
    refused = refusals(web1, "throttled", "TESSERA_USER=alice")[-1]
    assert refused["TESSERA_RHOST"].startswith("10.77.0.") and refused["TESSERA_SERVICE"] == "sshd"


def test_T2_not_from_a_host_of_her_own(crowd):
    known = crowd.make_known("alice")
    crowd.guess("alice", 10, crowd.addresses(2))
    assert not crowd.gets_in("alice")
    assert crowd.gets_in("alice", known)
    assert not crowd.gets_in("alice")  # that was a success of the known host, and is none of strangers


def test_T2_not_at_the_console(attacked, web1):
    with Console(web1) as console:
        console.type(("login: ", "alice"), (PROMPT, ALICE)).shell()
        assert console.run("id -un")[0] == "alice\n"
    assert not attacked.gets_in("alice")


def test_T2_not_by_a_device_wherever_it_is(crowd):
    laptop = Laptop(crowd.host)
    laptop.sign_in("alice@web1", ALICE, "laptop")
    crowd.guess("alice", 10, crowd.addresses(2))
    elsewhere = crowd.address()
    assert not crowd.gets_in("alice", elsewhere)
    shown = laptop.run(f"tessera ssh {DIRECT} -o BindAddress={elsewhere} alice@web1 'echo $SSH_CLIENT'").stdout
    assert shown.startswith(elsewhere + " ")


def test_T2_not_by_a_key_and_the_password(attacked, web1):
    """sshd accepts the key before tessera asks: the ten without one have not guessed there."""
    attacked.host.sh("test -e /root/key || ssh-keygen -q -t ed25519 -N '' -f /root/key")
    web1.sh("install -d -m 700 -o alice -g alice ~alice/.ssh; cat > ~alice/.ssh/authorized_keys",
            input=attacked.host.read("/root/key.pub"))
    web1.write("/etc/ssh/sshd_config.d/01-both.conf",
               "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive password\n")
    web1.sh("systemctl restart ssh")
    both = ["-i", "/root/key", "-o", "PubkeyAuthentication=yes",
            "-o", "PreferredAuthentications=publickey,keyboard-interactive"]
    try:
        assert not attacked.gets_in("alice")
        assert not attacked.gets_in("alice", answer="wrong", options=both)
        assert owed(web1)["known-client", "alice key"]["failures"] == 1
        assert attacked.gets_in("alice", options=both)
        assert ("known-client", "alice key") not in owed(web1)
    finally:
        web1.sh("rm /etc/ssh/sshd_config.d/01-both.conf ~alice/.ssh/authorized_keys; systemctl restart ssh")


# What is owed stays owed


def restart(web1):
    web1.sh("systemctl restart tesserad.service")


def crash(web1):
    time.sleep(2)  # at most a second of it is lost
    web1.signal("tesserad.service", "KILL")


def reboot(web1):
    web1.reboot()


@pytest.mark.parametrize("what", [restart, crash, reboot], ids=lambda what: what.__name__)
def test_T7_neither_is_forgotten_by_a(crowd, web1, what):
    known = crowd.make_known("alice")
    crowd.guess("alice", 10, crowd.addresses(2))
    before = owed(web1)[STRANGERS_OF_ALICE]
    what(web1)
    web1.wait(lambda: web1.sh("tessera throttle list", check=False).returncode == 0, 30)
    after = owed(web1)[STRANGERS_OF_ALICE]
    assert after["failures"] == before["failures"] == 10 and abs(after["retry_at"] - before["retry_at"]) <= 2
    assert not crowd.gets_in("alice")
    assert crowd.gets_in("alice", known)


# Many at once


def test_T4_of_many_guesses_at_once_ten_are_looked_at(crowd, web1):
    before = {reason: len(refusals(web1, reason, "TESSERA_USER=alice")) for reason in ("wrong-password", "throttled")}
    crowd.guess("alice", 36, crowd.addresses(6))
    after = {reason: len(refusals(web1, reason, "TESSERA_USER=alice")) for reason in before}
    assert {reason: after[reason] - before[reason] for reason in before} == {"wrong-password": 10, "throttled": 26}


def test_T4_a_hundred_right_ones_at_once_all_pass(crowd, web1):
    """From one host and for one user, ten times what may be wrong there."""
    known = crowd.make_known("alice")
    # On a busy machine the last of a hundred wait longer for a processor than the module does for them.
    web1.sh("sed -i.shipped 's/pam_tessera.so/pam_tessera.so timeout=100/' /etc/pam.d/sshd")
    crowd.host.write("/root/ask", f"#!/bin/sh\necho \"{ALICE}\"\n", mode=0o700)
    argv = " ".join(crowd.host._ssh("alice", ["-b", known], "web1"))
    shown = crowd.host.sh(f"export SSH_ASKPASS=/root/ask SSH_ASKPASS_REQUIRE=force DISPLAY=:; for i in $(seq 100); do "
                          f"{{ {argv} true </dev/null; echo $?; }} & done; wait; rm /root/ask", timeout=300)
    web1.sh("mv /etc/pam.d/sshd.shipped /etc/pam.d/sshd")
    assert shown.stdout.split() == ["0"] * 100, web1.journal("-n", "300", "--grep", "outage|throttled")
    assert owed(web1) == {}


# Names


def test_T1_made_up_names_cost_their_host_alone(crowd, web1):
    """A right password is then refused from there, but to whom the host is known."""
    host = crowd.make_known("bob")
    known = crowd.make_known("alice")
    crowd.guess_each([(f"made-up-{number}", host) for number in range(12)])
    assert set(owed(web1)) == {("host", host)}
    assert not crowd.gets_in("alice", host)
    assert crowd.gets_in("bob", host)
    assert crowd.gets_in("alice", known)
    assert "made-up" not in web1.journal("-u", "tesserad")


def test_T1_junk_of_sshd_costs_no_account(crowd, web1):
    """sshd forbids her to log in from there, and sends junk in the place of whatever is answered."""
    web1.write("/etc/ssh/sshd_config.d/01-deny.conf", "DenyUsers alice\n")
    web1.sh("systemctl restart ssh")
    try:
        hosts = crowd.addresses(2)
        crowd.guess("alice", 12, hosts)
        crowd.guess("alice", 4, hosts, answer=ALICE)
        assert set(owed(web1)) == {("host", host) for host in hosts}
    finally:
        web1.sh("rm /etc/ssh/sshd_config.d/01-deny.conf; systemctl restart ssh")
    assert crowd.gets_in("alice")


def test_P16_another_spelling_is_nobody_and_another_name_has_no_password(crowd, web1):
    """Neither has guesses at hers. alicia is the same uid, which tessera knows as alice only."""
    web1.sh("useradd -o -u $(id -u alice) -g alice -M -d /home/alice -s /bin/bash alicia")
    try:
        assert "nothing changed" in web1.sh("tessera user add alicia", input="another password\n").stdout
        crowd.guess_each([(name, crowd.address()) for name in ("Alice", "ALICE", "alice@web1", "alicia") * 3],
                         answer=ALICE)
        assert {limit for limit, _ in owed(web1)} == {"host"}
    finally:
        web1.sh("userdel -f alicia", check=False)


def test_T5_an_ipv6_network_is_one_host(crowd, web1):
    web1.sh("ip address add fd77::1/48 dev cable nodad")
    crowd.host.sh("for net in 9 a; do for i in $(seq 14); do ip address add fd77:0:0:$net::$i/48 dev cable nodad; done; done")
    crowd.guess_each([(f"made-up-{number}", f"fd77:0:0:9::{number}") for number in range(1, 13)], target="fd77::1")
    assert owed(web1)["host", "fd77:0:0:9::/64"]["failures"] == 10
    assert not crowd.gets_in("alice", "fd77:0:0:9::14", target="fd77::1")
    assert crowd.gets_in("alice", "fd77:0:0:a::14", target="fd77::1")


def test_T6_methods_of_sshd_are_one_ledger(crowd, web1):
    password = ["-o", "PreferredAuthentications=password"]
    crowd.guess("alice", 5, crowd.addresses(1))
    crowd.guess("alice", 5, crowd.addresses(1), options=password)
    assert not crowd.gets_in("alice") and not crowd.gets_in("alice", options=password)


# In a login


@pytest.fixture
def stale(web1):
    """sudo asks in every login that is older than a second."""
    shipped = web1.read("/etc/tessera/policy.conf")
    changed = re.sub(r"(\[service:sudo\]\n(?:[a-z#].*\n)*?)max-age=.*\n", r"\1max-age=1s\n", shipped)
    assert changed != shipped
    web1.write("/etc/tessera/policy.conf", changed)
    web1.sh("systemctl reload tesserad.service")
    yield web1
    web1.write("/etc/tessera/policy.conf", shipped)
    web1.sh("systemctl reload tesserad.service")


def sudo(shell, answer, *, times=1):
    """What sudo says to an answer, as often as that at once; the login is not fresh by then."""
    shell.run("sleep 2.1")
    return shell.run(f"for i in $(seq {times}); do echo \"{answer}\" | sudo -S id -u & done 2>&1; wait", timeout=90)[0]


def test_T15_P20_guesses_in_a_login_are_that_logins(crowd, stale):
    """Refused there with how long to wait; in her next login, from the same host, nothing is owed."""
    known = crowd.make_known("alice")
    with crowd.shell("alice", known) as shell:
        assert "try again in" not in sudo(shell, "wrong", times=10)
        output = sudo(shell, ALICE)
        assert re.search(r"too many wrong answers; try again in \d+ min", output) and "0" not in output.split()
        with crowd.shell("alice", known) as later:
            assert "0" in sudo(later, ALICE).split()
        assert "try again in" in sudo(shell, ALICE)
        assert [limit for limit, _ in owed(stale)] == ["known-client"]
        shell.run("tessera logout")
        assert [limit for limit, _ in owed(stale)] == ["api"]  # a session that is over comes back no more


def test_T6_whatever_asks_in_a_login_is_one_ledger(crowd, stale):
    """sudo, passwd and tessera's own command, which asks the daemon itself."""
    stale.write("/etc/pam.d/passwd", STACK)
    with crowd.shell("alice", crowd.address()) as shell:
        sudo(shell, "wrong", times=4)
        for _ in range(3):
            assert passwd(shell, "passwd", (CURRENT, "wrong"))[1] != 0
            assert passwd(shell, "tessera passwd", (CURRENT, "wrong"), (FIRST, NEW), ("Once more: ", NEW))[1] == 3
        assert [row["failures"] for (limit, _), row in owed(stale).items() if limit == "known-client"] == [10]
        assert "try again in" in sudo(shell, ALICE)
        assert crowd.gets_in("alice")


# Outages


def test_T12_an_outage_costs_nothing(crowd, web1):
    web1.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
    try:
        crowd.guess("alice", 12, crowd.addresses(3))
    finally:
        web1.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket tesserad.service")
    assert owed(web1) == {}
    assert crowd.gets_in("alice")


def test_T12_a_daemon_that_hangs_costs_nothing(crowd, web1):
    """Right answers that nobody waits for any more when they are looked at."""
    web1.signal("tesserad.service", "STOP")
    try:
        crowd.guess("alice", 12, crowd.addresses(3), answer=ALICE)
    finally:
        web1.signal("tesserad.service", "CONT")
    assert crowd.gets_in("bob")  # who stood behind them in the queue
    assert owed(web1) == {}
    assert crowd.gets_in("alice")
