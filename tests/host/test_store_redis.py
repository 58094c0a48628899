# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A booted host whose sessions are in Redis: the sandbox, the manual's way out of it, and the doctor."""

import json
import re
import sys

import pytest

from conftest import PASSWORDS, ROOT, enroll
from host import Host

sys.path.append(str(ROOT / "tests/oidc"))

from certificates import Authority  # noqa: E402

MANUAL = ROOT / "docs/tessera.conf.5.scd"
DROP_IN = "/etc/systemd/system/tesserad.service.d/override.conf"
REDIS = """[Service]
ExecStart=redis-server --bind 127.0.0.1 --port 6379 --dir /var/tmp/redis --appendonly yes --save ''
"""


def start_redis(host):
    """Of a unit that stays: systemd forgets a transient one when it likes, and makes no other of its name before."""
    host.sh("mkdir -p /var/tmp/redis")
    host.write("/etc/systemd/system/test-redis.service", REDIS)
    host.sh("systemctl daemon-reload && systemctl start test-redis")
    host.wait(lambda: host.sh("redis-cli ping", check=False).stdout == "PONG\n", what="redis")


def drop_in():
    """What the manual says, for a server on this host."""
    text = re.search(r"^\[Service\]\n(?:\w+=.+\n)+", MANUAL.read_text(), re.M)[0]
    return text.replace("192.0.2.10", "127.0.0.1")


def of_the_store(host):
    findings = json.loads(host.sh("tessera --json doctor", check=False).stdout)
    return [(f["state"], f["text"]) for f in findings if f["check"] == "store"]


@pytest.fixture(scope="module")
def host(server_layer):
    with Host("web1", server_layer) as host:
        start_redis(host)
        host.sh("printf '[store]\\nbackend=redis\\nurl=redis://127.0.0.1\\n' > /etc/tessera/tessera.conf")
        # It has been up since the boot, with a database of its own.
        host.sh("systemctl stop tesserad.socket tesserad.service && rm -r /var/lib/tessera/*")
        yield host


def test_the_sandbox_is_named_where_it_is_in_the_way(host):
    host.sh("systemctl start tesserad.service", check=False)
    host.wait(lambda: "may the daemon use the network? See tessera.conf(5), [store]" in host.journal("-u", "tesserad"),
              what="the remedy")
    assert "tessera.conf:3: 127.0.0.1:6379: " in host.journal("-u", "tesserad")


def test_what_the_manual_says_opens_the_sandbox_and_no_more(host):
    host.sh(f"mkdir -p $(dirname {DROP_IN})")
    host.write(DROP_IN, drop_in())
    host.sh("systemctl daemon-reload && systemctl restart tesserad.socket tesserad.service")
    enroll(host)
    assert host.ssh("alice", PASSWORDS["alice"], "echo in").stdout == "in\n"
    assert int(host.sh("redis-cli dbsize").stdout) > 0
    assert host.sh("ls /var/lib/tessera").stdout.split() and "tessera.db" not in host.sh("ls /var/lib/tessera").stdout
    allowed = host.sh("systemctl show -P IPAddressAllow -P IPAddressDeny tesserad").stdout
    assert "127.0.0.1/32" in allowed and "0.0.0.0/0" in allowed


def test_the_doctor_looks_at_the_server(host):
    assert of_the_store(host) == [("ok", "what keeps the store is fit for it")]
    host.sh("redis-cli config set maxmemory-policy allkeys-lru && redis-cli config set appendonly no")
    found = of_the_store(host)
    assert [state for state, _ in found] == ["fail", "warn"]
    assert "noeviction" in found[0][1] and "appendonly yes" in found[1][1]
    host.sh("redis-cli config set maxmemory-policy noeviction && redis-cli config set appendonly yes")
    assert of_the_store(host) == [("ok", "what keeps the store is fit for it")]


def test_R12_the_doctor_while_the_server_is_away(host):
    host.sh("systemctl stop test-redis")
    assert host.ssh("alice", PASSWORDS["alice"], check=False).returncode != 0
    found = of_the_store(host)
    assert [state for state, _ in found] == ["fail"] and "127.0.0.1:6379" in found[0][1]
    start_redis(host)
    host.wait(lambda: of_the_store(host) == [("ok", "what keeps the store is fit for it")], what="the store")
    assert host.ssh("alice", PASSWORDS["alice"], "echo in").stdout == "in\n"


# Without the server no daemon starts: systemd tries again, whatever comes first


def restarts(host):
    return int(host.sh("systemctl show -P NRestarts tesserad").stdout)


def comes_back(host):
    """By itself, once the server is there."""
    assert host.ssh("alice", PASSWORDS["alice"], check=False).returncode != 0
    start_redis(host)
    host.wait(lambda: host.sh("systemctl is-active tesserad", check=False).stdout == "active\n", what="tesserad")
    assert host.ssh("alice", PASSWORDS["alice"], "echo in").stdout == "in\n"


def test_R12_a_start_without_the_server_is_tried_for_ever(host):
    """More often than systemd's own limit (5 in 10 s) allows; and the socket stays open meanwhile."""
    host.sh("systemctl stop test-redis; systemctl restart --no-block tesserad")
    host.wait(lambda: restarts(host) >= 8, seconds=40, what="eight starts")
    assert host.sh("systemctl is-active tesserad.socket").stdout == "active\n"
    comes_back(host)


def test_R12_a_host_that_is_up_before_the_server_recovers_by_itself(host):
    host.sh("systemctl stop test-redis")
    host.reboot()
    host.wait(lambda: restarts(host) >= 2, seconds=30, what="tesserad's third start")
    comes_back(host)


# Nor with one that is not what tessera.conf says, or does not let it do all that it must

WORD = "the-canary-of-the-store"
TLS = """url=rediss://127.0.0.1:6380
user=web1
password-file=/etc/tessera/store-password
ca-file=/etc/tessera/store-ca.pem
"""


def configure(host, store):
    host.write("/etc/tessera/tessera.conf", f"[store]\nbackend=redis\n{store}")


@pytest.fixture(scope="module")
def tls(host, tmp_path_factory):
    """Redis has a second port, with TLS, and the manual's user there; another authority's file lies about."""
    ours, other = [Authority(tmp_path_factory.mktemp("authority")) for _ in range(2)]
    host.sh("mkdir /etc/test-redis")
    host.write("/etc/test-redis/server.pem", ours.certificate("good").read_text(), mode=0o600)
    host.write("/etc/tessera/store-ca.pem", ours.path.read_text())
    host.write("/etc/tessera/other-ca.pem", other.path.read_text())
    for name, word in (("store", WORD), ("wrong", "wrong-" + WORD)):
        host.write(f"/etc/tessera/{name}-password", word + "\n", mode=0o640)
        host.sh(f"chgrp tessera /etc/tessera/{name}-password")
    pem = "/etc/test-redis/server.pem"
    for key, value in (("tls-cert-file", pem), ("tls-key-file", pem), ("tls-ca-cert-file", "/etc/tessera/store-ca.pem"),
                       ("tls-auth-clients", "no"), ("tls-port", "6380")):
        assert host.sh(["redis-cli", "config", "set", key, value]).stdout == "OK\n"
    rules = re.search(r"^user (web1 on >PASSWORD .*)$", MANUAL.read_text(), re.M)[1].replace("PASSWORD", WORD)
    assert host.sh(["redis-cli", "acl", "setuser", *rules.split()]).stdout == "OK\n"
    configure(host, TLS)
    host.sh("systemctl restart tesserad")


def logs_in(host):
    return host.ssh("alice", PASSWORDS["alice"], check=False).returncode == 0


@pytest.mark.parametrize("wrong, told", [
    (("127.0.0.1:6380", "127.0.0.1:6379"), "tessera.conf:3: 127.0.0.1:6379: (no TLS with this server|setting up "
                                             "TLS took too long; is this the port where the server speaks it)"),
    (("store-ca", "other-ca"), "tessera.conf:3: 127.0.0.1:6380: the server's certificate is refused: no authority that is "
                               "trusted here has signed it"),
    (("store-password", "wrong-password"), "tessera.conf:3: 127.0.0.1:6380: the server refuses user or password"),
    (("rediss://127.0.0.1:6380", "redis://192.0.2.1"), "write rediss://, or allow-plain-text=yes"),
], ids=["a plain-text listener", "another authority", "a wrong password", "plain text to another host"])
def test_R12_no_daemon_starts_with(host, tls, wrong, told):
    assert logs_in(host)
    try:
        assert does_not_start(host, TLS.replace(*wrong), told)
    finally:
        configure(host, TLS)
        host.sh("systemctl restart tesserad")
    assert logs_in(host)


def test_R12_no_daemon_starts_with_too_few_commands_in_the_acl(host, tls):
    """Who types the right password meanwhile is refused; it starts by itself once they are there."""
    host.sh("redis-cli acl setuser web1 -zadd -xread")
    assert does_not_start(host, TLS, "the server's ACL forbids commands that tessera needs: give its user [+]ZADD")
    assert not logs_in(host) and WORD not in host.journal()
    host.sh("redis-cli acl setuser web1 +zadd +xread")
    host.wait(lambda: logs_in(host), seconds=20, what="tesserad")


def does_not_start(host, store, told):
    """And it says why."""
    configure(host, store)
    before = len(host.journal("-u", "tesserad"))
    host.sh("systemctl restart --no-block tesserad")
    host.wait(lambda: re.search(told, host.journal("-u", "tesserad")[before:]), what=told)
    return host.sh("systemctl is-active tesserad", check=False).stdout != "active\n"
