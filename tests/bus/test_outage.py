# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What the fleet's server cannot do is told as what it is: which error, and what helps. PAM takes it for an outage."""

import re
import signal

import pytest

from daemon import ALICE, PASSWORD, Refused, in_child, secret, wait_for
from test_store_redis import folder, make_redis, say, with_store  # noqa: F401: fixtures


@pytest.fixture
def redis(make_redis):  # noqa: F811
    return make_redis()


@pytest.fixture
def host(make_host, redis):
    """alice is enrolled."""
    host = with_store(make_host, f"url=redis://127.0.0.1:{redis.port}")
    host.start()
    host.add("alice")
    return host


def outage(call):
    with pytest.raises(Refused) as refused:
        call()
    assert refused.value.name == "StoreUnavailable", refused.value
    return refused.value.message


def lists(host):
    return host.call("Users.List")


def authenticates(host):
    client = host.root()
    try:
        return client.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {"rhost": "192.0.2.1"}, secret(PASSWORD))
    finally:
        client.close()


def is_told(host, thing, remedy, *words):
    """To root with the server's own words, which stand in the log as well; to everybody else without."""
    for call in (lists, authenticates):
        message = outage(lambda: call(host))
        assert message.startswith(thing + ": ") and message.endswith(remedy), message
        assert all(word in message for word in words), message
    own = outage(lambda: host.as_uid(ALICE, "Sessions.List", "a{sv}", {"user": "alice"}))
    assert own.startswith(thing + "; ") and own.endswith(remedy) and not any(word in own for word in words), own
    assert re.search(r"Users\.List for uid 0 failed: .*" + re.escape(words[0]), host.text())


def recovers(host):
    def works():
        try:
            return [user["user"] for user in lists(host)] == ["alice"]
        except Refused:
            return False
    wait_for(works)
    assert authenticates(host)[0] == "allow" and host.alive()


def test_R12_killed(host, redis):
    redis.kill()
    is_told(host, "the store does not answer", "tessera doctor says more", f"127.0.0.1:{redis.port}", "refused")


def test_R12_stopped(host, redis):
    redis.signal(signal.SIGSTOP)
    try:
        is_told(host, "the store does not answer", "tessera doctor says more", f"127.0.0.1:{redis.port}")
    finally:
        redis.signal(signal.SIGCONT)
    recovers(host)


def test_R12_full(host, redis):
    say(redis, "CONFIG", "SET", "maxmemory", "1")
    message = outage(lambda: host.call("Users.Add", "sha{sv}", "bob", secret(PASSWORD), {}))
    assert message.startswith("the store is full: ") and "OOM" in message and message.endswith("(maxmemory)"), message
    message = outage(lambda: in_child(lambda: host.log_in("alice"), login=ALICE))
    assert message.startswith("the store is full: ")
    assert [user["user"] for user in lists(host)] == ["alice"]
    say(redis, "CONFIG", "SET", "maxmemory", "0")
    recovers(host)


def test_R12_a_replica(host, redis):
    say(redis, "CONFIG", "SET", "replica-serve-stale-data", "no")
    say(redis, "REPLICAOF", "127.0.0.1", "1")
    is_told(host, "the store cannot be written", "tessera doctor says more", "MASTERDOWN")
    say(redis, "REPLICAOF", "NO", "ONE")
    recovers(host)


def test_R12_its_replicas_are_gone(host, redis):
    say(redis, "CONFIG", "SET", "min-replicas-to-write", "1")
    message = outage(lambda: host.call("Users.Add", "sha{sv}", "bob", secret(PASSWORD), {}))
    assert message.startswith("the store cannot read or write what it holds: ") and "NOREPLICAS" in message, message
    say(redis, "CONFIG", "SET", "min-replicas-to-write", "0")
    recovers(host)


def test_R12_it_refuses_this_host(host, redis):
    say(redis, "ACL", "SETUSER", "default", "-hgetall", "-evalsha")
    is_told(host, "the daemon may not use the store", 'see "journalctl -u tesserad"', "NOPERM")
    say(redis, "ACL", "SETUSER", "default", "+@all")
    recovers(host)


def test_R12_what_it_holds_is_damaged(host, redis):
    say(redis, "SET", "tessera:{tessera}:users", "no hash")
    message = outage(lambda: lists(host))
    assert message.startswith("what the store holds is damaged: ") and "WRONGTYPE" in message, message


def test_R12_flushed(host, redis):
    say(redis, "FLUSHALL")
    is_told(host, "the store lost what it held, or is another one than this host knows", "tessera store adopt", "LOST")
