# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Hosts with one Redis: what one of them does the others hear, and what users owe they owe everywhere.

No login here has a logind session of its own, so the store is told of one: it is in the record that hosts hear.
"""

import os
import shutil
import signal
import subprocess
import time

import pytest
from attempts import BURST, DENIED, HOME, attempt, attempts, may, may_not, owed, reasons, together
from daemon import ALICE, BOB, PASSWORD, SETTINGS, Refused, in_child, secret, wait_for
from devices import Device
from test_devices import add, in_login
from test_store_redis import folder, make_redis, say  # noqa: F401

FLEET = "web.example"
SOON = 2  # seconds until another host has heard
OUTAGE = ("Internal", "StoreUnavailable")  # pam_tessera takes each for one, and lets break-glass in; Busy does not
DEADLINE = 2  # seconds that one call of the store may take (daemon/bus/setup-store.c)


@pytest.fixture
def redis(make_redis):  # noqa: F811
    return make_redis()


@pytest.fixture
def make_member(make_host, redis):
    def make(name):
        host = make_host(settings=f"[daemon]\nname={name}\n[fleet]\nname={FLEET}\n{SETTINGS}"
                                  f"[store]\nbackend=redis\nurl=redis://127.0.0.1:{redis.port}\n")
        host.start_bus()
        host.start()
        return host
    return make


@pytest.fixture
def fleet(make_member):
    """web1 and web2; alice and bob are enrolled."""
    web1, web2 = make_member("web1.example"), make_member("web2.example")
    for user in ("alice", "bob"):
        web1.add(user)
    return web1, web2


@pytest.fixture
def log_in(redis):
    """A login at a host, which logind calls as the test does; its session's id."""
    def log_in(host, login, user="alice", uid=ALICE, answer=PASSWORD):
        session = in_child(lambda: host.log_in(user, answer), login=uid)
        say(redis, "HSET", f"tessera:{{tessera}}:session:{session}", "logind_id", login)
        return session
    return log_in


def asked(host):
    """What this host's logind is asked to end."""
    return sorted(os.listdir(host.folder / "run/end"))


def hears(host, *names):
    wait_for(lambda: set(names) <= set(asked(host)), timeout=SOON)
    assert asked(host) == sorted(names)


def has_heard(host, other):
    """Whatever was done at @other up to now: what is told in one stream is told in order."""
    name = f"user-{BOB}"
    session = in_child(lambda: host.log_in("bob"), login=BOB)
    other.call("Sessions.Revoke", "a{sv}a{sv}", {"user": "bob"}, {})
    wait_for(lambda: name in asked(host), timeout=SOON)
    (host.folder / "run/end" / name).unlink()
    assert host.call("Sessions.Show", "s", session)[0]["state"] == "revoked"


def revoke(host, what, **options):
    return host.call("Sessions.Revoke", "a{sv}a{sv}", what, options)


# What ends is heard


def test_R12_a_session_that_is_revoked_elsewhere_ends_its_login_here(fleet, log_in):
    web1, web2 = fleet
    one, other, neighbour = log_in(web1, "c1"), log_in(web1, "c2"), log_in(web2, "c1")
    assert revoke(web2, {"ids": [one]}) == [one]
    hears(web1, "session-c1")
    assert asked(web2) == []  # there c1 is another login
    assert web1.call("Sessions.Show", "s", other)[0]["state"] == "active"
    assert web1.call("Sessions.Show", "s", neighbour)[0]["state"] == "active"
    assert "another host of the fleet" in web1.text()


def test_R12_all_of_a_user(fleet, log_in):
    web1, web2 = fleet
    log_in(web1, "c1"), log_in(web1, "c3", "bob", BOB)
    revoke(web2, {"user": "alice"})
    hears(web1, "session-c1", f"user-{ALICE}")


def test_R12_everybody(fleet, log_in):
    web1, web2 = fleet
    log_in(web1, "c1"), log_in(web2, "c2", "bob", BOB)
    revoke(web2, {"all-users": True})
    hears(web1, f"user-{ALICE}")
    assert asked(web2) == ["session-c2", f"user-{ALICE}", f"user-{BOB}"]


@pytest.mark.parametrize("what", [{"user": "alice"}, {"all-users": True}, "id"])
def test_R12_logins_that_are_to_live_do(fleet, log_in, what):
    web1, web2 = fleet
    session = log_in(web1, "c1")
    revoke(web2, {"ids": [session]} if what == "id" else what, **{"keep-login": True})
    has_heard(web1, web2)
    assert asked(web1) == []
    assert web1.call("Sessions.Show", "s", session)[0]["state"] == "revoked"


def test_R12_what_was_closed_is_nobodys_business(fleet, log_in):
    web1, web2 = fleet
    session = log_in(web1, "c1")
    web2.call("Login.CloseSession", "s", session)
    has_heard(web1, web2)
    assert asked(web1) == []


@pytest.mark.parametrize("change, heard", [
    (lambda host: host.call("Users.SetEnabled", "sb", "alice", False), ["session-c1", f"user-{ALICE}"]),
    (lambda host: host.call("Users.Remove", "s", "alice"), ["session-c1", f"user-{ALICE}"]),
    (lambda host: host.call("Users.SetPassword", "shh", "alice", secret(""), secret("another-canary-9")), ["session-c1"]),
], ids=["disabled", "removed", "password"])
def test_R12_a_user_who_is_changed_elsewhere(fleet, log_in, change, heard):
    web1, web2 = fleet
    log_in(web1, "c1"), log_in(web1, "c3", "bob", BOB)
    change(web2)
    hears(web1, *heard)
    with pytest.raises(AssertionError):
        in_child(lambda: web1.log_in("alice"), login=ALICE)


def test_R12_a_device_that_is_revoked_elsewhere(fleet, log_in):
    web1, web2 = fleet
    device = Device(FLEET, "laptop")
    in_login(web1, lambda: add(web1, device))
    log_in(web1, "c1", answer=device.next())
    log_in(web1, "c2")
    web2.call("Devices.Revoke", "sa{sv}", "laptop", {"user": "alice"})
    hears(web1, "session-c1")


def test_R12_a_copied_device_ends_its_logins_everywhere(fleet, log_in):
    web1, web2 = fleet
    device = Device(FLEET, "laptop")
    in_login(web1, lambda: add(web1, device))
    log_in(web1, "c1", answer=device.next())
    with pytest.raises(AssertionError):
        in_child(lambda: web2.log_in("alice", device.token(1)), login=ALICE)
    hears(web1, "session-c1")


@pytest.mark.parametrize("what", [{"user": "alice"}, {"all-users": True}])
@pytest.mark.parametrize("keep", [False, True])
def test_R12_nobody_comes_in_behind_a_revocation_elsewhere(fleet, what, keep):
    """The password was right before it; the session would be opened after it."""
    web1, web2 = fleet
    client = web1.root()
    verdict, result = attempt(client, password=PASSWORD, rhost=HOME)
    assert verdict == "allow"
    revoke(web2, what, **{"keep-login": True} if keep else {})
    has_heard(web1, web2)
    opened = client.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"rhost": HOME, "session": result["session"]})
    assert opened[0] == "deny", opened
    client.close()


# What was not heard is looked for


def test_R12_a_server_that_was_silent_is_listened_to_again(fleet, log_in, redis):
    web1, web2 = fleet
    session = log_in(web1, "c1")
    redis.signal(signal.SIGSTOP)
    time.sleep(2 * DEADLINE)
    redis.signal(signal.SIGCONT)
    wait_for(lambda: revokes(web2, session))
    hears(web1, "session-c1")


def revokes(host, session):
    try:
        return revoke(host, {"ids": [session]}) == [session]
    except Refused:
        return False


def test_R12_a_server_that_was_away_for_long_is_listened_to_in_time(fleet, log_in, redis):
    """As docs/redis.md says: it goes on within three seconds, and what ended is heard within five."""
    web1, web2 = fleet
    session = log_in(web1, "c1")
    redis.kill()
    time.sleep(6.5)  # who waits twice as long each time, on and on, would now do so for six seconds more
    redis.start()
    wait_for(lambda: revokes(web2, session), timeout=3)
    wait_for(lambda: asked(web1) == ["session-c1"], timeout=5)


def test_R12_what_was_done_while_one_host_was_away_it_hears_later(fleet, log_in, redis):
    """The server was killed in between, and has read its file again."""
    web1, web2 = fleet
    session = log_in(web1, "c1")
    web1.process.send_signal(signal.SIGSTOP)
    assert revoke(web2, {"ids": [session]}) == [session]
    redis.kill()
    redis.start()
    web1.process.send_signal(signal.SIGCONT)
    wait_for(lambda: asked(web1) == ["session-c1"], timeout=3 * SOON)


def test_R12_what_was_done_while_its_daemon_was_down(fleet, log_in):
    web1, web2 = fleet
    session = log_in(web1, "c1")
    web1.stop()
    assert revoke(web2, {"ids": [session]}) == [session]
    web1.start()
    hears(web1, "session-c1")


def test_R12_entries_that_are_gone_make_it_look_itself(fleet, log_in, redis):
    web1, web2 = fleet
    session, closed = log_in(web1, "c1"), log_in(web1, "c2")
    client = web1.root()
    verdict, result = attempt(client, password=PASSWORD, rhost=HOME)
    assert verdict == "allow"
    web1.process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)  # until the server has answered what it was asked before, and waits no more to tell
    assert revoke(web2, {"ids": [session]}) == [session]
    web2.call("Login.CloseSession", "s", closed)
    say(redis, "XTRIM", "tessera:{tessera}:feed", "MAXLEN", "0")
    web1.process.send_signal(signal.SIGCONT)
    wait_for(lambda: asked(web1) == ["session-c1"], timeout=3 * SOON)
    # What else may have been done nobody knows: who was on the way in begins again.
    opened = client.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"rhost": HOME, "session": result["session"]})
    assert opened[0] == "deny", opened
    client.close()
    has_heard(web1, web2)
    assert asked(web1) == ["session-c1"]


# One budget of guesses


def wrong_at_each(hosts, count):
    return [attempts(hosts[i % len(hosts)], 1)[0] for i in range(count)]


def test_T3_R12_guesses_at_several_hosts_have_one_budget(fleet):
    web1, web2 = fleet
    assert wrong_at_each(fleet, BURST) == [DENIED] * BURST
    assert may_not(web1) and may_not(web2)
    assert may(web2, "bob", "203.0.113.9")
    one, other = (owed(host, key="alice") for host in fleet)
    assert one == other and one["other-hosts", "alice"]["failures"] == BURST
    web1.call("Throttle.Reset", "a{sv}", {"user": "alice"})
    assert owed(web2, key="alice") == {}
    assert may(web2)


def test_T3_R12_guesses_at_several_hosts_at_once_too(fleet):
    hosts = fleet

    def guess(number):
        return attempts(hosts[number % 2], 2)

    together(BURST, guess)
    checked = sum(reasons(host).count("wrong-password") for host in hosts)
    assert checked == BURST, [reasons(host) for host in hosts]
    assert may_not(hosts[0]) and may_not(hosts[1])


# While the server is away


def outage(act):
    """act() fails as an outage does, in time."""
    begun = time.monotonic()
    with pytest.raises(Refused) as refused:
        act()
    assert refused.value.name in OUTAGE, refused.value
    return time.monotonic() - begun


def test_R12_a_password_without_a_server_is_an_outage_and_no_guess(fleet, redis):
    web1, web2 = fleet
    redis.signal(signal.SIGSTOP)
    for password in ("wrong-Sesame-4711", PASSWORD):
        assert outage(lambda: attempts(web1, 1, password=password)) < DEADLINE + 1
    # More than there are connections (16), at a daemon that does not know yet; then at one that does.
    for host in (web2, web2):
        assert max(together(20, lambda _: outage(lambda: attempts(host, 1, user="bob")))) < DEADLINE + 1
    redis.signal(signal.SIGCONT)
    wait_for(lambda: answers(web1) and answers(web2))
    assert owed(web1) == {} == owed(web2)
    for user in ("alice", "bob"):
        assert may(web1, user) and may(web2, user)


def test_R12_a_server_that_does_not_serve_is_an_outage(fleet, redis):
    """While somebody's script goes on and on; as while it reads its file after a start."""
    web1, _ = fleet
    say(redis, "CONFIG", "SET", "busy-reply-threshold", "10")
    loop = subprocess.Popen(["redis-cli", "-s", redis.folder / "socket", "EVAL", "while true do end", "0"],
                            stdout=subprocess.DEVNULL)
    wait_for(lambda: say(redis, "PING").startswith("BUSY"))
    for _ in range(2):
        assert outage(lambda: attempts(web1, 1, password=PASSWORD)) < DEADLINE + 1
    say(redis, "SCRIPT", "KILL")
    assert loop.wait(timeout=20) == 0 and may(web1)


def answers(host):
    try:
        return bool(host.call("Users.List"))
    except Refused:
        return False


def test_R12_daemons_go_on_with_a_server_that_was_started_again(fleet, redis):
    web1, web2 = fleet
    redis.kill()
    outage(lambda: attempts(web1, 1, password=PASSWORD))
    pids = [host.process.pid for host in fleet]
    redis.start()
    wait_for(lambda: answers(web1) and answers(web2))
    assert may(web1) and may(web2) and [host.process.pid for host in fleet] == pids


def test_R12_a_daemon_that_finds_no_server_ends_and_the_next_one_serves(fleet, redis):
    """What systemd does: see tests/host/test_store_redis.py."""
    web1, _ = fleet
    web1.stop()
    redis.kill()
    for _ in range(3):
        begun = time.monotonic()
        assert web1.spawn().wait(timeout=20) == 1
        assert time.monotonic() - begun < DEADLINE + 2
    redis.start()
    web1.start()
    assert may(web1)


def test_R12_a_server_that_is_full_lets_nobody_in_and_everybody_out(fleet, log_in, redis):
    web1, web2 = fleet
    session = log_in(web1, "c1")
    say(redis, "CONFIG", "SET", "maxmemory", "1")
    outage(lambda: attempts(web1, 1, password=PASSWORD))
    assert web1.call("Login.Authorize", "ssa{sv}", "alice", "sudo", {})[0] == "allow"
    assert revoke(web2, {"ids": [session]}) == [session]
    hears(web1, "session-c1")
    say(redis, "CONFIG", "SET", "maxmemory", "0")
    assert may(web1)


def test_R12_a_primary_without_its_replicas_changes_nothing(fleet, log_in, redis):
    web1, web2 = fleet
    session = log_in(web1, "c1")
    say(redis, "CONFIG", "SET", "min-replicas-to-write", "1")
    outage(lambda: attempts(web1, 1, password=PASSWORD))
    outage(lambda: revoke(web2, {"ids": [session]}))
    assert [s["state"] for s in web1.call("Sessions.List", "a{sv}", {"user": "alice"})] == ["active"]
    assert web1.call("Login.Authorize", "ssa{sv}", "alice", "sudo", {})[0] == "allow"
    say(redis, "CONFIG", "SET", "min-replicas-to-write", "0")
    assert revoke(web2, {"ids": [session]}) == [session]
    hears(web1, "session-c1")


def test_R12_a_user_whom_the_store_has_lost_can_be_added_again(fleet, redis):
    """He cannot sign in before that; to root he is not there."""
    web1, web2 = fleet
    redis.kill()
    shutil.copytree(redis.folder / "appendonlydir", redis.folder / "older")
    redis.start()
    wait_for(lambda: answers(web1))
    web1.add("carol")
    assert may(web1, "carol")
    redis.kill()
    shutil.rmtree(redis.folder / "appendonlydir")
    (redis.folder / "older").rename(redis.folder / "appendonlydir")
    redis.start()
    wait_for(lambda: answers(web1))
    outage(lambda: attempts(web1, 1, user="carol", password=PASSWORD))
    with pytest.raises(Refused, match="NotFound"):
        web1.call("Users.Show", "s", "carol")
    web1.add("carol")
    assert may(web1, "carol")


# Who is where


def test_R12_a_list_has_all_hosts(fleet, log_in):
    web1, web2 = fleet
    mine = {(log_in(web1, "c1"), "web1.example", "alice"), (log_in(web2, "c1"), "web2.example", "alice"),
            (log_in(web2, "c2", "bob", BOB), "web2.example", "bob")}
    for host in fleet:
        found = host.call("Sessions.List", "a{sv}", {"all-users": True})
        assert {(s["id"], s["host"], s["user"]) for s in found} == mine
