# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What the service's name makes of a call: whose rights it is about, and whether it asks or prompts first."""

import pytest

from conftest import ALICE
from mock import ALLOW, NOT_OURS, STEP_UP, Error
from test_conversation import below  # noqa: F401

INVOKERS = ["sudo", "sudo-i", "su", "su-l"]
LOGINS = ["login", "sshd", "ftp", "sudo2", "su-", "runuser", "remote", "xsu"]


def of_alice(driver, service, user="bob", **options):
    """What alice has started about @user: her uid is the process's, as in a setuid program."""
    driver.start(service, user, ruser="alice", **options).answer("hunter2")
    driver.do("uid", ALICE)
    return driver


@pytest.mark.parametrize("service", INVOKERS)
def test_P18_P40_the_invoker_is_asked_about_and_not_the_target(driver, mock, service):
    mock.answers.update(Check=ALLOW, Authorize=ALLOW)
    of_alice(driver, service)
    result = driver.call("authenticate")
    assert (result.code, result.texts("prompt")) == ("SUCCESS", [])
    assert driver.call("account").code == "SUCCESS"
    assert driver.call("open").code == "IGNORE"
    assert [(call["method"], call["user"], call["service"]) for call in mock.calls] == [
        ("Check", "alice", service), ("Authorize", "alice", service)]


@pytest.mark.parametrize("service", LOGINS)
def test_P18_every_other_service_is_about_PAM_USER(driver, mock, service):
    """Whatever PAM_RUSER says; also where the name only looks like sudo's."""
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW)
    driver.start(service, "bob", ruser="alice").answer("hunter2")
    result = driver.call("authenticate")
    assert (result.code, result.texts("prompt")) == ("SUCCESS", ["Password or token: "])
    assert driver.call("account").code == "SUCCESS"
    assert [(call["method"], call["user"], call["service"]) for call in mock.calls] == [
        ("Authenticate", "bob", service), ("Authorize", "bob", service)]


@pytest.mark.parametrize("function", ["authenticate", "account", "open"])
def test_P18_no_service_is_no(driver, mock, function):
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW, OpenSession=ALLOW)
    driver.start("sshd", "alice", "breakglass=rescue").answer("hunter2")
    driver.do("arm", "service", 1)
    result = driver.call(function)
    assert driver.do("disarm").ok == ["1"]
    assert result.code == ("SESSION_ERR" if function == "open" else "SYSTEM_ERR")
    assert (mock.calls, result.texts("prompt")) == ([], [])


@pytest.mark.parametrize("service", ["a b", "../su", "x" * 65, "s\u00fc"])
def test_P18_a_service_that_no_policy_can_name_is_no(driver, mock, service):
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW)
    driver.start("sshd", "alice").answer("hunter2")
    if "/" not in service:  # libpam looks for the file of that name
        (driver.folder / service).write_text((driver.folder / "sshd").read_text())
    driver.do("item", "service", service.encode().hex())
    assert driver.call("account").code != "SUCCESS"
    assert mock.calls == []


def test_P18_a_name_that_changes_counts_as_it_is_then(driver, mock):
    """sshd's PAMServiceName, and whoever calls pam_set_item between two calls."""
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW)
    driver.start("sshd", "alice").answer("hunter2")
    (driver.folder / "moon").write_text((driver.folder / "sshd").read_text())
    assert driver.call("authenticate").code == "SUCCESS"
    driver.do("item", "service", b"moon".hex())
    assert driver.call("account").code == "SUCCESS"
    assert [call["service"] for call in mock.calls] == ["sshd", "moon"]


@pytest.mark.parametrize("service", ["su", "su-l"])
@pytest.mark.parametrize("answer", [NOT_OURS, Error("org.tessera.Tessera1.Error.StoreUnavailable")],
                         ids=["no user any more", "break-glass"])
def test_P33_what_sus_caller_types_is_no_guess_at_the_targets_password(driver, mock, below, service, answer):  # noqa: F811
    """Between the two questions all can change; the modules below then ask by themselves, about the target."""
    module, _ = below
    mock.answers.update(Check=STEP_UP, Authenticate=answer)
    of_alice(driver, service, arguments="breakglass=rescue", below=module)
    result = driver.call("authenticate")
    assert result.texts("prompt") == ["Password or token: ", "Password: "]


def test_sudos_caller_is_not_asked_twice_where_it_is_his_own_password(driver, mock, below):  # noqa: F811
    module, _ = below
    mock.answers.update(Check=STEP_UP, Authenticate=NOT_OURS)
    of_alice(driver, "sudo", user="alice", below=module)
    assert driver.call("authenticate").texts("prompt") == ["Password or token: "]


def test_an_invoker_that_tessera_does_not_know_is_left_to_the_modules_below(driver, mock, below):  # noqa: F811
    """su then asks for the target's Unix password, as before."""
    module, _ = below
    mock.answers.update(Check=NOT_OURS, Authorize=NOT_OURS)
    of_alice(driver, "su", below=module)
    assert driver.call("authenticate").texts("prompt") == ["Password: "]
    assert mock.methods() == ["Check"]


# login's own loop: one handle for several tries, and the name is asked for anew


def test_login_tries_with_one_handle(driver, mock):
    mock.answers.update(Authenticate=lambda call: ALLOW if call["user"] == "bob" else NOT_OURS, Authorize=ALLOW,
                        OpenSession=ALLOW)
    driver.start("login", "nosuchuser").answer("hunter2")
    assert driver.call("authenticate").code == "IGNORE"
    for user in ("no such user", "alice", "bob"):
        driver.do("item", "user", user.encode().hex())
        assert driver.call("authenticate").code == {"bob": "SUCCESS", "alice": "IGNORE"}.get(user, "AUTH_ERR")
    assert driver.call("account").code == "SUCCESS"
    assert driver.call("open").code == "SUCCESS"
    assert [call["user"] for call in mock.calls] == ["nosuchuser", "alice", "bob", "bob", "bob"]


@pytest.mark.parametrize("rhost,expected", [(None, {}), ("192.0.2.9", {"rhost": "192.0.2.9"})])
def test_login_at_the_console_and_with_h(driver, mock, rhost, expected):
    mock.answers.update(Authenticate=ALLOW)
    driver.start("login", "alice", rhost=rhost).answer("hunter2")
    driver.do("item", "tty", b"/dev/tty1".hex())
    assert driver.call("authenticate").code == "SUCCESS"
    assert dict(mock.calls[0]["context"]) == {**expected, "tty": "/dev/tty1"}
