# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""sudo's group plugin, loaded as sudo loads it, with a mock daemon behind it."""

import os
import pathlib
import re
import socket
import subprocess
import time

import pytest

from conftest import ALICE, BOB, PRIVATE, ROOT, hexed
from mock import ALLOW, DENY, HANG_UP, NOT_OURS, SILENCE, STEP_UP, Error, Flood, Raw, Reply, verdict
from test_guest import FORBIDDEN, symbols

PROMISED = 2  # s that a sudo takes without the daemon; the plugin's own time is shorter
BUS = "/run/dbus/system_bus_socket"
FAILED = Error("org.tessera.Tessera1.Error.Internal", "the group ops cannot be looked up")


class Driver:
    """tests/pam/sudo-driver.c: what sudo does, one step at a time."""

    def __init__(self, program, plugin, environment=None):
        self.plugin, self.printed = plugin, []
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment or {"PATH": "/usr/bin:/bin", "LC_ALL": "C"})

    def do(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            assert line, f"the driver died with {self.process.wait()} at {words}"
            word, *rest = line.split()
            if word == "ok":
                return rest
            assert rest[0] == "3"  # SUDO_CONV_ERROR_MSG
            self.printed.append(bytes.fromhex(rest[1]).decode())

    def start(self, major=1, argument=None):
        """One run of sudo begins."""
        self.printed.clear()
        self.do("load", self.plugin)
        return int(self.do("init", major, hexed(argument))[0])

    def end(self):
        self.do("cleanup")
        self.do("unload")

    def query(self, user="alice", role="operator", uid=ALICE, times=1):
        return int(self.do("query", hexed(user), hexed(role), uid, times)[0])

    def ask(self, *arguments, **options):
        """A whole run of sudo that asks once."""
        assert self.start() == 1
        answer = self.query(*arguments, **options)
        self.end()
        return answer

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=30)


@pytest.fixture
def plugin(build):
    return build / "pam/tessera_group.so"


@pytest.fixture
def make_group(build, plugin):
    drivers = []

    def make(program="sudo-driver-plain", **options):
        path = build / "tests/pam" / program
        if not path.exists():
            pytest.skip(f"{program} is not for this build")
        drivers.append(Driver(path, plugin, **options))
        return drivers[-1]

    yield make
    for driver in drivers:
        assert driver.stop() == 0  # a sanitizer that found something says so here


@pytest.fixture
def group(make_group):
    return make_group()


# What is asked, and what the answer means


def test_an_allow_is_a_yes_and_nothing_else_is(group, mock):
    rows = [(ALLOW, 1), (DENY, 0), (NOT_OURS, 0), (STEP_UP, 0), (verdict("Allow"), 0), (verdict(""), 0),
            (verdict("allowed"), 0), (Reply(), 0), (Reply("s", ["allow"]), 0), (Reply("b", [True]), 0), (HANG_UP, 0),
            (Raw(b"\0" * 4096), 0), (Raw(os.urandom(4096)), 0), (FAILED, 0)]
    for answer, expected in rows:
        mock.answers["HasRole"] = answer
        assert group.ask() == expected, answer


def test_the_question(group, mock):
    mock.answers["HasRole"] = ALLOW
    assert group.ask("bob", "web-1.admin_x", 4002) == 1
    call, = mock.calls
    assert (call["method"], call["interface"]) == ("HasRole", "org.tessera.Tessera1.Login")
    assert (call["values"], call["fds"]) == (["bob", "web-1.admin_x", {}], 0)


@pytest.mark.parametrize("user, role, uid", [
    ("root", "operator", 0), ("toor", "operator", 0), ("alice", "operator", 0),  # root is never enrolled
    ("alice", "operator", -1),  # no such account: sudo has no entry for it
    ("al ice", "operator", ALICE), ("", "operator", ALICE), ("a" * 33, "operator", ALICE), ("1000", "operator", ALICE),
    ("#1000", "operator", ALICE), ("alice\n", "operator", ALICE), ("../alice", "operator", ALICE),
    ("alice", "", ALICE), ("alice", "my role", ALICE), ("alice", "#0", ALICE), ("alice", "-a", ALICE),
    ("alice", "r" * 65, ALICE), ("alice", "r" * 100000, ALICE), ("alice", "a\nb", ALICE), ("alice", "é", ALICE),
], ids=repr)
def test_P15_who_or_what_cannot_be_is_no_without_a_question(group, mock, user, role, uid):
    mock.answers["HasRole"] = ALLOW
    assert group.ask(user, role, uid) == 0
    assert mock.calls == [] and group.printed == []


def test_every_question_is_asked_anew(group, mock):
    """A role that is taken away counts at the next question; nothing is kept from the one before."""
    mock.answers["HasRole"] = ALLOW
    assert group.start() == 1
    assert group.query() == 1
    mock.answers["HasRole"] = DENY
    assert group.query() == 0
    group.end()


# sudo's side


def test_sudo_asks_with_the_targets_uid_and_gets_it_back(group, mock, make_mock):
    """sudo -u bob: its effective uid is bob's while it looks for rules, and nobody but root may ask."""
    make_mock(BUS)
    os.chmod(PRIVATE, 0o600)
    mock.answers["HasRole"] = ALLOW
    assert group.start() == 1
    group.do("euid", BOB)
    before = group.do("state")
    assert before[-1] == str(BOB)
    assert group.query() == 1
    assert group.do("state") == before
    mock.answers["HasRole"] = HANG_UP
    assert group.query() == 0
    assert group.do("state") == before
    group.do("euid", 0)
    group.end()


@pytest.mark.parametrize("major", [0, 2, 77])
def test_another_version_of_sudos_interface_is_refused(group, major):
    assert group.start(major=major) == -1
    assert len(group.printed) == 1 and f"version {major}" in group.printed[0]
    group.do("unload")


def test_arguments_are_refused(group):
    assert group.start(argument="timeout=9") == -1
    assert len(group.printed) == 1 and "takes no arguments" in group.printed[0]
    group.do("unload")


def test_a_question_before_init_or_after_cleanup_is_no(group, mock):
    mock.answers["HasRole"] = ALLOW
    group.do("load", group.plugin)
    assert group.query() == 0
    group.do("init", 1, "-")
    group.do("cleanup")
    assert group.query() == 0
    group.do("unload")
    assert mock.calls == []


# Outages


def expect_outage(group, why, questions=50):
    """No, told once, and all the questions of one sudo together within the time; of the next one too."""
    for _ in range(2):
        assert group.start() == 1
        begin = time.monotonic()
        assert group.query(times=questions) == 0
        assert time.monotonic() - begin < PROMISED
        assert len(group.printed) == 1 and "%:operator" in group.printed[0] and why in group.printed[0]
        assert group.printed[0].endswith("\n") and group.printed[0].count("\n") == 1
        group.end()


def test_F1_no_socket_and_no_bus(group):
    assert not os.path.exists(PRIVATE)
    expect_outage(group, "cannot be reached")


def test_F1_socket_that_nobody_listens_on(group):
    os.makedirs(os.path.dirname(PRIVATE), exist_ok=True)
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(PRIVATE)
    try:
        expect_outage(group, "cannot be reached")
    finally:
        stale.close()
        os.unlink(PRIVATE)


@pytest.mark.parametrize("path", [PRIVATE, BUS], ids=["daemon", "bus"])
@pytest.mark.parametrize("auth", ["silence", "garbage", "drip", "refuse", "close"])
def test_F1_F2_who_never_gets_through_the_greeting(group, make_mock, path, auth):
    make_mock(path).auth = auth
    expect_outage(group, "did not answer in time" if auth in ("silence", "drip") else "cannot be reached")


@pytest.mark.parametrize("answer", [SILENCE, Flood()], ids=["silence", "flood"])
def test_F2_daemon_that_never_answers(group, mock, answer):
    mock.answers["HasRole"] = answer
    expect_outage(group, "did not answer in time")
    assert len(mock.calls) == 2  # one for each sudo: the time was gone by then


def test_F2_full_backlog(group):
    """A daemon that is stopped: connections queue up, then even connect() would block."""
    os.makedirs(os.path.dirname(PRIVATE), exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(PRIVATE)
    listener.listen(0)
    waiting = []
    try:
        for _ in range(2):
            waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            waiting[-1].connect_ex(PRIVATE)
        expect_outage(group, "did not answer in time")
    finally:
        for each in (*waiting, listener):
            each.close()
        os.unlink(PRIVATE)


def test_a_daemon_of_another_version_is_an_outage(group, mock):
    expect_outage(group, "another version")  # the mock knows no HasRole
    assert len(mock.calls) == 2


def test_an_impostor_is_an_outage(group, make_mock):
    make_mock(uid=ALICE).answers["HasRole"] = ALLOW
    expect_outage(group, "not its daemon")


def test_an_error_is_about_one_question(group, mock):
    """A look-up that failed for one rule takes nothing from the others, and is told in the daemon's words."""
    mock.answers["HasRole"] = lambda call: FAILED if call["values"][1] == "ops" else ALLOW
    assert group.start() == 1
    assert [group.query(role=role) for role in ("ops", "operator", "ops")] == [0, 1, 0]
    assert group.printed == ["tessera: the rules for %:ops in sudoers do not count now: "
                             "the group ops cannot be looked up\n"]
    group.end()


def test_slow_answers_share_one_time(group, mock):
    """Each is good by itself; in sum they take no longer than an outage."""
    def slowly(call):
        time.sleep(0.2)
        return ALLOW

    mock.answers["HasRole"] = slowly
    assert group.start() == 1
    begin = time.monotonic()
    assert 1 <= group.query(times=50) <= 8
    assert time.monotonic() - begin < PROMISED
    group.end()


# A guest in sudo


def test_P27_hostile_environment_changes_nothing(make_group, mock, tmp_path):
    mock.answers["HasRole"] = DENY
    hostile = {name: f"unix:path={tmp_path}/evil" for name in
               ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS")}
    hostile.update(SYSTEMD_LOG_LEVEL="debug", SYSTEMD_LOG_TARGET="console", TESSERA_SESSION="f" * 32, LC_ALL="C")
    assert make_group(environment=hostile).ask() == 0
    assert len(mock.calls) == 1


def every_outcome(group, mock):
    for answer in (ALLOW, DENY, NOT_OURS, FAILED, HANG_UP, Raw(b"x" * 64)):
        mock.answers["HasRole"] = answer
        assert group.start() == 1
        group.query()
        group.query()
        group.end()


def test_P12_P13_nothing_stays_behind(group, mock, plugin):
    """Descriptors, threads and signal handlers, after a thousand questions and a thousand loads."""
    every_outcome(group, mock)
    before = group.do("state")
    for _ in range(1000 // 12):
        every_outcome(group, mock)
    assert group.do("state") == before
    assert group.do("reload", plugin, 1000) == ["0"]  # and it is gone at the end
    assert group.do("state") == before


def test_P1_F3_every_call_fails_once(make_group, mock):
    """Whatever fails on our side, a yes comes only from the daemon's word; and no descriptor is left."""
    group = make_group("sudo-driver")
    mock.answers["HasRole"] = ALLOW
    injected = 0
    assert group.ask() == 1
    group.start()
    state = group.do("state")
    for fault in ("malloc", "socket", "connect", "getsockopt", "fcntl", "write", "read", "poll"):
        for n in range(1, 1000):
            group.do("init", 1, "-")
            mock.calls.clear()
            group.do("arm", fault, n)
            answer = group.query()
            if int(group.do("disarm")[0]) < n:
                break
            injected += 1
            assert answer == 0 or [call["method"] for call in mock.calls] == ["HasRole"], (fault, n)
            assert group.do("state") == state, (fault, n)
        assert n < 999
    print(f"{injected} faults injected")
    assert injected > 30
    group.end()


def test_P12_P27_the_plugin_calls_nothing_of_these(plugin):
    if "__asan_init" in symbols(plugin, "--undefined-only"):
        pytest.skip("a sanitizer calls more")
    found = {name for name in symbols(plugin, "--undefined-only") if FORBIDDEN.search(name) and name != "sd_bus_wait"}
    assert found == set()
    assert symbols(plugin, "--defined-only") == {"group_plugin"}
    output = subprocess.run(["objdump", "-p", plugin], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"NEEDED\s+(\S+)", output)) == {"libsystemd.so.0", "libc.so.6"}
    assert "STACK" in output and "RELRO" in output


def test_the_time_is_short_of_what_is_promised():
    usec = int(re.search(r"#define TIME_USEC (\d+)", (pathlib.Path(ROOT) / "pam/sudo-group.c").read_text())[1])
    assert 1_000_000 <= usec < PROMISED * 1_000_000
