# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A machine with hundreds of addresses: a stranger from each, and whoever is known from one."""

import concurrent.futures
import itertools
import json

from conftest import PASSWORDS

FIRST, LAST = 10, 250  # of 10.77.0.0/24, beside those of the hosts


class Strangers:
    """Logs in to @target from addresses that were never used before. Each is asked for once only."""

    def __init__(self, host, target):
        self.host, self.target = host, target
        self._numbers = iter(range(FIRST, LAST + 1))
        host.sh(f"for i in $(seq {FIRST} {LAST}); do ip address add 10.77.0.$i/24 dev cable; done")

    def address(self):
        return f"10.77.0.{next(self._numbers)}"

    def addresses(self, count):
        return [self.address() for _ in range(count)]

    def ssh(self, user, answer, source, command="true", options=(), target=None):
        return self.host.ssh(user, answer, command, options=["-b", source, *options], address=target or self.target,
                             check=False)

    def shell(self, user, source):
        return self.host.shell(user, PASSWORDS[user], ["-b", source], self.target)

    def gets_in(self, user, source=None, answer=None, **kwargs):
        """With the right password (or @answer), from a new stranger's address (or @source)?"""
        result = self.ssh(user, answer or PASSWORDS[user], source or self.address(), **kwargs)
        assert result.returncode in (0, 255), result.stderr
        return result.returncode == 0

    def guess(self, user, count, sources, **kwargs):
        """So many wrong answers at once, from the addresses in turn; none gets in."""
        self.guess_each([(user, source) for source in itertools.islice(itertools.cycle(sources), count)], **kwargs)

    def guess_each(self, tries, answer="a guess", **kwargs):
        """One wrong answer for each (user, source), all at once; none gets in."""
        with concurrent.futures.ThreadPoolExecutor(len(tries)) as pool:
            results = list(pool.map(lambda one: self.ssh(one[0], answer, one[1], **kwargs), tries))
        assert {result.returncode for result in results} == {255}, [result.stderr for result in results]

    def make_known(self, user):
        """An address that the user has logged in from."""
        source = self.address()
        assert self.gets_in(user, source)
        return source


def owed(host):
    """What tessera throttle list says, as {(limit, key): the row}."""
    return {(row["limit"], row["key"]): row for row in json.loads(host.sh("tessera --json throttle list").stdout)}


def set_throttle(host, **keys):
    """Puts a [throttle] with these keys behind the shipped configuration, instead of the last one."""
    path = "/etc/tessera/tessera.conf"
    lines = "".join(f"{key.replace('_', '-')}={value}\n" for key, value in keys.items())
    host.sh(f"sed -i '/^\\[throttle\\]/,$d' {path}; cat >> {path}; systemctl reload-or-restart tesserad.service",
            input=f"[throttle]\n{lines}")


def refusals(host, reason, *match):
    """The audit's records of answers that were refused for this reason."""
    lines = host.journal("TESSERA_REASON=" + reason, *match, "-o", "json").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
