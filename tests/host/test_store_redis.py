# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A booted host whose sessions are in Redis: the sandbox, the manual's way out of it, and the doctor."""

import json
import pathlib
import re

import pytest

from conftest import PASSWORDS, enroll
from host import Host

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs/tessera.conf.5.scd"
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
    host.sh(f"mkdir -p {pathlib.Path(DROP_IN).parent}")
    host.write(DROP_IN, drop_in())
    host.sh("systemctl daemon-reload && systemctl restart tesserad.socket tesserad.service")
    enroll(host)
    assert host.ssh("alice", PASSWORDS["alice"], "echo in").stdout == "in\n"
    assert host.sh("redis-cli exists '{tessera}'; redis-cli dbsize").stdout.split()[1] != "0"
    assert host.sh("ls /var/lib/tessera").stdout.split() and "tessera.db" not in host.sh("ls /var/lib/tessera").stdout
    pid = host.sh("systemctl show -P MainPID tesserad").stdout.strip()
    assert host.sh(f"nsenter -t {pid} -n true").returncode == 0
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
