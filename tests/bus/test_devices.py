# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Devices, tickets and keys over the real bus, with callers of several uids."""

import json
import signal
import threading

import pytest
from conftest import started
from daemon import ALICE, BOB, NAME, NOBODY, OBJECT, PASSWORD, Refused, in_child, plain, read_fd, scaled, secret
from devices import Device


def name_of(host):
    client = host.root()
    try:
        return client.get("Host")
    finally:
        client.close()


def in_login(host, function, user="alice", uid=ALICE, answer=None):
    """function() by uid in a login of its own, which answered with a password, or with @answer."""
    def login():
        session = host.log_in(user, answer) if answer else host.log_in(user)
        return session, in_child(function, uid=uid)
    return in_child(login, login=uid)


def on_bus(host, method, signature="", *arguments):
    client = host.bus()
    try:
        return client.call(method, signature, *arguments)
    finally:
        client.close()


def add(host, device, **options):
    return on_bus(host, "Devices.Add", "sssa{sv}", device.id, device.name, device.public_key, options)


def registered(host, user="alice", uid=ALICE, name="laptop"):
    device = Device(name_of(host), name)
    in_login(host, lambda: add(host, device), user, uid)
    return device


def refused(function, name):
    with pytest.raises(Refused) as caught:
        function()
    assert caught.value.name == name, caught.value
    return caught.value.message


def print_token(host, options):
    client = host.bus()
    try:
        fd, info = client.connection.call_blocking(NAME, OBJECT, f"{NAME}.Tokens", "Print", "a{sv}", (options,))
        return read_fd(fd), plain(info)
    finally:
        client.close()


def refresh(host, device, counter=None):
    client = host.bus()
    try:
        token = device.token(counter) if counter else device.next()
        fd, info = client.connection.call_blocking(NAME, OBJECT, f"{NAME}.Tokens", "Refresh", "ha{sv}",
                                                   (secret(token), {}))
        return read_fd(fd), plain(info)
    except Exception as error:
        raise Refused(error) from None
    finally:
        client.close()


def verify(host, token, **options):
    return host.call("Tokens.Verify", "ha{sv}", secret(token), options)


def devices(host):
    return host.call("Devices.List", "a{sv}", {"all-users": True})


def log_in_fails(host, user, answer):
    client = host.root()
    try:
        verdict, result = client.call("Login.Authenticate", "ssa{sv}h", user, "sshd", {"rhost": "192.0.2.9"},
                                      secret(answer))
    finally:
        client.close()
    assert verdict == "deny" and result == {"reason": "credential"}, (verdict, result)


# Devices


def test_a_device_is_registered_used_and_shown(host):
    device = registered(host)
    shown, = host.as_uid(ALICE, "Devices.List", "a{sv}", {})
    assert shown["id"] == device.id and shown["name"] == "laptop" and shown["user"] == "alice"
    assert shown["state"] == "active" and shown["audience"] == name_of(host) and shown["used"] == 0
    assert shown["ends"] == shown["created"] + 90 * 24 * 3600
    session, current = in_login(host, lambda: on_bus(host, "Sessions.GetCurrent"), answer=device.next())
    assert current["id"] == session and current["methods"] == ["tok"] and current["device"] == device.id
    assert current["auth_time"] == shown["auth_time"] > 0
    used, = devices(host)
    assert used["used"] >= shown["created"] and used["from"] == "192.0.2.1"


def test_R1_a_token_works_once_and_a_second_use_ends_all_of_it(host):
    device = registered(host)
    session = in_child(lambda: host.log_in("alice", device.token(1)), login=ALICE)
    log_in_fails(host, "alice", device.token(1))
    assert devices(host)[0]["state"] == "revoked" and devices(host)[0]["reason"] == "reuse"
    shown, _ = host.call("Sessions.Show", "s", session)
    assert shown["state"] == "revoked"
    log_in_fails(host, "alice", device.token(2))
    assert "TESSERA_EVENT=reuse" in host.text()
    with pytest.raises(Refused):
        in_child(lambda: refresh(host, device, 3), uid=ALICE)


def test_R3_it_goes_on_after_a_restart_and_a_kill(host):
    device = registered(host)
    for how in (signal.SIGTERM, signal.SIGKILL):
        in_child(lambda: host.log_in("alice", device.next()), login=ALICE)
        device.counter += 3  # in children, and lost
        host.restart(how)
        assert in_child(lambda: host.log_in("alice", device.token(device.counter)), login=ALICE)
    assert devices(host)[0]["state"] == "active"


def test_R4_many_at_once_never_alarm(host):
    device = registered(host)
    errors = []

    def one(counter):
        client = host.root()
        try:
            verdict, _ = client.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {"rhost": "192.0.2.9"},
                                     secret(device.token(counter)))
            if verdict != "allow":
                errors.append(counter)
        finally:
            client.close()

    threads = [threading.Thread(target=one, args=(counter,)) for counter in range(1, 65)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert devices(host)[0]["state"] == "active"


def test_B3_devices_of_others(host):
    device = registered(host)
    bob = lambda *call: host.as_uid(BOB, *call)
    assert bob("Devices.List", "a{sv}", {}) == []
    refused(lambda: bob("Devices.List", "a{sv}", {"user": "alice"}), "AccessDenied")
    refused(lambda: bob("Devices.List", "a{sv}", {"all-users": True}), "AccessDenied")
    refused(lambda: bob("Devices.Revoke", "sa{sv}", device.id, {}), "NotFound")
    refused(lambda: bob("Devices.Revoke", "sa{sv}", device.id, {"user": "alice"}), "AccessDenied")
    refused(lambda: bob("Devices.Revoke", "sa{sv}", "laptop", {}), "NotFound")
    second = Device(name_of(host), "second")
    refused(lambda: in_login(host, lambda: add(host, second, user="alice"), "bob", BOB), "AccessDenied")
    assert [d["name"] for d in host.call("Devices.List", "a{sv}", {"user": "alice"})] == ["laptop"]
    assert host.call("Devices.Revoke", "sa{sv}", "laptop", {"user": "alice"}) == [True, []]
    assert host.call("Devices.Revoke", "sa{sv}", device.id, {}) == [False, []]


def test_only_a_login_that_proved_a_password_registers(host):
    device, second = registered(host), Device(name_of(host), "second")
    message = refused(lambda: in_login(host, lambda: add(host, second), answer=device.token(1)), "Stale")
    assert "password" in message
    message = refused(lambda: in_child(lambda: add(host, second), uid=ALICE), "AccessDenied")
    assert "log in" in message
    robot = Device(name_of(host), "robot")
    shown = host.call("Devices.Add", "sssa{sv}", robot.id, robot.name, robot.public_key, {"user": "bob"})
    assert shown["user"] == "bob" and shown["auth_time"] == 0
    refused(lambda: host.call("Devices.Add", "sssa{sv}", robot.id, "other", robot.public_key, {"user": "bob"}),
            "Exists")
    refused(lambda: host.call("Devices.Add", "sssa{sv}", second.id, "a b", robot.public_key, {"user": "bob"}),
            "InvalidArgument")
    refused(lambda: host.call("Devices.Add", "sssa{sv}", second.id, "ab", "short", {"user": "bob"}),
            "InvalidArgument")
    refused(lambda: host.call("Devices.Add", "sssa{sv}", second.id, "ab", robot.public_key, {"user": "carol"}),
            "NotFound")


# Refresh


def test_R6_refresh_is_for_the_devices_user_and_root(host):
    device = registered(host)
    token, info = in_child(lambda: refresh(host, device, 1), uid=ALICE)
    reason, said = verify(host, token)
    assert reason == "valid" and said["user"] == "alice" and said["session"] == info["session"]
    assert len(token) <= 510
    for uid in (BOB, NOBODY):
        device.counter += 2
        refused(lambda: in_child(lambda: refresh(host, device, device.counter), uid=uid), "WrongCredential")
    assert devices(host)[0]["state"] == "active"
    _, again = in_child(lambda: refresh(host, device, 10), uid=ALICE)
    _, by_root = refresh(host, device, 11)
    assert again["session"] == by_root["session"] == info["session"]
    host.as_uid(ALICE, "Devices.Revoke", "sa{sv}", "laptop", {"reason": "sold"})
    assert verify(host, token)[0] == "revoked"
    refused(lambda: in_child(lambda: refresh(host, device, 12), uid=ALICE), "WrongCredential")


@pytest.mark.parametrize("event", ["password", "disable", "remove"])
def test_R6_nothing_is_good_after(host, event):
    device = registered(host)
    if event == "password":
        host.call("Users.SetPassword", "shh", "alice", secret(""), secret("another-password"))
    elif event == "disable":
        host.call("Users.SetEnabled", "sb", "alice", False)
        host.call("Users.SetEnabled", "sb", "alice", True)
    else:
        host.call("Users.Remove", "s", "alice")
        host.add("alice")
    log_in_fails(host, "alice", device.next())
    refused(lambda: in_child(lambda: refresh(host, device, 2), uid=ALICE), "WrongCredential")


def test_R14_many_refreshes_are_one_session(host):
    device = registered(host)
    for counter in range(1, scaled(200) + 41):
        refresh(host, device, counter)
    sessions = host.call("Sessions.List", "a{sv}", {"user": "alice"})
    assert [s["service"] for s in sessions] == ["sshd", "tessera"]


# Tickets


@pytest.fixture
def hosts(make_host):
    """web1, where alice is at home, and web2, which trusts it."""
    web1 = started(make_host, settings="[daemon]\nname=web1.example\n[password]\nmemory=8MiB\npasses=1\n")
    web2 = started(make_host, settings="[daemon]\nname=web2.example\n[password]\nmemory=8MiB\npasses=1\n")
    trust(web2, web1)
    return web1, web2


def trust(host, issuer, users="*", roles="*"):
    folder = host.folder / "etc/trust.d"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    name = name_of(issuer)
    host.write(f"trust.d/{name}.conf", f"[host:{name}]\nusers={users}\nroles={roles}\n"
                                       f"keys={issuer.call('Keys.Export')}\n")
    host.reload()
    assert host.status == "serving", host.status


def ticket(issuer, audience="web2.example"):
    _, (text, info) = in_login(issuer, lambda: print_token(issuer, {"audience": audience}))
    assert info["audience"] == audience and len(text) <= 1022
    return text


def test_A9_a_ticket_works_at_its_host_once(hosts):
    web1, web2 = hosts
    text = ticket(web1)
    reason, info = verify(web2, text)
    assert reason == "valid" and info["session"] == "" and info["roles"] == ["admin", "everyone"]
    _, current = in_login(web2, lambda: on_bus(web2, "Sessions.GetCurrent"), answer=text)
    assert current["methods"] == ["tok"] and current["host"] == "web2.example"
    log_in_fails(web2, "alice", text)
    assert verify(web2, text)[0] == "replayed"
    log_in_fails(web2, "alice", ticket(web1, "web3.example"))
    log_in_fails(web2, "bob", ticket(web1))
    log_in_fails(web1, "alice", ticket(web1))


def test_A9_trust_says_who_and_what(hosts):
    web1, web2 = hosts
    shown, = web2.as_uid(NOBODY, "Trust.List")
    assert shown["host"] == "web1.example" and shown["users"] == ["*"] and shown["roles"] == ["*"]
    assert shown["keys"] == [key["kid"] for key in web1.call("Keys.List") if key["use"] == "ticket"]
    trust(web2, web1, users="bob")
    log_in_fails(web2, "alice", ticket(web1))
    trust(web2, web1, users="alice", roles="everyone")
    _, token = in_login(web2, lambda: print_token(web2, {})[0], answer=ticket(web1))
    reason, info = verify(web2, token)
    assert reason == "valid" and info["roles"] == ["everyone"]
    assert verify(web2, token, role="admin")[0] == "role-missing"
    (web2.folder / "etc/trust.d/web1.example.conf").unlink()
    web2.reload()
    assert web2.call("Trust.List") == []
    log_in_fails(web2, "alice", ticket(web1))


def test_A9_no_trusted_host_is_called_as_the_fleet(hosts):
    """Its tickets would say that they come from all of it."""
    _, web2 = hosts
    web2.write("tessera.conf", "[fleet]\nname=web1.example\n")
    web2.reload()
    assert "the old configuration stays" in web2.status and "name of a host" in web2.status


def test_F9_a_mistake_in_trust_keeps_what_there_was(hosts):
    web1, web2 = hosts
    path = web2.folder / "etc/trust.d/web1.example.conf"
    good = path.read_text()
    web2.write("trust.d/web1.example.conf", good.replace("P-256", "P-384"))
    web2.reload()
    assert web2.status.startswith("serving; the old configuration stays"), web2.status
    assert "trust.d/web1.example.conf:4" in web2.text()
    assert in_child(lambda: web2.log_in("alice", ticket(web1)), login=ALICE)
    web2.write("trust.d/web1.example.conf", good)
    path.chmod(0o666)
    web2.reload()
    assert "the old configuration stays" in web2.status
    web2.stop()
    process = web2.spawn()  # and with nothing to keep, it does not start
    assert process.wait(timeout=20) == 1
    assert "trust.d/web1.example.conf" in web2.text().splitlines()[-1]


# Keys


def test_J20_keys_rotate_while_they_are_used(hosts):
    web1, web2 = hosts
    _, old = in_login(web1, lambda: print_token(web1, {})[0])
    old_ticket = ticket(web1)
    refused(lambda: web1.call("Keys.Rotate"), "NotPrepared")
    changed, jwks = web1.call("Keys.Prepare")
    assert changed and len(json.loads(jwks)["keys"]) == 2 and "d" not in json.loads(jwks)["keys"][0]
    assert web1.call("Keys.Prepare") == [False, jwks]
    trust(web2, web1)
    signing = web1.call("Keys.Rotate")
    states = {(key["use"], key["state"]): key["kid"] for key in web1.call("Keys.List")}
    assert sorted(signing) == sorted([states["token", "signing"], states["ticket", "signing"]])
    assert ("token", "verifying") in states and ("ticket", "verifying") in states
    assert verify(web1, old)[0] == "valid"
    for text in (old_ticket, ticket(web1)):
        assert in_child(lambda: web2.log_in("alice", text), login=ALICE)
    web1.restart()
    assert verify(web1, old)[0] == "valid"


def test_a_host_is_renamed(host):
    device = registered(host)
    session, token = in_login(host, lambda: print_token(host, {})[0])
    refused(lambda: host.call("Keys.Rename", "s", "Not A Name"), "InvalidArgument")
    assert host.call("Keys.Rename", "s", "web9.example") is True
    assert host.call("Keys.Rename", "s", "web9.example") is False
    assert name_of(host) == "web9.example"
    assert verify(host, token)[0] == "invalid"
    assert host.call("Sessions.Show", "s", session)[0]["host"] == "web9.example"
    assert in_child(lambda: host.log_in("alice", device.next()), login=ALICE)
    host.restart()
    assert name_of(host) == "web9.example"


def test_a_name_in_the_configuration_is_not_renamed(hosts):
    message = refused(lambda: hosts[0].call("Keys.Rename", "s", "web9.example"), "AccessDenied")
    assert "tessera.conf" in message


# News


def test_a_login_tells_the_last_one(host):
    def open_session():
        client = host.root()
        try:
            _, result = client.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {"rhost": "192.0.2.1"},
                                    secret(PASSWORD))
            return client.call("Login.OpenSession", "ssa{sv}", "alice", "sshd",
                               {"rhost": "192.0.2.1", "session": result["session"]})[1]
        finally:
            client.close()

    assert "message" not in in_child(open_session, login=ALICE)
    log_in_fails(host, "alice", "wrong-password")
    message = in_child(open_session, login=ALICE)["message"]
    assert message == ("Last login: just now from 192.0.2.1. 1 failed attempt since, just now from 192.0.2.9.")
