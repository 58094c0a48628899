# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Attempts as root's PAM sends them, many at once, and what comes of them."""

import re
import threading
import time

from daemon import PASSWORD, Host, Refused, in_child, secret

AUTHENTICATE = ("Login.Authenticate", "ssa{sv}h")
WRONG = "wrong-Sesame-4711"
HOME, STRANGER = "192.0.2.1", "198.51.100.7"
DENIED = ["deny", {"reason": "credential"}]
BURST = 10


class Asked(Host):
    """Where names that nobody has are nobody's."""

    def environment(self):
        found = super().environment()
        return {**found, "LD_PRELOAD": f"{self.build}/tests/faults/libnobody.so:{found['LD_PRELOAD']}"}


def asked(make_host, **options):
    host = make_host(kind=Asked, **options)
    host.start_bus()
    host.start()
    host.add("alice")
    host.add("bob")
    return host


def attempt(client, user="alice", password=WRONG, rhost=STRANGER, service="sshd"):
    """The whole reply."""
    return client.call(*AUTHENTICATE, user, service, {"rhost": rhost} if rhost else {}, secret(password), timeout=60)


def attempts(host, count, **what):
    """One after another, on a connection of their own."""
    client = host.root()
    try:
        return [attempt(client, **what) for _ in range(count)]
    finally:
        client.close()


def fill(host, user="alice", rhost=STRANGER):
    """Leaves that user no attempt from there."""
    assert attempts(host, BURST, user=user, rhost=rhost) == [DENIED] * BURST
    assert may_not(host, user, rhost)


def may(host, user="alice", rhost=STRANGER, service="sshd"):
    return attempts(host, 1, user=user, password=PASSWORD, rhost=rhost, service=service)[0][0] == "allow"


def may_not(host, user="alice", rhost=STRANGER, service="sshd"):
    return not may(host, user, rhost, service)


def know(host, user, rhost=HOME):
    """From now on it is a host of that user's."""
    in_child(lambda: host.log_in(user, rhost=rhost))


def together(count, act):
    """act(number) of each in a thread of its own, all begun at once; what they returned, or the name of the error."""
    results = [None] * count
    start = threading.Barrier(count)

    def run(number):
        start.wait()
        try:
            results[number] = act(number)
        except Refused as refused:
            results[number] = refused.name

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def took(act):
    """Seconds."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def reasons(host, since=0):
    """What the audit says of refused attempts, in order: the log from the byte @since on."""
    return re.findall(r"TESSERA_EVENT=refused.*?TESSERA_REASON=([\w-]+)", host.text()[since:])


def owed(host, **wanted):
    """Rows of Throttle.List, as {key: row}, with these values."""
    rows = host.call("Throttle.List")
    return {(row["limit"], row["key"]): row for row in rows if wanted.items() <= row.items()}


def quantile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def ks(one, other):
    """Kolmogorov and Smirnov's two samples: the largest distance of their distributions, and its p."""
    values = sorted(set(one + other))
    one, other = sorted(one), sorted(other)
    i = j = 0
    distance = 0.0
    for value in values:
        while i < len(one) and one[i] <= value:
            i += 1
        while j < len(other) and other[j] <= value:
            j += 1
        distance = max(distance, abs(i / len(one) - j / len(other)))
    size = (len(one) * len(other) / (len(one) + len(other))) ** 0.5
    scaled = (size + 0.12 + 0.11 / size) * distance
    if scaled < 0.3:
        return distance, 1.0
    p = 2 * sum((-1) ** (k - 1) * 2.718281828 ** (-2 * (k * scaled) ** 2) for k in range(1, 101))
    return distance, min(1.0, max(0.0, p))
