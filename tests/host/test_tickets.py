# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""From host to host: web1's tickets open a login at web2, once, for what web2 lets them; web3 trusts nobody."""

import base64
import json
import re
import threading
import time

import pytest
from conftest import PASSWORDS, server
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from network import Network

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]
LEEWAY = 5
POLICY = """[role:admin]
groups=sudo

[role:everyone]
users=*

[service:sshd]
roles=everyone

[service:sudo]
roles=admin
max-age={max_age}
"""


@pytest.fixture(scope="module")
def net(server_layer):
    with Network("web1", "web2", "web3") as network:
        for name in ("web1", "web2", "web3"):
            setattr(network, name, server(network, name, server_layer))
        yield network


@pytest.fixture
def web1(net):
    return net.web1


@pytest.fixture
def web3(net):
    return net.web3


def trust(host, other, *options):
    """@host trusts @other from now on, as its admin types it."""
    host.sh(["tessera", "trust", "add", other.name, *options], input=other.sh("tessera key export").stdout)


@pytest.fixture
def web2(net):
    """Trusts web1 for everybody and everything."""
    trust(net.web2, net.web1, "--users=*", "--roles=*")
    yield net.web2
    net.web2.sh("tessera trust remove web1", check=False)


@pytest.fixture
def shell(web1):
    with web1.shell("alice", ALICE) as shell:
        yield shell


def ticket_of(shell, audience="web2"):
    text, status = shell.run(f"tessera token print --audience {audience}")
    assert status == 0, text
    return text.strip()


def status_of(shell):
    return json.loads(shell.run("tessera --json status")[0])["session"]


def use(web1, ticket, where="web2", user="alice", command="tessera --json status", **options):
    """A login that answers with the ticket; by a command outside of any login."""
    return web1.ssh(user, ticket, command, address=where, check=False, **options)


def verify(host, ticket):
    return json.loads(host.sh("tessera --json token verify", input=ticket, check=False).stdout)


def settings(host, text):
    host.write("/etc/tessera/tessera.conf", text)
    host.sh("systemctl reload tesserad.service")


def policy(host, text):
    host.write("/etc/tessera/policy.conf", text)
    host.sh("tessera policy check && systemctl reload tesserad.service")


# It works


def test_no_password_and_no_key(shell, web2):
    assert shell.run("ls -A ~/.ssh 2>/dev/null")[0].split() in ([], ["known_hosts"])
    assert shell.run("tessera ssh web2 hostname", timeout=20) == ("web2\n", 0)
    output, status = shell.run("tessera ssh alice@web2 tessera --json status", timeout=20)
    there, here = json.loads(output)["session"], status_of(shell)
    assert status == 0 and there["methods"] == ["tok"]
    assert there["auth_time"] == here["auth_time"] and there["ends"] <= here["ends"]
    assert there["from"] == "10.77.0.1"


def test_sudo_there_by_the_freshness_of_here(shell, web2):
    assert shell.run("tessera ssh web2 sudo -n id -u", timeout=20) == ("0\n", 0)


def test_a_login_without_a_session_gets_no_ticket(web1, web2):
    for user in ("alice", "carol"):
        assert web1.sh("tessera token print --audience web2", user=user, check=False).returncode != 0
        assert web1.sh("tessera ssh web2 true", user=user, check=False).returncode != 0


# And for nothing else


def test_a_second_time(web1, web2, shell):
    ticket = ticket_of(shell)
    assert verify(web2, ticket)["valid"] is True  # which does not spend it
    assert use(web1, ticket).returncode == 0
    assert use(web1, ticket).returncode == 255
    assert verify(web2, ticket) == {"valid": False, "reason": "replayed"}


def test_a_second_time_after_a_restart(web1, web2, shell):
    ticket = ticket_of(shell)
    assert use(web1, ticket).returncode == 0
    web2.sh("systemctl restart tesserad.service")
    assert use(web1, ticket).returncode == 255


def test_of_many_at_once_one_gets_in(web1, web2, shell):
    ticket, results = ticket_of(shell), []

    def run():
        results.append(use(web1, ticket, command="true").returncode)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0] + [255] * 7


def test_A9_at_another_host(web1, web2, web3, shell):
    ticket = ticket_of(shell)
    assert use(web1, ticket, where="web3").returncode == 255  # does not trust web1
    trust(web3, web1, "--users=*", "--roles=*")
    try:
        assert use(web1, ticket, where="web3").returncode == 255
        assert verify(web3, ticket) == {"valid": False, "reason": "wrong-audience"}
        assert use(web1, ticket, where="web1").returncode == 255  # nor at home
    finally:
        web3.sh("tessera trust remove web1")
    assert use(web1, ticket).returncode == 0


def test_from_a_host_that_is_not_trusted(web2, web3):
    with web3.shell("alice", ALICE) as shell:
        ticket = ticket_of(shell)
    assert use(web3, ticket).returncode == 255
    assert verify(web2, ticket)["valid"] is False


def test_from_a_host_that_is_not_trusted_any_more(web1, web2, shell):
    ticket = ticket_of(shell)
    web2.sh("tessera trust remove web1")
    assert use(web1, ticket).returncode == 255


def test_after_its_time(web1, web2):
    settings(web1, "[token]\nticket-lifetime=5s\n")
    try:
        with web1.shell("alice", ALICE) as shell:
            early, late = ticket_of(shell), ticket_of(shell)
            time.sleep(3)
            assert use(web1, early).returncode == 0
            time.sleep(3 + LEEWAY)
            assert use(web1, late).returncode == 255
            assert verify(web2, late) == {"valid": False, "reason": "expired"}
    finally:
        settings(web1, "")


def test_for_another_user(web1, web2, shell):
    ticket = ticket_of(shell)
    assert use(web1, ticket, user="bob").returncode == 255
    assert use(web1, ticket, user="carol").returncode == 255
    assert use(web1, ticket, user="root").returncode == 255


def test_for_a_user_that_is_not_let(web1, web2, shell):
    trust(web2, web1, "--users=bob", "--roles=*")
    assert use(web1, ticket_of(shell)).returncode == 255
    with web1.shell("bob", BOB) as bob:
        assert use(web1, ticket_of(bob), user="bob").returncode == 0


def test_for_a_system_user(web1, web2):
    """One name, an ordinary user at web1, a system's at web2."""
    web1.sh("useradd -m -s /bin/bash backup1 && tessera user add backup1", input="backup1's password\n")
    web2.sh("useradd -m -s /bin/bash backup1 && tessera user add backup1", input="another password\n")
    with web1.shell("backup1", "backup1's password") as shell:
        assert use(web1, ticket_of(shell), user="backup1").returncode == 0
        web2.sh("usermod -u 990 backup1; pkill -KILL -u backup1; usermod -u 990 backup1", check=False)
        assert web2.sh("id -u backup1").stdout == "990\n"
        assert use(web1, ticket_of(shell), user="backup1").returncode == 255


def test_A9_with_roles_above_the_cap(web1, web2, shell):
    trust(web2, web1, "--users=*", "--roles=everyone")
    assert web2.sh("id -nG alice").stdout.split().count("sudo") == 1  # her role admin at web2, by its own policy
    assert use(web1, ticket_of(shell), command="sudo -n id -u").returncode == 1
    there = json.loads(use(web1, ticket_of(shell)).stdout)["session"]
    assert there["roles"] == ["everyone"]
    # Proving the password there changes nothing: the cap stays with the session.
    with web1.shell("alice", ticket_of(shell), address="web2") as capped:
        capped.start("sudo -k; sudo id -u")
        output, status = capped.finish()
        assert status != 0 and PROMPT not in output
        token = capped.run("tessera token print")[0].strip()
    assert web2.ssh("alice", token, "sudo -n id -u", check=False).returncode != 0
    # Her own login there has the role.
    assert web1.ssh("alice", ALICE, "sudo -n id -u", address="web2").stdout == "0\n"


PROMPT = "Password or token"


# Forgers who have every key of their own host


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private_key(host, kid):
    text = host.sh(["cat", f"/var/lib/tessera/keys/{kid}"]).stdout
    return ec.derive_private_key(int.from_bytes(unb64(re.search("^secret=(.*)$", text, re.M)[1]), "big"), ec.SECP256R1())


def forge(ticket, key, kid=None, **changes):
    header, payload, _ = ticket.split(".")
    if kid is not None:
        header = b64(unb64(header).decode().replace(json.loads(unb64(header))["kid"], kid))
    body = unb64(payload).decode()
    for claim, value in changes.items():
        old = json.dumps(json.loads(body)[claim], separators=(",", ":"))
        body = body.replace(f'"{claim}":{old}', f'"{claim}":{json.dumps(value, separators=(",", ":"))}')
    signed = f"{header}.{b64(body)}"
    r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def kid_of(ticket):
    return json.loads(unb64(ticket.split(".")[0]))["kid"]


def test_with_another_keys_kid(web1, web2, web3, shell):
    """web3 is trusted for bob alone; with its key it makes tickets of web1's, and of its own for alice."""
    trust(web2, web3, "--users=bob", "--roles=*")
    try:
        ticket = ticket_of(shell)
        with web3.shell("alice", ALICE) as other:
            theirs = ticket_of(other)
        web1_key, web3_key = private_key(web1, kid_of(ticket)), private_key(web3, kid_of(theirs))
        # The forger's tool is right: a ticket signed again by its own key is good.
        assert verify(web2, forge(ticket, web1_key))["valid"] is True
        for bent in (forge(ticket, web3_key),                              # web1's kid, web3's signature
                     forge(ticket, web3_key, kid=kid_of(theirs)),          # web3's kid, in web1's name
                     forge(ticket, web1_key, kid=kid_of(theirs)),
                     forge(theirs, web3_key, iss="web1"),
                     forge(theirs, web3_key),                              # in its own name, for alice
                     forge(ticket, web1_key, kid="zzzz")):
            assert verify(web2, bent)["valid"] is False
            assert use(web1, bent).returncode == 255
    finally:
        web2.sh("tessera trust remove web3")


def test_a_trusted_host_stays_within_bounds(web1, web2, shell):
    """Even with web1's key no ticket lives longer, is fresher than its making, or is for another host."""
    ticket = ticket_of(shell)
    key, claims = private_key(web1, kid_of(ticket)), json.loads(unb64(ticket.split(".")[1]))
    for changes in ({"exp": claims["exp"] + 3600}, {"auth_time": claims["iat"] + 3600}, {"aud": "web3"},
                    {"iat": claims["iat"] + 600, "exp": claims["exp"] + 600}, {"sub": "root"}, {"iss": "web2"}):
        assert use(web1, forge(ticket, key, **changes)).returncode == 255, changes
    assert use(web1, ticket).returncode == 0


def test_what_a_host_received_it_can_use_nowhere(web1, web2, web3, shell):
    """web2 gets tickets to see; web3 trusts web1, and web1 trusts web2: neither takes one again."""
    trust(web3, web1, "--users=*", "--roles=*")
    trust(web1, web2, "--users=*", "--roles=*")
    try:
        ticket = ticket_of(shell)
        assert use(web1, ticket).returncode == 0
        for where in ("web1", "web2", "web3"):
            assert use(web2, ticket, where=where).returncode == 255
    finally:
        web3.sh("tessera trust remove web1")
        web1.sh("tessera trust remove web2")


# How long, and how fresh


def test_a_session_ends_no_later_than_its_parent(web1, web2):
    settings(web1, "[session]\nlifetime=20s\nidle=20s\n")
    try:
        with web1.shell("alice", ALICE) as shell:
            here, ticket = status_of(shell), ticket_of(shell)
            with web1.shell("alice", ticket, address="web2") as there:
                opened = status_of(there)
                assert opened["ends"] <= here["ends"]
                assert there.run("sudo -n id -u") == ("0\n", 0)
                time.sleep(max(0, here["ends"] - time.time() + 1))
                assert there.run("sudo -n id -u")[1] != 0
                assert there.run("tessera token print")[1] != 0
    finally:
        settings(web1, "")


def test_P31_a_session_is_never_fresher_than_its_origin(web1, web2):
    before = web2.read("/etc/tessera/policy.conf")
    policy(web2, POLICY.format(max_age="10s"))
    try:
        with web1.shell("alice", ALICE) as shell, web1.shell("alice", ticket_of(shell), address="web2") as there:
            assert there.run("sudo -n id -u") == ("0\n", 0)
            time.sleep(10.5)
            assert there.run("sudo -n id -u")[1] != 0
            # Neither another ticket nor a token makes it fresh again; the password does.
            assert use(web1, ticket_of(shell), command="sudo -n id -u").returncode != 0
            assert there.run("tessera token print | sudo -S id -u 2>/dev/null")[1] != 0
            there.start("sudo id -u")
            there.expect(PROMPT)
            there.answer(ALICE)
            assert there.finish()[0].strip().endswith("0")
    finally:
        policy(web2, before)


# Rotation


def test_J20_rotation_under_load(web1, web2):
    """Keys rotate while people log in and use tokens: nobody notices, and what is old is over in time."""
    lifetime = 10
    settings(web1, f"[token]\nlifetime={lifetime}s\nticket-lifetime=5s\n")
    stop, failures, logins = threading.Event(), [], []

    def log_in(shell):
        while not stop.is_set():
            ticket = ticket_of(shell)
            result = use(web1, ticket, command="true")
            logins.append(kid_of(ticket))
            if result.returncode != 0:
                failures.append((ticket, result.stderr))

    tokens = []  # (when it expires, text)

    def print_tokens(shell):
        while not stop.is_set():
            tokens.append(shell.run("tessera token print --min-ttl 8")[0].strip())
            time.sleep(0.3)

    try:
        with web1.shell("alice", ALICE) as one, web1.shell("alice", ALICE) as two, web1.shell("alice", ALICE) as three:
            threads = [threading.Thread(target=log_in, args=(shell,)) for shell in (one, two)]
            threads.append(threading.Thread(target=print_tokens, args=(three,)))
            for thread in threads:
                thread.start()
            time.sleep(2)
            before = json.loads(web1.sh("tessera --json key list").stdout)
            exported = web1.sh("tessera key prepare").stdout
            web2.sh("tessera trust add web1 '--users=*' '--roles=*'", input=exported)
            time.sleep(1)
            web1.sh("tessera key rotate")
            rotated = time.time()
            time.sleep(2)
            after = json.loads(web1.sh("tessera --json key list").stdout)
            mine = list(tokens)
            while time.time() < rotated + lifetime + 2:
                now = time.time()
                for token in mine[-12::3] if len(mine) > 12 else mine:
                    expires = json.loads(unb64(token.split(".")[1]))["exp"]
                    answer = verify(web1, token)
                    if time.time() < expires - 0.5:
                        assert answer["valid"] is True, (expires - now, answer)
                    elif now > expires + 1:
                        assert answer["valid"] is False, (now - expires, answer)
            stop.set()
            for thread in threads:
                thread.join()
        assert failures == []
        old = {key["kid"] for key in before if key["state"] == "signing"}
        new = {key["kid"] for key in after if key["state"] == "signing"}
        assert len(old) == len(new) == 2 and not old & new  # one that signs of each use, at any time
        assert {key["kid"] for key in after if key["state"] == "verifying"} >= old
        assert set(logins) & old and set(logins) & new
        # The old ones verify until the longest token that they can have signed is over, and no longer.
        limits = {"token": 15 * 60, "ticket": 60 + LEEWAY}
        for key in after:
            if key["state"] == "verifying":
                assert lifetime <= key["until"] - rotated <= limits[key["use"]] + 90, key
        for token in mine:
            assert verify(web1, token) == {"valid": False, "reason": "expired"}
    finally:
        stop.set()
        settings(web1, "")


def test_rotation_without_a_next_key(web1):
    refused = web1.sh("tessera key rotate", check=False)
    assert refused.returncode != 0 and "prepare" in refused.stderr


# Long names, many roles


def test_every_answer_fits_its_prompt(server_layer):
    """40 roles, host names of 64 characters, a user name of 32: sudo takes 511 characters, ssh 1023."""
    long, other, user = "w" * 62 + ".a", "x" * 62 + ".b", "u" * 32
    roles = "".join(f"[role:a-role-whose-name-is-long-{number:02}]\nusers=*\n\n" for number in range(39))
    with Network(long, other) as net:
        hosts = [server(net, name, server_layer) for name in (long, other)]
        for host in hosts:
            policy(host, roles + "[role:last]\nusers=*\n\n[service:sshd]\nroles=last\n\n[service:sudo]\nroles=last\n")
            host.sh(f"useradd -m -s /bin/bash -G sudo {user} && tessera user add {user}", input="a long user's password\n")
        trust(hosts[1], hosts[0], "--users=*", "--roles=*")
        with hosts[0].shell(user, "a long user's password") as shell:
            token, ticket = shell.run("tessera token print")[0].strip(), ticket_of(shell, other)
            assert len(token) <= 511 and len(ticket) <= 1023
            assert len(status_of(shell)["roles"]) == 40
            assert hosts[0].ssh(user, token, "sudo -n id -u").stdout == "0\n"
            # The last of 40 roles is what lets it in and use sudo there.
            assert use(hosts[0], ticket, where=other, user=user, command="sudo -n id -u").stdout == "0\n"
            assert shell.run(f"tessera ssh {other} sudo -n id -u", timeout=20) == ("0\n", 0)
