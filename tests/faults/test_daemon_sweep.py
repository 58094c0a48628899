# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Every allocation and every system call of the daemon fails, one at a time, while it serves a request.

The request fails, or the daemon ends and is started again. Nobody gets in who did not, what was
acknowledged is there afterwards, and what was not is whole: done or not done.
"""

import errno
import pathlib
import random
import shutil
import signal
import sqlite3
import tempfile
import time

import pytest
from conftest import SWEPT
from daemon import PASSWORD, secret, stop, wait_for
from devices import Device
from injected import CALL, ERRORS, MEMORY, Injected

from scale import SEED, SOAK

MMAP, RECVMSG, FCNTL, NANOSLEEP, GETRANDOM = 9, 47, 72, 230, 318  # of x86-64
AUTHENTICATE = ("Login.Authenticate", "ssa{sv}h")
OPEN = ("Login.OpenSession", "ssa{sv}")


@pytest.fixture
def host(build):
    if not (build / "tests/faults/libinject.so").exists():
        pytest.skip("no system call can be made to fail here")
    with tempfile.TemporaryDirectory(prefix="tessera-faults-") as folder:
        host = Injected(pathlib.Path(folder), build)
        try:
            host.start(on_bus=False)
            host.add("alice")
            host.add("bob")
            yield host
        finally:
            host.end()


# Requests: each prepares, hands out the call that is to suffer, and judges what came of it (None: no answer).


def right_password(host):
    reply = yield *AUTHENTICATE, "alice", "sshd", {}, secret(PASSWORD)
    assert reply is None or reply[0] == "allow", reply


def wrong_password(host):
    reply = yield *AUTHENTICATE, "bob", "sshd", {}, secret("wrong-Sesame")
    assert reply is None or reply[0] == "deny", reply


def missing_role(host):
    reply = yield "Login.Authorize", "ssa{sv}", "bob", "sudo", {}
    assert reply is None or reply[0] == "deny", reply


def unknown_user(host):
    """Only who is really unknown is: the answer opens the modules below."""
    reply = yield "Login.Authorize", "ssa{sv}", "alice", "nosuchservice", {}
    assert reply is None or reply[0] == "deny", reply


def opened(host):
    handle = host.call(*AUTHENTICATE, "alice", "sshd", {}, secret(PASSWORD))[1]["session"]
    reply = yield *OPEN, "alice", "sshd", {"session": handle}
    if reply and reply[0] != "deny":
        assert reply[0] == "allow" and state(host, reply[1]["session"]) == "active", reply


def closed(host):
    session = host.call(*OPEN, "alice", "sshd", {})[1]["session"]
    reply = yield "Login.CloseSession", "s", session
    assert state(host, session) in (("closed",) if reply is not None else ("active", "closed"))


def revoked(host):
    session = host.call(*OPEN, "alice", "sshd", {})[1]["session"]
    reply = yield "Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {}
    assert state(host, session) in (("revoked",) if reply else ("active", "revoked"))


def disabled(host):
    """Both or neither: the user, and every session."""
    host.call("Users.SetEnabled", "sb", "alice", True)
    session = host.call(*OPEN, "alice", "sshd", {})[1]["session"]
    reply = yield "Users.SetEnabled", "sb", "alice", False
    enabled = host.ask("Users.Show", "s", "alice")["enabled"]
    assert state(host, session) == ("active" if enabled else "revoked")
    assert not (reply and enabled), "acknowledged and not done"
    host.ask("Users.SetEnabled", "sb", "alice", True)


def changed_password(host):
    """It is the old one or the new one, which here are the same. SQLite waits some ten seconds for a lock
    whose unlocking failed, and logins are refused meanwhile; then the daemon ends and is started again."""
    reply = yield "Users.SetPassword", "shh", "alice", secret(""), secret(PASSWORD)
    end = time.monotonic() + 60
    while True:
        answer = host.try_call(*AUTHENTICATE, "alice", "sshd", {}, secret(PASSWORD))
        if answer and answer[0] == "allow":
            return
        assert time.monotonic() < end, f"the password is not what it was, nor what it was to be: {reply}"
        if host.process.poll() is not None:
            host.revive()
        time.sleep(0.2)


def refresh_token(host):
    """Spent or not spent; never an alarm of its own making, and never good twice."""
    if not hasattr(host, "device"):
        host.device = Device(host.root().get("Host"))
        host.call("Devices.Add", "sssa{sv}", host.device.id, "laptop", host.device.public_key, {"user": "alice"})
    reply = yield *AUTHENTICATE, "alice", "sshd", {}, secret(host.device.next())
    assert reply is None or reply[0] == "allow", reply
    assert host.call(*AUTHENTICATE, "alice", "sshd", {}, secret(host.device.next()))[0] == "allow"
    assert [device["state"] for device in host.ask("Devices.List", "a{sv}", {"user": "alice"})] == ["active"]


def looked_at_token(host):
    reply = yield "Tokens.Verify", "ha{sv}", secret("eyJhbGciOiJub25lIn0.e30."), {}
    assert reply is None or reply[0] == "invalid", reply


REQUESTS = (right_password, wrong_password, missing_role, unknown_user, opened, closed, revoked, disabled,
            changed_password, refresh_token, looked_at_token)


def state(host, session):
    return host.ask("Sessions.Show", "s", session)[0]["state"]


def suffer(host, request, kind, nth, *how):
    """One request with one fault: how many could fail, and whether one did."""
    steps = request(host)
    call = next(steps)
    host.control.arm(kind, nth, *how)
    reply = host.try_call(*call)
    found = host.control.disarm()
    host.revive()
    try:
        steps.send(reply)
    except StopIteration:
        pass
    return found


def points_of(memory, calls, rng):
    points = [(MEMORY, nth) for nth in range(1, memory + 1)]
    points += [(CALL, nth, error) for nth in range(1, calls + 1) for error in ERRORS]
    rng.shuffle(points)
    return points if SOAK else points[:max(10, len(points) // 20)]


def test_T12_no_memory_for_a_hash_is_nobodys_guess(host):
    """A right password that could not be looked at was not wrong, and charges nobody."""
    suffer(host, right_password, MEMORY, 0)
    maps, _ = suffer(host, right_password, CALL, 0, 0, False, MMAP)
    assert maps > 0
    for nth in range(1, maps + 1):
        for _ in range(12):  # more than anybody's limit
            suffer(host, right_password, CALL, nth, errno.ENOMEM, False, MMAP)
    assert host.call(*AUTHENTICATE, "alice", "sshd", {}, secret(PASSWORD))[0] == "allow"


def test_F4_a_connection_that_fails_as_it_begins_is_closed(host):
    """GDBus reads before it hands the connection over: whoever it told then that it was closed was nobody, and
    the caller waited for an answer until its own deadline, the daemon for it to go, for ever."""
    fds, hung = host.fds(), 0
    for _ in range(60):
        host.control.arm(CALL, 1, errno.ECONNRESET, only=RECVMSG)
        began = time.monotonic()
        host.try_call("Roles.List", "")
        hung += time.monotonic() - began > 1.9
        host.control.disarm()
    assert hung == 0
    wait_for(lambda: host.fds() <= fds + 1)


def searches(host):
    """Is SQLite looking for a lock? It sleeps between its tries, and nothing else in the daemon does."""
    host.control.arm(CALL, 0, only=NANOSLEEP)
    time.sleep(1)
    return host.control.disarm()[0] > 0


def test_F4_a_lock_that_cannot_be_given_back_is_looked_for_once(host):
    """Whom that fails is told, or not, as with what is only nice to have. The next one did as long in vain: at
    three of them nobody was answered for half a minute, by a daemon that was alive."""
    for _ in range(2):
        suffer(host, changed_password, CALL, 0)
    locks, _ = suffer(host, changed_password, CALL, 0, 0, False, FCNTL)
    found = 0
    for nth in range(1, locks + 1):
        began = time.monotonic()
        host.control.arm(CALL, nth, errno.EMFILE, only=FCNTL)
        host.try_call("Users.SetPassword", "shh", "alice", secret(""), secret(PASSWORD))
        host.control.disarm()
        if time.monotonic() - began > 1.5 and searches(host):
            found += 1
            wait_for(lambda: "logins-left" in host.text(), timeout=60)
            host.control.arm(CALL, 0, only=NANOSLEEP)
            host.try_call("Roles.List", "")
            host.process.wait(timeout=60)
            assert host.control.disarm()[0] == 0, "it looked for the lock again"
        host.revive()
    assert found, "no lock got lost: is there another way to lose one?"


# The start


def begin(host, kind, nth, *how):
    """A start with one fault: how many could fail, and whether it serves."""
    host.control.arm(kind, nth, *how)
    try:
        host.start(on_bus=False, patience=5)
        serves = True
    except AssertionError:  # it has ended; or its word to systemd got lost, which starts it again after a while
        serves = False
    count, _ = host.control.disarm()
    assert host.ended_well()
    serves = serves and host.serves()
    host.notify.close()
    stop(host.process, signal.SIGKILL)
    return count, serves


def clear(host):
    for path in (host.folder / "state").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_F3_F4_F7_a_start_fails_or_serves_and_the_next_one_goes_on(host, first):
    rng = random.Random(f"{SEED} start {first}")
    host.stop()
    if first:
        clear(host)
    memory, _ = begin(host, MEMORY, 0)
    if first:
        clear(host)
    calls, _ = begin(host, CALL, 0)
    points = points_of(memory, calls, rng)[:2000 if SOAK else 30]
    for point in points:
        if first:
            clear(host)
        try:
            begin(host, *point)
            host.start(on_bus=False)
            if first:
                host.add("alice")
                assert sorted(key["use"] for key in host.call("Keys.List")) == ["ticket", "token"]
            assert host.call(*AUTHENTICATE, "alice", "sshd", {}, secret(PASSWORD))[0] == "allow"
            host.stop(signal.SIGKILL)
        except Exception as error:
            raise AssertionError(f"{point}: {error}") from error
    SWEPT[f"the daemon's {'first' if first else 'later'} start"] = [len(points)]
    host.start(on_bus=False)


def test_F7_without_getrandom_keys_are_random_or_there_are_none(host):
    """libsodium and OpenSSL may go to /dev/urandom; nothing that can be foretold comes instead."""
    found = []
    host.stop()
    for _ in range(2):
        clear(host)
        if begin(host, CALL, 1, errno.ENOSYS, True, GETRANDOM)[1]:
            found += [path.read_bytes() for path in (host.folder / "state/keys").iterdir()]
    assert len(found) == len(set(found))
    clear(host)
    host.start(on_bus=False)


def whole(host):
    """By SQLite's own judgement."""
    host.stop()
    with sqlite3.connect(host.folder / "state/tessera.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.__name__)
def test_F3_F4_F7_a_request_fails_or_the_daemon_is_started_again(host, request_):
    rng = random.Random(f"{SEED} {request_.__name__}")
    suffer(host, request_, MEMORY, 0)  # what is allocated once is allocated
    memory, _ = suffer(host, request_, MEMORY, 0)
    calls, _ = suffer(host, request_, CALL, 0)
    suffered = 0
    for point in points_of(memory, calls, rng):
        try:
            suffered += suffer(host, request_, *point)[1]
        except Exception as error:
            raise AssertionError(f"{point}: {error}") from error
    SWEPT[f"the daemon ({request_.__name__.replace('_', ' ')})"] = [suffered]
    whole(host)
