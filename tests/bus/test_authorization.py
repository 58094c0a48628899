# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Who may call what: every method and property, by every kind of caller, asked of the real bus.

authorization.golden is the answer, to be read as a table. What the daemon's own introspection offers
and calls.py or the golden file does not know fails; pytest --write-golden writes the file anew.
"""

import itertools
import os
import pathlib
import xml.etree.ElementTree

import dbus
import dbus.connection
import dbus.exceptions
import pytest
from calls import CALLS, for_session
from daemon import (ALICE, BOB, CAROL, DAVE, NAME, NOBODY, OBJECT, PASSWORD, ROOT, Client, Refused,
                    in_child, plain, secret)
from devices import Device

GOLDEN = pathlib.Path(__file__).parent / "authorization.golden"
PROPERTIES = "org.freedesktop.DBus.Properties"
HEAD = """\
# Who may call what, as the real bus answered to calls about alice: see tests/bus/test_authorization.py,
# by which this file is made (pytest tests/bus/test_authorization.py --write-golden) and checked.
#
#   socket  root on the private socket           carol   an administrator, whose password was proven just now
#   root    root on the system bus               dave    an administrator who came by key: stale
#   alice   the user herself                     nobody  a Unix account that is not enrolled
#   bob     another enrolled user
#
# fence: the bus's own policy refuses. AccessDenied, Stale, NotFound, NotSignedIn, WrongCredential: the
# daemon does. Everything else was let in: ok, a verdict, or an error about what was asked for.
#
"""
COLUMNS = {"socket": 0, "root": 0, "alice": ALICE, "bob": BOB, "carol": CAROL, "dave": DAVE, "nobody": NOBODY}
# Who has no right to change anything of alice's: there she must be as before.
HARMLESS = ("bob", "dave", "nobody")


# The interface


def introspect(client):
    text = client.connection.call_blocking(client.destination, OBJECT, "org.freedesktop.DBus.Introspectable",
                                           "Introspect", "", ())
    for interface in xml.etree.ElementTree.fromstring(text).iter("interface"):
        if interface.get("name").startswith(NAME + "."):
            yield interface.get("name"), interface


def place(row):
    """Properties, then methods as calls.py has them, so that the file does not hang on GDBus's order."""
    order = list(CALLS)
    return ("(" not in row, order.index(row) if row in order else len(order), row)


def rows(client):
    """What the daemon offers: (row, is it answered by a verdict)."""
    return sorted(found_rows(client), key=lambda row: place(row[0]))


def found_rows(client):
    for name, interface in introspect(client):
        short = name.removeprefix(NAME + ".")
        for prop in interface.iter("property"):
            yield f"{short}.{prop.get('name')} (get)", False
            yield f"{short}.{prop.get('name')} (set)", False
        for method in interface.iter("method"):
            yield f"{short}.{method.get('name')}", any(arg.get("name") == "verdict" for arg in method.iter("arg"))


# Calling


def values(arguments, token):
    for value in arguments:
        if value == ("refresh-token",):
            yield secret(token)
        else:
            yield secret(value[1]) if isinstance(value, tuple) else value


def ask(client, row, arguments, token):
    """Carries out one cell; the reply."""
    if not row.endswith(")"):
        signature, *rest = arguments
        return client.call(row, signature, *values(rest, token))
    interface, prop = row.split(" ")[0].split(".")
    what = (f"{NAME}.{interface}", prop)
    member, signature = ("Get", "ss") if row.endswith("(get)") else ("Set", "ssv")
    try:
        return client.connection.call_blocking(client.destination, OBJECT, PROPERTIES, member, signature,
                                               what if member == "Get" else (*what, dbus.String("changed")))
    except dbus.exceptions.DBusException as error:
        raise Refused(error) from None


def word(client, row, verdict, arguments, token):
    """What the cell says."""
    try:
        reply = ask(client, row, arguments, token)
    except Refused as error:
        if error.name == "org.freedesktop.DBus.Error.AccessDenied":
            return "fence"
        return error.name.removeprefix("org.freedesktop.DBus.Error.")
    return reply[0] if verdict else "ok"


class Matrix:
    def __init__(self, host):
        self.host = host
        self.session = None
        self.repairs = 0

    def log_in(self, who):
        """What sshd does, in this process; dave comes by key."""
        if who == "dave":
            self.host.call("Login.OpenSession", "ssa{sv}", "dave", "sshd", {"auth-info": "publickey ssh-ed25519 AAAA"})
        elif who in ("alice", "bob", "carol"):
            self.host.log_in(who)

    def is_whole(self):
        try:
            return (self.host.call("Users.Show", "s", "alice")["enabled"] and
                    self.host.call("Sessions.Show", "s", self.session)[0]["state"] == "active")
        except Refused:
            return False

    def repair(self):
        """alice is enrolled, and has a session that is nobody's own login here."""
        if self.session and self.is_whole():
            return
        self.repairs += 1
        try:
            self.host.add("alice")
        except Refused as error:
            assert error.name == "Exists"
        self.host.call("Users.SetEnabled", "sb", "alice", True)
        self.session = in_child(lambda: self.host.log_in("alice"), login=ALICE)

    def arguments(self, row):
        if row.endswith(")"):
            return None, None
        if row not in CALLS:
            pytest.fail(f"{row} is offered, and tests/bus/calls.py has no arguments for it: add a line there, then "
                        f"look at what --write-golden makes of it")
        if row == "Devices.Revoke":
            self.device("laptop")
        token = self.device(os.urandom(8).hex()).next() if row == "Tokens.Refresh" else None
        return for_session(self.session, CALLS[row]), token

    def device(self, name):
        device = Device(self.host.call("Sessions.Show", "s", self.session)[0]["host"], name)
        try:
            self.host.call("Devices.Add", "sssa{sv}", device.id, name, device.public_key, {"user": "alice"})
        except Refused as error:
            assert error.name == "Exists"
        return device

    def cell(self, who, row, verdict):
        self.repair()
        arguments, token = self.arguments(row)

        def call():
            client = self.host.root() if who == "socket" else self.host.bus()
            return word(client, row, verdict, arguments, token)

        def login():
            self.log_in(who)
            return in_child(call, uid=COLUMNS[who])

        # root is in no login, as what it does need not be.
        return in_child(login, login=COLUMNS[who]) if COLUMNS[who] != 0 else in_child(call)

    def column(self, who, offered):
        self.repair()
        before = self.repairs
        cells = {"(the private socket)": in_child(self.connect, uid=COLUMNS[who])}
        for row, verdict in offered:
            cells[row] = self.cell(who, row, verdict)
        assert who not in HARMLESS or (self.is_whole() and self.repairs == before), f"{who} has changed alice"
        return cells

    def connect(self):
        """Also where the socket's mode has been lost."""
        try:
            Client(dbus.connection.Connection(self.host.private_address), None).call("Roles.List")
        except Refused:
            return "refused"
        return "ok"


def table(columns):
    names = list(columns)
    width = max(len(row) for row in columns[names[0]]) + 2
    lines = [["", *names]] + [[row, *(columns[name][row] for name in names)] for row in columns[names[0]]]
    return "".join((line[0].ljust(width) + "".join(cell.ljust(17) for cell in line[1:])).rstrip() + "\n"
                   for line in lines)


def test_B7_the_authorisation_matrix(administered, request):
    host = administered
    (host.folder / "run").chmod(0o755)
    (host.folder / "run/private").chmod(0o666)
    offered = rows(host.root())
    assert offered == rows(host.bus()), "the private socket and the bus offer different things"
    matrix = Matrix(host)
    text = HEAD + table({who: matrix.column(who, offered) for who in COLUMNS})
    assert host.alive()
    if request.config.getoption("--write-golden"):
        GOLDEN.write_text(text)
    golden = GOLDEN.read_text()
    missing = [row for row, _ in offered if f"\n{row} " not in golden]
    assert not missing, f"{', '.join(missing)}: not in {GOLDEN.name}; is what --write-golden says of it right?"
    assert text == golden


def test_B7_no_argument_is_left_over(administered):
    """A line of calls.py that the daemon does not offer any more tests nothing."""
    offered = {row for row, _ in rows(administered.root())}
    assert set(CALLS) <= offered, set(CALLS) - offered


# What everybody can read


def test_B8_properties_hold_no_secret(administered):
    """All of them, read by nobody: they are these, and nothing that the host keeps to itself is in them."""
    host = administered
    in_child(lambda: host.log_in("alice"), login=ALICE)

    def read():
        client = host.bus()
        return {name: plain(client.connection.call_blocking(NAME, OBJECT, PROPERTIES, "GetAll", "s", (name,)))
                for name, _ in introspect(client)}

    dump = in_child(read, uid=NOBODY)
    found = {f"{name}.{key}": value for name, all_of_it in dump.items() for key, value in all_of_it.items()}
    assert set(found) == {f"{NAME}.Daemon.{name}" for name in ("Version", "Host", "Fleet", "ConfigurationRead")}
    text = repr(found) + "".join(in_child(lambda: [str(interface.attrib) for _, interface in introspect(host.bus())],
                                          uid=NOBODY))
    sessions = [session["id"] for session in host.call("Sessions.List", "a{sv}", {"all-users": True})]
    keys = [path.read_bytes() for path in (host.folder / "state/keys").iterdir()]
    assert sessions and keys
    for secret_thing in (PASSWORD, "alice", "argon2", *sessions):
        assert secret_thing not in text
    for key in keys:
        for window in (key[i:i + 12] for i in range(0, max(1, len(key) - 12), 12)):
            assert window.decode(errors="replace") not in text


def test_B8_the_bus_policy_names_an_interface_each_time():
    tree = xml.etree.ElementTree.parse(ROOT / "policy/org.tessera.Tessera1.conf")
    seen = list(itertools.chain.from_iterable(
        (dict(rule.attrib, rule=rule.tag, **{f"policy-{k}": v for k, v in policy.attrib.items()}) for rule in policy)
        for policy in tree.getroot().iter("policy")))
    assert len(seen) > 5 and {element.tag for element in tree.getroot()} == {"policy"}
    for rule in seen:
        who = {key: value for key, value in rule.items() if key.startswith("policy-")}
        assert who in ({"policy-user": "tessera"}, {"policy-user": "root"}, {"policy-context": "default"}), rule
        if rule["rule"] == "deny":
            continue
        if "own" in rule or "own_prefix" in rule:
            assert rule.get("own") == NAME and who == {"policy-user": "tessera"} and "own_prefix" not in rule, rule
            continue
        # Nothing is allowed by sender, path or type alone, nor to others than the daemon.
        assert rule.get("send_destination") == NAME and rule.get("send_interface"), rule
        assert set(rule) - set(who) <= {"rule", "send_destination", "send_interface", "send_member"}, rule
        if rule["send_interface"] == f"{NAME}.Login" and who != {"policy-user": "root"}:
            assert rule["send_member"] in ("Authenticate", "Authorize"), rule  # what a user's own program asks
    assert {"rule": "deny", "own": NAME, "policy-context": "default"} in seen
    assert {"rule": "deny", "send_destination": NAME, "policy-context": "default"} in seen
