# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A module and a daemon of different versions: understood, or refused. Never a yes by mistake."""

import pytest

from conftest import PLAIN
from mock import ALLOW, DENY, ID, Error, Reply, verdict

DBUS = "org.freedesktop.DBus.Error."
TESSERA = "org.tessera.Tessera1.Error."
FUNCTIONS = ("authenticate", "account", "open")
ALLOWED = ("SUCCESS", "SUCCESS", "SUCCESS")
OUTAGE = ("AUTHINFO_UNAVAIL", "AUTHINFO_UNAVAIL", "SESSION_ERR")
REFUSED = ("AUTH_ERR", "PERM_DENIED", "SESSION_ERR")
BROKEN = ("SYSTEM_ERR", "SYSTEM_ERR", "SESSION_ERR")


def more(word, **further):
    return Reply("sa{sv}", [word, {"session": ("s", ID), "reason": ("s", "credential"), **further}])


# What a daemon of another version may say: what the module makes of it.
REPLIES = {
    "newer: another key": (more("allow", colour=("s", "red")), ALLOWED),
    "newer: another key of a new type": (more("allow", limits=("(tt)", (1, 2))), ALLOWED),
    "newer: another key beside a no": (more("deny", verdict=("s", "allow"), allow=("b", 1)), REFUSED),
    "newer: a known key of another type": (Reply("sa{sv}", ["deny", {"reason": ("u", 1)}]), REFUSED),
    "newer: a verdict with a condition": (more("allow-once"), OUTAGE),
    "newer: a verdict that is no yes": (more("approve"), OUTAGE),
    "newer: a verdict that begins with another": (more("not-ours-yet"), OUTAGE),
    "newer: a number for the verdict": (Reply("ua{sv}", [0, {}]), OUTAGE),
    "newer: a third value": (Reply("sa{sv}as", ["allow", {"session": ("s", ID)}, []]), OUTAGE),
    "newer: a structure": (Reply("(sa{sv})", [["allow", {"session": ("s", ID)}]]), OUTAGE),
    "newer: a longer session id": (verdict("allow", session=ID * 2), OUTAGE),
    "newer: another reason": (verdict("deny", reason="quantum"), REFUSED),
    "newer: an error of its own": (Error(TESSERA + "Quantum"), BROKEN),
    "newer: an argument that it wants": (Error(TESSERA + "InvalidArgument"), BROKEN),
    "older: no such method": (Error(DBUS + "UnknownMethod"), OUTAGE),
    "older: no such interface": (Error(DBUS + "UnknownInterface"), OUTAGE),
    "older: no such object": (Error(DBUS + "UnknownObject"), OUTAGE),
    "older: other arguments": (Error(DBUS + "InvalidArgs"), OUTAGE),
    "older: a plain yes": (Reply("b", [1]), OUTAGE),
    "older: a verdict alone": (Reply("s", ["allow"]), OUTAGE),
}


@pytest.mark.parametrize("name", REPLIES)
def test_F10_an_answer_of_another_version(driver, mock, name):
    reply, expected = REPLIES[name]
    mock.answers.update(dict.fromkeys(("Authenticate", "Authorize", "OpenSession"), reply))
    driver.start(arguments="timeout=2 breakglass=bob").answer("hunter2")
    assert tuple(driver.call(function).code for function in FUNCTIONS) == expected


@pytest.mark.parametrize("missing", ["Authenticate", "Authorize", "OpenSession"])
def test_F10_a_daemon_that_lacks_one_method(driver, mock, missing):
    mock.answers.update(dict.fromkeys(("Authenticate", "Authorize", "OpenSession"), ALLOW))
    del mock.answers[missing]
    driver.start(arguments="timeout=2").answer("hunter2")
    for method, function, good, bad in zip(("Authenticate", "Authorize", "OpenSession"), FUNCTIONS, ALLOWED, OUTAGE):
        assert driver.call(function).code == (bad if method == missing else good)


def test_F10_a_session_that_cannot_be_closed_is_told_and_forgotten(driver, mock):
    mock.answers.update(OpenSession=ALLOW)
    del mock.answers["CloseSession"]
    driver.start(arguments="timeout=2", stack=PLAIN).answer("hunter2")
    assert driver.call("open").code == "SUCCESS"
    assert driver.call("close").code == "SESSION_ERR"
    assert mock.methods() == ["OpenSession", "CloseSession"]


def test_F10_what_this_module_says_is_what_the_interface_has(driver, mock):
    """An older daemon refuses keys that it does not know: none beside those of the first version are sent."""
    mock.answers.update(dict.fromkeys(("Authenticate", "Authorize", "OpenSession", "Check"), DENY))
    driver.start(rhost="192.0.2.7").answer("hunter2")
    driver.do("item", "tty", b"ssh".hex())
    driver.do("env", b"SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA".hex())
    driver.do("env", f"TESSERA_SESSION={ID}".encode().hex())
    for function in FUNCTIONS:
        driver.call(function)
    assert {key for call in mock.calls for key in call["context"]} == {"rhost", "tty", "session", "auth-info"}
