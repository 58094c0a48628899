# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What happened and what happens, on a real host: its journal and its system bus."""

import json

import pytest
from conftest import PASSWORDS
from host import Host

FORGED = ("MESSAGE=opened: alice\nPRIORITY=5\nSYSLOG_IDENTIFIER=tesserad\nTESSERA_EVENT=forged\nTESSERA_USER=alice\n"
          "TESSERA_SERVICE=sshd\n_SYSTEMD_UNIT=tesserad.service\n_UID=0\n")

FORGE = """
import sys, dbus, dbus.lowlevel
bus = dbus.SystemBus()
for name in bus.list_names():
    if name.startswith(":"):
        message = dbus.lowlevel.SignalMessage("/org/tessera/Tessera1", "org.tessera.Tessera1.Monitor", "Event")
        message.set_destination(name)
        message.append({"event": "forged", "user": "alice"}, signature="a{sv}")
        bus.send_message(message)
bus.flush()
"""


def log(host, *options):
    return json.loads(host.sh(["tessera", "--json", "log", *options]).stdout)


@pytest.mark.parametrize("bus", ["dbus", "dbus-broker"])
def test_B1_each_is_shown_what_is_its_own(ready_layer, bus):
    with Host("web1", ready_layer, bus=bus) as host:
        users = ("root", "alice", "bob", "nobody")
        processes = [host.spawn(f"exec tessera monitor > /run/monitor.{user} 2> /run/monitor.{user}.err",
                                user=None if user == "root" else user) for user in users
                     if not host.sh(f"touch /run/monitor.{user}; touch /run/monitor.{user}.err; "
                                    f"chmod 666 /run/monitor.*").returncode]
        for user in users:
            host.wait(f"grep -q watching /run/monitor.{user}.err")
        host.sh(["/usr/bin/python3", "-c", FORGE], user="nobody")
        host.ssh("alice", PASSWORDS["alice"])
        host.ssh("bob", "wrong", check=False)
        host.wait("grep -q 'closed.*alice' /run/monitor.alice && grep -q 'refused.*bob' /run/monitor.bob")
        host.wait("grep -q 'closed.*alice' /run/monitor.root && grep -q 'refused.*bob' /run/monitor.root")
        texts = {user: host.read(f"/run/monitor.{user}") for user in users}
        assert texts["nobody"] == ""
        assert "bob" not in texts["alice"] and "alice" not in texts["bob"]
        opened = [line for line in texts["alice"].splitlines() if "opened" in line][0]
        assert "sshd" in opened and "from 127.0.0.1" in opened
        assert "forged" not in "".join(texts.values())
        host.sh("pkill -INT -x tessera")
        assert [process.wait(timeout=10) for process in processes] == [0] * 4
        # An upgrade restarts the daemon; whoever watches goes on.
        monitor = host.spawn("exec tessera monitor > /run/again 2> /run/again.err")
        host.wait("grep -q watching /run/again.err")
        host.sh("systemctl restart tesserad.service")
        host.wait("grep -q 'connected again' /run/again.err")
        host.ssh("alice", PASSWORDS["alice"])
        host.wait("grep -q 'opened.*alice' /run/again")
        host.sh("pkill -INT -x tessera")
        assert monitor.wait(timeout=10) == 0


def test_log_shows_what_happened(host):
    host.ssh("alice", PASSWORDS["alice"])
    host.ssh("bob", "wrong", check=False)
    host.wait(lambda: any((e["event"], e["user"]) == ("closed", "alice") for e in log(host)))
    events = log(host, "--since", "1h")
    assert set(events[0]) == {"time", "event", "user", "session", "device", "service", "from", "reason", "message", "by"}
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    opened = [e for e in events if (e["event"], e["user"]) == ("opened", "alice")][-1]
    assert (opened["service"], opened["from"], len(opened["session"])) == ("sshd", "127.0.0.1", 32)
    assert {e["user"] for e in log(host, "--user", "bob")} == {"bob"}
    assert ("refused", "wrong-password") in [(e["event"], e["reason"]) for e in log(host, "--user", "bob")]
    assert log(host, "--user", "nobody-here") == log(host, "--since", "2099-01-01") == log(host, "--since", "0s") == []
    assert host.sh("tessera log --user nobody-here").stdout == ""
    lines = host.sh("tessera log --user alice").stdout.splitlines()
    assert any(line.split()[2:5] == ["opened", "alice", "sshd"] for line in lines)
    # Not every line that the daemon logs is an event.
    assert "serving" in host.journal("-u", "tesserad")
    assert all("serving" not in line for line in lines)


def test_B1_log_believes_the_journal_not_the_field(host):
    for user in ("alice", "nobody", None):
        host.sh("logger --journald", user=user, input=FORGED)
    # A unit of her own may have any name, and logs as that.
    with host.shell("alice", PASSWORDS["alice"]) as shell:
        host.write("/run/forged", FORGED)
        assert shell.run("systemd-run --user --quiet --wait --unit=tesserad.service sh -c "
                         "'logger --journald < /run/forged'")[1] == 0
    host.wait("test $(journalctl --no-pager -o cat TESSERA_EVENT=forged | wc -l) -ge 4")
    assert log(host) != []
    assert "forged" not in [event["event"] for event in log(host)]
    assert "forged" not in host.sh("tessera log").stdout
    # What the daemon's account has logged counts, wherever it runs.
    host.sh("logger --journald", user="tessera", input=FORGED.replace("forged", "vouched"))
    host.wait(lambda: "vouched" in [event["event"] for event in log(host, "--user", "alice")])


def test_log_is_for_those_who_may_read_the_journal(host):
    refused = host.sh("tessera log", user="bob", check=False)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "may not read the journal" in refused.stderr and "usermod -aG systemd-journal" in refused.stderr
    refused = host.sh("tessera --json log", user="bob", check=False)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert json.loads(refused.stderr)["error"]["code"] == "denied"
    host.sh("usermod -aG systemd-journal bob")
    try:
        assert json.loads(host.sh("tessera --json log", user="bob").stdout) == log(host)
    finally:
        host.sh("gpasswd -d bob systemd-journal")
