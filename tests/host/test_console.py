# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""login: the console, as agetty starts it, and what calls it with -h and -f."""

import json

import pytest
from conftest import PASSWORDS, UNIX_PASSWORDS, forgive
from console import Console
from host import PROMPT, Host

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]
ROOT = "root-unix-1"
POLICY = "/etc/tessera/policy.conf"


@pytest.fixture(scope="module")
def gated(ready_layer):
    with Host("web1", ready_layer) as host:
        host.sh("tessera service enable login --yes --breakglass breakglass")
        host.sh("chpasswd", input=f"root:{ROOT}\n")
        host.sh("sed -i 's/^LOGIN_RETRIES.*/LOGIN_RETRIES 9/' /etc/login.defs")
        yield host


@pytest.fixture
def host(gated):
    forgive(gated)
    return gated


def sessions(host, user):
    found = json.loads(host.sh("tessera --json session list --all-users").stdout)
    return [one for one in found if (one["user"], one["state"], one["service"]) == (user, "active", "login")]


def test_P40_a_login_at_the_console_is_a_session(host):
    with Console(host) as console:
        console.type(("login: ", "alice"), (PROMPT, ALICE)).shell()
        found = json.loads(console.run("tessera status --json")[0])["session"]
        assert (found["service"], found["from"], found["methods"]) == ("login", None, ["pwd"])
        assert found["tty"] and found["tty"].split("/")[-1].isdigit() and found["auth_time"]
        assert console.run("sudo -n id -u") == ("0\n", 0)
        environment = console.run("tr '\\0' '\\n' < /proc/$$/environ")[0]
        assert ALICE not in environment and "TESSERA_SESSION=" in environment
        console.child.sendline("exit")
        assert console.ended()
    host.wait(lambda: not sessions(host, "alice"), what="logging out closes it")


def test_a_revoked_console_ends(host):
    with Console(host) as console:
        console.type(("login: ", "alice"), (PROMPT, ALICE)).shell()
        host.sh(f"tessera session revoke {sessions(host, 'alice')[0]['id']}")
        assert console.ended(seconds=10)


def test_P25_P40_root_at_the_console_with_the_daemon_down(host):
    """root by the Unix password, and never at tessera's prompt; glass by the break-glass group; alice not."""
    with Console(host) as console:
        console.type(("login: ", "root"), ("Password: ", ROOT)).shell()
        assert console.run("id -u")[0] == "0\n"
    host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
    try:
        with Console(host) as console:
            console.type(("login: ", "root"), ("Password: ", "wrong")).refused()
            console.type(("login: ", "root"), ("Password: ", ROOT)).shell()
            assert console.run("su alice -c 'id -un'") == ("alice\n", 0)
        with Console(host) as console:
            said = console.type(("login: ", "alice"), (PROMPT, ALICE)).refused()
            assert "does not answer" in said
            console.type(("login: ", "alice"), (PROMPT, UNIX_PASSWORDS["alice"])).refused()
            console.type(("login: ", "glass"), (PROMPT, UNIX_PASSWORDS["glass"])).shell()
            assert console.run("id -un")[0] == "glass\n"
    finally:
        host.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket")


def test_P21_logins_own_loop(host):
    """One PAM handle for all tries: unknown, mistyped, empty, another's, and at last the right one."""
    typed_as_name = "canary-typed-as-name-5521"
    tries = [("nobody-here", "whatever"), (typed_as_name, "x"), ("alice", ""), ("alice", "wrong"),
             ("alice", UNIX_PASSWORDS["alice"]), ("carol", "wrong"), ("alice", BOB)]
    with Console(host) as console:
        for name, answer in tries:
            said = console.type(("login: ", name), (PROMPT, answer)).refused()
            assert "assword" not in said and "tessera" not in said, (name, answer, said)
        console.type(("login: ", "bob"), (PROMPT, BOB)).shell()
        assert console.run("id -un")[0] == "bob\n"
        assert json.loads(console.run("tessera status --json")[0])["session"]["user"] == "bob"
        assert len(sessions(host, "bob")) == 1 and sessions(host, "alice") == []
    for unit in (("-u", "tesserad"), ("-t", "tessera"), ("SYSLOG_IDENTIFIER=login", "--grep", "pam_tessera")):
        assert typed_as_name not in host.journal(*unit)


def test_who_tessera_does_not_know_gets_in_by_the_unix_password(host):
    with Console(host) as console:
        console.type(("login: ", "carol"), (PROMPT, UNIX_PASSWORDS["carol"])).shell()
        assert console.run("id -un")[0] == "carol\n"
        assert console.run("tessera status")[1] == 4
    assert sessions(host, "carol") == []


def test_login_with_h_comes_from_there(host):
    with Console(host, "-h", "192.0.2.9") as console:
        console.type(("login: ", "alice"), (PROMPT, ALICE)).shell()
        assert json.loads(console.run("tessera status --json")[0])["session"]["from"] == "192.0.2.9"


def test_P6_login_with_f_is_adopted_and_gated(host):
    """Authentication is skipped, by root's word: no proof, but a session; and none for who may not log in."""
    with Console(host, "-f", "alice") as console:
        console.shell()
        found = json.loads(console.run("tessera status --json")[0])["session"]
        assert (found["service"], found["methods"], found["auth_time"]) == ("login", [], None)
        assert console.run("sudo -n id")[1] == 1
    host.sh("tessera user disable bob")
    try:
        with Console(host, "-f", "bob") as console:
            assert console.ended() and "$ " not in console.child.before
        assert sessions(host, "bob") == []
    finally:
        host.sh("tessera user enable bob")


def test_the_role_is_asked_at_the_console_too(host):
    shipped = host.read(POLICY)
    changed = shipped.replace("[service:login]\nroles=everyone", "[service:login]\nroles=admin")
    assert changed != shipped
    host.write(POLICY, changed)
    host.sh("systemctl reload tesserad.service")
    try:
        with Console(host) as console:
            console.type(("login: ", "bob"), (PROMPT, BOB))
            assert console.ended() and 'login needs the role "admin"' in console.child.before
        with Console(host) as console:
            console.type(("login: ", "alice"), (PROMPT, ALICE)).shell()
    finally:
        host.write(POLICY, shipped)
        host.sh("systemctl reload tesserad.service")
