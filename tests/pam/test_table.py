# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Every daemon state × every entry point × sudo or sshd: the code that DESIGN's table names."""

import pytest

from conftest import ALICE
from mock import (ALLOW, DENY, HANG_UP, ID, NOT_OURS, PENDING, ROLE, SILENCE, STEP_UP, STILL, WHERE, Error, Flood, Raw,
                  Reply, signal, verdict)

TESSERA = "org.tessera.Tessera1.Error."
DBUS = "org.freedesktop.DBus.Error."
REFUSED = ("AUTH_ERR", "AUTH_ERR", "PERM_DENIED", "SESSION_ERR")
OUTAGE = ("CRED_UNAVAIL", "AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "SESSION_ERR")
BROKEN = ("SYSTEM_ERR", "SYSTEM_ERR", "SYSTEM_ERR", "SESSION_ERR")

# state: (what Check/Authenticate/Authorize/OpenSession get, (sudo auth, sshd auth, account, session))
STATES = {
    "allow": (ALLOW, ("SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS")),
    "deny": (DENY, REFUSED),
    "deny without a reason": (verdict("deny"), REFUSED),
    "deny for a new reason": (verdict("deny", reason="moon"), REFUSED),
    "deny disabled": (verdict("deny", reason="disabled", message="disabled"), REFUSED),
    "role missing": (ROLE, ("CRED_INSUFFICIENT", "AUTH_ERR", "PERM_DENIED", "SESSION_ERR")),
    "own session revoked": (verdict("deny", reason="revoked"),
                            ("CRED_INSUFFICIENT", "AUTH_ERR", "PERM_DENIED", "SESSION_ERR")),
    "step-up": (STEP_UP, REFUSED),
    # To a password, and wherever nobody waits for an approval; to Enter alone: test_sign_in.py.
    "P7 pending": (PENDING, REFUSED),
    "P7 pending, with a session": (verdict("pending", session=ID, **WHERE), REFUSED),
    "P7 still pending": (STILL, REFUSED),
    "pending in capitals": (verdict("PENDING", **WHERE), OUTAGE),
    "pending, flow that is no handle": (verdict("pending", **WHERE | {"flow": "../../etc"}), OUTAGE),
    "pending, link to elsewhere": (verdict("pending", **WHERE | {"uri": "http://login.example.org/"}), OUTAGE),
    "not ours": (NOT_OURS, ("IGNORE", "IGNORE", "IGNORE", "IGNORE")),
    "store down": (Error(TESSERA + "StoreUnavailable"), OUTAGE),
    "busy": (Error(TESSERA + "Busy"), OUTAGE),
    "internal error": (Error(TESSERA + "Internal"), OUTAGE),
    "argument refused": (Error(TESSERA + "InvalidArgument"), BROKEN),
    "access denied": (Error(TESSERA + "AccessDenied"), BROKEN),
    "an error that nobody knows": (Error(TESSERA + "Moon"), BROKEN),
    "older daemon: no such method": (Error(DBUS + "UnknownMethod"), OUTAGE),
    "older daemon: other arguments": (Error(DBUS + "InvalidArgs"), OUTAGE),
    "bus: no reply": (Error(DBUS + "NoReply"), OUTAGE),
    "bus: access denied": (Error(DBUS + "AccessDenied"), OUTAGE),
    "an unknown verdict": (verdict("sure"), OUTAGE),
    "verdict in capitals": (verdict("ALLOW"), OUTAGE),
    "verdict with a blank": (verdict("allow "), OUTAGE),
    "empty verdict": (verdict(""), OUTAGE),
    "verdict of 1 MiB": (verdict("allow" + "x" * (1 << 20)), OUTAGE),
    "boolean for a verdict": (Reply("ba{sv}", [1, {}]), OUTAGE),
    "no dictionary": (Reply("s", ["allow"]), OUTAGE),
    "one value too many": (Reply("sa{sv}s", ["allow", {}, "allow"]), OUTAGE),
    "empty reply": (Reply(), OUTAGE),
    "verdict as a path": (Reply("oa{sv}", ["/allow", {}]), OUTAGE),
    "dictionary of strings": (Reply("sa{ss}", ["allow", {"session": ID}]), OUTAGE),
    "session that is no id": (verdict("allow", session="../../etc"), OUTAGE),
    "session in capitals": (verdict("allow", session=ID.upper()), OUTAGE),
    "session of 33 digits": (verdict("allow", session=ID + "0"), OUTAGE),
    "70 entries": (Reply("sa{sv}", ["allow", {f"k{i}": ("s", "") for i in range(70)}]), OUTAGE),
    "truncated body": (Reply("sa{sv}", body=b"\x05\0\0\0allow\0\0\0\xff\0\0\0"), OUTAGE),
    "string that runs past the end": (Reply("sa{sv}", body=b"\xff\xff\xff\x7fallow\0\0\0\0\0\0\0"), OUTAGE),
    "verdict in bad UTF-8": (Reply("sa{sv}", [b"allow\xff", {}]), OUTAGE),
    "garbage": (Raw(b"\xde\xad\xbe\xef" * 4096), OUTAGE),
    "header that claims 2 GiB": (Raw(b"l\x02\x01\x01\xff\xff\xff\x7f\x01\0\0\0\xff\xff\xff\x03" + b"\0" * 65536),
                                 OUTAGE),
    "hangs up": (HANG_UP, OUTAGE),
    "silence": (SILENCE, OUTAGE),
    "signals without end": (Flood(), OUTAGE),
    "unknown types beside it": (Reply("sa{sv}", ["allow", {"session": ("s", ID), "n": ("(ss)", ("a", "b")),
                                                           "d": ("d", 1.0), "reason": ("u", 7)}]),
                                ("SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS")),
}


def sshd(driver, arguments="timeout=1"):
    return driver.start("sshd", "alice", arguments, rhost="192.0.2.7").answer("hunter2")


def sudo(driver, user="alice", arguments="timeout=1"):
    driver.start("sudo", user, arguments, ruser="alice").answer("hunter2")
    driver.do("uid", ALICE)
    return driver


def answer_all(mock, answer):
    for method in ("Check", "Authenticate", "Authorize", "OpenSession"):
        mock.answers[method] = answer


@pytest.mark.parametrize("state", STATES)
def test_P1_P8_code_of_every_state(driver, make_driver, mock, state):
    answer, (sudo_auth, sshd_auth, account, session) = STATES[state]
    answer_all(mock, answer)
    sshd(driver)
    assert driver.call("open").code == session
    assert driver.call("account").code == account
    assert driver.call("authenticate").code == sshd_auth
    other = sudo(make_driver())
    assert other.call("account").code == account
    assert other.call("authenticate").code == sudo_auth
    assert other.call("open").code == "IGNORE"
    assert other.call("close").code == "IGNORE"


def test_allow_without_a_session_is_no_login(driver, mock):
    answer_all(mock, verdict("allow"))
    sshd(driver)
    assert driver.call("authenticate").code == "SYSTEM_ERR"
    assert driver.call("open").code == "SESSION_ERR"
    assert driver.call("account").code == "SUCCESS"


# A daemon that says it is busy is there, and strangers can make it say so.
@pytest.mark.parametrize("state", [state for state in STATES if STATES[state][1] == OUTAGE and
                                   state not in ("silence", "busy")])
def test_break_glass_is_for_outages(driver, make_driver, mock, state):
    answer_all(mock, STATES[state][0])
    sshd(driver, "timeout=1 breakglass=rescue")  # alice is in it
    assert driver.call("open").code == "SUCCESS"
    assert driver.call("account").code == "IGNORE"
    result = driver.call("authenticate")
    assert result.code == "IGNORE"
    assert any("break-glass" in line and "alice" in line for line in result.texts("log 4"))
    other = sudo(make_driver(), arguments="timeout=1 breakglass=rescue")
    result = other.call("authenticate")
    assert result.code == "IGNORE"
    assert result.texts("prompt") == []
    bob = make_driver().start("sshd", "bob", "timeout=1 breakglass=rescue").answer("hunter2")
    assert bob.call("open").code == "SESSION_ERR"
    assert bob.call("account").code == "AUTHINFO_UNAVAIL"
    assert bob.call("authenticate").code == "AUTHINFO_UNAVAIL"


@pytest.mark.parametrize("state", [state for state in STATES if STATES[state][1] != OUTAGE or state == "busy"])
def test_break_glass_changes_nothing_else(driver, mock, state):
    answer, (_, sshd_auth, account, session) = STATES[state]
    answer_all(mock, answer)
    sshd(driver, "timeout=1 breakglass=rescue")
    assert driver.call("open").code == session
    assert driver.call("account").code == account
    assert driver.call("authenticate").code == sshd_auth


@pytest.mark.parametrize("group", ["nosuchgroup", "root", "bob"])
def test_break_glass_group_that_alice_is_not_in(driver, group):
    sshd(driver, f"timeout=1 breakglass={group}")
    assert driver.call("authenticate").code == "AUTHINFO_UNAVAIL"


@pytest.mark.parametrize("function", ["getgrnam", "getgrouplist"])
def test_P29_break_glass_look_up_that_fails_is_a_no(driver, function):
    sshd(driver, "timeout=1 breakglass=rescue")
    driver.do("arm", function, 1)
    assert driver.call("account").code == "AUTHINFO_UNAVAIL"
    assert driver.do("disarm").ok == ["1"]
    assert driver.call("account").code == "IGNORE"


def test_outage_tells_the_user(driver):
    for function in ("authenticate", "account", "open"):
        result = sshd(driver).call(function)
        assert result.texts("error") == [
            "tessera: the login service does not answer; try again or contact an administrator"], function


@pytest.mark.parametrize("user", ["root", "toor"])
def test_P25_uid_0_is_not_asked_about(driver, mock, user):
    answer_all(mock, DENY)
    driver.start("sshd", user)
    for function in ("authenticate", "account", "open", "close"):
        result = driver.call(function)
        assert result.code == "IGNORE"
        assert (result.texts("prompt"), result.texts("error")) == ([], [])
    driver.start("su", "alice", ruser="root")
    for function in ("authenticate", "account", "open", "close"):
        assert driver.call(function).code == "IGNORE"
    assert mock.calls == []


def test_sudo_asks_first_and_prompts_on_step_up_only(driver, mock):
    mock.answers.update(Check=ALLOW, Authenticate=ALLOW)
    sudo(driver)
    result = driver.call("authenticate")
    assert (result.code, result.texts("prompt"), mock.methods()) == ("SUCCESS", [], ["Check"])
    mock.answers["Check"] = STEP_UP
    result = driver.call("authenticate")
    assert (result.code, result.texts("prompt")) == ("SUCCESS", ["Password or token: "])
    assert mock.methods() == ["Check", "Check", "Authenticate"]
    assert mock.calls[-1]["secret"] == b"hunter2"
    assert driver.get("$TESSERA_SESSION") == ""  # sudo opens no session
    mock.answers["Check"] = NOT_OURS
    result = driver.call("authenticate")
    assert (result.code, result.texts("prompt")) == ("IGNORE", [])


def test_P33_the_gate_is_for_who_invoked_sudo(driver, mock):
    """rootpw, targetpw and runaspw make PAM_USER root."""
    answer_all(mock, ROLE)
    sudo(driver, user="root")
    assert driver.call("authenticate").code == "CRED_INSUFFICIENT"
    assert driver.call("account").code == "PERM_DENIED"
    assert [call["user"] for call in mock.calls] == ["alice", "alice"]


@pytest.mark.parametrize("ruser", [None, "bob", "root", "nosuchuser", "", "4001"])
def test_P33_ruser_must_be_the_name_of_getuid(driver, mock, ruser):
    answer_all(mock, ALLOW)
    driver.start("sudo", "root", ruser=ruser)
    driver.do("uid", ALICE)
    assert (driver.call("authenticate").code, driver.call("account").code) == ("SYSTEM_ERR", "SYSTEM_ERR")
    assert mock.calls == []


@pytest.mark.parametrize("user", [None, "#4294967295", "-1"])
def test_A7_sudo_without_an_account_for_the_target(driver, mock, user):
    answer_all(mock, ROLE)
    sudo(driver, user=user)
    assert driver.call("authenticate").code == "CRED_INSUFFICIENT"
    assert driver.call("account").code == "PERM_DENIED"
    assert driver.call("open").code == "IGNORE"


def test_the_refusal_of_sudo_says_which_role(driver, mock):
    """sudo passes PAM_SILENT (0x8000) and must show it all the same."""
    answer_all(mock, ROLE)
    sudo(driver)
    for function in ("authenticate", "account"):
        result = driver.call(function, 0x8000)
        assert result.texts("error") == ["tessera: sudo needs the role admin; you have: operator"]


def test_P20_a_login_is_told_nothing_at_the_prompt(driver, mock):
    texts = set()
    for reason in ("credential", "disabled", "throttled", "revoked"):
        mock.answers["Authenticate"] = verdict("deny", reason=reason, message="because of " + reason)
        result = sshd(driver).call("authenticate")
        texts.add((result.code, *result.texts("prompt"), *result.texts("error"), *result.texts("info")))
        assert 1_000_000 <= result.delays[0] <= 3_000_000, reason  # libpam draws it
    assert texts == {("AUTH_ERR", "Password or token: ")}


def test_P6_account_needs_nothing_from_auth(driver, mock):
    mock.answers["Authorize"] = ROLE
    assert sshd(driver).call("account").code == "PERM_DENIED"
    assert mock.methods() == ["Authorize"]


@pytest.mark.parametrize("below", ["pam_deny.so", "pam_permit.so"])
def test_P5_account_leaves_the_others_their_say(driver, mock, build, module, below):
    """With the shipped line, requisite, what stands behind us still refuses."""
    mock.answers["Authorize"] = ALLOW
    (driver.folder / "sshd").write_text(f"account requisite {module}\naccount required {below}\n")
    driver.do("start", "sshd", b"alice".hex(), driver.folder)
    assert driver.call("account").code == ("SUCCESS" if below == "pam_permit.so" else "AUTH_ERR")


def test_signal_before_the_reply_is_not_the_reply(driver, mock):
    deny = verdict("deny", reason="credential")
    deny.before = signal() * 3
    answer_all(mock, deny)
    assert sshd(driver).call("authenticate").code == "AUTH_ERR"
