# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""/usr/bin/passwd, as people type it."""

import json

import pexpect
import pytest
from conftest import PASSWORDS, UNIX_PASSWORDS

ALICE = PASSWORDS["alice"]
NEW = "alice's other password"
CURRENT, FIRST, AGAIN = "Current password: ", "New password: ", "Retype new password: "

STACK = """password [success=1 ignore=ignore default=die]  pam_tessera.so breakglass=breakglass
password substack                               common-password
password required                               pam_permit.so
"""


@pytest.fixture
def host(host):
    shipped = host.read("/etc/pam.d/passwd")
    host.write("/etc/pam.d/passwd", STACK)
    yield host
    host.write("/etc/pam.d/passwd", shipped)
    host.sh("systemctl start tesserad.socket tesserad.service; systemctl restart tesserad.service")
    for user in ("alice", "bob"):
        host.sh(["tessera", "passwd", user], input=PASSWORDS[user] + "\n")


def passwd(shell, command, *dialogue):
    """Types @command and answers what is asked: (prompt, answer) in turn. Its output and status."""
    shell.start(command)
    for prompt, answer in dialogue:
        shell.expect(prompt)
        shell.answer(answer)
    return shell.finish()


def change(old=ALICE, new=NEW, again=None):
    return ((CURRENT, old), (FIRST, new), (AGAIN, new if again is None else again))


def logs_in(host, user, password):
    return host.ssh(user, password, "true", check=False).returncode == 0


def shadow(host, user):
    return host.sh(f"getent shadow {user}").stdout


def sessions(host):
    return {s["id"]: s["state"] for s in json.loads(host.sh("tessera --json session list --all-users").stdout)}


def own(shell):
    return json.loads(shell.run("tessera status --json")[0])["session"]["id"]


def test_a_user_changes_her_own(host):
    before = shadow(host, "alice")
    with host.shell("alice", ALICE) as shell:
        output, status = passwd(shell, "passwd", *change())
        assert status == 0 and "tessera password of alice is changed" in output
        assert "updated successfully" in output
    assert logs_in(host, "alice", NEW) and not logs_in(host, "alice", ALICE)
    assert shadow(host, "alice") == before  # the Unix password is another thing


def test_her_other_logins_end_and_this_one_does_not(host):
    with host.shell("alice", ALICE) as here, host.shell("alice", ALICE) as there, \
            host.shell("bob", PASSWORDS["bob"]) as bob:
        mine, other, bobs = own(here), own(there), own(bob)
        assert there.run("tessera device add --name robot < /dev/null > /dev/null")[1] == 0
        assert passwd(here, "passwd", *change())[1] == 0
        assert there.ended(seconds=5)
        assert here.run("echo still here") == ("still here\n", 0)
        assert here.run("sudo -n id -u") == ("0\n", 0)
        after = sessions(host)
        assert after.get(mine) == "active" and after.get(bobs) == "active" and after.get(other) != "active"
        assert own(bob) == bobs
        devices = json.loads(here.run("tessera device list --json")[0])
        assert [(d["name"], d["state"]) for d in devices] == [("robot", "revoked")]


@pytest.mark.parametrize("dialogue, said", [
    (((CURRENT, "wrong"),), "that password is not right, or cannot be tried now"),
    (((CURRENT, UNIX_PASSWORDS["alice"]),), "that password is not right, or cannot be tried now"),
    (change(again="something else"), "the two new passwords are not the same"),
    (change(new="short"), "the new password is too short: it must have 8 characters or more"),
    (((CURRENT, ALICE), (FIRST, ""),), "the new password is empty, or too long")], ids=range(5))
def test_what_changes_nothing(host, dialogue, said):
    before = shadow(host, "alice")
    with host.shell("alice", ALICE) as shell, host.shell("alice", ALICE) as other:
        output, status = passwd(shell, "passwd", *dialogue)
        assert status != 0 and output.count("tessera: ") == 1 and said in output, output
        assert "password unchanged" in output
        assert other.run("true")[1] == 0
    assert logs_in(host, "alice", ALICE) and not logs_in(host, "alice", dialogue[-1][1] or "x")
    assert shadow(host, "alice") == before


def test_P14_cancelled(host):
    with host.shell("alice", ALICE) as shell:
        for answered in ((), ((CURRENT, ALICE),), ((CURRENT, ALICE), (FIRST, NEW))):
            shell.start("passwd")
            for prompt, answer in answered:
                shell.expect(prompt)
                shell.answer(answer)
            shell.expect((CURRENT, FIRST, AGAIN)[len(answered)])
            shell.child.sendeof()  # of ^C, libpam_misc thinks only once the line has ended
            output, status = shell.finish()
            assert status != 0 and "password unchanged" in output
    assert logs_in(host, "alice", ALICE)


def test_root_changes_hers_without_the_old_one(host):
    with host.shell("alice", ALICE) as shell, host.shell("root", None, options=host.key_options("root")) as root:
        output, status = passwd(root, "passwd alice", (FIRST, NEW), (AGAIN, NEW))
        assert status == 0 and CURRENT not in output
        assert shell.ended(seconds=5)
    assert logs_in(host, "alice", NEW)


def test_an_admin_by_sudo_is_root(host):
    with host.shell("alice", ALICE) as shell:
        assert passwd(shell, "sudo passwd bob", (FIRST, "bob's other password"), (AGAIN, "bob's other password"))[1] == 0
        assert shell.run("sudo -n id -u") == ("0\n", 0)
    assert logs_in(host, "bob", "bob's other password")


def test_roots_own_is_a_unix_password(host):
    before = shadow(host, "root")
    with host.shell("root", None, options=host.key_options("root")) as root:
        host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
        try:
            assert passwd(root, "passwd", (FIRST, "root-unix-77"), (AGAIN, "root-unix-77"))[1] == 0
        finally:
            host.sh("systemctl unmask --runtime tesserad.service tesserad.socket")
    assert shadow(host, "root") != before
    host.sh("usermod -p '*' root")


def test_B3_another_users_is_not_hers(host):
    with host.shell("bob", PASSWORDS["bob"]) as shell:
        output, status = shell.run("passwd alice")  # passwd refuses by itself
        assert status != 0 and "assword:" not in output
    # A program that asks for anybody: the module does.
    host.sh("install -m 4755 /usr/bin/pamtester /usr/local/bin/anybody")
    try:
        with host.shell("bob", PASSWORDS["bob"]) as shell:
            output, status = shell.run("anybody passwd alice chauthtok")
            assert status != 0 and "only alice and root may change the password of alice" in output
    finally:
        host.sh("rm /usr/local/bin/anybody")
    assert logs_in(host, "alice", ALICE)


def test_whom_tessera_does_not_know_is_pam_unixs(host):
    other = "Xq7-carol-unix-2"
    before = shadow(host, "carol")
    with host.shell("carol", UNIX_PASSWORDS["carol"]) as shell:
        output, status = passwd(shell, "passwd", *change(UNIX_PASSWORDS["carol"], other))
        assert status == 0 and "tessera" not in output
    assert shadow(host, "carol") != before
    assert logs_in(host, "carol", other)
    host.sh("chpasswd", input=f"carol:{UNIX_PASSWORDS['carol']}\n")


def test_daemon_down(host):
    """Nothing is changed, for break-glass neither; whom tessera does not know cannot be told from others then."""
    with host.shell("alice", ALICE) as shell, host.shell("glass", UNIX_PASSWORDS["glass"]) as glass:
        before = shadow(host, "alice"), shadow(host, "glass")
        host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
        try:
            for one in (shell, glass):
                output, status = one.run("passwd")
                assert status != 0 and "does not answer" in output and "assword:" not in output
        finally:
            host.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket")
        assert (shadow(host, "alice"), shadow(host, "glass")) == before
    assert logs_in(host, "alice", ALICE)


def test_P20_one_ledger_with_sudo(host):
    with host.shell("alice", ALICE) as shell:
        wrong = set()
        for _ in range(10):
            wrong.add(passwd(shell, "passwd", (CURRENT, "wrong")))
        throttled = passwd(shell, "passwd", (CURRENT, ALICE))
        assert wrong == {throttled}
        assert host.journal("TESSERA_USER=alice", "TESSERA_REASON=throttled").strip()
        # The same for what else asks in this login, and not for who comes from elsewhere.
        shell.run("tessera logout")
        shell.start("sudo id -u")
        shell.expect("Password or token: ")
        shell.answer(ALICE)
        shell.child.sendintr()
        assert "0\n" not in shell.finish()[0]
    assert logs_in(host, "alice", ALICE)


def test_an_expired_unix_password_is_not_ours(host):
    """pam_unix says so at the login, and sshd asks for another Unix password; ours is none that expires."""
    host.sh("chage -d 0 carol")
    try:
        with_unix = "Zz9-carol-unix-3"
        argv = host.argv([*host._ssh("carol", ["-tt"], "127.0.0.1"), "id -un"])
        child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=60, echo=False)
        child.expect_exact("Password or token: ")
        child.sendline(UNIX_PASSWORDS["carol"])
        child.expect_exact("Current password: ")
        child.sendline(UNIX_PASSWORDS["carol"])
        child.expect_exact("New password: ")
        child.sendline(with_unix)
        child.expect_exact("Retype new password: ")
        child.sendline(with_unix)
        child.expect_exact("carol")
        child.close(force=True)
    finally:
        host.sh("chpasswd; chage -d $(date +%F) carol", input=f"carol:{UNIX_PASSWORDS['carol']}\n")
