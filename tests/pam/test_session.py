# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""open_session, close_session, setcred."""

import pytest

from conftest import PLAIN
from mock import ALLOW, DENY, HANG_UP, ID, NOT_OURS, Error, Reply, verdict

OTHER = "f" * 32


@pytest.fixture
def opened(driver, mock):
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW, OpenSession=ALLOW)
    driver.start(arguments="timeout=1", stack=PLAIN)
    assert driver.call("open").code == "SUCCESS"
    mock.calls.clear()
    return driver


def closed(mock):
    return [call["values"][0] for call in mock.calls if call["method"] == "CloseSession"]


def test_P9_close_ends_the_session_exactly_once(opened, mock):
    assert [opened.call("close").code for _ in range(3)] == ["SUCCESS", "PERM_DENIED", "PERM_DENIED"]  # IGNORE
    assert closed(mock) == [ID]


def test_P9_setcred_is_ignored(opened, mock):
    opened.answer("hunter2").call("authenticate")
    mock.calls.clear()
    for flags in (2, 2, 4, 8, 16):  # ESTABLISH twice, DELETE, REINITIALIZE, REFRESH
        result = opened.call("setcred", flags)
        assert result.code == "PERM_DENIED"  # IGNORE
        assert result.texts("error") == []
    assert mock.calls == []
    assert opened.call("close").code == "SUCCESS"


@pytest.mark.parametrize("forged", [OTHER, "", "x", "../../etc/passwd", "a" * 5000])
def test_P10_close_ends_what_open_stored(opened, mock, forged):
    """~/.pam_environment overwrites the variable before close_session."""
    opened.do("env", f"TESSERA_SESSION={forged}".encode().hex())
    assert opened.call("close").code == "SUCCESS"
    assert closed(mock) == [ID]


def test_P10_close_without_open_ends_nothing(driver, mock):
    driver.start()
    driver.do("env", f"TESSERA_SESSION={OTHER}".encode().hex())
    assert driver.call("close").code == "IGNORE"
    assert mock.calls == []


def test_P10_close_does_not_need_the_user(opened, mock):
    """PAM_USER may be another by now, and NSS may be out."""
    opened.do("item", "user", b"bob".hex())
    opened.do("arm", "getpwnam", 1)
    assert opened.call("close").code == "SUCCESS"
    assert opened.do("disarm").ok == ["0"]
    assert closed(mock) == [ID]


def test_P10_session_that_cannot_be_kept_is_closed_again(driver, mock):
    mock.answers.update(OpenSession=ALLOW)
    codes = set()
    driver.start().call("open")  # what is allocated once is
    for n in range(1, 400):
        mock.calls.clear()
        driver.start(arguments="timeout=2")
        driver.do("arm", "malloc", n)
        result = driver.call("open")
        if int(driver.do("disarm").ok[0]) < n:
            break
        if result.code == "BUF_ERR" and "OpenSession" in mock.methods():
            codes.add("BUF_ERR")
            assert closed(mock) == [ID], n
        elif result.code == "SUCCESS":
            assert driver.call("close").code == "SUCCESS" and closed(mock) == [ID], n
        driver.end()
    assert n < 399 and codes == {"BUF_ERR"}


def test_second_open_on_one_handle_is_refused(opened, mock):
    assert opened.call("open").code == "SESSION_ERR"
    assert mock.calls == []
    opened.call("close")
    assert closed(mock) == [ID]


def test_handle_goes_from_auth_to_account_and_open(driver, mock):
    """To account, too: what a provider's groups gave the login is in its session, which is not opened yet."""
    mock.answers.update(Authenticate=verdict("allow", session=OTHER), Authorize=ALLOW,
                        OpenSession=verdict("allow", session=OTHER))
    driver.start().answer("hunter2")
    driver.call("authenticate")
    assert driver.get("$TESSERA_SESSION") == OTHER
    for function in ("account", "open"):
        driver.call(function)
        assert mock.calls[-1]["context"]["session"] == OTHER, function
    assert "session" not in mock.calls[0]["context"]


def test_P32_open_passes_a_forged_handle_on_and_obeys(driver, mock):
    """The daemon judges it; its refusal is ours."""
    mock.answers["OpenSession"] = lambda call: DENY if call["context"].get("session") == OTHER else ALLOW
    driver.start()
    driver.do("env", f"TESSERA_SESSION={OTHER}".encode().hex())
    result = driver.call("open")
    assert (result.code, result.texts("error")) == ("SESSION_ERR", ["tessera: the session could not be opened"])
    driver.call("close")
    assert closed(mock) == []


def test_key_login_opens_without_a_handle(driver, mock):
    mock.answers.update(OpenSession=ALLOW)
    assert driver.start(rhost="192.0.2.1").call("open").code == "SUCCESS"
    assert mock.calls[0]["context"] == {"rhost": "192.0.2.1"}
    assert driver.get("$TESSERA_SESSION") == ID


@pytest.mark.parametrize("answer", [HANG_UP, Error("org.tessera.Tessera1.Error.StoreUnavailable")])
def test_close_that_fails_says_so_to_the_log_only(opened, mock, answer):
    mock.answers["CloseSession"] = answer
    result = opened.call("close")
    assert (result.code, result.texts("error"), len(result.texts("log 3"))) == ("SESSION_ERR", [], 1)


def test_P11_child_that_ends_the_handle_changes_nothing(opened, mock):
    """sshd and login fork, and the child throws its copy away."""
    assert opened.do("fork-end").ok == ["0"]
    assert mock.calls == []
    assert opened.call("account").code == "SUCCESS"
    assert opened.call("close").code == "SUCCESS"
    assert closed(mock) == [ID]


def test_P11_end_without_close_asks_nobody(opened, mock):
    opened.end()
    assert mock.calls == []


@pytest.mark.parametrize("service", ["sudo", "sudo-i", "su", "su-l"])
def test_P4_sudo_and_su_open_nothing(driver, mock, service):
    mock.answers.update(OpenSession=ALLOW)
    driver.start(service=service, user="root", ruser="alice")
    driver.do("env", f"TESSERA_SESSION={OTHER}".encode().hex())
    assert (driver.call("open").code, driver.call("close").code) == ("IGNORE", "IGNORE")
    assert mock.calls == []


def test_not_ours_is_none_of_our_sessions(driver, mock):
    mock.answers.update(OpenSession=NOT_OURS)
    driver.start(user="bob")
    assert (driver.call("open").code, driver.call("close").code) == ("IGNORE", "IGNORE")
    assert closed(mock) == []


def test_reply_of_close_is_not_looked_at(opened, mock):
    mock.answers["CloseSession"] = Reply("s", ["deny"])
    assert opened.call("close").code == "SUCCESS"


NEWS = "last login 2 h ago from 192.0.2.7; 3 failures since"


def test_news_of_an_opened_session_is_one_line_of_information(driver, mock):
    mock.answers["OpenSession"] = verdict("allow", session=ID, message=NEWS)
    result = driver.start().call("open")
    assert (result.code, result.texts("info"), result.texts("error")) == ("SUCCESS", ["tessera: " + NEWS], [])


def test_no_news_no_line(driver, mock):
    mock.answers["OpenSession"] = verdict("allow", session=ID, message="")
    result = driver.start().call("open")
    assert (result.code, result.texts("info"), result.texts("error")) == ("SUCCESS", [], [])


def test_news_is_silent_where_pam_is(driver, mock):
    mock.answers["OpenSession"] = verdict("allow", session=ID, message=NEWS)
    result = driver.start().call("open", 0x8000)  # PAM_SILENT
    assert (result.code, result.texts("info"), result.texts("error")) == ("SUCCESS", [], [])


@pytest.mark.parametrize("message", ["a\nb", "\x1b]0;title\x07", "\x7f", "\u009b31m", "last login\r\ntessera: reuse"])
def test_P22_news_is_cleaned(driver, mock, message):
    mock.answers["OpenSession"] = verdict("allow", session=ID, message=message)
    result = driver.start().call("open")
    shown = result.texts("info")
    assert result.code == "SUCCESS" and len(shown) == 1 and shown[0].startswith("tessera: ")
    assert all(c.isprintable() for c in shown[0])


def test_P22_enormous_news_is_cut(driver, mock):
    mock.answers["OpenSession"] = verdict("allow", session=ID, message="n" * 60000)
    result = driver.start().call("open")
    assert result.code == "SUCCESS" and result.texts("info") == ["tessera: " + "n" * 1023]
    assert driver.call("close").code == "SUCCESS" and closed(mock) == [ID]


@pytest.mark.parametrize("kind", ["fail", "none"])
def test_news_that_nobody_hears_is_no_failure(driver, mock, kind):
    mock.answers["OpenSession"] = verdict("allow", session=ID, message=NEWS)
    assert driver.start().answer("x", kind).call("open").code == "SUCCESS"
