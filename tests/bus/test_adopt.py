# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The fleet's store was emptied or replaced while tesserad runs: root looks and adopts, and the same process goes on."""

import os
import socket
import threading
import time

import pytest

from attempts import HOME, attempt
from daemon import ALICE, BOB, NOBODY, PASSWORD, SETTINGS, Refused, background, in_child, wait_for
from test_abuse import reason, token_of_alice
from test_fleet import asked, fleet, log_in, make_member, redis  # noqa: F401: fixtures
from test_migrate import join
from test_store_redis import folder, make_redis, say  # noqa: F401: fixtures

EMPTY = ""


def look(host):
    return host.call("Daemon.LookAtStore")


def adopt(host, store):
    return host.call("Daemon.AdoptStore", "s", store)


def users(host):
    return sorted(user["user"] for user in host.call("Users.List"))


def is_refused(function, *names):
    with pytest.raises(Refused) as refused:
        function()
    assert refused.value.name in names, refused.value
    return refused.value.message


def settled(function):
    """Behind an adoption the feed tells a gap: who is between password and session at that moment begins again."""
    end = time.monotonic() + 10
    while True:
        try:
            return function()
        except AssertionError as refused:
            if "'credential'" not in str(refused) or time.monotonic() > end:
                raise


def in_alices(host, function):
    """What it says in a login of alice's own, whose session is open meanwhile; and that session's id."""
    def run():
        session = host.log_in("alice")
        return session, function(session)
    return in_child(run, login=ALICE)


def may_sudo(host):
    return host.call("Login.Check", "ssa{sv}", "alice", "sudo", {})[0]


# Emptied


def test_R12_an_emptied_store_is_adopted_by_the_daemon_that_runs(fleet, redis):  # noqa: F811
    web1, web2 = fleet
    process = web1.process.pid
    known = look(web1)["known"]
    assert look(web1)["adopted"] and not adopt(web1, known)
    say(redis, "FLUSHALL")
    assert "tessera store adopt" in is_refused(lambda: web1.call("Users.List"), "StoreUnavailable")
    found = look(web1)
    assert not found["adopted"] and found["id"] == EMPTY and found["known"] == known and found["users"] == 0
    assert say(redis, "DBSIZE") == "0"
    assert adopt(web1, EMPTY)
    assert users(web1) == []
    web1.add("alice")
    settled(lambda: web1.log_in("alice"))
    found = look(web1)
    assert found["adopted"] and found["users"] == 1 and found["active"] == 1 and not adopt(web1, found["id"])

    # each host says so for itself
    is_refused(lambda: web2.call("Users.List"), "StoreUnavailable")
    is_refused(lambda: adopt(web2, EMPTY), "NotFound")
    assert adopt(web2, found["id"])
    assert users(web2) == ["alice"]
    settled(lambda: web2.log_in("alice"))
    assert web1.process.pid == process and web1.alive()
    assert "TESSERA_EVENT=store-adopted TESSERA_BY=root" in web1.text()
    web1.restart()
    assert users(web1) == ["alice"]


def test_R12_what_happens_elsewhere_is_heard_in_the_adopted_store(fleet, log_in, redis):  # noqa: F811
    web1, web2 = fleet
    say(redis, "FLUSHALL")
    adopt(web1, EMPTY)
    adopt(web2, look(web2)["id"])
    web1.add("alice")
    settled(lambda: web1.log_in("alice"))
    session = log_in(web1, "c1")
    wait_for(lambda: say(redis, "CLIENT", "LIST").count("cmd=xread") == 2)
    web2.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {})
    wait_for(lambda: asked(web1) == ["session-c1"], timeout=3)


def test_R12_while_many_ask(fleet, redis):  # noqa: F811
    """Whoever asks in between hears of an outage or an answer of one of the two; behind it all is as if it never was."""
    web1, _ = fleet
    end = time.monotonic() + 60

    def ask():
        client = web1.root()
        while not (web1.folder / "enough").exists() and time.monotonic() < end:
            try:
                verdict = attempt(client, password=PASSWORD, rhost=HOME)[0]
                assert verdict in ("allow", "deny", "not-ours"), verdict
            except Refused as refused:
                assert refused.name in ("StoreUnavailable", "Busy"), refused

    children = [background(ask) for _ in range(4)]
    for _ in range(10):
        say(redis, "FLUSHALL")
        assert adopt(web1, EMPTY) and look(web1)["adopted"]
        web1.add("alice")
        assert users(web1) == ["alice"]
    (web1.folder / "enough").touch()
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    wait_for(lambda: attempt_works(web1))
    assert look(web1)["adopted"] and web1.alive()


def attempt_works(host):
    client = host.root()
    try:
        return attempt(client, password=PASSWORD, rhost=HOME)[0] == "allow"
    finally:
        client.close()


# Who was in


def test_R12_who_was_signed_in_is_not_any_more(fleet, redis):  # noqa: F811
    web1, _ = fleet

    def lives(session):
        assert may_sudo(web1) == "allow"
        say(redis, "FLUSHALL")
        is_refused(lambda: may_sudo(web1), "StoreUnavailable")
        adopt(web1, EMPTY)
        assert may_sudo(web1) == "not-ours"
        web1.add("alice")
        is_refused(lambda: web1.as_uid(ALICE, "Sessions.GetCurrent"), "NotSignedIn")
        return may_sudo(web1)

    session, answer = in_alices(web1, lives)
    assert answer == "step-up"
    is_refused(lambda: web1.call("Sessions.Show", "s", session), "NotFound")
    assert asked(web1) == []  # the login itself goes on, until somebody says that all of hers are to end
    assert web1.call("Sessions.Revoke", "a{sv}a{sv}", {"user": "alice"}, {}) == []
    assert asked(web1) == [f"user-{ALICE}"]


def test_R12_tokens_of_before_are_none(fleet, redis):  # noqa: F811
    web1, _ = fleet
    _, token = token_of_alice(web1)
    assert reason(web1, token) == "valid"
    say(redis, "FLUSHALL")
    adopt(web1, EMPTY)
    web1.add("alice")
    assert reason(web1, token) != "valid"
    with pytest.raises(AssertionError, match="deny"):
        in_child(lambda: web1.log_in("alice", token), login=ALICE)


def test_R12_a_login_that_was_revoked_stays_dead(fleet, redis):  # noqa: F811
    web1, _ = fleet

    def revoked(session):
        web1.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {"keep-login": True})
        say(redis, "FLUSHALL")
        adopt(web1, EMPTY)
        web1.add("alice")
        return may_sudo(web1), web1.call("Login.Authorize", "ssa{sv}", "alice", "sudo", {})

    _, (check, authorize) = in_alices(web1, revoked)
    assert check == "deny" and authorize[0] == "deny" and authorize[1]["reason"] == "revoked"


def test_R12_a_password_that_was_proven_before_lets_nobody_in_behind_it(fleet, redis):  # noqa: F811
    web1, _ = fleet
    client = web1.root()
    verdict, result = attempt(client, password=PASSWORD, rhost=HOME)
    assert verdict == "allow"
    say(redis, "FLUSHALL")
    adopt(web1, EMPTY)
    web1.add("alice", password="another-canary-9")
    opened = client.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"rhost": HOME, "session": result["session"]})
    assert opened[0] == "deny", opened
    client.close()


# Replaced


@pytest.fixture
def replaced(make_host, make_redis):  # noqa: F811
    """A host, and another fleet's Redis, with bob; and how the one comes to the address of the other."""
    host, other = make_host(), make_host()
    first, second = make_redis(), make_redis()
    for member, server in ((host, first), (other, second)):
        join(member, server)
        member.start_bus()
        member.start()
    host.add("alice")
    other.add("bob")
    other.stop()

    def replace():
        say(first, "FLUSHALL")
        for key in say(second, "KEYS", "*").splitlines():
            say(second, "MIGRATE", "127.0.0.1", str(first.port), key, "0", "5000", "COPY", "REPLACE")
    return host, first, replace


def test_R12_a_store_that_was_replaced_is_adopted_by_the_daemon_that_runs(replaced):
    host, _, replace = replaced
    replace()
    is_refused(lambda: host.call("Users.List"), "StoreUnavailable")
    found = look(host)
    assert not found["adopted"] and found["id"] not in (EMPTY, found["known"]) and found["users"] == 1
    assert adopt(host, found["id"])
    assert users(host) == ["bob"]
    settled(lambda: host.log_in("bob"))
    with pytest.raises(AssertionError, match="not-ours"):
        host.log_in("alice")
    host.stop()


def test_R12_what_comes_between_look_and_adopt_is_refused(replaced):
    host, redis, replace = replaced  # noqa: F811
    say(redis, "FLUSHALL")
    empty = look(host)
    replace()
    assert "another store has come to this address" in is_refused(lambda: adopt(host, empty["id"]), "NotFound")
    is_refused(lambda: host.call("Users.List"), "StoreUnavailable")
    other = look(host)
    say(redis, "FLUSHALL")
    is_refused(lambda: adopt(host, other["id"]), "NotFound")
    assert look(host)["id"] == EMPTY and say(redis, "DBSIZE") == "0" and look(host)["known"] == empty["known"]
    host.stop()


class Address:
    """A port behind which another server may come to stand: what is connected stays where it is."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", self.target))
            for ends in ((inner, outer), (outer, inner)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_R12_connections_of_before_do_not_lead_to_the_old_server(make_host, make_redis):  # noqa: F811
    """The address has moved, and the old server is alive: who asks there is told that all is well."""
    first, second = make_redis(), make_redis()
    address = Address(first.port)
    host, other = make_host(), make_host()
    host.write("tessera.conf", f"[daemon]\nname=web1.example\n{SETTINGS}[store]\nbackend=redis\n"
                               f"url=redis://127.0.0.1:{address.port}\n")
    other.write("tessera.conf", f"[daemon]\nname=web2.example\n{SETTINGS}[store]\nbackend=redis\n"
                                f"url=redis://127.0.0.1:{second.port}\n")
    for member in (host, other):
        member.start_bus()
        member.start()
    host.add("alice")
    other.add("bob")
    address.target = second.port
    found = look(host)
    assert not found["adopted"] and found["id"] == look(other)["id"]
    assert adopt(host, found["id"]) and users(host) == ["bob"]
    session = in_child(lambda: settled(lambda: host.log_in("bob")), login=BOB)
    say(second, "HSET", f"tessera:{{tessera}}:session:{session}", "logind_id", "c7")
    wait_for(lambda: say(second, "CLIENT", "LIST").count("cmd=xread") == 2)
    time.sleep(1)  # what is told from here on is no gap
    other.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {})
    wait_for(lambda: asked(host) == ["session-c7"], timeout=3)
    assert say(first, "CLIENT", "LIST").count("cmd=xread") == 0
    host.stop()
    other.stop()
    address.end()


# Put back


def test_R12_users_that_an_older_copy_has_lost_are_let_go(fleet, redis):  # noqa: F811
    """The store is the one that the host knows: what there is to adopt is who is gone."""
    web1, _ = fleet
    web1.log_in("bob")
    say(redis, "DEL", "tessera:{tessera}:user:bob")
    say(redis, "HDEL", "tessera:{tessera}:users", str(BOB))
    is_refused(lambda: web1.log_in("bob"), "StoreUnavailable")
    found = look(web1)
    assert not found["adopted"] and found["id"] == found["known"] and found["lost"] == 1
    assert adopt(web1, found["id"])
    assert look(web1)["adopted"] and users(web1) == ["alice"]
    with pytest.raises(AssertionError, match="not-ours"):
        web1.log_in("bob")
    web1.add("bob")
    settled(lambda: web1.log_in("bob"))


# Who may, and where


def test_R12_for_root_alone(fleet, redis):  # noqa: F811
    web1, _ = fleet
    say(redis, "FLUSHALL")
    for uid in (ALICE, NOBODY):
        for method in (("Daemon.LookAtStore",), ("Daemon.AdoptStore", "s", EMPTY)):
            is_refused(lambda: web1.as_uid(uid, *method), "org.freedesktop.DBus.Error.AccessDenied")
    assert look(web1)["id"] == EMPTY


def test_not_a_server_that_is_not_fit(fleet, redis):  # noqa: F811
    web1, _ = fleet
    say(redis, "FLUSHALL")
    say(redis, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert "noeviction" in is_refused(lambda: adopt(web1, EMPTY), "InvalidArgument")
    assert look(web1)["id"] == EMPTY
    say(redis, "CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert adopt(web1, EMPTY)


def test_nothing_to_adopt_where_the_store_is_its_own(host):
    for call in (lambda: look(host), lambda: adopt(host, EMPTY), lambda: adopt(host, "0" * 32)):
        assert "this host's store is its own" in is_refused(call, "InvalidArgument")


def test_an_outage_is_no_empty_store(fleet, redis):  # noqa: F811
    web1, _ = fleet
    redis.kill()
    for call in (lambda: look(web1), lambda: adopt(web1, EMPTY)):
        assert "does not answer" in is_refused(call, "StoreUnavailable")


def test_the_daemon_itself_lets_nobody_else(open_host):
    """Without the bus's fence, too."""
    for method in (("Daemon.LookAtStore",), ("Daemon.AdoptStore", "s", EMPTY)):
        is_refused(lambda: open_host.as_uid(ALICE, *method), "AccessDenied")
