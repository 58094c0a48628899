# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The core of the truth table (daemon/core/truth.txt) through the real sshd, login, sudo and su: a sentence is a test."""

import contextlib
import json
import re

import pexpect
import pytest
from conftest import ROOT
from console import Console
from host import PROMPT, Host

POLICY = """
[role:admin]
users=nan
groups=team
[role:chief]
users=ivy
includes=admin
[role:everyone]
users=*
[service:sshd]
roles=everyone
[service:login]
roles=admin
[service:sudo]
roles=admin
max-age=15min
methods=pwd
[service:su]
roles=admin
max-age=15min
methods=pwd
"""
# Who stands for each way to hold the role, and what gives it to them.
USERS = {"by name": "nan", "by group": "gus", "by an include": "ivy", "by assignment": "ann",
         "by a timed assignment": "tim", "by an assignment that has ended": "eve", None: "noa"}
SENTENCE = re.compile(r"With(?:out)? the role ?(by .*?)? and (.*?), (\S+) (.*)\.")
PASSWORD = "the watchword of {}"
INVOKERS = {"sudo": "sudo id -u", "sudo-i": "sudo -i id -u", "su": "su root -c 'id -u'",
            "su-l": "su - root -c 'id -u'"}


def is_core(how, login, service):
    """Every service × login of who holds the role by group; nobody else's but a fresh login, and a key's alone."""
    if how == "by group":
        return True
    if how is None:
        return login == "a fresh login" or (login == "a login by key" and service in ("sshd", "login"))
    return login == "a fresh login" and service in ("sudo", "login")


def core():
    for line in (ROOT / "daemon/core/truth.txt").read_text().splitlines():
        row = SENTENCE.fullmatch(line)
        if row and is_core(*row.groups()[:3]):
            yield pytest.param(*row.groups(), id=line)


@pytest.fixture(scope="module")
def host(installed_layer):
    with Host("web1", [installed_layer]) as host:
        host.sh("groupadd team")
        for user in USERS.values():
            host.sh(["useradd", "-m", "-s", "/bin/bash", user])
            host.sh(["tessera", "user", "add", user], input=PASSWORD.format(user) + "\n")
        host.sh("usermod -aG team gus")
        host.write("/etc/sudoers.d/them", "".join(f"{user} ALL=(ALL:ALL) ALL\n" for user in USERS.values()), 0o440)
        host.write("/etc/tessera/policy.conf", POLICY)
        host.sh("systemctl reload tesserad.service")
        host.sh("tessera role grant admin ann && tessera role grant admin tim --for 1h && "
                "tessera role grant admin eve --for 1s && sleep 1.1")
        host.sh("tessera service enable sshd sudo su login --yes && cp /etc/pam.d/sshd /etc/pam.d/ftp")
        yield host


@contextlib.contextmanager
def sshd_wants(host, role):
    """The table's logins are from before sshd wanted the role."""
    text = host.read("/etc/tessera/policy.conf")
    host.write("/etc/tessera/policy.conf", text.replace("[service:sshd]\nroles=everyone", f"[service:sshd]\nroles={role}"))
    host.sh("systemctl reload tesserad.service")
    try:
        yield
    finally:
        host.write("/etc/tessera/policy.conf", text)
        host.sh("systemctl reload tesserad.service")


def change_session(host, shell, what):
    """Time that goes by, or a provider, in the database: the daemon asks it at every call."""
    session = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
    host.sh(["sqlite3", "/var/lib/tessera/tessera.db", f"pragma busy_timeout=5000; update session set {what} where id = '{session}'"])


def bring_about(host, shell, login):
    if login == "a stale login":
        change_session(host, shell, "auth_time = auth_time - 901")
    elif login == "a login by another method":
        change_session(host, shell, "auth_method = 'oidc:corp'")
    elif login == "a revoked login":
        session = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
        host.sh(f"tessera session revoke {session} --keep-login")
    elif login == "no session":
        shell.run("tessera logout")


def outcome(asked, good):
    if good:
        return "asks for the password and lets in" if asked else "lets in unasked"
    return "asks for the password and refuses" if asked else "refuses unasked"


def invoke(shell, command, password):
    """What is said to a person who types it; the word at the end tells whether root's command ran."""
    shell.start(command)
    asked = shell.child.expect([re.escape(PROMPT), shell.MARK + r"=\d+=\r?\n"]) == 0
    if asked:
        shell.answer(password)
        output, _ = shell.finish()
    else:
        output = shell.child.before
    return outcome(asked, "0" in output.split())


def ssh(host, user, password, key):
    options = host.key_options(user) if key else ()
    found = host.ssh(user, None if key else password, "id -un", options=options, check=False)
    return outcome(not key, found.stdout == f"{user}\n")


def login(host, user, password, key):
    """A key at login is its -f: another has authenticated."""
    with Console(host, *(["-f", user] if key else [])) as console:
        if not key:
            console.type(("login: ", user), (PROMPT, password))
        good = console.child.expect([r"\$ ", "Login incorrect", "Permission denied", pexpect.EOF]) == 0
    return outcome(not key, good)


def ftp(host, user, password, key):
    """A program with PAM and a name that the policy does not have; its stack is sshd's."""
    steps = ["acct_mgmt"] if key else ["authenticate", "acct_mgmt"]
    child = pexpect.spawn("nsenter", host.argv(["pamtester", "ftp", user, *steps])[1:], encoding="utf-8", timeout=90)
    asked = child.expect_exact([PROMPT, pexpect.EOF]) == 0
    if asked:
        child.sendline(password)
        child.expect(pexpect.EOF)
    child.close()
    return outcome(asked, child.exitstatus == 0)


@pytest.mark.parametrize("role,login_kind,service,expected", core())
def test_truth(host, role, login_kind, service, expected):
    user = USERS[role]
    password, key = PASSWORD.format(user), login_kind == "a login by key"
    options = host.key_options(user) if key else ()
    with host.shell(user, None if key else password, options=options) as shell:
        bring_about(host, shell, login_kind)
        if service in INVOKERS:
            found = invoke(shell, INVOKERS[service], password)
        else:
            with sshd_wants(host, "admin"):
                found = {"sshd": ssh, "login": login, "ftp": ftp}[service](host, user, password, key)
    assert found == expected


def test_the_core_is_large_enough():
    rows = [row.values for row in core()]
    assert len(rows) >= 24
    assert {row[0] for row in rows} == set(USERS)
    assert {row[2] for row in rows} == {"sshd", "login", "ftp", *INVOKERS}
    assert len({row[1] for row in rows}) == 6
