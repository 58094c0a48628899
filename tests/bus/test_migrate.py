# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What is done to the store while no daemon runs: a host's own one moves to its fleet's, and an emptied one is adopted."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest

from daemon import SETTINGS, Refused, wait_for
from test_life import refuses
from test_store_redis import folder, free_port, make_redis, say  # noqa: F401: fixtures

OWN, MOVING, MOVED = "state/tessera.db", "state/tessera.db.migrating", "state/tessera.db.migrated"


def offline(host, *options, status=0):
    """What it told: {key: [values]}; where it failed, the last line of what it logged."""
    command = [*host.command()[:3], *options]
    done = subprocess.run(command, env=host.environment(), capture_output=True, text=True, user=host.uid, group=host.uid,
                          extra_groups=[], timeout=60)
    assert done.returncode == status, done
    if status and done.stderr:
        return done.stderr.splitlines()[-1]
    told = {}
    for line in done.stdout.splitlines():
        key, value = line.split("=", 1)
        told.setdefault(key, []).append(value)
    return told


def join(host, redis):
    host.write("tessera.conf", SETTINGS + f"[store]\nbackend=redis\nurl=redis://127.0.0.1:{redis.port}\n")


def has(host, path):
    return (host.folder / path).exists()


@pytest.fixture
def moving(make_host, make_redis):  # noqa: F811
    """A host with alice and bob, who is disabled, and sessions of hers; it is to join a fleet."""
    host, redis = make_host(), make_redis()
    host.start_bus()
    host.start()
    host.add("alice")
    host.add("bob")
    host.live, host.revoked = host.log_in("alice"), host.log_in("alice")
    host.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [host.revoked]}, {})
    host.call("Users.SetEnabled", "sb", "bob", False)
    host.name = host.root().get("Host")
    host.kids = [key["kid"] for key in host.call("Keys.List")]
    host.stop()
    join(host, redis)
    return host, redis


def assert_moved(host):
    assert has(host, MOVED) and not has(host, OWN) and not has(host, MOVING)
    host.start()
    assert host.root().get("Host") == host.name
    assert [key["kid"] for key in host.call("Keys.List")] == host.kids
    assert [(user["user"], user["enabled"]) for user in host.call("Users.List")] == [("alice", True), ("bob", False)]
    assert host.call("Sessions.Show", "s", host.revoked)[0]["state"] == "revoked"
    session, events = host.call("Sessions.Show", "s", host.live)
    assert session["state"] == "active" and [event["event"] for event in events] == ["opened"]
    host.log_in("alice")
    with pytest.raises(AssertionError, match="'deny', {'reason': 'credential'}"):
        host.log_in("bob")


def test_a_host_moves_to_its_fleet(moving):
    host, redis = moving
    refuses(host, "this host's users are in a database of its own", "tessera store migrate")
    told = offline(host, "--migrate-store", "--dry-run")
    assert told["state"] == ["dry"] and told["users"] == ["2 0"] and told["sessions"] == ["2 0"]
    assert has(host, OWN) and not has(host, "state/fleet") and say(redis, "DBSIZE") == "0"
    told = offline(host, "--migrate-store")
    assert told["state"] == ["done"] and told["users"] == ["2 2"] and told["sessions"] == ["2 2"]
    assert_moved(host)
    host.stop()
    assert offline(host, "--migrate-store")["state"] == ["again"]


def test_not_while_the_daemon_runs(moving):
    host, redis = moving
    host.write("tessera.conf", SETTINGS)
    host.start()
    join(host, redis)
    for options in (["--migrate-store"], ["--migrate-store", "--dry-run"]):
        assert "tesserad is running; systemctl stop tesserad.socket tesserad.service" in offline(host, *options, status=1)
    for what in ("look", "empty"):  # that is asked over the bus: test_adopt.py
        assert offline(host, f"--adopt-store={what}", status=1) == {"state": ["running"]}
    host.stop()
    assert has(host, OWN) and say(redis, "DBSIZE") == "0"


def test_no_daemon_starts_while_it_moves(moving):
    host, redis = moving
    redis.process.send_signal(signal.SIGSTOP)
    process = subprocess.Popen([*host.command()[:3], "--migrate-store"], env=host.environment(), user=host.uid,
                               group=host.uid, extra_groups=[], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: re.search(rf"FLOCK +ADVISORY +WRITE {process.pid} ", pathlib.Path("/proc/locks").read_text()))
        refuses(host, '"tessera store" is at work here')
    finally:
        redis.process.send_signal(signal.SIGCONT)
        process.wait(20)


def test_what_was_interrupted_goes_on(moving):
    """Redis takes no session: users are there, and neither store is one that a daemon starts with."""
    host, redis = moving
    say(redis, "SET", "tessera:{tessera}:ended:ids", "no set")
    line = offline(host, "--migrate-store", status=1)
    assert "sessions, of which 0 are there" in line and "run it again, what was moved stays moved" in line
    assert has(host, MOVING) and not has(host, OWN) and not has(host, MOVED)
    refuses(host, "on their way to Redis", "tessera store migrate")
    host.write("tessera.conf", SETTINGS)
    refuses(host, "on their way to Redis", "tessera store migrate")
    join(host, redis)
    say(redis, "DEL", "tessera:{tessera}:ended:ids")
    told = offline(host, "--migrate-store")
    assert told["users"] == ["2 0"] and told["kept"] == ["alice", "bob"] and told["sessions"][0].startswith("2 ")
    assert_moved(host)
    host.stop()


def test_no_log_of_the_database_is_left_behind(moving):
    """Somebody looks into it while it moves, so SQLite does not write the log back: what was revoked may stand there alone."""
    host, redis = moving
    reader, writer = (sqlite3.connect(host.folder / OWN, isolation_level=None) for _ in range(2))
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM user WHERE enabled").fetchone() == (1,)
    writer.execute("UPDATE user SET enabled = 0 WHERE name = 'alice'")
    for end in ("-wal", "-shm"):
        os.chown(f"{host.folder / OWN}{end}", host.uid, host.uid)
    line = offline(host, "--migrate-store", status=1)
    assert "tessera.db-wal" in line and "end what has it open" in line
    assert has(host, OWN) and not has(host, MOVING) and say(redis, "DBSIZE") == "0"
    reader.close()
    writer.close()
    assert offline(host, "--migrate-store")["state"] == ["done"]
    host.start()
    assert [(user["user"], user["enabled"]) for user in host.call("Users.List")] == [("alice", False), ("bob", False)]
    host.stop()


def copy(host, path, to):
    shutil.copy(host.folder / path, host.folder / to)
    os.chown(host.folder / to, host.uid, host.uid)


def test_a_database_beside_one_that_is_half_moved(moving):
    host, redis = moving
    copy(host, OWN, MOVING)
    assert "is half moved, and there is" in offline(host, "--migrate-store", status=1)
    assert has(host, OWN) and has(host, MOVING) and say(redis, "DBSIZE") == "0"


def test_a_database_without_keys(moving):
    host, redis = moving
    (host.folder / "state/keys").rename(host.folder / "keys")
    assert "no keys belong to it" in offline(host, "--migrate-store", status=1)
    assert has(host, OWN) and say(redis, "DBSIZE") == "0"


def test_a_member_of_the_fleet_moves_another_database(moving):
    """It is no other host for that, and its store is no other one."""
    host, redis = moving
    assert offline(host, "--migrate-store")["state"] == ["done"]
    copy(host, MOVED, OWN)
    with contextlib.closing(sqlite3.connect(host.folder / OWN, isolation_level=None)) as database:
        database.execute("UPDATE meta SET value = 'other.example' WHERE key = 'name'")
    line = offline(host, "--migrate-store", status=1)
    assert f'is called "{host.name}" in its fleet, and "other.example" in' in line and has(host, OWN)
    copy(host, MOVED, OWN)
    say(redis, "FLUSHALL")
    assert "is not the one that this host knows" in offline(host, "--migrate-store", status=1)
    assert has(host, OWN) and not has(host, MOVING) and say(redis, "DBSIZE") == "0"


def test_who_is_another_in_the_fleet(moving, make_host):
    host, redis = moving
    other = make_host()
    join(other, redis)
    other.start_bus()
    other.start()
    other.add("alice")
    size = say(redis, "DBSIZE")
    for options in ([], ["--dry-run"]):
        told = offline(host, "--migrate-store", *options, status=1)
        assert told["state"] == ["conflicts"] and told["conflict"] == ['user "alice" has another password there']
    assert has(host, OWN) and not has(host, "state/fleet") and say(redis, "DBSIZE") == size
    other.call("Users.Remove", "s", "alice")
    assert offline(host, "--migrate-store")["state"] == ["done"]
    assert {user["user"] for user in other.call("Users.List")} == {"alice", "bob"}
    assert_moved(host)
    other.stop()
    host.stop()


def test_nothing_to_move(make_host, make_redis):  # noqa: F811
    host, redis = make_host(), make_redis()
    assert "backend=redis" in offline(host, "--migrate-store", status=1)
    join(host, redis)
    assert "this host has nothing to move" in offline(host, "--migrate-store", status=1)
    host.write("tessera.conf", SETTINGS + f"[store]\nbackend=redis\nurl=redis://127.0.0.1:{free_port()}\n")
    (host.folder / OWN).write_text("nothing")
    os.chown(host.folder / OWN, host.uid, host.uid)
    assert "tessera.db" in offline(host, "--migrate-store", status=1)
    assert has(host, OWN)


# Adopting


def test_R12_an_emptied_store_is_adopted(make_host, make_redis):  # noqa: F811
    host, redis = make_host(), make_redis()
    join(host, redis)
    host.start_bus()
    host.start()
    host.add("alice")
    host.stop()
    assert offline(host, "--adopt-store=look")["state"] == ["again"]
    say(redis, "FLUSHALL")
    told = offline(host, "--adopt-store=look")
    assert told["state"] == ["look"] and told["id"] == [""] and told["there-users"] == ["0"] and len(told["known"][0]) == 32
    assert say(redis, "DBSIZE") == "0"
    host.start()
    with pytest.raises(Refused):
        host.call("Users.List")
    host.stop()
    assert "another store has come to this address" in offline(host, f"--adopt-store={'0' * 32}", status=1)
    assert offline(host, "--adopt-store=empty")["state"] == ["done"]
    host.start()
    assert host.call("Users.List") == []
    host.add("alice")
    host.stop()


def test_R12_a_store_that_was_replaced_is_adopted(make_host, make_redis):  # noqa: F811
    host, other = make_host(), make_host()
    first, second = make_redis(), make_redis()
    for member, redis in ((host, first), (other, second)):
        join(member, redis)
        member.start_bus()
        member.start()
    host.stop()
    other.add("bob")
    join(host, second)
    told = offline(host, "--adopt-store=look")
    assert told["state"] == ["look"] and told["there-users"] == ["1"] and told["id"] != told["known"]
    assert "another store has come" in offline(host, "--adopt-store=empty", status=1)
    assert offline(host, f"--adopt-store={told['id'][0]}")["state"] == ["done"]
    host.start()
    assert [user["user"] for user in host.call("Users.List")] == ["bob"]
    host.stop()
    other.stop()
