# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A network of throw-away hosts: a switch with a cable to each, which can be pulled out and put back.

The switch is a bridge in a network namespace that lives as long as a process of ours; a cable is a veth
pair from there into the host. This machine's own network is never touched. Hosts find each other by
/etc/hosts and know each other's ssh keys, as in a company that looks after its machines.
"""

import contextlib
import subprocess

from host import Host, _die_with_parent

SWITCH = "ip link add switch type bridge forward_delay 0 && ip link set switch up && echo ready && exec sleep infinity"


class Network:
    """Use as a context manager; boot hosts of it with host()."""

    def __init__(self, *names):
        self.addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, start=1)}
        self.keys = {}  # host name: the private ssh host key
        self.known = {}  # and the public one
        self.switch = None
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.switch = subprocess.Popen(["unshare", "--net", "sh", "-c", SWITCH], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)
        if self.switch.stdout.readline() != "ready\n":
            raise OSError("no network namespace, or no bridge in it")
        return self

    def __exit__(self, *_):
        self.stack.close()
        self.switch.kill()
        self.switch.wait()

    def host(self, name, layers=(), **options):
        """Boots one of the hosts; it ends with the network."""
        return self.stack.enter_context(Host(name, layers, network=self, **options))

    # What a host asks for when it boots

    def furnish(self, host):
        """Before it boots: names, addresses, and an ssh host key of its own that all others know."""
        etc = host.root / "etc"
        (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n" +
                                   "".join(f"{address} {name}\n" for name, address in self.addresses.items()))
        for key in (etc / "ssh").glob("ssh_host_*"):
            key.unlink()
        for name in self.addresses:
            self._make_key(name, host.folder)
        for name, text, mode in (("ssh_host_ed25519_key", self.keys[host.name], 0o600),
                                 ("ssh_known_hosts", "".join(self.known.values()), 0o644)):
            path = etc / "ssh" / name
            path.write_text(text)
            path.chmod(mode)

    def _make_key(self, name, folder):
        if name in self.keys:
            return
        path = folder / f"key-{name}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
        public = path.with_name(path.name + ".pub").read_text()
        self.keys[name] = path.read_text()
        self.known[name] = f"{name},{self.addresses[name]} {public.strip()}\n"

    def connect(self, host):
        """After each boot: a new cable, since the old one went with the host's network namespace."""
        self._ip("link", "del", self._port(host), check=False)
        # The card stays the same one, or the others would look for the old one for a minute.
        self._ip("link", "add", self._port(host), "type", "veth", "peer", "name", "cable",
                 "address", f"02:00:00:00:00:{self._number(host):02x}", "netns", str(host.leader))
        self._ip("link", "set", self._port(host), "master", "switch", "up")
        host.sh(f"ip address add {self.addresses[host.name]}/24 dev cable && ip link set cable up")

    # Cables

    def pull(self, host):
        """Pulls the host's cable out: what is under way is lost without a word to either side."""
        self._ip("link", "set", self._port(host), "down")

    def plug(self, host):
        self._ip("link", "set", self._port(host), "up")

    def _port(self, host):
        return f"port{self._number(host)}"

    def _number(self, host):
        return list(self.addresses).index(host.name) + 1

    def _ip(self, *argv, check=True):
        return subprocess.run(["nsenter", "--net", "-t", str(self.switch.pid), "ip", *argv],
                              check=check, capture_output=True, text=True)
