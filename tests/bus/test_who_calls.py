# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Who calls is what the bus says, and what may be called is what the table says."""

import os
import subprocess

import dbus
import dbus.bus
import dbus.lowlevel
import pytest
from calls import CALLS, for_session
from daemon import (ALICE, BOB, NAME, NOBODY, OBJECT, PASSWORD, Client, Refused, become, in_child, plain,
                    scaled, secret, wait_for)


def test_B3_the_shipped_policy_is_a_second_fence(host):
    for method in ("Login.Check", "Login.OpenSession", "Login.CloseSession", "Login.ChangePassword"):
        with pytest.raises(Refused) as refused:
            host.as_uid(NOBODY, method, *for_session("00" * 16, CALLS[method]))
        assert refused.value.name == "org.freedesktop.DBus.Error.AccessDenied"
    assert host.as_uid(NOBODY, "Roles.List")
    assert host.as_uid(NOBODY, "Trust.List") == []
    assert host.as_uid(NOBODY, "Devices.List", "a{sv}", {}) == []
    assert host.as_uid(0, "Users.List")


def test_B3_without_the_fence_the_daemon_refuses_the_same(open_host):
    session = in_child(lambda: open_host.log_in("alice"), login=ALICE)
    for method, arguments in CALLS.items():
        if method.startswith("Login."):
            for uid in (NOBODY, BOB):
                with pytest.raises(Refused) as refused:
                    open_host.as_uid(uid, method, *for_session(session, arguments))
                assert refused.value.name == "AccessDenied", method
    assert open_host.call("Sessions.Show", "s", session)[0]["state"] == "active"


def test_B3_users_act_for_themselves(host):
    def login():
        return host.log_in("alice"), in_child(mine, uid=ALICE)

    def mine():
        client = host.bus()
        return (client.call("Sessions.GetCurrent"), client.call("Sessions.List", "a{sv}", {"user": "alice"}),
                client.call("Tokens.Verify", "ha{sv}", client.connection.call_blocking(
                    NAME, OBJECT, f"{NAME}.Tokens", "Print", "a{sv}", ({},))[0], {}))

    session, (current, sessions, (reason, info)) = in_child(login, login=ALICE)
    assert current["id"] == session and current["user"] == "alice" and current["current"] is True
    assert current["state"] == "active" and current["from"] == "192.0.2.1" and current["methods"] == ["pwd"]
    assert [s["id"] for s in sessions] == [session]
    assert reason == "valid" and info["user"] == "alice" and info["session"] == session


def test_B2_a_caller_that_is_gone_gets_nothing(open_host):
    """Sends what only root may, and is gone before the daemon can ask who it is."""
    def shoot():
        for i in range(scaled(10000)):
            bus = dbus.bus.BusConnection(open_host.bus_address)
            message = dbus.lowlevel.MethodCallMessage(NAME, OBJECT, f"{NAME}.Users", "Remove")
            message.append("alice" if i % 2 else "bob", signature="s")
            bus.send_message(message)
            bus.flush()
            bus.close()

    in_child(shoot, uid=NOBODY)
    assert open_host.alive()
    assert [u["user"] for u in open_host.call("Users.List")] == ["alice", "bob"]
    assert "user-removed" not in open_host.text()


def test_B4_what_proc_says_counts_within_one_uid_only(open_host):
    """The connection was bob's; now the process is alice's, in alice's login."""
    def changed():
        os.setresuid(BOB, BOB, 0)
        client = open_host.bus()
        os.setresuid(0, 0, 0)
        become(ALICE)
        answers = {}
        for method in ("Sessions.GetCurrent", "Tokens.Print", "Sessions.List"):
            try:
                answers[method] = client.call(method, *CALLS[method])
            except Refused as error:
                answers[method] = error.name
        return answers

    def login():
        open_host.log_in("alice")
        return in_child(changed)

    assert set(in_child(login, login=ALICE).values()) == {"AccessDenied"}


def test_B4_a_process_that_is_gone_has_no_login(open_host):
    """The connection outlives the process that made it: its pid may be anybody's soon."""
    # The one that connects must be the one that dies, so it is a child of its own.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        become(ALICE)
        client = open_host.bus()
        connector = os.getpid()
        if os.fork() > 0:
            os._exit(0)
        while os.path.exists(f"/proc/{connector}/status"):  # until it is reaped, not only dead
            pass
        try:
            client.call("Sessions.GetCurrent")
            os.write(writing, b"answered")
        except Refused as error:
            os.write(writing, error.name.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    assert os.read(reading, 100) == b"AccessDenied"
    os.close(reading)


def test_B5_an_id_is_no_key(open_host):
    session = in_child(lambda: open_host.log_in("alice"), login=ALICE)
    for prefix in (session, session[:8]):
        with pytest.raises(Refused) as refused:
            open_host.as_uid(BOB, "Sessions.Show", "s", prefix)
        assert refused.value.name == "NotFound"
        with pytest.raises(Refused) as refused:
            open_host.as_uid(BOB, "Sessions.Revoke", "a{sv}a{sv}", {"ids": [prefix]}, {})
        assert refused.value.name == "NotFound"
    for what in ({"user": "alice"}, {"all-users": True}):
        with pytest.raises(Refused) as refused:
            open_host.as_uid(BOB, "Sessions.Revoke", "a{sv}a{sv}", what, {})
        assert refused.value.name == "AccessDenied"
    assert open_host.as_uid(BOB, "Sessions.List", "a{sv}", {}) == []
    assert open_host.as_uid(BOB, "Sessions.Revoke", "a{sv}a{sv}", {"others": True}, {}) == []
    assert open_host.call("Sessions.Show", "s", session)[0]["state"] == "active"
    # The owner may, by its first digits.
    assert open_host.as_uid(ALICE, "Sessions.Revoke", "a{sv}a{sv}", {"ids": [session[:8]]}, {}) == [session]


def test_B5_a_pending_session_is_its_own_processes_only(open_host):
    verdict, result = open_host.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {}, secret(PASSWORD))
    assert verdict == "allow"
    context = {"session": result["session"]}
    open_session = ("Login.OpenSession", "ssa{sv}", "alice", "sshd", context)
    stranger = in_child(lambda: in_child(lambda: open_host.call(*open_session)))
    assert stranger[0] == "deny" and stranger[1]["reason"] == "session"
    verdict, _ = open_host.call(*open_session)
    assert verdict == "allow"


def test_B6_nobody_owns_the_name(host):
    def request():
        bus = dbus.bus.BusConnection(host.bus_address)
        try:
            return int(bus.request_name(NAME, dbus.bus.NAME_FLAG_REPLACE_EXISTING))
        except dbus.exceptions.DBusException as error:
            return error.get_dbus_name()

    denied = "org.freedesktop.DBus.Error.AccessDenied"
    assert in_child(request, uid=NOBODY) == denied
    host.stop()
    assert in_child(request, uid=NOBODY) == denied
    assert in_child(request, uid=ALICE) == denied


def test_B6_a_name_that_is_taken_is_asked_for_again(make_host):
    host = make_host(fence=False)
    host.start_bus()
    squatter = dbus.bus.BusConnection(host.bus_address)
    squatter.request_name(NAME)
    host.start(on_bus=False)
    host.add("alice")  # root's own way is not touched by it
    squatter.close()
    wait_for(host.has_name, timeout=40)
    client = host.bus()
    assert client.get("Version")
    client.close()


def test_root_is_whoever_has_the_effective_uid(host):
    """sudo and su have the invoker's real uid when they ask."""
    def sudo():
        os.setresuid(ALICE, 0, 0)
        return host.call("Users.List")

    assert [u["user"] for u in in_child(sudo)] == ["alice", "bob"]


def test_the_private_socket_is_roots_alone(host):
    path = host.folder / "run/private"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)  # even where the mode has been lost
    (host.folder / "run").chmod(0o755)

    def connect():
        client = Client(dbus.connection.Connection(host.private_address), None)
        return client.call("Roles.List")

    for uid in (NOBODY, host.uid):
        with pytest.raises(Refused) as refused:
            in_child(connect, uid=uid)
        assert refused.value.name.endswith((".NoReply", ".Disconnected"))
    assert host.call("Roles.List")
    assert "was refused at the private socket" in host.text()


def test_the_environment_says_nothing(make_host):
    host = make_host()
    host.start_bus()
    nowhere = "unix:path=/nonexistent/bus"
    environment = host.environment()
    names = ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS")
    host.environment = lambda: {**environment, **dict.fromkeys(names, nowhere), "DBUS_STARTER_BUS_TYPE": "session"}
    host.start()
    assert host.has_name()


def test_busctl_reads_the_interface(host):
    text = subprocess.run(["busctl", f"--address={host.bus_address}", "introspect", NAME, OBJECT],
                          capture_output=True, text=True, check=True).stdout
    assert "org.tessera.Tessera1.Sessions" in text and ".Revoke" in text
