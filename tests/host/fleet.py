# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Three hosts that share a Redis on a fourth: TLS by an authority of our own, the manual's least ACL, its drop-in."""

import concurrent.futures
import ipaddress
import json
import pathlib
import re
import secrets
import sys

from conftest import ROOT, enroll
from network import Network

sys.path.append(str(ROOT / "tests/oidc"))

from certificates import Authority  # noqa: E402

FLEET = "web.example.org"
HOSTS = ("web1", "web2", "web3")
MANUAL = (ROOT / "docs/tessera.conf.5.scd").read_text()
DATA = "/var/lib/test-redis"
SOCKET = "/run/test-redis/socket"

UNIT = f"""[Service]
ExecStart=redis-server /etc/test-redis/redis.conf
RuntimeDirectory=test-redis
StateDirectory=test-redis
Restart=no
"""

REDIS = f"""bind 0.0.0.0
port 0
tls-port 6379
tls-cert-file /etc/test-redis/server.pem
tls-key-file /etc/test-redis/server.pem
tls-ca-cert-file /etc/test-redis/ca.pem
tls-auth-clients no
unixsocket {SOCKET}
dir {DATA}
save ""
appendonly yes
appendfsync always
aclfile /etc/test-redis/users.acl
"""

# What is owed is not paid back while a test looks, however busy the machine.
TESSERA = f"""[store]
backend=redis
url=rediss://store
user={{name}}
password-file=/etc/tessera/store-password
ca-file=/etc/tessera/store-ca.pem

[fleet]
name={FLEET}

[throttle]
pay-back=10min
"""


class Store:
    """The host with Redis."""

    def __init__(self, host, folder):
        self.host = host
        self.passwords = {name: secrets.token_hex(16) for name in HOSTS}
        self.authority = Authority(folder)
        pem = self.authority.server_certificate("store", ipaddress.ip_address(host.network.addresses["store"]))
        host.sh("mkdir /etc/test-redis")
        host.write("/etc/test-redis/server.pem", pem.read_text(), mode=0o600)
        host.write("/etc/test-redis/ca.pem", self.authority.path.read_text())
        host.write("/etc/test-redis/redis.conf", REDIS)
        host.write("/etc/test-redis/users.acl", self._acl())
        host.write("/etc/systemd/system/test-redis.service", UNIT)
        self.start()

    def _acl(self):
        """
        The manual's line for each host; the test itself comes by the socket, as one who may all. Nobody can be the
        default user, but Redis 7.0 reads its file by what that one may, and drops the rest.
        """
        line = re.search(r"^user web1 on >PASSWORD .*$", MANUAL, re.M)[0]
        lines = [line.replace("web1", name).replace("PASSWORD", word) for name, word in self.passwords.items()]
        return "\n".join([*lines, "user test on nopass ~* &* +@all", "user default off ~* &* +@all"]) + "\n"

    def start(self):
        self.host.sh("systemctl daemon-reload; systemctl start test-redis")
        self.host.wait(lambda: self.say("ping", check=False) == "PONG", what="redis")

    def say(self, *words, check=True):
        return self.host.sh(["redis-cli", "-e", "-s", SOCKET, "--user", "test", "--pass", "", "--no-auth-warning", *words],
                            check=check, timeout=20).stdout.strip()

    def signal(self, name):
        self.host.signal("test-redis", name)

    def kill(self):
        self.signal("KILL")
        self.host.wait("! systemctl is-active --quiet test-redis", what="redis is gone")
        self.host.sh("systemctl reset-failed test-redis", check=False)

    # Copies of all that it keeps, by their names

    def copy(self, name):
        self.host.sh(f"rm -rf /var/tmp/{name}; cp -a {DATA} /var/tmp/{name}")

    def start_with(self, name=None):
        """As that copy has it; without one, empty."""
        self.kill()
        self.host.sh(f"rm -rf {DATA}/*")
        if name:
            self.host.sh(f"cp -a /var/tmp/{name}/. {DATA}")
        self.start()


class Fleet(Network):
    """Use as a context manager: web1, web2 and web3 are up, alice and bob enrolled at web1."""

    def __init__(self, layers, store_layers, folder):
        super().__init__(*HOSTS, "store")
        self.layers, self.store_layers, self.folder = layers, store_layers, pathlib.Path(folder)

    def __enter__(self):
        super().__enter__()
        try:
            self.store = Store(self.host("store", self.store_layers), self.folder)
            self.hosts = [self.host(name, self.layers) for name in HOSTS]
            self.web1, self.web2, self.web3 = self.hosts
            for host in self.hosts:
                self._join(host)
            enroll(self.web1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _join(self, host):
        drop_in = re.search(r"^\[Service\]\n(?:\w+=.+\n)+", MANUAL, re.M)[0].replace("192.0.2.10", self.addresses["store"])
        # It has been up since the boot, with a database of its own.
        host.sh("systemctl stop tesserad.socket tesserad.service && rm -r /var/lib/tessera/* && "
                "mkdir -p /etc/systemd/system/tesserad.service.d")
        host.write("/etc/systemd/system/tesserad.service.d/override.conf", drop_in)
        host.write("/etc/tessera/store-ca.pem", self.store.authority.path.read_text())
        host.write("/etc/tessera/store-password", self.store.passwords[host.name] + "\n", mode=0o640)
        host.write("/etc/tessera/tessera.conf", TESSERA.format(name=host.name))
        # Their user managers stay: where logind stops one that hangs, the next login waits for two minutes.
        host.sh("loginctl enable-linger alice bob glass")
        host.sh("chgrp tessera /etc/tessera/store-password; systemctl daemon-reload; "
                "systemctl start tesserad.socket tesserad.service")

    def trust_each_other(self):
        """A file for each of the others at each, as docs/fleet.md says."""
        keys = {host.name: host.sh("tessera key export").stdout for host in self.hosts}
        for host in self.hosts:
            for name in set(keys) - {host.name}:
                host.sh(["tessera", "trust", "add", name, "--users=*", "--roles=*"], input=keys[name])

    def forgive(self, *users):
        for user in users:
            self.web1.sh(["tessera", "throttle", "reset", "--user", user])


def status(shell):
    return json.loads(shell.run("tessera --json status")[0])["session"]


def verify(host, token):
    return json.loads(host.sh("tessera --json token verify", input=token, check=False).stdout)


def sessions(host, *options):
    return json.loads(host.sh(["tessera", "--json", "session", "list", *options]).stdout)


def at_once(*calls):
    """Their results, in their order."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
