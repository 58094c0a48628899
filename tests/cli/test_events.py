# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""tessera monitor against a real daemon and bus, and against who would like to be one."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from daemon_host import ACCOUNTS, PASSWORD, Host

EVENT = {"time", "event", "user", "session", "device", "service", "from", "reason", "message", "by"}
NOBODY = 65534

# Everything about it is right but who sends it.
FORGE = """
import sys, dbus, dbus.bus, dbus.lowlevel
bus = dbus.bus.BusConnection("unix:path=/run/dbus/system_bus_socket")
names = [n for n in bus.list_names() if n.startswith(":")]
for name in names:
    message = dbus.lowlevel.SignalMessage("/org/tessera/Tessera1", "org.tessera.Tessera1.Monitor", "Event")
    message.set_destination(name)
    message.append({"event": "forged", "user": "alice", "time": dbus.Int64(1)}, signature="a{sv}")
    bus.send_message(message)
    lost = dbus.lowlevel.SignalMessage("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged")
    lost.set_destination(name)
    owner = bus.get_name_owner("org.tessera.Tessera1")
    lost.append(owner, owner, "", signature="sss")
    bus.send_message(lost)
bus.flush()
print(len(names))
"""


@pytest.fixture
def host(build):
    if os.geteuid() != 0:
        pytest.skip("callers of several uids need root")
    with tempfile.TemporaryDirectory(prefix="tessera-cli-") as folder:
        pathlib.Path(folder).chmod(0o755)
        made = Host(pathlib.Path(folder), build)
        try:
            made.add("alice")
            made.add("bob")
            yield made
        finally:
            made.end()
        assert "CRITICAL" not in made.log() and "Sanitizer" not in made.log()


class Monitor:
    def __init__(self, host, uid, *options):
        self.out = host.folder / f"monitor-{time.monotonic_ns()}"
        as_uid = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
        self.process = host.popen(*as_uid, host.tessera, *options, "monitor", stdout=self.out.open("wb"),
                                  stderr=subprocess.PIPE, text=True)
        if "--json" not in options:
            assert self.process.stderr.readline() == "watching; ^C ends it\n"

    def text(self):
        return self.out.read_text()

    def wait(self, word, seconds=10):
        end = time.monotonic() + seconds
        while word not in self.text():
            assert time.monotonic() < end and self.process.poll() is None, (word, self.text())
            time.sleep(0.02)

    def end(self, how=signal.SIGINT):
        self.process.send_signal(how)
        _, self.stderr = self.process.communicate(timeout=10)
        return self.process.returncode


def fail(host, user):
    """A step-up with a wrong password: an event of the user's."""
    login = host.login(ACCOUNTS[user])
    assert login.run("login", stdin="wrong\n").status == 3


def test_monitor_shows_to_each_what_is_its_own(host):
    monitors = {user: Monitor(host, uid) for user, uid in {"root": 0, **ACCOUNTS, "nobody": NOBODY}.items()}
    fail(host, "alice")
    fail(host, "bob")
    for user in ("alice", "bob"):
        monitors["root"].wait(user)
        monitors[user].wait(user)
    time.sleep(0.3)
    assert [m.end() for m in monitors.values()] == [0] * len(monitors)
    assert "alice" not in monitors["bob"].text() and "bob" not in monitors["alice"].text()
    assert monitors["nobody"].text() == monitors["tessera"].text() == ""
    line = [line for line in monitors["alice"].text().splitlines() if "refused" in line][0]
    assert line.split()[2:] == ["refused", "alice", "tessera", "-", "wrong-password"], line


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_monitor_as_json_has_an_object_a_line(host, how):
    monitor = Monitor(host, 0, "--json")
    end = time.monotonic() + 10
    while not monitor.text():  # it says nothing when it begins
        assert time.monotonic() < end
        fail(host, "bob")
    assert monitor.end(how) == 0 and monitor.stderr == ""
    events = [json.loads(line) for line in monitor.text().splitlines()]
    assert all(set(event) == EVENT for event in events)
    event = events[-1]
    assert (event["event"], event["user"], event["reason"]) == ("refused", "bob", "wrong-password")
    assert event["from"] is None and abs(event["time"] - time.time()) < 60


def test_B1_monitor_believes_the_daemon_alone(host):
    monitor = Monitor(host, ACCOUNTS["alice"])
    forger = host.popen("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/python3",
                        "-c", FORGE, stdout=subprocess.PIPE, text=True)
    assert int(forger.communicate(timeout=10)[0]) >= 3 and forger.returncode == 0
    fail(host, "alice")
    monitor.wait("refused")
    assert monitor.end() == 0
    assert "forged" not in monitor.text() and "gone" not in monitor.stderr


def stop_daemon(host, how=signal.SIGTERM):
    os.kill(host.daemon.pid, how)
    host.daemon.wait(10)


@pytest.mark.parametrize("user", ["root", "alice"])
def test_monitor_ends_when_the_daemon_is_gone(host, user):
    monitor = Monitor(host, ACCOUNTS.get(user, 0))
    stop_daemon(host, signal.SIGKILL)
    _, stderr = monitor.process.communicate(timeout=20)
    assert monitor.process.returncode == 5
    assert "the daemon has gone; connecting again" in stderr and "connected again" not in stderr
    assert "is it running?" in stderr


@pytest.mark.parametrize("user", ["root", "alice"])
def test_monitor_comes_back_with_the_daemon(host, user):
    monitor = Monitor(host, ACCOUNTS.get(user, 0))
    stop_daemon(host)
    time.sleep(0.5)
    host.start_daemon()
    assert "has gone" in monitor.process.stderr.readline()
    assert "connected again" in monitor.process.stderr.readline()
    fail(host, "alice")
    monitor.wait("refused")
    assert monitor.end() == 0


def test_monitor_can_be_ended_while_it_tries_again(host):
    monitor = Monitor(host, 0)
    stop_daemon(host)
    assert "has gone" in monitor.process.stderr.readline()
    assert monitor.end() == 0


def test_17th_monitor_is_told_so(host):
    monitors = [Monitor(host, ACCOUNTS["alice"]) for _ in range(16)]
    done = host.popen("setpriv", "--reuid=alice", "--regid=alice", "--clear-groups", host.tessera, "--json", "monitor",
                      stderr=subprocess.PIPE, text=True)
    _, stderr = done.communicate(timeout=10)
    assert done.returncode == 1 and '"code":"busy"' in stderr and "too many monitors" in stderr
    assert [monitor.end() for monitor in monitors] == [0] * 16


def test_monitor_ends_where_nothing_can_be_written(host):
    monitor = host.popen(host.tessera, "monitor", stdout=pathlib.Path("/dev/full").open("w"), stderr=subprocess.PIPE,
                         text=True)
    assert "watching" in monitor.stderr.readline()
    fail(host, "alice")
    _, stderr = monitor.communicate(timeout=10)
    assert monitor.returncode == 1 and "could not be written" in stderr


def test_log_without_a_journal_says_so(host):
    for user in ("root", "alice"):
        answer = host.login(ACCOUNTS.get(user, 0)).run("--json", "log")
        assert (answer.status, answer.stdout) == (1, "") and "no-journal" in answer.stderr


@pytest.mark.parametrize("since", ["", "2", "yesterday", "-2h", "2026-13-01"])
def test_log_takes_no_other_time(host, since):
    answer = host.root.run("log", f"--since={since}")
    assert (answer.status, answer.stdout) == (2, "") and "2h" in answer.stderr
