# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The demo: three jobs, and the ways between hosts, on throw-away hosts; each command, its answer, a line of why."""

import pathlib
import subprocess
import sys
import textwrap
import time

from host import Host
from laptop import Laptop
from network import Network

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PASSWORD = "watchword of the night"
COLOR = sys.stdout.isatty()


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLOR else text


def heading(text):
    print("\n" + paint("1", text))


def say(text):
    print(paint("36", textwrap.fill(text, 92, initial_indent="# ", subsequent_indent="# ")))


def show(where, command, output):
    print(paint("33", f"{where}$ ") + command)
    for line in output.rstrip().splitlines():
        print("  " + line)


def changed_files(since):
    """Files of this machine, outside the build folders, changed since then."""
    prune = [arg for folder in ("build", "build-deb", ".git") for arg in ("-path", ROOT / folder, "-prune", "-o")]
    found = subprocess.run(["find", "/etc", "/usr", "/var", "/root", "/home", "/boot", "/opt", "/srv", ROOT, "-xdev",
                            *prune, "-newerct", f"@{since}", "-print"], capture_output=True, text=True)
    return found.stdout.splitlines()


def install(host, pattern):
    for deb in (ROOT / "build-deb").glob(pattern):
        if "dbgsym" not in deb.name:
            (host.root / "var/tmp" / deb.name).write_bytes(deb.read_bytes())
    host.sh("dpkg -i /var/tmp/*.deb && rm /var/tmp/*.deb", timeout=120)


class Play:
    def __init__(self, laptop, web1, web2):
        self.laptop, self.web1, self.web2 = laptop, web1, web2

    def root(self, command, host=None, input=None):
        host = host or self.web1
        result = host.sh(command, input=input, check=False)
        show(f"root@{host.name}", command, result.stdout + result.stderr)
        return result

    def ann(self, command):
        result = self.laptop.run(command, check=False)
        show("ann@laptop", command, result.stdout + result.stderr)
        return result

    def person(self, shell, name, command, answers=()):
        shell.start(command)
        for prompt, answer in answers:
            shell.expect(prompt)
            shell.answer(answer)
        output, status = shell.finish()
        show(f"{name}@web1", command, (answers[0][0] + "(typed)\n" if answers else "") + output.strip("\n"))
        return output, status

    def shell(self, name, answer):
        return self.laptop.host.shell(name, answer, address="web1")

    def set_up(self):
        heading("Setting up: three commands")
        self.web1.sh("useradd -m -s /bin/bash bob && tessera user add bob", input="bob's own watchword\n")
        self.root("useradd -m -s /bin/bash -G sudo alice")
        self.root("tessera user add alice      # the password comes on stdin", input=PASSWORD + "\n")
        self.root("tessera enable sshd sudo --yes")

    def log_in(self):
        heading("1. Log into SSH with tokens")
        say("A password once, with stock ssh. The login is now a session on the server.")
        print(paint("33", "ann@laptop$ ") + "ssh alice@web1\n  (alice@web1) Password or token: (typed)")
        alice = self.shell("alice", PASSWORD)
        if not COLOR:
            alice.run("export NO_COLOR=1")
        self.person(alice, "alice", "tessera status")
        say("From it comes a token: short-lived, bound to this session, short enough for every prompt.")
        token = alice.run("tessera token print")[0].strip()
        show("alice@web1", "tessera token print", f"{token[:60]}...   ({len(token)} characters)")
        say("The token is the answer to the same prompt: no password leaves the laptop a second time.")
        second = self.laptop.host.ssh("alice", token, "tessera status", address="web1")
        show("ann@laptop", "ssh alice@web1 tessera status   # answering with the token", second.stdout)
        return alice, token

    def gate_sudo(self, alice):
        heading("2. Gate sudo by role")
        say("alice is in the group sudo, so she has the role admin, and her login is fresh: no prompt.")
        self.person(alice, "alice", "sudo id")
        say("bob has no role that sudo wants: no prompt either, one line that says what is missing.")
        with self.shell("bob", "bob's own watchword") as bob:
            self.person(bob, "bob", "sudo id")
        say("The policy is one file; roles are looked up at the moment of the call.")
        self.root("grep -v '^#' /etc/tessera/policy.conf | grep .")

    def revoke(self, alice, token):
        heading("3. Query and revoke sessions")
        say("Who is in, since when, from where, proven how:")
        self.root("tessera sessions --all-users")
        session = self.web1.sh("tessera --json sessions --all-users | grep -o '\"id\": *\"[0-9a-f]*' | head -1").stdout
        session = session.rstrip().rsplit('"', 1)[1]
        say("One command puts a login out: sudo and token at once, the shell within two seconds.")
        start = time.monotonic()
        self.root(f"tessera session revoke {session[:8]}")
        ended = alice.ended(seconds=5)
        print(f"  (alice's ssh connection {'was closed' if ended else 'IS STILL OPEN'} "
              f"after {time.monotonic() - start:.1f} s)")
        result = self.web1.sh("tessera token verify", input=token, check=False)
        show("root@web1", "tessera token verify        # her token, on stdin", result.stdout + result.stderr)
        return ended


    def use_a_device(self):
        heading("4. One password for the laptop, then none")
        say("The laptop has the command alone, no daemon. It gets a key of its own, which makes a token for "
            "each login; each works once, so a copy of the key is found out.")
        print(paint("33", "ann@laptop$ ") + "tessera login alice@web1\n  (alice@web1) Password or token: (typed)")
        said = self.laptop.sign_in("alice@web1", PASSWORD, "anns-laptop")
        print("\n".join("  " + line for line in said.replace("\r", "").strip().splitlines()))
        self.ann("tessera ssh alice@web1 sudo -n id")
        self.root("tessera device list --user alice")

    def use_a_ticket(self):
        heading("5. From web1 to web2: no password, no key")
        say("web2 trusts the public key of web1, for these users and at most these roles.")
        keys = self.web1.sh("tessera key export", check=False).stdout
        print(paint("33", "root@web1$ ") + "tessera key export > web1.jwks")
        self.root("tessera trust add web1 --users=alice --roles=everyone,admin   # web1.jwks on stdin", self.web2, keys)
        with self.shell("alice", PASSWORD) as alice:
            self.person(alice, "alice", "tessera ssh web2 sudo -n id")
            say("What crossed the wire was a ticket: for web2 alone, for a minute, for one login.")
            ticket = alice.run("tessera token print --audience web2")[0].strip()
            show("alice@web1", "tessera token print --audience web2", f"{ticket[:60]}...   ({len(ticket)} characters)")
            for what in ("the first time", "a second time"):
                result = self.web1.ssh("alice", ticket, "hostname", address="web2", check=False)
                show("alice@web1", f"ssh web2 hostname   # answering with the ticket, {what}", result.stdout + result.stderr)
        return result.returncode == 255


def boot(network):
    """Installs as people do; the two servers start from one disk, each with a name and keys of its own."""
    image = Host("image").boot()
    install(image, "*.deb")
    image.sh("systemctl stop tesserad.socket tesserad.service && rm -r /var/lib/tessera/*")
    layer = image.into_layer()
    laptop = network.host("laptop")
    install(laptop, "tessera_*.deb")
    laptop.sh("useradd -m -s /bin/bash ann")
    web1, web2 = network.host("web1", [layer]), network.host("web2", [layer])
    web2.sh("useradd -m -s /bin/bash -G sudo alice && tessera enable sshd sudo --yes && tessera user add alice",
            input="another password\n")
    return Play(Laptop(laptop), web1, web2)


def main():
    started = time.time()
    with Network("laptop", "web1", "web2") as network:
        print("a laptop and two servers: throw-away Debian hosts with a network between them, the packages installed there")
        play = boot(network)
        print(f"booted and installed in {time.time() - started:.1f} s")
        play.set_up()
        alice, token = play.log_in()
        play.gate_sudo(alice)
        ended = play.revoke(alice, token)
        play.use_a_device()
        once = play.use_a_ticket()
        if "--shell" in sys.argv[1:]:
            say(f"A shell on web1, as alice (her password: {PASSWORD}); exit ends it and the hosts.")
            subprocess.run(play.laptop.host.argv(["ssh", "-tt", "-o", "LogLevel=ERROR", "alice@web1"]))
    heading("Nothing of this is left")
    changed = changed_files(started)
    print(f"files changed on this machine outside the build folders since the hosts were booted: {len(changed)}")
    print("\n".join("  " + path for path in changed[:20]))
    print(f"{time.time() - started:.0f} s")
    return 0 if ended and once else 1


sys.exit(main())
