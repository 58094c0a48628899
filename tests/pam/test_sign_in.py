# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Enter alone: a sign-in at a provider, by device flow (P7, O1)."""

import itertools
import random
import threading
import time

import pytest
from conftest import ALICE, SWEPT
from mock import (ALLOW, DENY, FLOW, HANG_UP, ID, NOT_OURS, PENDING, ROLE, SILENCE, STEP_UP, STILL, WHERE, Error, Reply,
                  verdict)
from test_sweep import DRIVERS, OPENING, Guest, Scene, Sweep, points_of

from scale import SEED

SSHD = 1  # PAM_DISALLOW_NULL_AUTHTOK, as sshd says it without PermitEmptyPasswords

BUSY = Error("org.tessera.Tessera1.Error.Busy")
PROMPTS = ["Password or token: ", "Press Enter when you have approved it: "]
TEXT = """Sign in to web1.example.org for {service} as alice, with corp.
Open this link in a browser, on any device:
    https://login.example.org/device
and enter this code there:
    WDJB-MJHT
Go on only if you began this yourself, just now. If somebody sent you the link or
the code, stop: they would be signed in as you.""".splitlines()


class Provider:
    """What Authenticate gets: the flow, then @answers one after the other, of which the last goes on."""

    def __init__(self, *answers, first=PENDING):
        self.answers, self.first = list(answers), first
        self.asked = []

    def __call__(self, call):
        if "flow" not in call["context"]:
            return self.first
        self.asked.append((time.monotonic(), dict(call["context"])))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def sshd(driver, *typed, arguments="timeout=1"):
    return driver.start("sshd", "alice", arguments, rhost="192.0.2.7").answers("", *(typed or [""]))


def sudo(driver, *typed, arguments="timeout=1", service="sudo"):
    driver.start(service, "root", arguments, ruser="alice").answers("", *(typed or [""]))
    driver.do("uid", ALICE)
    return driver


def test_P7_somebody_approves(driver, mock):
    provider = mock.answers["Authenticate"] = Provider(STILL, STILL, ALLOW)
    result = sshd(driver).call("authenticate", SSHD)
    assert (result.code, result.texts("prompt"), result.texts("error")) == ("SUCCESS", PROMPTS, [])
    assert result.texts("info") == [line.format(service="sshd") for line in TEXT]
    assert driver.get("$TESSERA_SESSION") == ID
    for _, context in provider.asked:
        assert context == {"rhost": "192.0.2.7", "flow": FLOW, "hurry": True}
    pauses = [b - a for (a, _), (b, _) in zip(provider.asked, provider.asked[1:])]
    assert len(pauses) == 2 and all(0.9 < pause < 3 for pause in pauses)
    assert [call["secret"] for call in mock.calls] == [b""] * 4
    assert len(mock.sockets) == 4  # none is held while people walk to a browser


def test_P7_pending_for_ever_ends_and_is_no(driver, mock):
    provider = mock.answers["Authenticate"] = Provider(STILL)
    begin = time.monotonic()
    result = sshd(driver, arguments="timeout=1 breakglass=rescue").call("authenticate", SSHD)
    assert result.code == "AUTH_ERR"
    assert 19 < time.monotonic() - begin < 23
    assert 15 <= len(provider.asked) <= 22
    assert driver.get("$TESSERA_SESSION") == ""
    assert any("not approved user=alice" in line for line in result.texts("log 5"))
    assert result.delays[0] > 0


@pytest.mark.parametrize("service", ["sudo", "su"])
def test_the_same_at_a_step_up(driver, mock, service):
    mock.answers.update(Check=STEP_UP, Authenticate=Provider(STILL, ALLOW))
    result = sudo(driver, service=service).call("authenticate", 0x8000)  # PAM_SILENT, as sudo says it
    assert (result.code, result.texts("prompt")) == ("SUCCESS", PROMPTS)
    # In su information goes to stdout, which may be a pipe; errors go where the prompt goes.
    # sudo -p hides what our prompt says, so a line says it.
    assert (result.texts("info"), result.texts("error")) == ([], [line.format(service=service) for line in TEXT] + [
        "When you have approved it, come back here and press Enter."])
    assert mock.methods() == ["Check", "Authenticate", "Authenticate", "Authenticate"]
    assert driver.get("$TESSERA_SESSION") == ""


@pytest.mark.parametrize("answer, code", [
    (DENY, "AUTH_ERR"), (verdict("deny", reason="disabled"), "AUTH_ERR"), (STEP_UP, "AUTH_ERR"), (ROLE, "AUTH_ERR"),
    (NOT_OURS, "AUTH_ERR"), (verdict("approved"), "AUTHINFO_UNAVAIL"), (verdict("PENDING"), "AUTHINFO_UNAVAIL"),
    (HANG_UP, "AUTHINFO_UNAVAIL"), (SILENCE, "AUTHINFO_UNAVAIL"), (verdict("allow"), "SYSTEM_ERR"),
    (Error("org.tessera.Tessera1.Error.NotFound"), "SYSTEM_ERR"),
    (Reply("s", ["allow"]), "AUTHINFO_UNAVAIL"), (verdict("pending", flow="x"), "AUTHINFO_UNAVAIL"),
    (verdict("allow", session="../.."), "AUTHINFO_UNAVAIL")], ids=range(14))
def test_the_word_after_enter(driver, mock, answer, code):
    """And not even for who is in the break-glass group anything is left to the modules below."""
    for arguments in ("timeout=1", "timeout=1 breakglass=rescue"):
        mock.answers["Authenticate"] = Provider(answer)
        result = sshd(driver, arguments=arguments).call("authenticate", SSHD)
        assert result.code == code
        assert driver.get("$TESSERA_SESSION") == ""


ODD = {
    "no flow": {"flow": None}, "flow of 31": {"flow": FLOW[1:]}, "flow of 33": {"flow": FLOW + "0"},
    "flow in capitals": {"flow": FLOW.upper()}, "flow that is a number": {"flow": 7}, "no link": {"uri": None},
    "empty link": {"uri": ""}, "http": {"uri": "http://login.example.org/device"}, "script": {"uri": "javascript:alert(1)"},
    "link with a line": {"uri": "https://a/\nhttps://b/"}, "link with an escape": {"uri": "https://a/\x1b[2J"},
    "link in Cyrillic": {"uri": "https://\u0430pple.example/"}, "link of 600": {"uri": "https://a/" + "x" * 590},
    "link of 1 MiB": {"uri": "https://a/" + "x" * (1 << 20)}, "other link with a blank": {"uri_complete": "https://a/ b"},
    "no code": {"user_code": None}, "code with a line": {"user_code": "A\nB"}, "code of 65": {"user_code": "x" * 65},
    "code with an escape": {"user_code": "\x1b]0;x\x07"}, "no host": {"host": None}, "host with a line": {"host": "a\nb"},
    "no provider": {"provider": None}, "provider with a blank": {"provider": "the corp"},
}


@pytest.mark.parametrize("what", ODD)
def test_P7_odd_pending_is_not_understood(driver, mock, what):
    """No half of a text is shown, nobody is asked for Enter, and it counts as no answer."""
    mock.answers.update(Check=STEP_UP, Authenticate=verdict("pending", **WHERE | ODD[what]))
    for caller, code in ((sshd, "AUTHINFO_UNAVAIL"), (sudo, "CRED_UNAVAIL")):
        result = caller(driver, arguments="timeout=1 breakglass=rescue").call("authenticate", SSHD)
        assert (result.code, result.texts("info"), result.texts("prompt")) == (code, [], PROMPTS[:1])
        assert not any("corp" in line or "http" in line for line in result.texts("error"))


def test_a_provider_needs_no_complete_link(driver, mock):
    mock.answers["Authenticate"] = Provider(ALLOW, first=verdict("pending", **WHERE | {"uri_complete": None, "expires_in": None}))
    assert sshd(driver).call("authenticate", SSHD).code == "SUCCESS"


@pytest.mark.parametrize("answer, code", [(DENY, "AUTH_ERR"), (NOT_OURS, "AUTH_ERR"), (STEP_UP, "AUTH_ERR"),
                                          (ALLOW, "SYSTEM_ERR"), (SILENCE, "AUTHINFO_UNAVAIL"), (BUSY, "AUTHINFO_UNAVAIL")])
def test_P39_enter_alone_without_a_provider(driver, mock, answer, code):
    """To nothing at all nobody says yes, and nothing is left to those below, whom it might let in."""
    mock.answers["Authenticate"] = answer
    for arguments in ("timeout=1", "timeout=1 breakglass=rescue"):
        result = sshd(driver, arguments=arguments).call("authenticate", SSHD)
        assert (result.code, result.texts("prompt")) == (code, PROMPTS[:1])
        assert driver.get("$TESSERA_SESSION") == ""


@pytest.mark.parametrize("answer", [Provider(NOT_OURS), Provider(ALLOW), Provider(SILENCE), NOT_OURS, SILENCE])
def test_P39_nothing_is_left_to_the_modules_below(driver, mock, answer):
    """A module that runs after us, whatever we said, finds no PAM_AUTHTOK, not even an empty one: it asks for itself."""
    mock.answers["Authenticate"] = answer
    (driver.folder / "sshd").write_text(f"auth optional {driver.module} timeout=1 breakglass=rescue\n"
                                        "auth required pam_exec.so expose_authtok quiet /bin/true\n")
    driver.do("start", "sshd", b"alice".hex(), driver.folder)
    driver.answers("", "", "")
    prompts = PROMPTS[:2 if isinstance(answer, Provider) else 1]
    assert driver.call("authenticate", SSHD).texts("prompt") == [*prompts, "Password: "]


def test_a_busy_daemon_is_asked_again(driver, mock):
    mock.answers["Authenticate"] = Provider(BUSY, STILL, BUSY, ALLOW)
    assert sshd(driver).call("authenticate", SSHD).code == "SUCCESS"


def test_P14_what_is_typed_before_enter_goes_nowhere(driver, mock):
    """People type passwords wherever something waits for them."""
    mock.answers["Authenticate"] = Provider(STILL, ALLOW)
    sshd(driver, "canary-4711", arguments="timeout=1 debug")
    driver.do("watch", b"canary-4711".hex())
    result = driver.call("authenticate", SSHD)
    assert result.code == "SUCCESS"
    assert driver.do("watch", b"canary-4711".hex()).ok == ["0"]
    assert all(call["secret"] == b"" and "canary" not in str(call) for call in mock.calls)
    assert "canary" not in str(result.lines)


def test_P14_cancelled_at_the_second_prompt(driver, mock):
    provider = mock.answers["Authenticate"] = Provider(ALLOW)
    for kind in ("last-fail", "last-no-response", "last-null"):
        driver.start("sshd", "alice", "timeout=1").answer("", kind)
        driver.do("then", "00")
        result = driver.call("authenticate", SSHD)
        assert (result.code, result.texts("prompt")) == ("CONV_ERR", PROMPTS)
    assert provider.asked == []


def test_P3_user_changed_while_he_walked(driver, mock):
    provider = mock.answers["Authenticate"] = Provider(ALLOW)
    driver.start("sshd", "alice", "timeout=1").answer("", "last-flip", flip="bob")
    driver.do("then", "00")
    result = driver.call("authenticate", SSHD)
    assert (result.code, result.texts("prompt")) == ("AUTH_ERR", PROMPTS)
    assert provider.asked == []


def test_O2_the_code_is_not_logged(driver, mock):
    mock.answers["Authenticate"] = Provider(STILL, DENY)
    result = sshd(driver, arguments="timeout=1 debug").call("authenticate", SSHD)
    logged = str([result.texts(f"log {n}") for n in range(8)])
    assert "Authenticate" in logged
    assert not any(text in logged for text in ("WDJB", "login.example.org", FLOW))


def test_F5_signals_do_not_make_the_pause_shorter(driver, mock):
    provider = mock.answers["Authenticate"] = Provider(STILL, STILL, ALLOW)
    sshd(driver)
    driver.do("storm")
    result = driver.call("authenticate", SSHD)
    assert int(driver.do("calm").ok[0]) > 100
    assert result.code == "SUCCESS" and len(provider.asked) == 3
    assert provider.asked[-1][0] - provider.asked[0][0] > 1.8


def test_the_daemon_goes_away_while_somebody_walks(driver, mock):
    """Its memory of the sign-in goes with it. The time is the module's own, not the twenty seconds."""
    mock.answers["Authenticate"] = Provider(SILENCE)
    threading.Timer(0.5, mock.close).start()
    begin = time.monotonic()
    assert sshd(driver, arguments="timeout=1 breakglass=rescue").call("authenticate", SSHD).code == "AUTHINFO_UNAVAIL"
    assert time.monotonic() - begin < 5


def test_P13_P12_nothing_is_left(driver, mock):
    mock.answers["Authenticate"] = Provider(ALLOW)
    sshd(driver).call("authenticate", SSHD)
    before = driver.do("state").ok
    for _ in range(20):
        driver.answers("", "")
        driver.call("authenticate", SSHD)
    assert driver.do("state").ok == before


@pytest.mark.parametrize("service, tty, flags, begins", [
    ("sshd", "ssh", SSHD, True), ("sshd", "ssh", 0, False), ("sshd", "", 0, False), ("sshd-2", "ssh", 0, False),
    ("sshd-2", "ssh", SSHD, True), ("login", "tty1", 0, True), ("kiosk", "", 0, True)])
def test_O1_none_begins_where_nobody_may_see_it(driver, mock, service, tty, flags, begins):
    """sshd's method password is blind, and has empty answers only where it leaves the flag out."""
    mock.answers["Authenticate"] = Provider(ALLOW)
    driver.start(service, "alice", "timeout=1", rhost="192.0.2.7").answers("", "")
    if tty:
        driver.do("item", "tty", tty.encode().hex())
    result = driver.call("authenticate", flags)
    assert (result.code, len(result.texts("prompt"))) == (("SUCCESS", 2) if begins else ("AUTH_ERR", 1))
    assert begins or mock.calls == []


class Walker(Guest):
    """Presses Enter, and types something at the second prompt, that must not stay."""

    flags = SSHD

    def prepare(self, function):
        self.driver.answers("", self.scene.password)


@pytest.mark.parametrize("service, codes, answer", [
    ("sshd", ("SUCCESS", "SUCCESS", "SUCCESS"), ALLOW), ("sshd", ("AUTH_ERR", "SUCCESS", "SUCCESS"), DENY),
    ("su", ("SUCCESS", "SUCCESS", "IGNORE"), ALLOW), ("su", ("AUTH_ERR", "SUCCESS", "IGNORE"), DENY)], ids=range(4))
def test_P1_P7_F3_F4_nobody_gets_in_by_a_fault(build, mock, tmp_path, service, codes, answer):
    """As test_sweep.py, where the real daemon has no provider: every third time there is one question more."""
    turn = itertools.count()
    mock.answers.update(Check=STEP_UP, Authorize=ALLOW,
                        Authenticate=lambda call: PENDING if "flow" not in call["context"]
                        else STILL if next(turn) % 3 == 2 else answer)
    scene, rng = Scene(service, "alice", codes, password="typed-canary-4711"), random.Random(f"{SEED} {service} {codes}")
    guests = [Walker(build, tmp_path / str(i), scene) for i in range(DRIVERS)]
    try:
        one = Sweep(None, scene, guests, "authenticate")
        expected, mallocs, calls = one.count()
        assert expected == codes[0]
        found = one.run(points_of(mallocs, calls, rng))
        assert [(point, code) for point, code in found if code in OPENING and code != expected] == []
        SWEPT.setdefault("authenticate (provider)", []).append(len(found))
    finally:
        for guest in guests:
            guest.stop()


def test_F8_no_memory_stays_behind(make_driver, mock):
    """malloc's cache per thread counts as used and would blur the figure."""
    driver = make_driver(environment={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0", "PATH": "/usr/bin:/bin"})
    mock.answers["Authenticate"] = Provider(ALLOW)
    assert sshd(driver).do("soak", "authenticate", 100).ok == ["0"]
