# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Every allocation and every system call of each entry point fails, one at a time, before a real daemon.

Whoever was refused without the fault stays refused with it: SUCCESS and IGNORE come only where they
came before. No call dies, hangs, leaves a descriptor open or a password in freed memory.
"""

import concurrent.futures
import contextlib
import errno
import pathlib
import random
import time

import pytest
import real
from conftest import ALICE, BOB, CAROL, DORA, STACK, SWEPT, Driver

from scale import SEED, SOAK

ERRORS = (errno.EINTR, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EIO,
          errno.ECONNRESET, errno.EPIPE, errno.EACCES)
LASTING = (errno.EAGAIN, errno.EMFILE, errno.ENOMEM, errno.EIO)  # from the n-th call on, all of its kind
OPENING = ("SUCCESS", "IGNORE")
TIMEOUT = 1
PATIENCE = 8  # seconds for a call that may take TIMEOUT, on a machine that has other things to do
DRIVERS, SLEEPERS = 4, 24
UNSET = 2**32 - 1

CALLS = {
    "authenticate": (),
    "setcred": ("authenticate",),
    "account": (),
    "open": ("authenticate",),  # called before it, without faults
    "close": ("open",),
    "chauthtok": (),
}
NAMES = {"account": "acct_mgmt", "open": "open_session", "close": "close_session"}
DECIDING = ("authenticate", "account", "open")
PASSWD = ("chauthtok",)

UIDS = {"alice": ALICE, "bob": BOB, "carol": CAROL, "dora": DORA}


class Scene:
    """Who calls what, and what comes of the calls that decide where nothing fails."""

    def __init__(self, service, user, codes, password=real.PASSWORD, login=None, halted=False):
        self.deciding = PASSWD if service == "passwd" else DECIDING
        self.calls = PASSWD if service == "passwd" else [call for call in CALLS if call not in PASSWD]
        self.service, self.user, self.codes, self.password = service, user, dict(zip(self.deciding, codes)), password
        self.login, self.halted = login, halted
        self.invoker = service in ("sudo", "su")
        self.setuid = self.invoker or service == "passwd"


SCENES = {
    "login, allowed": Scene("sshd", "alice", ("SUCCESS", "SUCCESS", "SUCCESS")),
    "login, wrong password": Scene("sshd", "dora", ("AUTH_ERR", "SUCCESS", "SUCCESS"), password="wrong-Sesame"),
    "login, disabled": Scene("login", "bob", ("AUTH_ERR", "PERM_DENIED", "SESSION_ERR")),
    "login, not ours": Scene("sshd", "carol", ("IGNORE", "IGNORE", "IGNORE")),
    "login, stopped": Scene("sshd", "alice", ("AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "SESSION_ERR"), halted=True),
    "sudo, allowed": Scene("sudo", "alice", ("SUCCESS", "SUCCESS", "IGNORE"), login=ALICE),
    "sudo, no role": Scene("sudo", "bob", ("CRED_INSUFFICIENT", "PERM_DENIED", "IGNORE")),
    "su, step-up": Scene("su", "alice", ("SUCCESS", "SUCCESS", "IGNORE")),
    "su, wrong password": Scene("su", "dora", ("AUTH_ERR", "SUCCESS", "IGNORE"), password="wrong-Sesame"),
    "su, stopped": Scene("su", "alice", ("CRED_UNAVAIL", "AUTHINFO_UNAVAIL", "IGNORE"), halted=True),
    "passwd, right password": Scene("passwd", "alice", ("SUCCESS",)),  # old and new are one here
    "passwd, wrong password": Scene("passwd", "dora", ("AUTHTOK_RECOVERY_ERR",), password="wrong-Sesame"),
    "passwd, not ours": Scene("passwd", "carol", ("IGNORE",)),
    "passwd, stopped": Scene("passwd", "alice", ("TRY_AGAIN",), halted=True),
}


@pytest.fixture(scope="module")
def daemon(build, namespace):
    host = real.Real(build)
    yield host
    host.end()


class Guest:
    """A driver in the scene, ready to be faulted."""

    flags = 0

    def __init__(self, build, folder, scene):
        def enter():
            pathlib.Path("/proc/self/loginuid").write_text(str(scene.login or UNSET))

        folder.mkdir()
        self.driver = Driver(build / "tests/pam/pam-driver", build / "pam/pam_tessera.so", folder, before=enter)
        assert self.driver.do("trap").ok == ["0"], "no system call can be made to fail here"
        if scene.login:
            self.log_in(scene)
        # A group that the subject is not in: what fails there must not put anybody into it.
        breakglass = "bob" if scene.user == "alice" else "alice"
        self.driver.start(scene.service, "root" if scene.invoker else scene.user,
                          f"timeout={TIMEOUT} breakglass={breakglass}", ruser=scene.user, stack=STACK)
        self.driver.answer(scene.password)
        if scene.setuid:
            self.driver.do("uid", UIDS[scene.user])
        # Without memory glibc aborts while it reads nsswitch.conf; whoever calls PAM has looked somebody up before.
        self.driver.call("account")
        self.driver.do("watch", scene.password.encode().hex())
        self.scene = scene

    def log_in(self, scene):
        """What sudo finds: a live session of this process's audit session."""
        self.driver.start("sshd", scene.user).answer(real.PASSWORD)
        for function in ("authenticate", "open"):
            assert self.driver.call(function).code == "SUCCESS"

    def prepare(self, function):
        self.driver.do("env", b"TESSERA_SESSION".hex())  # the last round's is no longer pending
        for before in CALLS[function]:
            self.driver.call(before)

    def tidy(self, function):
        if function == "open":
            self.driver.call("close")

    def count(self, function):
        """The code without a fault, and how many allocations and system calls there are."""
        self.driver.do("arm", "malloc", 10**9)
        self.driver.do("arm-call", 0, 0, 0, -1)
        code = self.driver.call(function, self.flags).code
        return code, int(self.driver.do("disarm").ok[0]), int(self.driver.do("disarm-call").ok[0])

    def suffer(self, function, point):
        """One fault. The code, or None where the call was over before it came."""
        kind, n, error, lasting = point
        state = self.driver.do("state").ok
        if kind == "malloc":
            self.driver.do("arm", "malloc", n, *["lasting"] * lasting)
        else:
            self.driver.do("arm-call", n, error, int(lasting), -1)
        begin = time.monotonic()
        code = self.driver.call(function, self.flags).code
        seconds = time.monotonic() - begin
        fired = (int(self.driver.do("disarm").ok[0]) >= n if kind == "malloc"
                 else self.driver.do("disarm-call").ok[1] != "-1")
        assert seconds < PATIENCE, "it hangs"
        assert self.driver.do("state").ok == state, "a descriptor, thread or handler is left"
        assert self.driver.do("watch", self.scene.password.encode().hex()).ok == ["0"], "a secret was not wiped"
        return code if fired else None

    def stop(self):
        self.driver.stop()


def points_of(mallocs, calls, rng):
    """All faults; but in a soak, one in twenty of them."""
    few = 10  # more than without a fault, for what is tried again
    points = [("malloc", n, 0, lasting) for n in range(1, mallocs + few) for lasting in (False, True)]
    points += [("call", n, error, False) for n in range(1, calls + few) for error in ERRORS]
    points += [("call", n, error, True) for n in range(1, calls + few) for error in LASTING]
    rng.shuffle(points)
    return points if SOAK else points[:max(20, len(points) // 20)]


@contextlib.contextmanager
def quiet(daemon, scene):
    """With a daemon that is stopped, where the scene has one."""
    if not scene.halted:
        yield
        return
    daemon.halt()
    try:
        yield
    finally:
        daemon.go_on()


class Sweep:
    """One entry point in one scene, by several drivers at once: most of them wait."""

    def __init__(self, daemon, scene, guests, function):
        self.daemon, self.scene, self.guests, self.function = daemon, scene, guests, function
        self.pool = concurrent.futures.ThreadPoolExecutor(len(guests))

    def each(self, step, *arguments):
        """step(guest, its own argument) for all guests at once."""
        return [done.result() for done in [self.pool.submit(step, *one) for one in zip(self.guests, *arguments)]]

    def count(self):
        for _ in range(1 if self.scene.halted else 2):  # what libc and libpam allocate once is allocated
            self.guests[0].prepare(self.function)
            with quiet(self.daemon, self.scene):
                found = self.guests[0].count(self.function)
            self.guests[0].tidy(self.function)
        return found

    def suffer(self, guest, points):
        found = []
        for point in points:
            if not self.scene.halted:
                guest.prepare(self.function)
            try:
                found.append((point, guest.suffer(self.function, point)))
            except AssertionError as error:
                raise AssertionError(f"{self.function}, {point}: {error}") from None
            if not self.scene.halted:
                guest.tidy(self.function)
        return [(point, code) for point, code in found if code is not None]

    def run(self, points):
        """Every fault that came, with what the call said."""
        found = []
        # What went before is done by a daemon that is awake; and a stopped one's queue is finite.
        size = len(self.guests) * (1 if CALLS[self.function] else 10) if self.scene.halted else len(points)
        for begin in range(0, len(points), size):
            batch = points[begin:begin + size]
            if self.scene.halted:
                self.each(lambda guest: guest.prepare(self.function))
            with quiet(self.daemon, self.scene):
                shares = [batch[i::len(self.guests)] for i in range(len(self.guests))]
                for one in self.each(self.suffer, shares):
                    found += one
            if self.scene.halted:
                self.each(lambda guest: guest.tidy(self.function))
        self.pool.shutdown()
        return found


@pytest.mark.parametrize("name", SCENES)
def test_P1_F3_F4_F7_nobody_gets_in_by_a_fault(build, daemon, tmp_path, name):
    scene, rng = SCENES[name], random.Random(f"{SEED} {name}")
    guests = [Guest(build, tmp_path / str(i), scene) for i in range(SLEEPERS if scene.halted else DRIVERS)]
    try:
        for function in scene.calls:
            one = Sweep(daemon, scene, guests, function)
            expected, mallocs, calls = one.count()
            if function in scene.deciding:
                assert expected == scene.codes[function], function
            found = one.run(points_of(mallocs, calls, rng))
            opened = [(point, code) for point, code in found if code in OPENING and code != expected]
            assert opened == [], f"{function}: {expected} without the fault"
            SWEPT.setdefault(NAMES.get(function, function), []).append(len(found))
    finally:
        for guest in guests:
            guest.stop()
