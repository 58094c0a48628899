# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The store under kill -9, a failing disk and a full one: what it acknowledged is there, whatever happens."""

import collections
import errno
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest
from scale import SEED, SOAK, scaled

STORE_E_STATE = 4


@pytest.fixture
def driver(build):
    return build / "tests/faults/store-driver"


class Told:
    """What a driver said: acknowledged, tried, failed. Only whole lines count."""

    def __init__(self):
        self.state = {}         # session: what was acknowledged last
        self.user = {}          # session: its user
        self.tried = collections.defaultdict(set)
        self.failed = []        # (what, name, errno)
        self.users = {}         # user: "enabled" or "disabled", as acknowledged
        self.unsure = set()     # users with a change under way
        self.origin = {}        # session: the device it came from, or "-"
        self.device = {}        # device: its user; as acknowledged
        self.used = collections.defaultdict(set)    # device: the counters whose use was acknowledged
        self.reused = set()     # devices that were revoked for reuse, as acknowledged
        self.spent = set()      # tickets whose use was acknowledged
        self.roles = {}         # "USER:ROLE": "assigned" or "unassigned", as acknowledged

    def read(self, text):
        for line in text.split("\n")[:-1]:
            word, *rest = line.split()
            if word == "try":
                self.begin(*rest)
            elif word == "failed":
                self.failed.append((rest[0], rest[1], -int(rest[-1])))
                self.unsure.discard(rest[1])
            elif word in ("opened", "revoked"):
                self.state[rest[0]] = word
            elif word == "registered":
                self.device[rest[0]] = self.user[rest[0]]
            elif word == "used":
                device, counter = rest[0].split(":")
                self.used[device].add(int(counter))
            elif word == "reused":
                self.finish_reuse(rest[0])
            elif word == "spent":
                self.spent.add(rest[0])
            elif word in ("assigned", "unassigned"):
                self.roles[rest[0]] = word
                self.unsure.discard(rest[0])
            elif word == "added":
                self.users[rest[0]] = "enabled"
            elif word in ("enabled", "disabled"):
                self.finish(word, rest[0])

    def begin(self, what, name, user=None, origin="-"):
        if what in ("opened", "registered"):
            self.user[name] = user
            self.origin[name] = origin
        elif what == "reused":
            self.tried["revoked"] |= self.sessions_of(name)
        elif what in ("enabled", "disabled", "assigned", "unassigned"):
            self.unsure.add(name)
        if what == "disabled":
            self.tried["revoked"] |= {thing for thing, owner in self.user.items() if owner == name}
        self.tried[what].add(name)

    def sessions_of(self, device):
        return {session for session, origin in self.origin.items() if origin == device}

    def finish_reuse(self, device):
        self.reused.add(device)
        for session in self.sessions_of(device):
            if session in self.state:
                self.state[session] = "revoked"

    def finish(self, what, user):
        self.users[user] = what
        self.unsure.discard(user)
        if what == "disabled":
            for session, owner in self.user.items():
                if owner == user and session in self.state:
                    self.state[session] = "revoked"


def read_dump(text):
    lines = [line.split() for line in text.splitlines()]
    assert ["end"] in lines, "the dump is not complete"
    users = {line[1]: line[2] for line in lines if line[0] == "user"}
    sessions = {line[1]: (line[2], line[3]) for line in lines if line[0] == "session"}
    devices = {line[1]: Device(*line[2:]) for line in lines if line[0] == "device"}
    roles = {line[1] for line in lines if line[0] == "role"}
    return users, sessions, devices, roles


class Device:
    """As dumped: which counters have not been used?"""

    def __init__(self, user, state, highest, *gaps):
        self.user, self.state, self.highest = user, state, int(highest)
        self.gaps = [tuple(int(end) for end in gap.split("@")[0].split("-")) for gap in gaps]

    def has_used(self, counter):
        return counter <= self.highest and not any(first <= counter <= last for first, last in self.gaps)


def check_devices(told, users, devices):
    for device in told.device:
        assert device in devices, f"device {device} was acknowledged and is gone"
    for device, counters in told.used.items():
        for counter in counters:
            assert devices[device].has_used(counter), f"counter {counter} of {device} was used and would count again"
    for name, device in devices.items():
        assert name in told.user, f"device {name} was never registered"
        # disabling is both or neither: the user, and every device
        assert device.state == "revoked" or users[device.user] == "enabled", f"{device.user} is disabled, {name} not"
        if name in told.reused:
            assert device.state == "revoked", f"device {name} was used again and lives"
        elif not {name, device.user} & (told.tried["reused"] | told.tried["disabled"]):
            assert device.state == "active", f"device {name} was revoked by itself"


def check_roles(told, roles):
    for name, state in told.roles.items():
        if name not in told.unsure:
            assert (name in roles) == (state == "assigned"), f"the role {name} was acknowledged as {state}"
    assert roles <= told.tried["assigned"], "roles that nobody was given"


def check(told, users, sessions, devices, roles):
    check_devices(told, users, devices)
    check_roles(told, roles)
    for user, state in told.users.items():
        assert user in users, f"{user} was acknowledged and is gone"
        if user not in told.unsure:
            assert users[user] == state, f"{user} was acknowledged as {state}"
    for session, state in told.state.items():
        assert session in sessions, f"session {session} was acknowledged and is gone"
        if state == "revoked":
            assert sessions[session][1] == "revoked", f"session {session} was revoked and lives again"
        elif session not in told.tried["revoked"] and told.user[session] not in told.unsure:
            assert sessions[session][1] == "active", f"session {session} ended by itself"
    for session, (user, state) in sessions.items():
        assert session in told.user, f"session {session} was never opened"
        # disabling is both or neither: the user, and every session
        assert state == "revoked" or users[user] == "enabled", f"{user} is disabled and session {session} {state}"
        # and so is reuse: the device, and every session
        if (origin := told.origin[session]) != "-":
            assert state == devices[origin].state, f"session {session} is {state}, its device {devices[origin].state}"


def verify(driver, database, told, tmp_path):
    """After a crash: a copy is whole by SQLite's own judgement, and the store finds everything."""
    copy = tmp_path / "copy.db"
    for end in ("", "-wal"):
        pathlib.Path(f"{copy}{end}").unlink(missing_ok=True)
        if pathlib.Path(f"{database}{end}").exists():
            shutil.copy(f"{database}{end}", f"{copy}{end}")
    if copy.exists():
        with sqlite3.connect(copy) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()
    users, sessions, devices, roles = ask(driver, database)
    check(told, users, sessions, devices, roles)
    replay(driver, database, told, devices)


def ask(driver, database):
    dump = subprocess.run([driver, database, "dump"], capture_output=True, text=True, timeout=60)
    assert dump.returncode == 0, dump.stderr
    return read_dump(dump.stdout)


def replay(driver, database, told, devices):
    """The device goes on with its next counter, whatever got lost; what was used is reuse; tickets are spent."""
    live = [name for name in told.used if devices[name].state == "active"]
    steps = [f"spent {ticket}" for ticket in told.spent]
    expected = [f"spent {ticket} yes" for ticket in told.spent]
    if live:
        name = live[-1]
        steps += [f"use {name} {devices[name].highest + 1}", f"use {name} {max(told.used[name])}"]
        expected += ["use next", "use again"]
    done = subprocess.run([driver, database, "steps"], input="\n".join([*steps, "quit", ""]), text=True, check=True,
                          stdout=subprocess.PIPE, timeout=60)
    assert [line for line in done.stdout.splitlines() if line != "done"] == expected
    if live:
        told.begin("reused", name)
        told.finish_reuse(name)
        assert ask(driver, database)[2][name].state == "revoked"


def test_R9_kill_at_random_moments(driver, tmp_path):
    rng = random.Random(SEED)
    database = tmp_path / "tessera.db"
    told = Told()
    for _ in range(scaled(200)):
        storm = subprocess.Popen([driver, database, "storm", str(rng.choice([1, 4, 16]))], stdout=subprocess.PIPE)
        time.sleep(rng.uniform(0.01, 0.4))
        storm.send_signal(signal.SIGKILL)
        told.read(storm.stdout.read().decode())
        storm.stdout.close()
        storm.wait()
        assert told.failed == []
        verify(driver, database, told, tmp_path)
    assert len(told.state) > 10 and len(told.used) > 1 and told.reused and told.spent and told.roles


class Traced:
    """A storm under strace, which makes system calls fail or kill."""

    def __init__(self, inject, driver, database, threads):
        calls = "pwrite64,fdatasync,fsync,ftruncate,unlink,renameat2"
        self.database = database
        self.output = open(f"{database}.output", "w+b")
        self.strace = subprocess.Popen(["strace", "-f", "-qq", "-o", f"{database}.log", "-e", f"trace={calls}",
                                        "-e", f"inject={inject}", driver, database, "storm", str(threads)],
                                       stdout=self.output)

    def kill(self):
        """The driver, not strace: without it the driver would go on."""
        for pid in children_of(self.strace.pid):
            os.kill(pid, signal.SIGKILL)

    def finish(self):
        try:
            self.strace.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.output.seek(0)
        text = self.output.read().decode()
        self.output.close()
        for end in ("output", "log"):
            pathlib.Path(f"{self.database}.{end}").unlink()
        return text


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_R9_kill_at_every_write(driver, tmp_path):
    """From the first write of a database's life on: kill at the n-th."""
    rng = random.Random(SEED + 1)
    numbers = list(range(1, 1001))
    if not SOAK:
        numbers = sorted(rng.sample(range(1, 60), 10) + rng.sample(numbers, scaled(1000) - 10))
    for number in numbers:
        folder = tmp_path / str(number)
        folder.mkdir()
        told = Told()
        traced = Traced(f"pwrite64,fdatasync,fsync,ftruncate,unlink,renameat2:signal=KILL:when={number}",
                        driver, folder / "tessera.db", 2)
        told.read(traced.finish())
        verify(driver, folder / "tessera.db", told, folder)
        shutil.rmtree(folder)


@pytest.mark.parametrize("call, when", [("pwrite64", "40+97"), ("fdatasync", "5+7")])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_R10_failing_writes(driver, tmp_path, call, when, error):
    """Now and then a call fails: the callers are told, and what they were told is true."""
    database = tmp_path / "tessera.db"
    told = Told()
    made = subprocess.run([driver, database, "steps"], input="users\n", text=True, check=True, stdout=subprocess.PIPE)
    told.read(made.stdout)
    traced = Traced(f"{call}:error={error}:when={when}", driver, database, 4)
    time.sleep(4)
    traced.kill()
    told.read(traced.finish())
    assert told.failed, "nothing failed"
    # a user whose enabling failed is disabled: no session is opened then
    assert {failed[2] for failed in told.failed} <= {errno.EIO, getattr(errno, error), -STORE_E_STATE}
    assert len(told.state) > 20, "nothing worked"
    # a failed commit may have reached the disk before it failed; it was never acknowledged
    told.unsure |= {name for what, name, _ in told.failed if what in ("enabled", "disabled")}
    verify(driver, database, told, tmp_path)


class Steps:
    """A driver that is told what to do, on a disk of its own."""

    def __init__(self, driver, mount, size):
        script = f'mount -t tmpfs -o size={size},mode=0700 tessera-test "$1" && exec "$2" "$1/tessera.db" steps'
        self.told = Told()
        self.process = subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", mount, driver],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.disk = pathlib.Path(f"/proc/{self.process.pid}/root{mount}")

    def do(self, command):
        """Does it; what came of it in this step alone."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) not in ("done\n", ""):
            lines.append(line)
        assert line == "done\n", "the driver died"
        text = "".join(lines)
        if command != "dump":
            self.told.read(text)
        return text

    def fill_disk(self):
        with open(self.disk / "ballast", "ab", buffering=0) as ballast:
            for size in (4096, 1):
                try:
                    while True:
                        ballast.write(b"\0" * size)
                except OSError:
                    pass


def failures(text):
    return [line for line in text.splitlines() if line.startswith("failed")]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_R10_disk_full(driver, tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    steps = Steps(driver, mount, "3m")
    try:
        steps.do("users")
        assert failures(steps.do("open 50")) == []
        steps.fill_disk()

        # what fits into what is there already may work; then nothing does
        steps.do("open 2000")
        full = steps.do("open 20") + steps.do("disable")
        assert len(failures(full)) == 21, full
        assert {failed[2] for failed in steps.told.failed} == {errno.ENOSPC}, "ENOSPC is what the callers are told"

        # reading works, and nothing is half done
        failed = {name for what, name, _ in steps.told.failed if what == "opened"}
        users, sessions, devices, roles = read_dump(steps.do("dump"))
        check(steps.told, users, sessions, devices, roles)
        assert not failed & sessions.keys()
        assert users["user2"] == "enabled"

        (steps.disk / "ballast").unlink()
        assert failures(steps.do("open 20") + steps.do("disable")) == []
        check(steps.told, *read_dump(steps.do("dump")))

        # the disk goes with its last process: look before that
        shutil.copytree(steps.disk, tmp_path / "after")
        steps.process.kill()
    finally:
        steps.process.kill()
        steps.process.communicate()
    (tmp_path / "after/tessera.db-shm").unlink(missing_ok=True)
    verify(driver, tmp_path / "after/tessera.db", steps.told, tmp_path)
