# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""passwd: who is asked what, what the daemon gets, and what is left for others."""

import pytest

from conftest import ALICE, ROOT
from mock import ALLOW, DENY, HANG_UP, NOT_OURS, ROLE, SILENCE, STEP_UP, Error, verdict

OLD, NEW = "canary-old-1", "canary-new-2"
CURRENT, FIRST, AGAIN = "Current password: ", "New password: ", "Retype new password: "
EXPIRED, SILENT = 0x20, 0x8000  # PAM_CHANGE_EXPIRED_AUTHTOK, PAM_SILENT
TESSERA = "org.tessera.Tessera1.Error."
SHORT = verdict("deny", reason="password", message="the new password is too short: it must have 8 characters or more")
NOT_YOURS = verdict("deny", reason="not-yours", message="only bob and root may change the password of bob")


def daemon(call):
    """What the real one says to alice, whose password is OLD."""
    current, password = call["secrets"]
    if not current and not password:
        return STEP_UP
    if current != OLD.encode():
        return DENY
    if password and len(password) < 8:
        return SHORT
    return verdict("allow", message="changed") if password else verdict("allow")


@pytest.fixture
def mock(mock):
    mock.answers["ChangePassword"] = daemon
    return mock


def passwd(driver, uid=ALICE, user="alice", **options):
    """setuid root, started by @uid."""
    driver.start("passwd", user, **options)
    driver.do("uid", uid)
    return driver


def secrets(mock):
    return [[secret.decode() for secret in call["secrets"]] for call in mock.calls]


def test_a_user_changes_his_own(driver, mock):
    result = passwd(driver).answers(OLD, NEW, NEW).call("chauthtok")
    assert (result.code, result.texts("prompt")) == ("SUCCESS", [CURRENT, FIRST, AGAIN])
    assert secrets(mock) == [["", ""], [OLD, ""], [OLD, NEW]]
    assert {(call["method"], call["user"], call["service"]) for call in mock.calls} == {
        ("ChangePassword", "alice", "passwd")}
    assert result.texts("info") == ["tessera: changed"] and result.texts("error") == []
    assert driver.answers(OLD, NEW, NEW).call("chauthtok", SILENT).texts("info") == []


def test_root_is_not_asked_for_the_old_one(driver, mock):
    mock.answers["ChangePassword"] = verdict("allow")
    result = passwd(driver, uid=0).answers(NEW, NEW).call("chauthtok")
    assert (result.code, result.texts("prompt")) == ("SUCCESS", [FIRST, AGAIN])
    assert secrets(mock) == [["", ""], ["", NEW]]


def test_nobody_else_is_spared_the_old_one(driver, mock):
    """Not even when the daemon takes our process for one that root started."""
    mock.answers["ChangePassword"] = verdict("allow")
    result = passwd(driver).answers(NEW, NEW).call("chauthtok")
    assert (result.code, result.texts("prompt")) == ("SYSTEM_ERR", [])
    assert secrets(mock) == [["", ""]]


def test_not_ours_is_left_to_the_modules_below(driver, mock):
    """In both passes, without a prompt of ours: pam_unix (here pam_debug) goes on as if we were not there."""
    mock.answers["ChangePassword"] = NOT_OURS
    result = passwd(driver, below="pam_debug.so prechauthtok=success chauthtok=success").call("chauthtok")
    assert (result.code, result.texts("prompt"), result.texts("error")) == ("SUCCESS", [], [])
    assert len(mock.calls) == 1  # the second pass remembers
    result = passwd(driver, below="pam_debug.so prechauthtok=success chauthtok=authtok_err").call("chauthtok")
    assert result.code == "AUTHTOK_ERR"
    result = passwd(driver, below="pam_debug.so prechauthtok=try_again").call("chauthtok")
    assert result.code == "TRY_AGAIN"


def test_a_user_of_ours_is_not_the_modules_belows(driver, mock):
    """Changed or refused, what stands below changes no Unix password."""
    below = "pam_debug.so prechauthtok=perm_denied chauthtok=perm_denied"
    assert passwd(driver, below=below).answers(OLD, NEW, NEW).call("chauthtok").code == "SUCCESS"
    below = "pam_debug.so prechauthtok=success chauthtok=success"
    assert passwd(driver, below=below).answers("wrong", NEW, NEW).call("chauthtok").code == "AUTHTOK_RECOVERY_ERR"


@pytest.mark.parametrize("user", ["root", "toor"])
def test_uid_0_is_not_asked_about(driver, mock, user):
    result = passwd(driver, uid=0, user=user).call("chauthtok")
    assert (result.code, result.texts("prompt"), mock.calls) == ("IGNORE", [], [])


@pytest.mark.parametrize("service", ["passwd", "sshd", "su"])
def test_an_expired_password_is_never_ours(driver, mock, service):
    """A login found the Unix password expired: the process is root's, the person is whoever logs in."""
    for uid in (0, ALICE):
        driver.start(service, "alice", ruser="alice")
        driver.do("uid", uid)
        result = driver.answers(NEW, NEW).call("chauthtok", EXPIRED)
        assert (result.code, result.texts("prompt"), mock.calls) == ("IGNORE", [], [])


def test_P33_it_is_about_pam_user_whoever_invoked_what(driver, mock):
    driver.start("su", "alice", ruser="bob")
    assert driver.answers(OLD, NEW, NEW).call("chauthtok").code == "SUCCESS"
    assert mock.calls[0]["user"] == "alice"


def test_anothers_is_refused_before_any_prompt(driver, mock):
    mock.answers["ChangePassword"] = NOT_YOURS
    result = passwd(driver, user="bob").call("chauthtok")
    assert (result.code, result.texts("prompt")) == ("PERM_DENIED", [])
    assert result.texts("error") == ["tessera: only bob and root may change the password of bob"]


def test_P20_P23_wrong_throttled_disabled_are_one(driver, mock):
    seen = set()
    for answer in (DENY, verdict("deny", reason="throttled", message="in an hour"),
                   verdict("deny", reason="disabled", message="disabled"), verdict("deny")):
        mock.answers["ChangePassword"] = lambda call, answer=answer: answer if call["secrets"][0] else STEP_UP
        result = passwd(driver).answers("wrong", NEW, NEW).call("chauthtok")
        seen.add((result.code, *result.texts("prompt"), *result.texts("error"), *result.texts("info")))
        assert 1_000_000 <= result.delays[0] <= 3_000_000
    assert seen == {("AUTHTOK_RECOVERY_ERR", CURRENT, "tessera: that password is not right, or cannot be tried now")}


def test_the_old_one_went_stale_between_the_passes(driver, mock):
    """Somebody else changed it meanwhile."""
    mock.answers["ChangePassword"] = lambda call: DENY if call["secrets"][1] else daemon(call)
    assert passwd(driver).answers(OLD, NEW, NEW).call("chauthtok").code == "AUTHTOK_RECOVERY_ERR"


@pytest.mark.parametrize("answer", [STEP_UP, NOT_OURS], ids=["step-up", "not ours"])
def test_P2_second_thoughts_of_the_daemon_are_errors(driver, mock, answer):
    mock.answers["ChangePassword"] = lambda call: answer if call["secrets"][1] else daemon(call)
    assert passwd(driver).answers(OLD, NEW, NEW).call("chauthtok").code == "SYSTEM_ERR"


@pytest.mark.parametrize("first, again, said", [
    (NEW, NEW + "x", "the two new passwords are not the same"),
    (NEW, "", "the two new passwords are not the same"),
    ("", "", "the new password is empty, or too long"),
    ("x" * 1025, "x" * 1025, "the new password is empty, or too long"),
    ("x" * 100_000, "x" * 100_000, "the new password is empty, or too long"),
    ("short", "short", "the new password is too short: it must have 8 characters or more")], ids=range(6))
def test_a_new_password_that_is_none(driver, mock, first, again, said):
    result = passwd(driver).answers(OLD, first, again).call("chauthtok")
    assert result.code == "AUTHTOK_ERR"
    assert result.texts("error") == ["tessera: " + said]
    assert result.delays == [0]
    assert len(mock.calls) == (3 if first == "short" else 2)


@pytest.mark.parametrize("current", ["", "x" * 1025, "x" * 100_000], ids=["none", "1025", "100000"])
def test_P14_an_old_password_that_is_none(driver, mock, current):
    result = passwd(driver).answers(current, NEW, NEW).call("chauthtok")
    assert (result.code, result.texts("prompt")) == ("AUTHTOK_RECOVERY_ERR", [CURRENT])
    assert len(mock.calls) == 1  # nothing was tried, and nothing charged


@pytest.mark.parametrize("size", [1024, 8])
def test_passwords_arrive_as_typed(driver, mock, size):
    new = "ä" + "x" * (size - 2)
    assert passwd(driver).answers(OLD, new, new).call("chauthtok").code == "SUCCESS"
    assert mock.calls[-1]["secrets"] == [OLD.encode(), new.encode()]
    assert mock.calls[-1]["seals"] == 15
    assert "canary" not in str([call["values"] for call in mock.calls])


def test_P14_a_conversation_that_ends_early(driver, mock):
    for kind in ("fail", "no-response", "null", "none"):
        passwd(driver).answer(OLD, kind)
        result = driver.call("chauthtok")
        assert (result.code, result.delays, len(mock.calls)) == ("AUTHTOK_ERR", [0], 1), kind
        mock.calls.clear()
        passwd(driver, uid=0).answer(NEW, kind)
        mock.answers["ChangePassword"] = verdict("allow")
        result = driver.call("chauthtok")
        assert (result.code, len(mock.calls)) == ("AUTHTOK_ERR", 1), kind
        mock.answers["ChangePassword"] = daemon
        mock.calls.clear()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_P3_user_changed_in_the_conversation(driver, mock, at):
    answers = [OLD, NEW, NEW][:at + 1]
    passwd(driver)
    if at == 0:
        driver.answer(OLD, "flip", flip="bob")
    else:
        driver.answer(answers[0], "flip", flip="bob")
        mock.answers["ChangePassword"] = verdict("allow") if at == 1 else daemon
        if at == 1:
            driver.do("uid", 0)
    result = driver.call("chauthtok")
    assert result.code == "PERM_DENIED"
    assert all(call["user"] == "alice" and not call["secrets"][1] for call in mock.calls)


OUTAGES = {"store down": Error(TESSERA + "StoreUnavailable"), "busy": Error(TESSERA + "Busy"), "hangs up": HANG_UP,
           "silence": SILENCE, "older daemon": Error("org.freedesktop.DBus.Error.UnknownMethod"),
           "a verdict that nobody knows": verdict("sure")}


@pytest.mark.parametrize("state", OUTAGES)
@pytest.mark.parametrize("when", [0, 1, 2])
def test_an_outage_changes_nothing_and_says_so(driver, mock, state, when):
    """Break-glass does not apply: alice is in it, and no Unix password decides anything here."""
    answer = OUTAGES[state]
    mock.answers["ChangePassword"] = lambda call: answer if len(mock.calls) > when else daemon(call)
    below = "pam_debug.so prechauthtok=success chauthtok=success"
    result = passwd(driver, arguments="timeout=1 breakglass=rescue", below=below).answers(OLD, NEW, NEW).call("chauthtok")
    assert result.code == "TRY_AGAIN"
    assert result.texts("prompt") == [CURRENT, FIRST, AGAIN][:{0: 0, 1: 1, 2: 3}[when]]
    assert result.texts("error") == [
        "tessera: the login service does not answer; try again or contact an administrator"]


def test_an_outage_without_any_daemon(driver):
    result = passwd(driver, arguments="timeout=1 breakglass=rescue").answers(OLD, NEW, NEW).call("chauthtok")
    assert (result.code, result.texts("prompt")) == ("TRY_AGAIN", [])


@pytest.mark.parametrize("answer, code", [(ROLE, "PERM_DENIED"), (Error(TESSERA + "InvalidArgument"), "SYSTEM_ERR"),
                                          (Error(TESSERA + "AccessDenied"), "SYSTEM_ERR"),
                                          (verdict("deny", reason="moon"), "AUTHTOK_RECOVERY_ERR")], ids=range(4))
def test_P1_other_answers_refuse(driver, mock, answer, code):
    mock.answers["ChangePassword"] = answer
    assert passwd(driver).answers(OLD, NEW, NEW).call("chauthtok").code == code


@pytest.mark.parametrize("arguments", ["nullok", "timeout=0", "use_authtok"])
def test_P19_bad_argument_refuses(driver, mock, arguments):
    result = passwd(driver, arguments=arguments).answers(OLD, NEW, NEW).call("chauthtok")
    assert (result.code, result.texts("prompt"), mock.calls) == ("SYSTEM_ERR", [], [])


# Where the secrets are afterwards


def test_P28_source_keeps_no_password_in_an_item():
    """What stands in PAM_AUTHTOK or PAM_OLDAUTHTOK is any other module's to take."""
    assert "pam_set_item" not in (ROOT / "pam/pam-password.c").read_text()


@pytest.mark.parametrize("answers", [(OLD, NEW, NEW), ("canary-wrong",), (OLD, NEW, "canary-mismatch")], ids=range(3))
def test_S2_S3_passwords_are_wiped_before_they_are_freed(driver, mock, answers):
    passwd(driver, arguments="debug timeout=1").answers(*answers)
    driver.do("watch", b"canary".hex())
    driver.call("chauthtok")
    driver.end()
    assert driver.do("watch", "-").ok == ["0"]


def test_S3_an_old_password_that_waits_in_vain_is_wiped_with_the_handle(driver, mock):
    """The first pass of a module below fails, and there is no second."""
    passwd(driver, stack="password required {module} {arguments}\npassword required pam_debug.so prechauthtok=try_again\n")
    driver.answers(OLD)
    driver.do("watch", b"canary".hex())
    assert driver.call("chauthtok").code == "TRY_AGAIN"
    driver.end()
    assert driver.do("watch", "-").ok == ["0"]


def test_S1_no_password_in_the_log(driver, mock):
    for answers in ((OLD, NEW, NEW), ("canary-wrong",), (OLD, NEW, "canary-mismatch"), (OLD, "short", "short")):
        result = passwd(driver, arguments="debug").answers(*answers).call("chauthtok")
        logged = str([result.texts(f"log {n}") for n in range(8)])
        assert "ChangePassword" in logged and "canary" not in logged


def test_P12_P13_nothing_is_left_in_the_process(driver, mock):
    passwd(driver)
    before = None
    for _ in range(20):
        for answers in ((OLD, NEW, NEW), ("wrong",), (OLD, NEW, "other")):
            driver.answers(*answers).call("chauthtok")
        before = before or driver.do("state").ok
    assert driver.do("state").ok == before


def test_P9_twice_with_one_handle(driver, mock):
    passwd(driver)
    for _ in range(2):
        assert driver.answers(OLD, NEW, NEW).call("chauthtok").code == "SUCCESS"
    assert driver.answers("wrong", NEW, NEW).call("chauthtok").code == "AUTHTOK_RECOVERY_ERR"
