# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Callers that are not as one would wish: in a storm of signals, without descriptors, /proc, rights or calls."""

import errno
import resource
import time

import pytest

from conftest import ALICE, STACK
from mock import ALLOW, DENY, HANG_UP, ID, verdict

from scale import scaled

FUNCTIONS = ("authenticate", "account", "open")
ALLOWED = dict.fromkeys(FUNCTIONS, "SUCCESS")
DENIED = {"authenticate": "AUTH_ERR", "account": "PERM_DENIED", "open": "SESSION_ERR"}
OUTAGE = {"authenticate": "AUTHINFO_UNAVAIL", "account": "AUTHINFO_UNAVAIL", "open": "SESSION_ERR"}
# What a call may say that cannot be made as it should. Never that somebody may pass.
REFUSED = {"AUTH_ERR", "PERM_DENIED", "SESSION_ERR", "AUTHINFO_UNAVAIL", "SYSTEM_ERR", "BUF_ERR", "CONV_ERR"}


def answer_all(mock, answer):
    mock.answers.update({method: answer for method in ("Authenticate", "Authorize", "OpenSession", "Check")})


def codes(driver):
    found = {function: driver.call(function).code for function in FUNCTIONS}
    driver.call("close")
    driver.do("env", b"TESSERA_SESSION".hex())
    return found


@pytest.mark.parametrize("answer, expected", [(ALLOW, ALLOWED), (DENY, DENIED)])
def test_F5_ten_thousand_signals_a_second(driver, mock, answer, expected):
    def slowly(call):
        time.sleep(0.02)  # so that each wait is interrupted
        return answer

    answer_all(mock, slowly)
    driver.start(arguments="timeout=20").answer("hunter2")
    before = driver.do("state").ok[:2]
    driver.do("storm")
    begin = time.monotonic()
    rounds = scaled(400)
    for _ in range(rounds):
        assert codes(driver) == expected
    seconds = time.monotonic() - begin
    came = int(driver.do("calm").ok[0])
    assert came > 1000 * seconds, "that was no storm"
    assert driver.do("state").ok[:2] == before
    assert driver.do("state").ok == driver.do("state").ok


@pytest.mark.parametrize("when", ["greeting", "answer"])
def test_F5_a_peer_that_hangs_up_kills_nobody(driver, mock, when):
    """SIGPIPE is deadly in most programs that load us, and stays as they set it."""
    answer_all(mock, HANG_UP)
    if when == "greeting":
        mock.auth = "close"
    driver.start(arguments="timeout=2").answer("hunter2")
    for _ in range(20):
        assert codes(driver) == OUTAGE


@pytest.mark.parametrize("answer, expected", [(ALLOW, ALLOWED), (DENY, DENIED)])
def test_F6_without_standard_descriptors(driver, mock, answer, expected):
    """What we open then may be 0, 1 or 2; nothing else may come to be written there, and nothing is left."""
    answer_all(mock, answer)
    driver.start(arguments="timeout=5").answer("hunter2")
    driver.do("bare")
    for _ in range(3):
        assert codes(driver) == expected


def allowed_or_refused(found, answer):
    for function, code in found.items():
        assert code in REFUSED or (answer is ALLOW and code == "SUCCESS"), (function, code)


@pytest.mark.parametrize("answer", [ALLOW, DENY], ids=["allow", "deny"])
def test_F6_hardly_any_descriptors(make_driver, mock, answer):
    answer_all(mock, answer)
    complete = 0
    for limit in range(16):
        driver = make_driver().start(arguments="timeout=2 breakglass=bob").answer("hunter2")
        codes(driver)  # what is opened once is open
        resource.prlimit(driver.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        found = codes(driver)
        allowed_or_refused(found, answer)
        complete += found == ALLOWED
        driver.stop()
    assert complete > 0 if answer is ALLOW else complete == 0


@pytest.mark.parametrize("kind, size", [(resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_NPROC, 0),
                                        (resource.RLIMIT_STACK, 65536)])
@pytest.mark.parametrize("answer, expected", [(ALLOW, ALLOWED), (DENY, DENIED)], ids=["allow", "deny"])
def test_F6_limits_that_do_not_matter(driver, mock, kind, size, answer, expected):
    answer_all(mock, answer)
    driver.start(arguments="timeout=2").answer("hunter2")
    codes(driver)
    resource.prlimit(driver.process.pid, kind, (size, size))
    assert codes(driver) == expected


def test_F6_a_limit_on_files_is_not_the_end_of_the_caller(driver, mock):
    """A memory file is a file, and too large a one raises SIGXFSZ: `ulimit -f 0; su` would die of it."""
    answer_all(mock, ALLOW)
    driver.start(arguments="timeout=2").answer("hunter2")
    resource.prlimit(driver.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    assert codes(driver) == {**ALLOWED, "authenticate": "SYSTEM_ERR"}
    resource.prlimit(driver.process.pid, resource.RLIMIT_FSIZE, (len("hunter2"), resource.RLIM_INFINITY))
    assert codes(driver) == ALLOWED


def test_F6_in_a_chroot(driver, mock, tmp_path):
    """No socket, no accounts there: an outage, and break-glass is for nobody whose groups cannot be known."""
    answer_all(mock, ALLOW)
    driver.start(arguments="timeout=2 breakglass=rescue").answer("hunter2")
    assert codes(driver) == ALLOWED
    assert driver.do("chroot", tmp_path).ok == ["0"]
    assert codes(driver) == OUTAGE


def test_F6_without_proc(make_driver, mock, tmp_path):
    """We read nothing there."""
    def hide():
        import ctypes
        libc = ctypes.CDLL(None)
        assert libc.unshare(0x00020000) == 0
        assert libc.mount(b"none", b"/proc", b"tmpfs", 0, None) == 0

    answer_all(mock, ALLOW)
    driver = make_driver(before=hide).start(arguments="timeout=2").answer("hunter2")
    assert codes(driver) == ALLOWED


@pytest.mark.parametrize("service, code", [("sshd", "AUTHINFO_UNAVAIL"), ("sudo", "CRED_UNAVAIL")])
def test_F6_by_another_uid_than_root(driver, mock, service, code):
    """It has no way to the private socket, and there is no bus here."""
    answer_all(mock, ALLOW)
    driver.start(service, ruser="alice", arguments="timeout=2").answer("hunter2")
    assert driver.do("be", ALICE).ok == ["0"]
    assert driver.call("authenticate").code == code
    assert driver.call("account").code == "AUTHINFO_UNAVAIL"
    assert mock.calls == []


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
@pytest.mark.parametrize("answer", [ALLOW, DENY], ids=["allow", "deny"])
def test_F6_a_sandbox_without_one_of_the_calls(make_driver, mock, answer, error):
    """As a seccomp filter has it that somebody wrote for sshd alone: each call there is, one at a time, is refused."""
    answer_all(mock, answer)
    driver = make_driver()
    if driver.do("trap").ok != ["0"]:
        pytest.skip("no system call can be made to fail here")
    driver.start(arguments="timeout=2 breakglass=bob", stack=STACK).answer("hunter2")
    codes(driver)
    for function in FUNCTIONS:
        driver.do("arm-call", 0, 0, 0, -1)
        driver.call(function)
        driver.call("close")
        numbers = {int(number) for number in driver.do("disarm-call").ok[2:]}
        assert len(numbers) > 5
        for number in numbers:
            driver.do("env", b"TESSERA_SESSION".hex())
            driver.do("arm-call", 1, error, 1, number)
            result = driver.call(function)
            driver.do("disarm-call")
            allowed_or_refused({function: result.code}, answer)
            driver.call("close")


def test_P26_two_threads_each_with_a_handle(driver, mock):
    """There is no state but the handle's: one's yes is never the other's."""
    def judge(call):
        return verdict("allow", session=ID) if call["secret"] == b"right" else DENY

    mock.answers["Authenticate"] = judge
    driver.start(arguments="timeout=20")
    rounds = scaled(2000)
    assert driver.do("pair", "sshd", "alice", driver.folder, "right", "wrong", rounds).ok == [str(2 * rounds)]
