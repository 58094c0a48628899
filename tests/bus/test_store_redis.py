# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A daemon whose store is a Redis server: what it starts with, what it refuses, and what it says of it later."""

import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

from daemon import ALICE, SETTINGS, TESSERA
from test_life import refuses

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "oidc"), str(TESTS / "store")]

from certificates import Authority  # noqa: E402
from redis_server import Redis, free_port  # noqa: E402

PASSWORD = "the-canary-of-the-store"


@pytest.fixture
def folder():
    """Where root's files are; others can pass."""
    with tempfile.TemporaryDirectory(prefix="tessera-redis-") as path:
        pathlib.Path(path).chmod(0o755)
        yield pathlib.Path(path)


@pytest.fixture
def make_redis(folder):
    servers = []

    def make(**options):
        place = folder / f"redis{len(servers)}"
        place.mkdir()
        servers.append(Redis(place, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def authority(folder):
    return Authority(folder)


@pytest.fixture
def secret(folder):
    path = folder / "secret"
    path.write_text(PASSWORD + "\n")
    os.chown(path, 0, TESSERA)
    path.chmod(0o640)
    return path


def with_store(make_host, *lines):
    host = make_host(settings=SETTINGS + "\n".join(["[store]", "backend=redis", *lines]) + "\n")
    host.start_bus()
    return host


def say(redis, *words):
    """A command, past every ACL that a test made."""
    text = subprocess.run(["redis-cli", "-s", redis.folder / "socket", *words], check=True, capture_output=True, text=True).stdout
    return text.strip()


def check(host):
    found = host.call("Daemon.Check")
    return found["store-faults"], found["store-warnings"]


def test_R12_a_daemon_starts_with_redis_and_again(make_redis, make_host):
    redis = make_redis()
    host = with_store(make_host, f"url=redis://127.0.0.1:{redis.port}")
    host.start()
    host.add("alice")
    assert check(host) == ([], [])
    host.restart()
    assert [user["user"] for user in host.call("Users.List")] == ["alice"]
    assert not (host.folder / "state/tessera.db").exists() and int(say(redis, "DBSIZE")) > 0
    host.stop()


def test_all_that_it_can_be_told(make_redis, make_host, authority, secret, folder):
    redis = make_redis(authority=authority, ask_certificate=True, users=[f"web1 on >{PASSWORD} ~fleet:* +@all", "default off"])
    pem = authority.certificate("client")
    os.chown(pem, 0, TESSERA)
    pem.chmod(0o640)
    host = with_store(make_host, f"url=rediss://localhost:{redis.tls_port}/3", "user=web1", f"password-file={secret}",
                      f"ca-file={authority.path}", f"client-cert={pem}", f"client-key={pem}", "key-prefix=fleet:")
    host.start()
    host.add("alice")
    assert check(host) == ([], [])
    host.stop()
    assert PASSWORD not in host.text()


# What it does not start with

def test_R12_nobody_there(make_host):
    host = with_store(make_host, f"url=redis://127.0.0.1:{free_port()}")
    refuses(host, "tessera.conf:6: 127.0.0.1:", "refused", "may the daemon use the network?")


def test_R12_a_plain_text_listener(make_redis, make_host, authority):
    redis = make_redis()
    host = with_store(make_host, f"url=rediss://127.0.0.1:{redis.port}", f"ca-file={authority.path}")
    refuses(host, "tessera.conf:6: 127.0.0.1:", "TLS")


def test_R12_a_wrong_authority(make_redis, make_host, authority, folder):
    (folder / "other").mkdir()
    other = Authority(folder / "other")
    redis = make_redis(authority=authority)
    for lines in ((f"ca-file={other.path}",), ()):
        host = with_store(make_host, f"url=rediss://127.0.0.1:{redis.tls_port}", *lines)
        refuses(host, "tessera.conf:6: 127.0.0.1:", "no authority that is trusted here has signed it")


def test_R12_a_wrong_password(make_redis, make_host, secret):
    redis = make_redis(users=["web1 on >another ~* +@all", "default off"])
    host = with_store(make_host, f"url=redis://127.0.0.1:{redis.port}", "user=web1", f"password-file={secret}")
    refuses(host, "tessera.conf:6: 127.0.0.1:", "the server refuses user or password")
    assert PASSWORD not in host.text()


def test_R12_no_password_where_one_is_wanted(make_redis, make_host):
    redis = make_redis(requirepass=PASSWORD)
    refuses(with_store(make_host, f"url=redis://127.0.0.1:{redis.port}"), "the server wants a password")


def test_R12_a_missing_command_in_the_acl(make_redis, make_host, secret):
    redis = make_redis(users=[f"web1 on >{PASSWORD} ~tessera:* +@all -zadd -hset", "default off"])
    host = with_store(make_host, f"url=redis://127.0.0.1:{redis.port}", "user=web1", f"password-file={secret}")
    refuses(host, "the server's ACL forbids commands that tessera needs: give its user +HSET +ZADD")


def test_R12_a_server_that_evicts(make_redis, make_host):
    redis = make_redis(maxmemory_policy="allkeys-lru")
    refuses(with_store(make_host, f"url=redis://127.0.0.1:{redis.port}"), "tessera.conf:6:", "noeviction")


@pytest.mark.parametrize("spoil", [
    lambda path: path.chmod(0o644),
    lambda path: path.chmod(0o660),
    lambda path: os.chown(path, TESSERA, TESSERA),
    lambda path: os.chown(path, 0, ALICE),
    lambda path: path.write_text(""),
    lambda path: path.write_text("two\nlines\n"),
    lambda path: path.unlink(),
    lambda path: (path.rename(f"{path}.there"), path.symlink_to(f"{path}.there")),
    lambda path: (path.unlink(), os.mkfifo(path, 0o640), os.chown(path, 0, TESSERA)),
])
def test_a_password_file_that_is_not_roots_alone(make_redis, make_host, secret, spoil):
    redis = make_redis(requirepass=PASSWORD)
    spoil(secret)
    host = with_store(make_host, f"url=redis://127.0.0.1:{redis.port}", f"password-file={secret}")
    refuses(host, f'tessera.conf:7: password-file "{secret}" must hold one line', "chmod 0640")


def test_authorities_and_keys_that_are_not_roots(make_redis, make_host, authority):
    url = f"url=rediss://127.0.0.1:{make_redis(authority=authority).tls_port}"
    pem = authority.certificate("client")
    os.chown(pem, 0, TESSERA)
    pem.chmod(0o644)
    refuses(with_store(make_host, url, f"client-cert={pem}", f"client-key={pem}"), "tessera.conf:8: client-key", "chmod 0640")
    pem.chmod(0o664)
    refuses(with_store(make_host, url, f"client-cert={pem}", f"client-key={pem}"), "tessera.conf:7: client-cert", "chmod 0644")
    for mode in (0o666, 0o600):
        authority.path.chmod(mode)
        refuses(with_store(make_host, url, f"ca-file={authority.path}"), "tessera.conf:7: ca-file", "chmod 0644")


def test_keys_of_a_host_that_was_no_member_yet(make_redis, make_host):
    """Its users are in its own database: with an empty store they would be nobody's."""
    host = make_host()
    host.start()
    host.stop()
    host.write("tessera.conf", SETTINGS + f"[store]\nbackend=redis\nurl=redis://127.0.0.1:{make_redis().port}\n")
    refuses(host, "there are keys in", "/fleet", "tessera store migrate")


# While it runs

def test_a_reload_does_not_change_the_store(make_redis, make_host):
    redis = make_redis()
    url = f"url=redis://127.0.0.1:{redis.port}"
    host = with_store(make_host, url)
    host.start()
    for store in (f"[store]\nbackend=redis\n{url}/1\n", f"[store]\nbackend=redis\n{url}\nkey-prefix=other:\n", ""):
        host.write("tessera.conf", SETTINGS + "min-length=12\n" + store)
        host.reload()
        assert "the old configuration stays" in host.status and "systemctl restart tesserad.service" in host.status
    host.write("tessera.conf", SETTINGS + f"min-length=12\n[store]\nbackend=redis\n\n{url}/0\n")
    host.reload()
    assert host.status == "serving"
    host.stop()


def test_R12_the_doctor_hears_what_has_become_of_the_server(make_redis, make_host):
    redis = make_redis()
    host = with_store(make_host, f"url=redis://127.0.0.1:{redis.port}")
    host.start()
    assert host.call("Daemon.Check")["shared"]
    say(redis, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    say(redis, "CONFIG", "SET", "appendonly", "no")
    faults, warnings = check(host)
    assert len(faults) == 1 and "volatile-lru" in faults[0]
    assert len(warnings) == 1 and "appendonly" in warnings[0]
    say(redis, "ACL", "SETUSER", "default", "-zadd")
    assert any("+ZADD" in fault for fault in check(host)[0])
    redis.kill()
    faults, warnings = check(host)
    assert len(faults) == 1 and "refused" in faults[0] and not warnings
    host.stop()


def test_plain_text_to_another_host_is_said(make_redis, make_host):
    """A name is no address: what it resolves to is for somebody else to say."""
    host = with_store(make_host, f"url=redis://localhost:{make_redis().port}", "allow-plain-text=yes")
    host.start()
    assert check(host) == ([], ["sessions pass the network in plain text (allow-plain-text=yes)"])
    host.stop()


def test_a_host_of_its_own_has_nothing_to_say_of_servers(make_host):
    host = make_host()
    host.start_bus()
    host.start()
    assert check(host) == ([], [])
    host.stop()
