# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Clocks that jump: the wall's is set, the machine sleeps, zones change. By the real daemon (tests/faults/clock.c)."""

import calendar
import struct
import time

import pytest
from daemon import ALICE, PASSWORD, Host, in_child, read_fd, secret

MINUTE, HOUR, DAY = 60, 3600, 86400
AUTHENTICATE = ("Login.Authenticate", "ssa{sv}h")


class Timed(Host):
    zone = None

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.clock = self.folder / "clock"
        self.clock.write_bytes(bytes(16))
        self.clock.chmod(0o644)

    def environment(self):
        found = super().environment()
        zone = {"TZ": self.zone} if self.zone is not None else {}
        return {**found, **zone, "LD_PRELOAD": f"{found['LD_PRELOAD']}:{self.build}/tests/faults/libclock.so",
                "TEST_CLOCK": str(self.clock)}

    def step(self, wall, boot=0):
        """Where the clocks stand, in seconds beside the true ones."""
        with open(self.clock, "r+b") as file:
            file.write(struct.pack("=qq", wall, boot))

    def sleep(self, seconds):
        """The machine's: what runs while it is awake alone does not notice."""
        self.step(seconds, seconds)


@pytest.fixture
def host(make_host):
    return started(make_host)


def started(make_host, zone=None):
    host = make_host(kind=Timed)
    host.zone = zone
    host.start_bus()
    host.start()
    host.add("alice")
    host.add("bob")
    return host


def login_and_token(host):
    """A session of alice's and a token of it, as its own process gets it."""
    def login():
        session = host.log_in("alice")
        return session, in_child(printed, uid=ALICE)

    def printed():
        client = host.bus()
        fd, info = client.connection.call_blocking(client.destination, "/org/tessera/Tessera1",
                                                   "org.tessera.Tessera1.Tokens", "Print", "a{sv}", ({},))
        return read_fd(fd), int(info["expires"])

    session, (token, expires) = in_child(login, login=ALICE)
    return session, token, expires


def reason(host, token):
    return host.call("Tokens.Verify", "ha{sv}", secret(token), {})[0]


def shown(host, session):
    return host.call("Sessions.Show", "s", session)[0]


def password(host, user="alice", text=PASSWORD):
    return host.call(*AUTHENTICATE, user, "sshd", {}, secret(text))[0]


def test_F11_a_clock_that_is_set_forward(host):
    """What is to last 15 minutes does not last longer; what lasts a week is still there; a week later it is not."""
    session, token, _ = login_and_token(host)
    assert reason(host, token) == "valid"
    host.step(14 * MINUTE)
    assert reason(host, token) == "valid"
    host.step(16 * MINUTE)
    assert reason(host, token) == "expired"
    assert shown(host, session)["state"] == "active"
    host.step(8 * DAY)
    assert reason(host, token) != "valid"
    assert shown(host, session)["state"] != "active"
    assert password(host) == "allow"


def test_F11_a_clock_that_is_set_back(host):
    """A token of the future is none, and a sign-in of the future is not fresh."""
    def check():
        return host.call("Login.Check", "ssa{sv}", "alice", "sudo", {})[0]

    def login():
        session = host.log_in("alice")
        fresh = check()
        host.step(-HOUR)
        return session, fresh, check()

    session, token, _ = login_and_token(host)
    host.step(-HOUR)
    assert reason(host, token) != "valid"
    host.step(0)
    assert reason(host, token) == "valid"
    session, fresh, back = in_child(login, login=ALICE)
    assert (fresh, back) == ("allow", "step-up")
    assert shown(host, session)["state"] == "active"  # it lost its freshness, not its life
    assert password(host) == "allow"


@pytest.mark.parametrize("wall", [-10 * DAY, -HOUR, HOUR, 10 * DAY])
def test_F11_the_limit_on_guesses_does_not_go_by_the_wall(host, wall):
    for _ in range(12):
        assert password(host, "bob", "wrong-Sesame") == "deny"
    assert password(host, "bob") == "deny"
    host.step(wall)
    assert password(host, "bob") == "deny"


def test_F11_the_limit_on_guesses_counts_sleep(host):
    for _ in range(12):
        password(host, "bob", "wrong-Sesame")
    host.sleep(2 * HOUR)
    assert password(host, "bob") == "allow"


def guess(host):
    for _ in range(11):
        assert password(host, "bob", "wrong-Sesame") == "deny"


def test_T7_time_passes_between_two_runs(host):
    """It is stopped, and started again after that time."""
    guess(host)
    for seconds, verdict in ((60, "deny"), (120, "allow")):
        host.stop()
        host.sleep(seconds)
        host.start()
        assert password(host, "bob") == verdict


@pytest.mark.parametrize("wall", [-10 * DAY, 10 * DAY])
def test_T8_a_clock_set_between_two_runs_keeps_nobody_out_for_long(host, wall):
    """No debt is then longer than one can become."""
    guess(host)
    host.stop()
    host.step(wall)
    host.start()
    assert password(host, "bob") == ("deny" if wall < 0 else "allow")
    host.step(wall + 75 * MINUTE, 75 * MINUTE)
    assert password(host, "bob") == "allow"


def test_F11_half_a_login_waits_for_two_minutes_of_real_time(host):
    def open_after(step):
        handle = host.call(*AUTHENTICATE, "alice", "sshd", {}, secret(PASSWORD))[1]["session"]
        step()
        verdict = host.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"session": handle})[0]
        host.step(0)
        return verdict

    assert open_after(lambda: host.step(HOUR)) == "allow"
    assert open_after(lambda: host.step(-HOUR)) == "allow"
    assert open_after(lambda: host.sleep(10 * MINUTE)) == "deny"


def test_F11_a_machine_that_slept(host):
    """The lid was shut overnight: tokens and freshness are gone, the session is not."""
    def login():
        session = host.log_in("alice")
        host.sleep(9 * HOUR)
        return session, host.call("Login.Check", "ssa{sv}", "alice", "sudo", {})[0]

    _, token, _ = login_and_token(host)
    session, verdict = in_child(login, login=ALICE)
    assert verdict == "step-up"
    assert reason(host, token) == "expired"
    assert shown(host, session)["state"] == "active"
    host.sleep(DAY + 10 * HOUR)
    assert shown(host, session)["state"] != "active"  # idle for a day


# The last Sunday of October 2026: an hour comes twice in Berlin, and a week later in New York.
CHANGES = (calendar.timegm((2026, 10, 25, 0, 59, 50)), calendar.timegm((2026, 11, 1, 5, 59, 50)))


@pytest.mark.parametrize("zone", ["", "UTC", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "right/UTC",
                                  "<-12>12", ":/nonexistent"])
def test_F11_zones_and_summer_time_do_not_matter(make_host, zone):
    host = started(make_host, zone)
    for when in CHANGES:
        offset = when - int(time.time())
        host.step(offset)
        session, token, expires = login_and_token(host)
        now = time.time() + offset
        about = shown(host, session)
        assert abs(about["opened"] - now) < 20 and abs(about["ends"] - about["opened"] - 7 * DAY) < 20
        assert abs(expires - now - 15 * MINUTE) < 20
        assert reason(host, token) == "valid"
        host.step(offset + 12)  # across it
        assert reason(host, token) == "valid"
    assert password(host) == "allow"
