# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The prompt, what is typed there, and where it goes."""

import os

import pytest

from conftest import ALICE, BELOW
from mock import ALLOW, DENY, NOT_OURS, STEP_UP, verdict

# alice' Unix modules below us, as in the shipped lines; what they get goes to a file.
EXEC = "pam_exec.so expose_authtok quiet {script}"


@pytest.fixture
def below(tmp_path):
    """A module below us that writes down the PAM_AUTHTOK it was left."""
    script, found = tmp_path / "below", tmp_path / "authtok"
    script.write_text(f"#!/bin/sh\ncat > {found}\n")
    script.chmod(0o755)
    tmp_path.chmod(0o755)
    return EXEC.format(script=script), lambda: found.read_bytes().rstrip(b"\0") if found.exists() else None


def test_P14_conversation_that_fails(driver, mock):
    mock.answers["Authenticate"] = ALLOW
    for kind in ("fail", "no-response", "null", "none"):
        driver.start().answer("hunter2", kind)
        result = driver.call("authenticate")
        assert (result.code, result.delays) == ("CONV_ERR", [0]), kind
        driver.end()
    assert mock.calls == []


@pytest.mark.parametrize("text", ["", "x" * 8193, "x" * (1 << 20)], ids=["none", "8193", "1 MiB"])
def test_P14_P39_answer_that_is_none_or_too_long(driver, mock, below, text):
    """Of Enter alone the daemon is told, in case that it has a provider; nobody else is."""
    mock.answers["Authenticate"] = NOT_OURS
    module, found = below
    for user in ("alice", "bob", "nosuchuser"):
        for arguments in ("", "breakglass=rescue"):
            driver.start(user=user, arguments=arguments, below=module).answer(text)
            result = driver.call("authenticate", 1)  # PAM_DISALLOW_NULL_AUTHTOK, as sshd says it
            assert result.code == "AUTH_ERR"
            assert result.delays[0] > 0
    assert [call["secret"] for call in mock.calls] == ([b""] * 6 if text == "" else [])
    assert found() is None


@pytest.mark.parametrize("text", ["x", "pässwört", "a b", " x ", "%n%s", "x" * 1024, "x" * 8192], ids=range(7))
def test_answer_arrives_as_typed(driver, mock, text):
    mock.answers["Authenticate"] = ALLOW
    assert driver.start().answer(text).call("authenticate").code == "SUCCESS"
    assert mock.calls[0]["secret"] == text.encode()
    assert mock.calls[0]["seals"] == 15  # all four: nobody changes it under the daemon


def test_S4_no_secret_in_the_message(driver, mock):
    mock.answers["Authenticate"] = ALLOW
    driver.start().answer("canary-4711").call("authenticate")
    assert "canary-4711" not in str(mock.calls[0]["values"])


def test_not_ours_leaves_the_answer_to_the_modules_below(driver, mock, below):
    module, found = below
    mock.answers["Authenticate"] = NOT_OURS
    result = driver.start(below=module).answer("hunter2").call("authenticate")
    assert (result.code, result.texts("prompt")) == ("SUCCESS", ["Password or token: "])
    assert found() == b"hunter2"


def test_break_glass_leaves_the_answer_to_the_modules_below(driver, below):
    module, found = below
    driver.start(below=module, arguments="breakglass=rescue").answer("hunter2")
    assert driver.call("authenticate").code == "SUCCESS"
    assert found() == b"hunter2"


@pytest.mark.parametrize("answer", [ALLOW, DENY])
def test_P28_no_secret_stays_after_a_verdict(driver, mock, tmp_path, below, answer):
    """A module that runs after us, whatever we said, finds no PAM_AUTHTOK: it has to ask for itself."""
    module, _ = below
    mock.answers["Authenticate"] = answer
    (tmp_path / "sshd").write_text(f"auth optional {driver.module}\nauth required {module}\n")
    driver.do("start", "sshd", b"alice".hex(), tmp_path)
    assert driver.answer("hunter2").call("authenticate").texts("prompt") == ["Password or token: ", "Password: "]


def test_P28_the_shell_gets_the_handle_and_nothing_else(driver, mock, tmp_path):
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW, OpenSession=ALLOW)
    driver.start().answer("hunter2")
    for function in ("authenticate", "account", "open"):
        assert driver.call(function).code == "SUCCESS"
    shell, seen = tmp_path / "shell", tmp_path / "seen"
    shell.write_text(f"#!/bin/sh\ntr '\\0' '\\n' < /proc/self/environ > {seen}\nls /proc/self/fd > {seen}.fds\n")
    shell.chmod(0o755)
    driver.do("exec", shell)
    lines = [line for line in seen.read_text().splitlines() if not line.startswith(("PWD=", "_="))]
    assert lines == ["TESSERA_SESSION=0123456789abcdef0123456789abcdef"]
    # P13: 0 to 2, and ls' own.
    assert len((tmp_path / "seen.fds").read_text().split()) == 4


NOBODIES = ["", "x" * 33, "x" * 300_000, "a/b", "..", ".", "a\nb", "a:b", "%n%n", "\x1b[31m", "ä", "-a", "alice ",
            " alice", "1000", "4001", "a;b", "$(id)", b"\xff\xfe", "a\tb"]


@pytest.mark.parametrize("user", NOBODIES, ids=range(len(NOBODIES)))
def test_P15_P21_names_that_nobody_has(driver, mock, user):
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW, OpenSession=ALLOW)
    driver.start(user=user).answer("hunter2")
    result = driver.call("authenticate")
    assert (result.code, result.texts("prompt")) == ("AUTH_ERR", ["Password or token: "])
    assert result.delays[0] > 0
    logged = "".join(result.texts("log 5"))
    assert "user=unknown" in logged
    assert user in ("", ".") or str(user) not in logged
    assert driver.call("account").code == "PERM_DENIED"
    assert driver.call("open").code == "SESSION_ERR"
    assert mock.calls == []


@pytest.mark.parametrize("user", ["Alice", "ALICE", "alice@host", "nosuchuser", "a_b-c.d$", "x" * 32])
def test_P15_names_that_somebody_might_have_are_asked_as_they_are(driver, mock, user):
    mock.answers.update(Authenticate=NOT_OURS)
    assert driver.start(user=user).answer("hunter2").call("authenticate").code == "IGNORE"
    assert mock.calls[0]["user"] == user


def test_P21_a_name_that_no_account_has_is_not_logged(driver, mock):
    """People type their password at the prompt for the name."""
    mock.answers.update(Authenticate=DENY)
    for up in (True, False):
        result = driver.start(user="canary-4711", arguments="debug").answer("x").call("authenticate")
        assert "canary-4711" not in str([result.texts(f"log {n}") for n in range(8)])
        if up:
            mock.answers.clear()


def test_S1_no_secret_in_the_log(driver, mock):
    for answer in (ALLOW, DENY, NOT_OURS, STEP_UP):
        mock.answers.update(Authenticate=answer)
        result = driver.start(arguments="debug").answer("canary-4711").call("authenticate")
        logged = str([result.texts(f"log {n}") for n in range(8)])
        assert "Authenticate" in logged and "canary-4711" not in logged


@pytest.mark.parametrize("rhost", [None, "UNKNOWN", "host.example.org", "2001:db8::1", "::ffff:192.0.2.1",
                                   "fe80::1%eth0", "x" * (1 << 20), "a\nb\x1b[31m", "", b"\xff"], ids=range(10))
def test_P17_rhost_is_carried_and_never_resolved(driver, mock, rhost):
    mock.answers.update(Authenticate=DENY)
    driver.start(rhost=rhost).answer("hunter2")
    for function in ("socket-inet", "getaddrinfo"):
        driver.do("arm", function, 0)
        result = driver.call("authenticate")
        assert driver.do("disarm").ok == ["0"], "the module looked a host up"
    sent = mock.calls[0]["context"].get("rhost")
    assert sent is None if not rhost else 0 < len(sent) <= 1024
    if isinstance(rhost, str) and 0 < len(rhost) < 100 and rhost.isprintable():
        assert sent == rhost
    assert all("\n" not in line and "\x1b" not in line for line in result.texts("log 5"))


def test_auth_info_crosses_on_one_line(driver, mock):
    mock.answers.update(OpenSession=ALLOW)
    driver.start()
    driver.do("env", b"SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA\nkeyboard-interactive/pam\n".hex())
    assert driver.call("open").code == "SUCCESS"
    assert mock.calls[0]["context"]["auth-info"] == "publickey ssh-ed25519 AAAA;keyboard-interactive/pam"
    driver.start()
    driver.do("env", ("SSH_AUTH_INFO_0=publickey " + "A" * 20000).encode().hex())
    assert driver.call("open").code == "SUCCESS"
    assert "auth-info" not in mock.calls[1]["context"]  # none rather than half a key


@pytest.mark.parametrize("message", ["a\nb", "\x1b]0;title\x07", "\x7f", "\u009b31m", "tessera: ok\r\nroot login",
                                     "x" * 100_000], ids=range(6))
def test_P22_messages_are_cleaned(driver, mock, message):
    mock.answers.update(Authorize=verdict("deny", reason="role-missing", message=message))
    result = driver.start().call("account")
    shown = result.texts("error")
    assert len(shown) == 1 and shown[0].startswith("tessera: ") and len(shown[0]) < 1100
    assert all(c.isprintable() for c in shown[0])


def test_message_of_an_allow_is_information(driver, mock):
    mock.answers.update(Authorize=verdict("allow", message="last login yesterday"))
    assert driver.start().call("account").texts("info") == ["tessera: last login yesterday"]
    assert driver.call("account", 0x8000).texts("info") == []  # PAM_SILENT


@pytest.mark.parametrize("arguments", ["nullok", "timeout=0", "debug=1", "breakglass=", "prompt=", "tiemout=3",
                                       "debug debug"])
def test_P19_bad_argument_refuses_with_one_line(driver, mock, arguments):
    mock.answers.update(Authenticate=ALLOW, Authorize=ALLOW, OpenSession=ALLOW)
    driver.start(arguments=arguments).answer("hunter2")
    for function, code in (("authenticate", "SYSTEM_ERR"), ("account", "SYSTEM_ERR"), ("open", "SESSION_ERR")):
        result = driver.call(function)
        assert (result.code, result.texts("prompt")) == (code, [])
        assert len([line for line in result.texts("log 3") if "bad argument" in line]) == 1
    assert mock.calls == []


def test_arguments_have_their_effect(driver, mock):
    mock.answers.update(Authenticate=ALLOW)
    result = driver.start(arguments="debug [prompt=Wer da? ]").answer("hunter2").call("authenticate")
    assert result.texts("prompt") == ["Wer da? "]
    assert [line for line in result.texts("log 7") if "Authenticate: allowed" in line]


def test_P3_user_changed_in_the_conversation(driver, mock):
    mock.answers.update(Authenticate=ALLOW)
    driver.start(user="alice").answer("hunter2", "flip", flip="bob")
    assert driver.call("authenticate").code == "AUTH_ERR"
    assert mock.calls == []


@pytest.mark.parametrize("first", [ALLOW, NOT_OURS])
@pytest.mark.parametrize("user", ["bob", "root", "Alice"])
def test_P3_user_changed_between_the_calls(driver, mock, first, user):
    mock.answers.update(Authenticate=first, Authorize=ALLOW, OpenSession=ALLOW)
    driver.start(user="alice").answer("hunter2").call("authenticate")
    driver.do("item", "user", user.encode().hex())
    if user == "root":  # uid 0 is nobody of ours, and the modules below judge it
        assert driver.call("account").code == "IGNORE"
        return
    assert driver.call("account").code == "PERM_DENIED"
    assert driver.call("open").code == "SESSION_ERR"
    assert mock.methods() == ["Authenticate"]


def test_P3_account_alone_compares_nothing(driver, mock):
    mock.answers.update(Authorize=ALLOW, OpenSession=ALLOW)
    driver.start(user="alice")
    assert (driver.call("account").code, driver.call("open").code) == ("SUCCESS", "SUCCESS")
    driver.do("item", "user", b"bob".hex())
    assert driver.call("account").code == "SUCCESS"


def test_a_cut_token_is_named_in_the_log(driver, mock):
    mock.answers.update(Authenticate=DENY)
    token = "eyJ" + "a" * 2000
    for size, cut in ((1023, True), (511, True), (1022, False), (512, False)):
        result = driver.start().answer(token[:size]).call("authenticate")
        assert any("probably cut" in line for line in result.texts("log 5")) == cut, size


def test_P23_the_module_does_not_sleep(make_driver, mock):
    import time
    mock.answers.update(Authenticate=DENY)
    driver = make_driver().start().answer("x")
    begin = time.monotonic()
    for _ in range(10):
        assert driver.call("authenticate").delays[0] > 0
    assert time.monotonic() - begin < 2
