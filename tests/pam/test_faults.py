# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What fails on our side, and a daemon or bus that is not there, slow or stuck."""

import os
import signal as signals
import socket
import subprocess
import sys
import time

import pytest

from conftest import ALICE, PRIVATE
from mock import ALLOW, DENY, ID, NOT_OURS, PENDING, ROLE, SILENCE, STEP_UP, Error, Reply

FUNCTIONS = ("malloc", "socket", "connect", "getsockopt", "memfd_create", "fcntl", "write", "read", "poll",
             "getpwnam")
BUSY = Error("org.tessera.Tessera1.Error.Busy")
OPEN = {"SUCCESS": ALLOW, "IGNORE": NOT_OURS}


@pytest.mark.parametrize("service", ["sshd", "sudo"])
@pytest.mark.parametrize("name", ["allow", "deny", "not ours", "step-up", "role", "outage"])
def test_P1_F3_every_call_fails_once(driver, mock, service, name):
    """
    The n-th call of each function fails, for every n until none is left. Whatever happens, SUCCESS
    and IGNORE come only from the daemon's word: it must have said so, to this very call.
    """
    answer = {"allow": ALLOW, "deny": DENY, "not ours": NOT_OURS, "step-up": STEP_UP, "role": ROLE,
              "outage": BUSY}[name]
    methods = ("Check", "Authenticate", "Authorize", "OpenSession")
    mock.answers.update({method: answer for method in methods})
    driver.start(service, "root" if service == "sudo" else "alice", "timeout=2 breakglass=bob", ruser="alice")
    driver.do("uid", ALICE if service == "sudo" else 0)
    driver.answer("hunter2")
    for function in ("authenticate", "account") if service == "sudo" else ("authenticate", "account", "open"):
        driver.call(function)  # what libc and libpam allocate once is allocated
        for fault in FUNCTIONS:
            for n in range(1, 1000):
                mock.calls.clear()
                driver.do("arm", fault, n)
                result = driver.call(function)
                fired = int(driver.do("disarm").ok[0]) >= n
                if function == "open":
                    driver.call("close")
                if result.code in ("SUCCESS", "IGNORE"):
                    assert OPEN[result.code] is answer, (function, fault, n)
                    assert [call for call in mock.calls if call["method"] in methods], (function, fault, n)
                if not fired:
                    break
            assert n < 999


@pytest.mark.parametrize("service", ["sshd", "sudo"])
@pytest.mark.parametrize("name", ["allow", "deny"])
def test_P1_P7_every_call_of_a_sign_in_fails_once(driver, mock, service, name):
    """Whatever happens, SUCCESS comes only from the word to this very flow, and IGNORE not at all."""
    answer = {"allow": ALLOW, "deny": DENY}[name]
    mock.answers.update(Check=STEP_UP, Authenticate=lambda call: answer if "flow" in call["context"] else PENDING)
    # Who is in that group is let through by sudo's first question, before anybody is asked for anything.
    breakglass = {"sshd": "alice", "sudo": "bob"}[service]
    driver.start(service, "root" if service == "sudo" else "alice", f"timeout=2 breakglass={breakglass}", ruser="alice")
    driver.do("uid", ALICE if service == "sudo" else 0)
    driver.answer("")
    flags = 1 if service == "sshd" else 0  # PAM_DISALLOW_NULL_AUTHTOK, as sshd says it
    driver.call("authenticate", flags)
    for fault in FUNCTIONS:
        for n in range(1, 1000):
            mock.calls.clear()
            driver.do("arm", fault, n)
            result = driver.call("authenticate", flags)
            fired = int(driver.do("disarm").ok[0]) >= n
            assert result.code != "IGNORE", (fault, n)
            if result.code == "SUCCESS":
                assert answer is ALLOW and "flow" in mock.calls[-1]["context"], (fault, n)
            if not fired:
                assert result.code == ("SUCCESS" if answer is ALLOW else "AUTH_ERR")
                break
        assert n < 999


@pytest.mark.parametrize("fault", ["getpwnam", "getpwnam-emfile", "getpwnam-enomem", "getpwnam-eacces"])
def test_P2_look_up_that_fails_is_not_an_unknown_user(driver, mock, fault):
    for method in ("Check", "Authenticate", "Authorize", "OpenSession"):
        mock.answers[method] = NOT_OURS
    expected = "BUF_ERR" if fault == "getpwnam-enomem" else "AUTHINFO_UNAVAIL"
    driver.start(arguments="timeout=1 breakglass=rescue").answer("hunter2")
    for function, code in (("authenticate", expected), ("account", expected), ("open", "SESSION_ERR")):
        driver.do("arm", fault, 1)
        assert driver.call(function).code == code
        driver.do("disarm")
    assert mock.calls == []


def timed(driver, function):
    begin = time.monotonic()
    return driver.call(function).code, time.monotonic() - begin


OUTAGES = {"authenticate": "AUTHINFO_UNAVAIL", "account": "AUTHINFO_UNAVAIL", "open": "SESSION_ERR"}


def expect_outage_in_time(driver, service="sshd"):
    """With timeout=1 every call ends within four seconds, however slow the machine."""
    for function, code in OUTAGES.items():
        driver.start(service, arguments="timeout=1", ruser="alice").answer("hunter2")
        found, seconds = timed(driver, function)
        assert found == code, function
        assert seconds < 4, function


def test_F1_no_socket_and_no_bus(driver):
    assert not os.path.exists(PRIVATE)
    expect_outage_in_time(driver)


def test_F1_socket_that_nobody_listens_on(driver):
    os.makedirs(os.path.dirname(PRIVATE), exist_ok=True)
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(PRIVATE)
    try:
        expect_outage_in_time(driver)
    finally:
        stale.close()
        os.unlink(PRIVATE)


@pytest.mark.parametrize("auth", ["silence", "garbage", "drip", "refuse", "close"])
def test_F1_F2_daemon_that_never_gets_through_the_greeting(driver, mock, auth):
    mock.auth = auth
    expect_outage_in_time(driver)


@pytest.mark.parametrize("auth", ["silence", "garbage", "drip", "refuse", "close"])
def test_F2_bus_that_accepts_and_never_greets(driver, make_mock, auth):
    bus = make_mock("/run/dbus/system_bus_socket")
    bus.auth = auth
    expect_outage_in_time(driver)


def test_F2_full_backlog(driver):
    """A daemon that is stopped: connections queue up, then even connect() would block."""
    os.makedirs(os.path.dirname(PRIVATE), exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(PRIVATE)
    listener.listen(0)
    waiting = []
    try:
        while True:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            waiting.append(client)
            client.connect(PRIVATE)
    except BlockingIOError:
        pass
    try:
        expect_outage_in_time(driver)
    finally:
        for one in (*waiting, listener):
            one.close()
        os.unlink(PRIVATE)


def test_full_backlog_that_empties_is_waited_for(driver, make_mock):
    mock = make_mock(backlog=0, delay=0.5)
    mock.answers["Authenticate"] = ALLOW
    driver.start(arguments="timeout=5").answer("hunter2")
    held = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for _ in range(2)]
    held[0].connect(PRIVATE)
    with pytest.raises(BlockingIOError):
        held[1].connect(PRIVATE)
    assert driver.call("authenticate").code == "SUCCESS"
    for client in held:
        client.close()


def test_F1_daemon_stopped_and_going_on(driver, mock):
    mock.answers["Authenticate"] = SILENCE
    driver.start(arguments="timeout=1").answer("hunter2")
    assert driver.call("authenticate").code == "AUTHINFO_UNAVAIL"
    mock.answers["Authenticate"] = ALLOW
    assert driver.call("authenticate").code == "SUCCESS"


def test_sudo_has_one_timeout_for_both_questions(driver, mock):
    def slow(call):
        time.sleep(0.7)
        return STEP_UP

    mock.answers.update(Check=slow, Authenticate=SILENCE)
    driver.start("sudo", arguments="timeout=1", ruser="alice").answer("hunter2")
    driver.do("uid", ALICE)
    code, seconds = timed(driver, "authenticate")
    assert code == "CRED_UNAVAIL"
    assert seconds < 1.6


def test_F5_signals_do_not_disturb_a_call(driver, mock):
    """SIGWINCH and SIGCHLD as they come; the wait goes on."""
    def slow(call):
        for _ in range(200):
            os.kill(driver.process.pid, signals.SIGCHLD)
            os.kill(driver.process.pid, signals.SIGWINCH)
            time.sleep(0.001)
        return ALLOW

    mock.answers["Authenticate"] = slow
    assert driver.start().answer("hunter2").call("authenticate").code == "SUCCESS"


def test_impostor_on_the_private_socket(driver, make_mock):
    """Somebody else's socket in our place gets no secret."""
    impostor = make_mock(uid=65534)
    impostor.answers.update(Authenticate=ALLOW, Authorize=ALLOW, OpenSession=ALLOW)
    expect_outage_in_time(driver)
    assert impostor.calls == []


def test_the_daemons_own_socket(driver, make_mock):
    mock = make_mock(uid=4101)  # tessera
    mock.answers["Authenticate"] = ALLOW
    assert driver.start().answer("hunter2").call("authenticate").code == "SUCCESS"


# The system bus, a real one, where the private socket is missing.

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/></policy></busconfig>"""

SERVICE = """
import os, sys
os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid})
import dbus, dbus.service, dbus.mainloop.glib
from gi.repository import GLib
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()

class Login(dbus.service.Object):
    @dbus.service.method("org.tessera.Tessera1.Login", in_signature="ssa{{sv}}h", out_signature="sa{{sv}}",
                         sender_keyword="sender")
    def Authenticate(self, user, service, context, secret, sender=None):
        {before}
        return "{verdict}", {{"session": "{id}", "reason": "credential"}}

name = dbus.service.BusName("{name}", bus)
login = Login(bus, "/org/tessera/Tessera1")
print("ready", flush=True)
GLib.MainLoop().run()
"""


@pytest.fixture
def bus(tmp_path):
    (tmp_path / "bus.conf").write_text(BUS_CONFIG)
    os.makedirs("/run/dbus", exist_ok=True)
    process = subprocess.Popen(["dbus-daemon", "--nofork", f"--config-file={tmp_path}/bus.conf", "--print-address"],
                               stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    if os.path.exists("/run/dbus/system_bus_socket"):
        os.unlink("/run/dbus/system_bus_socket")


DAEMON = ":1.7"


@pytest.mark.parametrize("sender, code", [(DAEMON, "SUCCESS"), (":1.66", "AUTHINFO_UNAVAIL"),
                                          ("org.tessera.Tessera1", "AUTHINFO_UNAVAIL"), (None, "AUTHINFO_UNAVAIL")])
def test_B6_reply_of_somebody_else_is_no_reply(driver, make_mock, sender, code):
    """A bus that let through a reply which nobody asked that connection for."""
    driver_name = "org.freedesktop.DBus"
    fake = make_mock("/run/dbus/system_bus_socket")
    fake.answers.update(Hello=Reply("s", [":1.8"], sender=driver_name),
                        GetNameOwner=Reply("s", [DAEMON], sender=driver_name),
                        GetConnectionUnixUser=Reply("u", [4101], sender=driver_name),
                        Authenticate=Reply("sa{sv}", ["allow", {"session": ("s", ID)}], sender=sender))
    assert over_the_bus(driver)[0] == code
    assert fake.calls[-1]["method"] == "Authenticate"
    assert fake.calls[-1]["destination"] == DAEMON  # the checked owner, whoever has the name by now


@pytest.fixture
def serve(bus):
    processes = []

    def run(uid=4101, name="org.tessera.Tessera1", verdict="allow", before="pass"):
        text = SERVICE.format(uid=uid, name=name, verdict=verdict, before=before, id=ID)
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def over_the_bus(driver):
    driver.start(arguments="timeout=1").answer("hunter2")
    return timed(driver, "authenticate")


def test_the_system_bus_stands_in_for_the_socket(driver, serve):
    serve()
    assert over_the_bus(driver)[0] == "SUCCESS"


def test_B6_owner_of_the_name_must_be_the_daemon(driver, serve):
    """nobody takes the name while the daemon is down, and says yes to everybody."""
    serve(uid=65534)
    assert over_the_bus(driver)[0] == "AUTHINFO_UNAVAIL"


def test_B6_root_may_own_the_name(driver, serve):
    serve(uid=0)
    assert over_the_bus(driver)[0] == "SUCCESS"


def test_B6_nobody_owns_the_name(driver, bus):
    code, seconds = over_the_bus(driver)
    assert code == "AUTHINFO_UNAVAIL" and seconds < 4


FORGE = """for _ in range(50):
            signal = dbus.lowlevel.SignalMessage("/org/tessera/Tessera1", "org.tessera.Tessera1.Login", "{member}")
            signal.append("allow", dict(session="{id}"), signature="sa{{ss}}")
            signal.set_destination(sender)
            bus.send_message(signal)
        import time; bus.flush(); time.sleep({pause})"""


@pytest.mark.parametrize("member", ["Done", "Authenticate", "allow"])
@pytest.mark.parametrize("pause", [0, 2])
def test_B1_signals_are_no_verdict(driver, serve, member, pause):
    """Even the daemon's own: only the reply counts, and until it comes there is none."""
    before = "import dbus.lowlevel\n        " + FORGE.format(member=member, id=ID, pause=pause)
    serve(verdict="deny", before=before)
    assert over_the_bus(driver)[0] == ("AUTHINFO_UNAVAIL" if pause else "AUTH_ERR")


def test_F1_daemon_on_the_bus_is_stopped(driver, serve):
    process = serve()
    os.kill(process.pid, signals.SIGSTOP)
    try:
        code, seconds = over_the_bus(driver)
        assert code == "AUTHINFO_UNAVAIL" and seconds < 4
    finally:
        os.kill(process.pid, signals.SIGCONT)


def test_F1_daemon_on_the_bus_dies_in_the_middle(driver, serve):
    serve(before="os._exit(1)")
    code, seconds = over_the_bus(driver)
    assert code == "AUTHINFO_UNAVAIL" and seconds < 4


def test_F2_P35_half_open_connections_stall_the_bus(driver, serve, mock):
    """They stall it for everybody; with the private socket nobody at a login notices."""
    serve()
    mock.answers["Authenticate"] = ALLOW
    stalled = []
    for _ in range(100):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            client.connect("/run/dbus/system_bus_socket")
        except BlockingIOError:
            client.close()
            break
        stalled.append(client)
    try:
        assert over_the_bus(driver)[0] == "SUCCESS"
        assert mock.methods() == ["Authenticate"]
        mock.close()
        code, seconds = over_the_bus(driver)
        assert code in ("AUTHINFO_UNAVAIL", "SUCCESS") and seconds < 4  # dbus-broker goes on
    finally:
        for client in stalled:
            client.close()
