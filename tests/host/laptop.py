# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A person's laptop: only the command is installed there, and ann uses it, without a terminal unless said."""

import os
import signal
import subprocess
import time

import pexpect

STATE = "/home/ann/.local/state/tessera"

# A connection of its own, and so a login: no ControlMaster to ride on.
DIRECT = "-o ControlMaster=no -o ControlPath=none"


class Laptop:
    def __init__(self, host):
        self.host = host
        self.machine_id = host.read("/etc/machine-id")

    def run(self, command, check=True, timeout=60, input=None):
        """There is no terminal and no askpass: whatever would prompt, fails."""
        return self.host.sh(command, user="ann", check=check, timeout=timeout, input=input)

    def start(self, command, **kwargs):
        """A command in a process group of its own, for cut()."""
        return self.host.spawn(command, user="ann", start_new_session=True, **kwargs)

    @staticmethod
    def cut(process):
        """All of it is gone in an instant, as when the laptop's battery is taken out."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def sign_in(self, where, password, name, timeout=90):
        """tessera login by a person at a terminal; what it knew of before is forgotten."""
        self.host.sh(f"pkill -KILL -u ann -x ssh; rm -rf {STATE}", check=False)
        argv = self.host.argv(["tessera", "login", where, "--name", name], user="ann")
        child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=timeout, dimensions=(50, 400))
        child.expect_exact(f"({where}) Password or token: ")
        child.sendline(password)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0, child.before
        return child.before

    def login(self, where, check=True, command="true"):
        """A login of its own with the next refresh token."""
        return self.run(f"tessera ssh {DIRECT} {where} {command}", check=check)

    def stay(self, where):
        """A login that stays, as a Popen."""
        process = self.start(f"tessera ssh {DIRECT} {where} 'echo in; exec sleep 600'", stdout=subprocess.PIPE)
        assert process.stdout.readline() == "in\n"
        return process

    def copy_to(self, other, same_machine=True):
        """What a thief takes who could read this laptop's disk once."""
        text = self.host.sh(f"tar -C {STATE} --exclude=*.sock -cz . | base64").stdout
        other.run(f"rm -rf {STATE}; mkdir -p -m 700 {STATE}; base64 -d | tar -C {STATE} -xz", input=text)
        other.host.write("/etc/machine-id", self.machine_id if same_machine else other.machine_id, mode=0o444)


def ended(process, seconds):
    """How long until @process ended; None when it did not within so many seconds."""
    start = time.monotonic()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    return time.monotonic() - start
