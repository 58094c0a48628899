# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Administration by others than root: who does what is told, and what is taken away is gone at once."""

import os
import pathlib
import pickle
import re
import time

import dbus.lowlevel
import pytest
from daemon import (BOB, CAROL, DAVE, PASSWORD, POLICY, Refused, become, in_child, plain, secret)
from gi.repository import GLib
from test_monitor import MONITOR, QUIET, on_bus


class Person:
    """A process of a user's in a login of its own, by password or by key: it does what it is told to."""

    def __init__(self, host, user, uid, by_key=False):
        self.commands, self.answers = os.pipe(), os.pipe()
        self.child = os.fork()
        if self.child == 0:
            try:
                pathlib.Path("/proc/self/loginuid").write_text(str(uid))
                if by_key:
                    host.call("Login.OpenSession", "ssa{sv}", user, "sshd", {"auth-info": "publickey ssh-ed25519 AAAA"})
                else:
                    host.log_in(user)
                become(uid)
                self._serve(host)
            except BaseException as error:
                print(error, flush=True)
            os._exit(0)
        os.close(self.commands[0])
        os.close(self.answers[1])
        self.reader = os.fdopen(self.answers[0], "rb")

    def _serve(self, host):
        os.close(self.commands[1])
        client, self.heard = on_bus(host), []
        client.connection.add_message_filter(self._on_message)
        with os.fdopen(self.commands[0], "rb") as commands:
            while command := pickle.load(commands):
                os.write(self.answers[1], pickle.dumps(self._carry_out(client, *command)))

    def _on_message(self, connection, message):
        if message.get_type() == 4 and message.get_interface() == MONITOR:
            self.heard.append(plain(message.get_args_list()[0]))
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED

    def _carry_out(self, client, method, *arguments):
        if method == "hear":
            last, n = time.monotonic(), len(self.heard)
            while time.monotonic() - last < QUIET:
                GLib.MainContext.default().iteration(False)
                if len(self.heard) > n:
                    last, n = time.monotonic(), len(self.heard)
                time.sleep(0.002)
            heard, self.heard = self.heard, []
            return heard
        try:
            return client.call(method, *[secret(a[1]) if isinstance(a, tuple) else a for a in arguments])
        except Refused as error:
            return error

    def _tell(self, *command):
        os.write(self.commands[1], pickle.dumps(command))
        return pickle.load(self.reader)

    def call(self, *command):
        answer = self._tell(*command)
        if isinstance(answer, Refused):
            raise answer
        return answer

    def refused(self, *command):
        answer = self._tell(*command)
        assert isinstance(answer, Refused), answer
        return answer.name, answer.message

    def hear(self):
        """What was told since the last time, once it is quiet."""
        return [(event["event"], event["user"], event["by"]) for event in self._tell("hear")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.write(self.commands[1], pickle.dumps(()))
        os.waitpid(self.child, 0)


def audit(host, event):
    """The fields of the event's lines."""
    return [dict(re.findall(r"TESSERA_(\w+)=(\S+)", line)) for line in host.text().splitlines()
            if re.search(rf"TESSERA_EVENT={event}( |$)", line)]


def test_an_administrator_does_what_root_does_and_it_is_told(administered):
    host = administered
    session = in_child(lambda: host.log_in("bob"), login=BOB)
    with Person(host, "carol", CAROL) as carol:
        assert session in [s["id"] for s in carol.call("Sessions.List", "a{sv}", {"all-users": True})]
        assert [s["id"] for s in carol.call("Sessions.List", "a{sv}", {"user": "bob"})] == [session]
        assert carol.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session[:8]]}, {}) == [session]
        assert carol.call("Users.SetEnabled", "sb", "bob", False) is True
        assert carol.call("Users.SetEnabled", "sb", "bob", False) is False
    assert [(e["USER"], e["SESSION"], e["BY"]) for e in audit(host, "revoked")] == [("bob", session, "carol")]
    assert [(e["USER"], e["BY"]) for e in audit(host, "user-disabled")] == [("bob", "carol")]


def test_who_may_not_is_told_which_role_it_takes(administered):
    host = administered
    with Person(host, "bob", BOB) as bob:
        for call in (("Users.List",), ("Sessions.List", "a{sv}", {"user": "alice"})):
            name, message = bob.refused(*call)
            assert name == "AccessDenied"
            assert message.startswith('that needs the role "keeper"; you have "everyone". An admin can add you:')
    assert [(e["REASON"], e["BY"]) for e in audit(host, "refused")] == [("not-allowed", "bob")] * 2


def test_a_key_login_is_stale_until_the_password_is_given(administered):
    host = administered
    with Person(host, "dave", DAVE, by_key=True) as dave:
        name, message = dave.refused("Users.List")
        assert name == "Stale" and "tessera login" in message
        assert dave.call("Sessions.List", "a{sv}", {})  # what is his own needs no fresh sign-in
        assert dave.call("Sessions.StepUp", "h", ("secret", PASSWORD))[0] == "allow"
        assert len(dave.call("Users.List")) == 4
    assert [(e["REASON"], e["BY"]) for e in audit(host, "refused")] == [("stale", "dave")]


def take_role_away(host):
    host.write("policy.conf", POLICY)
    host.reload()


def revoke_login(host):
    host.call("Sessions.Revoke", "a{sv}a{sv}", {"user": "carol"}, {"keep-login": True})


def disable(host):
    host.call("Users.SetEnabled", "sb", "carol", False)


@pytest.mark.parametrize("take_away", [take_role_away, revoke_login, disable])
def test_A4_what_is_taken_away_is_gone_at_the_next_call(administered, take_away):
    """And from the events: what happened is told to who is an administrator when it is told."""
    host = administered
    with Person(host, "carol", CAROL) as carol:
        carol.call("Monitor.Subscribe")
        host.call("Users.SetEnabled", "sb", "bob", False)
        assert carol.call("Users.List")
        assert ("user-disabled", "bob", "root") in carol.hear()
        take_away(host)
        host.call("Users.SetEnabled", "sb", "bob", True)
        assert carol.refused("Users.List")[0] == "AccessDenied"
        heard = carol.hear()
        assert ("monitor-narrowed", "carol", "") in heard
        assert {user for _, user, _ in heard} == {"carol"}


def test_B3_who_might_be_told_everything_signs_in_first(administered):
    host = administered
    with Person(host, "dave", DAVE, by_key=True) as dave, Person(host, "bob", BOB) as bob:
        assert dave.refused("Monitor.Subscribe")[0] == "Stale"
        bob.call("Monitor.Subscribe")
        host.call("Users.SetEnabled", "sb", "alice", False)
        assert dave.hear() == bob.hear() == []
        dave.call("Sessions.StepUp", "h", ("secret", PASSWORD))
        dave.call("Monitor.Subscribe")
        host.call("Users.SetEnabled", "sb", "alice", True)
        assert ("user-enabled", "alice", "root") in dave.hear()
        assert bob.hear() == []
