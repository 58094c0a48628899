# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The demo: three jobs on a throw-away host, each command and its answer, a line of why."""

import pathlib
import subprocess
import sys
import textwrap
import time

from host import Host

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


class Play:
    def __init__(self, host):
        self.host = host

    def root(self, command, input=None):
        result = self.host.sh(command, input=input, check=False)
        show("root@web1", command, result.stdout + result.stderr)
        return result

    def person(self, shell, name, command, answers=()):
        shell.start(command)
        for prompt, answer in answers:
            shell.expect(prompt)
            shell.answer(answer)
        output, status = shell.finish()
        show(f"{name}@web1", command, (answers[0][0] + "(typed)\n" if answers else "") + output.strip("\n"))
        return output, status

    def set_up(self):
        heading("Setting up: three commands")
        self.host.sh("useradd -m -s /bin/bash bob && tessera user add bob", input="bob's own watchword\n")
        self.root("useradd -m -s /bin/bash -G sudo alice")
        self.root("tessera user add alice      # the password comes on stdin", input=PASSWORD + "\n")
        self.root("tessera enable sshd sudo --yes")

    def log_in(self):
        heading("1. Log into SSH with tokens")
        say("A password once, with stock ssh. The login is now a session on the server.")
        print(paint("33", "laptop$ ") + "ssh alice@web1\n  (alice@web1) Password or token: (typed)")
        alice = self.host.shell("alice", PASSWORD)
        if not COLOR:
            alice.run("export NO_COLOR=1")
        self.person(alice, "alice", "tessera status")
        say("From it comes a token: short-lived, bound to this session, short enough for every prompt.")
        token = alice.run("tessera token print")[0].strip()
        show("alice@web1", "tessera token print", f"{token[:60]}...   ({len(token)} characters)")
        say("The token is the answer to the same prompt: no password leaves the laptop a second time.")
        second = self.host.ssh("alice", token, "tessera status")
        show("laptop", "ssh alice@web1 tessera status   # answering with the token", second.stdout)
        return alice, token

    def gate_sudo(self, alice):
        heading("2. Gate sudo by role")
        say("alice is in the group sudo, so she has the role admin, and her login is fresh: no prompt.")
        self.person(alice, "alice", "sudo id")
        say("bob has no role that sudo wants: no prompt either, one line that says what is missing.")
        with self.host.shell("bob", "bob's own watchword") as bob:
            self.person(bob, "bob", "sudo id")
        say("The policy is one file, read at the moment of the call.")
        self.root("grep -v '^#' /etc/tessera/policy.conf | grep .")

    def revoke(self, alice, token):
        heading("3. Query and revoke sessions")
        say("Who is in, since when, from where, proven how:")
        self.root("tessera sessions --all-users")
        session = self.host.sh("tessera --json sessions --all-users | grep -o '\"id\": *\"[0-9a-f]*' | head -1").stdout
        session = session.rstrip().rsplit('"', 1)[1]
        say("One command puts a login out: sudo and token at once, the shell within two seconds.")
        start = time.monotonic()
        self.root(f"tessera session revoke {session[:8]}")
        ended = alice.ended(seconds=5)
        print(f"  (alice's ssh connection {'was closed' if ended else 'IS STILL OPEN'} "
              f"after {time.monotonic() - start:.1f} s)")
        result = self.host.sh("tessera token verify", input=token, check=False)
        show("root@web1", "tessera token verify        # her token, on stdin", result.stdout + result.stderr)
        return ended


def main():
    started = time.time()
    with Host("web1") as host:
        print(f"a throw-away Debian host, booted in {time.time() - started:.1f} s; installing the three packages there")
        for deb in sorted((ROOT / "build-deb").glob("*.deb")):
            (host.root / "var/tmp" / deb.name).write_bytes(deb.read_bytes())
        host.sh("rm -f /var/tmp/*dbgsym*; dpkg -i /var/tmp/*.deb", timeout=120)
        play = Play(host)
        play.set_up()
        alice, token = play.log_in()
        play.gate_sudo(alice)
        ended = play.revoke(alice, token)
        if "--shell" in sys.argv[1:]:
            say(f"A shell in the host, as alice (her password: {PASSWORD}); exit ends it and the host.")
            subprocess.run(host.argv(["ssh", "-tt", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                                      "-o", "LogLevel=ERROR", "alice@127.0.0.1"]))
    heading("Nothing of this is left")
    changed = changed_files(started)
    print(f"files changed on this machine outside the build folders since the host was booted: {len(changed)}")
    print("\n".join("  " + path for path in changed[:20]))
    print(f"{time.time() - started:.0f} s")
    return 0 if ended else 1


sys.exit(main())
