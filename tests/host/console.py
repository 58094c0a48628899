# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A person at a console."""

import contextlib
import itertools

import pexpect

numbers = itertools.count(1)


class Console:
    """login on a terminal of the host's own, started by its systemd: outside of every login, like a getty's."""

    MARK = "console-mark"

    def __init__(self, host, *arguments):
        self.host, self.unit = host, f"console-{next(numbers)}.service"
        argv = host.argv(["systemd-run", "--quiet", "--pty", "--collect", "--wait", f"--unit={self.unit}",
                          "login", *arguments])
        self.child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=90, echo=False, dimensions=(50, 400))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """The line is cut: login ends, closes what it has opened, and so does the shell."""
        self.child.close(force=True)
        self.host.sh(["systemctl", "stop", self.unit], check=False)

    def type(self, *pairs):
        """What is waited for, and what is then typed."""
        for prompt, answer in pairs:
            self.child.expect_exact(prompt)
            self.child.sendline(answer)
        return self

    def shell(self):
        """Waits for the shell and makes it quiet; what was shown before it."""
        self.child.expect(r"[$#] ")
        greeting = self.child.before
        self.child.sendline(f"bind 'set enable-bracketed-paste off' 2>/dev/null; stty -echo; unset PROMPT_COMMAND; "
                            f"PS1=''; echo {self.MARK}-$((40+2))")
        self.child.expect_exact(f"{self.MARK}-42")
        self.child.expect_exact("\n")
        return greeting

    def run(self, command):
        self.child.sendline(f"{command}; echo {self.MARK}=$?=")
        self.child.expect(self.MARK + r"=(\d+)=\r?\n")
        return self.child.before.replace("\r\n", "\n"), int(self.child.match[1])

    def refused(self):
        """The try has failed, whatever was said; the next one begins."""
        self.child.expect_exact("Login incorrect")
        return self.child.before

    def ended(self, seconds=30):
        with contextlib.suppress(pexpect.TIMEOUT):
            self.child.expect(pexpect.EOF, timeout=seconds)
            return True
        return False
