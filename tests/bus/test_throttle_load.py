# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Who guesses for all that he can costs others neither time, nor memory, nor what they are owed."""

import os
import random
import signal
import socket
import statistics
import time

from attempts import (DENIED, HOME, WRONG, asked, attempt, attempts, fill, know, ks, may,
                      may_not, owed, quantile, reasons, together, took)
from daemon import ALICE, DAVE, NOBODY, PASSWORD, background, in_child, sanitized, scaled, secret, wait_for
from test_abuse import printed


def verified(host, count):
    """p99 of the time that a token's check takes."""
    client = host.root()
    times = [took(lambda: client.call("Tokens.Verify", "ha{sv}", secret("no token"), {})) for _ in range(count)]
    client.close()
    return quantile(times, 0.99)


# P23: a late answer


def guess_for_ever(host):
    os.nice(10)

    def guess(number):
        client = host.root()
        while True:
            attempt(client)

    together(64, guess)


def test_P23_who_is_throttled_keeps_no_worker(make_host):
    """Answers that come late on purpose wait in no thread: here are twice as many of them as root's calls have threads."""
    host = make_host(settings="[password]\nmemory=16MiB\npasses=16\n")
    host.start_bus()
    host.start()
    host.add("alice")
    fill(host)
    for _ in range(27):  # then the times of 64 checks are known, and no more are made
        together(2, lambda number: attempts(host, 1))
    alone = statistics.median(took(lambda: attempts(host, 1)) for _ in range(9))
    guessing = [background(lambda: guess_for_ever(host)) for _ in range(4)]
    try:
        time.sleep(2)
        token = statistics.median(verified(host, 1) for _ in range(40))
    finally:
        for pid in guessing:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    print(f"a token {token * 1000:.0f} ms, a throttled password {alone * 1000:.0f} ms")
    assert token < alone / 2


# P20: what an answer takes


def settle(host, user):
    """One more wrong answer of that user's is looked at."""
    host.call("Throttle.Reset", "a{sv}", {"user": user})


def revoked_token(host, user, uid):
    def login():
        session = host.log_in(user)
        return session, in_child(lambda: printed(host), uid=uid)

    session, token = in_child(login, login=uid)
    host.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {})
    return token


def test_P20_T10_wrong_throttled_disabled_and_revoked_are_one_answer_after_one_time(make_host, rng):
    """One reply, and no two kinds of them that Kolmogorov and Smirnov could tell apart by the clock."""
    host = asked(make_host, settings="[throttle]\npay-back=1h\ncap=1h\n")  # longer than the test takes
    host.add("carol")
    host.call("Users.SetEnabled", "sb", "carol", False)
    host.add("dave")
    answers = {"dave": revoked_token(host, "dave", DAVE)}
    fill(host, "alice", rhost=None)
    attempts(host, 54, rhost=None)  # the times of 64 checks are known now
    client = host.root()
    times = {"alice": [], "bob": [], "carol": [], "dave": []}
    since, replies = len(host.text()), []
    for _ in range(scaled(2000)):
        for user in rng.sample(sorted(times), 4):
            if user != "alice":
                settle(host, user)
            times[user].append(took(lambda user=user: replies.append(
                attempt(client, user=user, password=answers.get(user, WRONG), rhost=None))))
    assert replies == [DENIED] * len(replies)
    found = reasons(host, since)
    assert {why: found.count(why) for why in set(found)} == {
        why: len(times["bob"]) for why in ("throttled", "wrong-password", "disabled", "token-revoked")}
    for user in ("alice", "carol", "dave"):
        distance, p = ks(times[user], times["bob"])
        print(f"{user}: {statistics.median(times[user]) * 1000:.2f} ms, wrong: "
              f"{statistics.median(times['bob']) * 1000:.2f} ms, distance {distance:.3f}, p {p:.5f}")
        assert p > 0.0001 or distance < 0.1


# T1: made-up names and hosts


def made_up(rng):
    """As whoever sprays makes them up."""
    kind = rng.randrange(4)
    if kind == 0:
        rhost = f"2001:db8:{rng.randrange(65536):x}:{rng.randrange(65536):x}::{rng.randrange(65536):x}"
    elif kind == 1:
        rhost = f"h{rng.randrange(1 << 40):x}.example"
    else:
        rhost = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
    return {"user": f"u{rng.randrange(1 << 60):x}"[:31], "rhost": rhost}


def spray(host, rng, count):
    client = host.root()
    for _ in range(count):
        assert attempt(client, **made_up(rng))[0] == "not-ours"
    client.close()


def test_T1_names_and_hosts_that_are_made_up_cost_nobody_anything(make_host, rng):
    host = asked(make_host)
    know(host, "alice")
    know(host, "bob")
    fill(host, "alice", "203.0.113.250")
    attempts(host, 4, user="bob", rhost=None)
    before = {key: row["failures"] for key, row in owed(host).items() if key[0] != "host"}
    spray(host, rng, 500)
    memory = host.memory()
    ratios = []
    for _ in range(5):
        idle = verified(host, 300)
        # nice: what is measured is what the daemon makes of it, not whose turn it is on two processors.
        names = random.Random(rng.random())
        spraying = background(lambda names=names: (os.nice(10), spray(host, names, scaled(50000) // 5)))
        ratios.append(verified(host, 300) / idle)
        assert os.waitid(os.P_PID, spraying, os.WEXITED).si_status == 0
    grown = host.memory() - memory
    print(f"p99 of a token's check {' '.join(f'{ratio:.2f}' for ratio in ratios)} × idle; RSS +{grown} KiB")
    assert statistics.median(ratios) <= 3
    if not sanitized(host):
        assert grown <= 2048
    after = {key: row["failures"] for key, row in owed(host).items() if key[0] != "host"}
    assert after == before
    assert may_not(host, "alice", "203.0.113.251") and may(host, "alice", HOME) and may(host, "bob", None)
    assert may(host, "bob", "192.0.2.200")  # a stranger to the table, which has room


# T11: who connects and says nothing


def test_T11_who_never_answers_holds_nothing(host):
    """Who is connected and asks for nothing: root's processes on their own socket, and strangers on the bus."""
    fds, silent = host.fds(), []
    for _ in range(300):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.connect(str(host.folder / "run/private"))
        silent.append(peer)

    def stranger():
        os.write(writing, bytes([len([host.bus() for _ in range(100)])]))
        signal.pause()

    reading, writing = os.pipe()
    waiting = background(stranger, uid=NOBODY)
    try:
        assert os.read(reading, 1) == bytes([100])
        assert max(together(20, lambda number: took(lambda: attempts(host, 1, password=PASSWORD)))) < 10
        assert may(host) and not owed(host)
        assert host.as_uid(ALICE, "Roles.List")
    finally:
        os.kill(waiting, signal.SIGKILL)
        os.waitpid(waiting, 0)
        for peer in silent:
            peer.close()
        os.close(reading)
        os.close(writing)
    wait_for(lambda: host.fds() <= fds + 1)
