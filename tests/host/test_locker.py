# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Screen lockers: programs of the user's own that check who sits there. pamtester stands for them."""

import json

import pytest
from conftest import PASSWORDS, UNIX_PASSWORDS

ALICE = PASSWORDS["alice"]

# docs/pam_tessera.8, "SCREEN LOCKERS"
AUTH = """auth     [success=1 ignore=ignore default=die]  pam_tessera.so breakglass=breakglass
auth     substack                               common-auth
auth     required                               pam_permit.so
"""
STACK = AUTH + """account  requisite                              pam_tessera.so breakglass=breakglass
@include common-account
"""


@pytest.fixture
def host(host):
    """swaylock has its lines and its section (policy.conf's), xlock the lines alone."""
    for service in ("swaylock", "xlock"):
        host.write(f"/etc/pam.d/{service}", STACK)
    yield host
    host.sh("rm /etc/pam.d/swaylock /etc/pam.d/xlock")


def unlock(shell, password, user="alice", service="swaylock", program="pamtester"):
    """As a locker does: authenticate, then account. True when it unlocks; and what it showed."""
    shell.start(f"{program} {service} {user} authenticate acct_mgmt")
    shell.expect("Password or token: ")
    shell.answer(password)
    output, status = shell.finish()
    return status == 0, output


def auth_time(shell):
    return json.loads(shell.run("tessera status --json")[0])["session"]["auth_time"]


def test_a_right_password_unlocks_and_steps_up(host):
    with host.shell("alice", None, options=host.key_options("alice")) as shell:
        assert auth_time(shell) is None  # a key proves no presence
        assert shell.run("sudo -n id -u")[1] == 1
        assert unlock(shell, ALICE)[0]
        assert auth_time(shell) is not None
        assert shell.run("sudo -n id -u") == ("0\n", 0)
    events = host.journal("TESSERA_EVENT=step-up", "TESSERA_USER=alice", "TESSERA_SERVICE=own:swaylock")
    assert events.strip()


def test_P20_what_does_not_unlock(host):
    with host.shell("alice", ALICE) as shell:
        before = auth_time(shell)
        shown = set()
        for wrong in ("wrong", UNIX_PASSWORDS["alice"], PASSWORDS["bob"]):
            unlocked, output = unlock(shell, wrong)
            assert not unlocked
            shown.add(output.strip())
        assert len(shown) == 1, shown
        assert auth_time(shell) == before


def test_P31_a_token_does_not_unlock(host):
    with host.shell("alice", ALICE) as shell:
        token = shell.run("tessera token print")[0].strip()
        unlocked, output = unlock(shell, token)
        assert not unlocked and "enter your password" in output


def test_P18_a_service_without_a_section_unlocks_nobody(host):
    with host.shell("alice", ALICE) as shell:
        unlocked, output = unlock(shell, ALICE, service="xlock")
        assert not unlocked and "xlock" in output


def test_what_includes_logins_lines_unlocks(host):
    """Debian's i3lock and swaylock: as soon as login asks tessera, so do they."""
    login = host.read("/etc/pam.d/login")
    host.write("/etc/pam.d/login", login.replace("@include common-auth\n", AUTH))
    host.write("/etc/pam.d/i3lock", "auth include login\n")
    try:
        with host.shell("alice", ALICE) as shell:
            for password, status in ((ALICE, 0), ("wrong", 1), (UNIX_PASSWORDS["alice"], 1)):
                shell.start("pamtester i3lock alice authenticate")
                shell.expect("Password or token: ")
                shell.answer(password)
                assert shell.finish()[1] == status
    finally:
        host.write("/etc/pam.d/login", login)
        host.sh("rm /etc/pam.d/i3lock")


def test_B3_alice_unlocks_nothing_of_bobs(host):
    with host.shell("alice", ALICE) as shell:
        assert not unlock(shell, PASSWORDS["bob"], user="bob")[0]
    host.wait(lambda: host.journal("TESSERA_USER=bob", "TESSERA_SERVICE=own:swaylock").strip() == "", seconds=1)


def test_whom_tessera_does_not_know_has_the_unix_password(host):
    with host.shell("carol", UNIX_PASSWORDS["carol"]) as shell:
        assert unlock(shell, UNIX_PASSWORDS["carol"], user="carol")[0]
        assert not unlock(shell, "wrong", user="carol")[0]


def test_outside_a_login(host):
    """A desktop that the user manager has started: a yes, and no session."""
    def sessions():
        return json.loads(host.sh("tessera --json session list --all-users").stdout)

    before = sessions()
    command = "pamtester swaylock alice authenticate acct_mgmt"
    assert host.sh(command, user="alice", input=ALICE + "\n").returncode == 0
    assert host.sh(command, user="alice", input="wrong\n", check=False).returncode != 0
    assert [s["id"] for s in sessions()] == [s["id"] for s in before]


def test_P25_daemon_down(host):
    """Nobody but break-glass, by the Unix password."""
    with host.shell("alice", ALICE) as shell, host.shell("glass", UNIX_PASSWORDS["glass"]) as glass:
        host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
        try:
            unlocked, output = unlock(shell, ALICE)
            assert not unlocked and "does not answer" in output
            assert not unlock(shell, UNIX_PASSWORDS["alice"])[0]
            assert unlock(glass, UNIX_PASSWORDS["glass"], user="glass")[0]
        finally:
            host.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket tesserad.service")


def test_a_session_line_is_an_error_and_is_named(host):
    host.write("/etc/pam.d/swaylock", STACK + "session required pam_tessera.so\n")
    with host.shell("alice", ALICE) as shell:
        assert shell.run("pamtester swaylock alice open_session")[1] != 0
    assert "take this line out of the file of service" in host.journal("-t", "pamtester")


def test_a_setuid_locker(host):
    """physlock, vlock: root's uid, so the private socket; and still the step-up of who runs it."""
    host.sh("install -m 4755 /usr/bin/pamtester /usr/local/bin/physlock")
    try:
        with host.shell("alice", None, options=host.key_options("alice")) as shell:
            assert unlock(shell, ALICE, program="physlock")[0]
            assert auth_time(shell) is not None
            token = shell.run("tessera token print")[0].strip()
            assert not unlock(shell, token, program="physlock")[0]
        assert "own:" not in host.journal("TESSERA_EVENT=step-up", "-n", "1", "-o", "verbose")
    finally:
        host.sh("rm /usr/local/bin/physlock")


def test_a_revoked_login_unlocks_nothing(host):
    with host.shell("alice", ALICE) as shell:
        own = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
        host.sh(f"tessera session revoke {own} --keep-login")
        unlocked, output = unlock(shell, ALICE)
        assert not unlocked and "revoked" in output
