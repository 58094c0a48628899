# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Who is told what happens, and what it costs who does not listen."""

import os
import pickle
import select
import time

import dbus
import dbus.bus
import dbus.connection
import dbus.lowlevel
import pytest
from daemon import (ALICE, BOB, NAME, NOBODY, Client, Refused, become, in_child, plain, sanitized, secret, wait_for)
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

MONITOR = NAME + ".Monitor"
WHOLE = {"time", "event", "user", "session", "device", "service", "from", "reason", "message", "by"}
QUIET = 0.4  # s without an event: then there is none


def hear(client, until=None):
    """Subscribes, and returns the events that come until @until (a descriptor) can be read and it is quiet."""
    events = []

    def on_message(connection, message):
        if message.get_type() == 4 and message.get_interface() == MONITOR:
            events.append((str(message.get_sender()), plain(message.get_args_list()[0])))
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED

    client.connection.add_message_filter(on_message)
    client.call("Monitor.Subscribe")
    yield
    context, last, n = GLib.MainContext.default(), time.monotonic(), 0
    while True:
        context.iteration(False)
        if len(events) > n or not select.select([until], [], [], 0)[0]:
            last, n = time.monotonic(), len(events)
        if time.monotonic() - last > QUIET:
            break
        time.sleep(0.002)
    yield events


def on_bus(host):
    return Client(dbus.bus.BusConnection(host.bus_address, mainloop=DBusGMainLoop()), NAME)


def on_private(host):
    return Client(dbus.connection.Connection(host.private_address, mainloop=DBusGMainLoop()), None)


class Listener:
    """A process of @uid that is subscribed; end() is what it has heard."""

    def __init__(self, host, uid, connect=on_bus):
        stop_reading, self.stop = os.pipe()
        self.reading, writing = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.close(self.stop)
            os.close(self.reading)
            self._run(host, uid, connect, stop_reading, writing)
        os.close(stop_reading)
        os.close(writing)
        assert os.read(self.reading, 1) == b"r"

    def _run(self, host, uid, connect, stop, writing):
        try:
            become(uid)
            hearing = hear(connect(host), until=stop)
            next(hearing)
            os.write(writing, b"r")
            os.write(writing, pickle.dumps(next(hearing)))
        except BaseException as error:
            print(error, flush=True)
        os._exit(0)

    def end(self):
        os.write(self.stop, b"s")
        os.close(self.stop)
        with os.fdopen(self.reading, "rb") as pipe:
            data = pipe.read()
        os.waitpid(self.child, 0)
        return pickle.loads(data)


def told(listener):
    return [(event["event"], event["user"]) for _, event in listener.end()]


def test_B3_each_hears_what_is_its_own(open_host):
    listeners = {name: Listener(open_host, uid) for name, uid in
                 {"root": 0, "alice": ALICE, "bob": BOB, "nobody": NOBODY}.items()}
    private = Listener(open_host, 0, on_private)
    session = in_child(lambda: open_host.log_in("alice"), login=ALICE)
    open_host.call("Login.Authenticate", "ssa{sv}h", "bob", "sshd", {"rhost": "192.0.2.9"}, secret("wrong"))
    with pytest.raises(Refused):
        open_host.as_uid(NOBODY, "Keys.List")  # an event of nobody that is known
    open_host.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {})
    heard = {name: told(listener) for name, listener in listeners.items()}
    assert heard["nobody"] == []
    assert {user for _, user in heard["alice"]} == {"alice"}
    assert [event for event, _ in heard["alice"]][-2:] == ["opened", "revoked"]
    assert heard["bob"] == [("refused", "bob")]
    assert [pair for pair in heard["root"] if pair[1] == "alice"] == heard["alice"]
    assert {("refused", "bob"), ("refused", "")} <= set(heard["root"])
    assert told(private) == heard["root"]


def test_an_event_says_all_there_is(open_host):
    alice, owner = Listener(open_host, ALICE), open_host.bus()
    unique = str(owner.connection.get_name_owner(NAME))
    owner.close()
    session = in_child(lambda: open_host.log_in("alice"), login=ALICE)
    heard = alice.end()
    assert {sender for sender, _ in heard} == {unique}
    opened = [event for _, event in heard if event["event"] == "opened"][0]
    assert set(opened) == WHOLE
    assert abs(opened["time"] - time.time()) < 60
    assert (opened["session"], opened["service"], opened["from"]) == (session, "sshd", "192.0.2.1")
    assert opened["message"]


def test_B3_no_event_is_broadcast(open_host):
    """A match for everything that Monitor sends gets nothing of what others are sent."""
    def listen():
        client = on_bus(open_host)
        client.connection.add_match_string_non_blocking(f"type='signal',interface='{MONITOR}'")
        client.call("Monitor.Unsubscribe")  # not subscribed: no error
        return client

    root, eve = Listener(open_host, 0), None
    reading, writing = os.pipe()
    eve = os.fork()
    if eve == 0:
        become(BOB)
        client, events = listen(), []
        client.connection.add_message_filter(lambda _, m: events.append(m.get_interface())
                                             or dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED)
        client.connection.call_blocking("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId", "", ())
        os.write(writing, b"r")
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            GLib.MainContext.default().iteration(False)
            time.sleep(0.01)
        os._exit(MONITOR in events)
    assert os.read(reading, 1) == b"r"
    in_child(lambda: open_host.log_in("alice"), login=ALICE)
    assert told(root)
    assert os.waitstatus_to_exitcode(os.waitpid(eve, 0)[1]) == 0
    os.close(reading)
    os.close(writing)


def test_who_unsubscribes_hears_nothing(open_host):
    def listen():
        client, (stop, writing) = on_bus(open_host), os.pipe()
        hearing = hear(client, until=stop)
        next(hearing)
        client.call("Monitor.Unsubscribe")
        client.call("Monitor.Unsubscribe")
        open_host.call("Login.Authenticate", "ssa{sv}h", "bob", "sshd", {}, secret("wrong"))
        os.write(writing, b"s")
        return next(hearing)

    assert in_child(listen) == []


def subscribe(client):
    try:
        client.call("Monitor.Subscribe")
    except Refused as error:
        assert error.name == "Busy"
        return False
    return True


def test_B9_a_user_has_16_subscriptions(open_host):
    def fill():
        clients = [open_host.bus() for _ in range(17)]
        for client in clients[:16]:
            client.call("Monitor.Subscribe")
            client.call("Monitor.Subscribe")  # the same again is the same
        with pytest.raises(Refused) as refused:
            clients[16].call("Monitor.Subscribe")
        assert refused.value.name == "Busy"
        clients[0].call("Monitor.Unsubscribe")
        clients[16].call("Monitor.Subscribe")
        return "filled"

    def fill_again():
        clients = [open_host.bus() for _ in range(16)]
        return [subscribe(client) for client in clients].count(True)

    root = Listener(open_host, 0)
    assert in_child(fill, uid=ALICE) == "filled"
    # She has gone, and with her what she had.
    wait_for(lambda: in_child(fill_again, uid=ALICE) == 16)
    root.end()


def test_B9_there_are_64_and_room_for_root(open_host):
    clients = []

    def connect(uid):
        os.setresuid(uid, uid, 0)
        clients.extend(open_host.bus() for _ in range(16))
        os.setresuid(0, 0, 0)

    def fill():
        for uid in (ALICE, BOB, NOBODY, 0):
            connect(uid)
        connect(open_host.uid)
        return [subscribe(client) for client in clients]

    assert in_child(fill) == [True] * 64 + [False] * 16


def refusals(host, count, user="bob"):
    """So many events: bob has no role for sudo."""
    client = host.root()
    for _ in range(count):
        client.call("Login.Authorize", "ssa{sv}", user, "sudo", {})
    client.close()


def test_B9_who_does_not_read_costs_little_and_stalls_nobody(open_host):
    deaf = open_host.root()
    deaf.call("Monitor.Subscribe")

    other = open_host.bus()
    other.call("Monitor.Subscribe")
    before = open_host.memory()
    root = Listener(open_host, 0)
    count = 4500  # more than the sockets' buffers and what may be outstanding
    for _ in range(9):
        refusals(open_host, count // 9)
    assert len([pair for pair in told(root) if pair == ("refused", "bob")]) == count
    if not sanitized(open_host):
        assert open_host.memory() < before + 24 * 1024
    assert "does not read, hanging up" in open_host.text()
    assert "have missed" not in open_host.text()
    assert open_host.alive()
    deaf.close()
    other.close()


def test_subscribers_of_a_bus_that_went_are_forgotten(open_host):
    child = Listener(open_host, 0, on_private)
    client = open_host.bus()
    client.call("Monitor.Subscribe")
    client.connection.set_exit_on_disconnect(False)
    open_host.stop_bus()
    open_host.start_bus()
    wait_for(open_host.has_name)
    refusals(open_host, 3)
    assert told(child) == [("refused", "bob")] * 3
    root = Listener(open_host, 0)
    refusals(open_host, 2)
    assert told(root) == [("refused", "bob")] * 2
    assert open_host.stop() == 0
