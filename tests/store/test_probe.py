# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What speaks against a server as the store of a fleet."""

import pathlib
import re
import shutil
import tempfile
import time

import pytest

from fake import FIT, serve
from redis_server import Redis, free_port

STORE = pathlib.Path(__file__).resolve().parents[2] / "daemon/store"
# What tessera.conf(5) gives a host's user.
RIGHTS = re.search(r"^user web1 on (?:>\S+) (.*)$", (STORE.parents[1] / "docs/tessera.conf.5.scd").read_text(), re.M)[1]
SAMPLES = re.findall(r'\{ "(\w+)[^"]*"(, true)? \}', (STORE / "redis-probe.c").read_text())
IN_SCRIPTS = sorted(name for name, directly in SAMPLES if not directly)
COMMANDS = sorted({*IN_SCRIPTS, *(name for name, _ in SAMPLES), "INFO", "SCRIPT", "EVALSHA"})


def probe(driver, redis, **settings):
    return driver(port=redis.port, **settings).say("probe tessera:{tessera}:")


def test_a_server_that_is_fit(make_redis, driver):
    redis = make_redis()
    assert probe(driver, redis) == ""
    assert driver(port=redis.port).say("DBSIZE") == "0"


def test_a_server_that_is_fit_by_tls(make_redis, driver, authority):
    redis = make_redis(authority=authority)
    assert driver(port=redis.tls_port, tls=1, ca=authority.path).say("probe tessera:{tessera}:") == ""


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_R12_a_server_that_evicts(make_redis, driver, policy):
    found = probe(driver, make_redis(maxmemory_policy=policy))
    assert found.startswith(f"fatal: the server's maxmemory-policy is {policy}") and "noeviction" in found


def test_a_server_that_keeps_nothing(make_redis, driver):
    found = probe(driver, make_redis(appendonly="no"))
    assert found.startswith("warning: the server has appendonly off") and "is lost" in found and "|" not in found


def test_a_replica(make_redis, driver):
    primary = make_redis()
    replica = make_redis(replicaof=f"127.0.0.1 {primary.port}")
    assert "fatal: the server is a replica" in probe(driver, replica)


def test_a_member_of_a_cluster(make_redis, driver):
    assert "fatal: the server is part of a Redis Cluster" in probe(driver, make_redis(cluster_enabled="yes", cluster_port=free_port()))


def test_a_sentinel(make_redis, driver, scratch):
    program = scratch / "redis-sentinel"  # by its name it is one
    program.symlink_to(shutil.which("redis-server"))
    assert probe(driver, make_redis(program=program)).startswith("fatal: the server is a Sentinel, which stores nothing")


@pytest.mark.parametrize("ahead, words", [(3, None), (-3, None), (7, "s ahead of this host's"), (-7, "s behind this host's")])
def test_R7_a_clock_that_is_apart(driver, ahead, words):
    with serve(ahead=ahead) as port:
        found = driver(port=port).say("probe tessera:{tessera}:")
    assert "clock" not in found if words is None else (found.startswith("fatal: the server's clock is") and words in found)


@pytest.mark.parametrize("info, words", [
    (FIT.replace(b"7.0.15", b"6.0.16"), "the server's version is 6.0.16; tessera needs Redis 6.2 or later"),
    (FIT.replace(b"redis_version:7.0.15", b"x:y"), "the server's version is unknown"),
    (FIT.replace(b"7.0.15", b"seven"), "the server's version is seven"),
    (FIT.replace(b"noeviction", b"allkeys-lfu"), "the server's maxmemory-policy is allkeys-lfu"),
    (FIT.replace(b"maxmemory_policy", b"x"), "the server's maxmemory-policy is unknown"),
])
def test_what_a_server_says_of_itself(driver, info, words):
    with serve(info) as port:
        found = driver(port=port).say("probe tessera:{tessera}:")
    assert found.startswith(f"fatal: {words}")


def test_a_server_that_runs_no_scripts(driver):
    with serve() as port:
        found = driver(port=port).say("probe tessera:{tessera}:")
    assert found == "fatal: the server does not run scripts: ERR no"


# Rights

def limited(make_redis, driver, rules):
    redis = make_redis(users=[f"web on >the-password {rules}", "default off"])
    return probe(driver, redis, user="web", password="the-password")


def test_the_rights_that_the_guide_gives_suffice(make_redis, driver):
    assert limited(make_redis, driver, RIGHTS) == ""


@pytest.fixture(scope="module")
def strict(scratch):
    """A server with a user for each command, who may not use that one."""
    redis = Redis(pathlib.Path(tempfile.mkdtemp(dir=scratch)),
                  users=[f"no-{command} on >the-password {RIGHTS} -{command}" for command in COMMANDS])
    yield redis
    redis.kill()


@pytest.mark.parametrize("command", COMMANDS)
def test_R12_a_command_that_the_acl_lacks(strict, driver, command):
    found = probe(driver, strict, user=f"no-{command}", password="the-password")
    assert "fatal:" in found and re.search(rf"\b{command}\b", found, re.I), found
    others = {name for name in IN_SCRIPTS if name != command and re.search(rf"\+{name}\b", found)}
    assert not others, found


def test_R12_keys_that_the_acl_lacks(make_redis, driver):
    found = limited(make_redis, driver, RIGHTS.replace("~tessera:*", "~other:*"))
    assert "fatal:" in found and "keys" in found


def test_R12_a_wrong_password_is_found_once(make_redis, driver):
    redis = make_redis(users=["web on >the-password +@all ~*", "default off"])
    found = probe(driver, redis, user="web", password="the-canary")
    assert "the server refuses user or password" in found and "canary" not in found and "|" not in found


def test_R12_nobody_there(driver):
    begun = time.monotonic()
    assert driver(port=free_port()).say("probe tessera:{tessera}:").startswith("Connection refused")
    assert time.monotonic() - begun < 1


def test_the_probe_tries_every_command_of_the_store():
    """And no other, since it would keep the daemon from starting."""
    used = set()
    for script in STORE.glob("lua/*.lua"):
        used |= set(re.findall(r"""\(\s*['"]([A-Z]{3,})['"]""", script.read_text()))
    assert len(used) > 20 and used == set(IN_SCRIPTS), used ^ set(IN_SCRIPTS)
    sources = "".join(source.read_text() for source in STORE.glob("*.c") if not source.name.startswith("test-"))
    directly = set(re.findall(r'redis_arg\("([A-Z]+)"\)', sources)) - {"AUTH", "SELECT", "LOAD"}
    assert directly <= {name for name, _ in SAMPLES} | {"SCRIPT", "EVALSHA"}, directly
