# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""From the packages to the first login, the way back, and the way out."""

import json
import time

from conftest import PASSWORDS, UNIX_PASSWORDS, accounts, enroll, install
from host import Host, PROMPT

STACK = ["/etc/pam.d/sshd", "/etc/pam.d/sudo", "/etc/pam.d/sudo-i", "/etc/ssh/sshd_config",
         "/etc/ssh/sshd_config.d", "/etc/sudoers", "/etc/sudoers.d"]


def stack(host):
    """What a login depends on: names, modes, owners and contents. A file may go while we look."""
    return host.sh(f"find {' '.join(STACK)} -printf '%p %m %u %g %l\\n' | sort; "
                   f"find {' '.join(STACK)} -type f -print0 | sort -z | xargs -0 sha256sum", check=False).stdout


def test_installing_changes_no_login(packages):
    with Host("web1") as host:
        before = stack(host)
        install(host, packages)
        assert stack(host) == before
        assert host.sh("systemctl is-active tesserad.socket tesserad.service tessera-end.path").stdout.split() == ["active"] * 3
        host.sh("useradd -m carol && chpasswd", input="carol:carol-unix-1\n")
        host.ssh("carol", "carol-unix-1", options=["-o", "PreferredAuthentications=password"])


def test_the_three_commands_then_ssh(bare):
    """useradd, user add, enable: ssh takes the password; a wrong one not; unknown users keep theirs."""
    bare.sh("useradd -m -s /bin/bash alice; usermod -aG sudo alice; useradd -m carol")
    bare.sh("chpasswd", input="carol:carol-unix-1\n")
    bare.sh("tessera user add alice", input="correct horse\n")
    enabled = bare.sh("tessera enable sshd sudo")
    assert "confirm" in enabled.stdout + enabled.stderr

    assert bare.ssh("alice", "correct horse", "id -un").stdout == "alice\n"
    assert bare.ssh("alice", "wrong horse", check=False).returncode == 255
    assert bare.ssh("alice", "", check=False).returncode == 255
    assert bare.ssh("carol", "carol-unix-1", "id -un").stdout == "carol\n"
    assert bare.ssh("carol", "carol-unix-2", check=False).returncode == 255
    with bare.shell("carol", "carol-unix-1") as shell:  # at the same single prompt, which asks once
        assert shell.run("id -un")[0] == "carol\n"


def test_what_is_not_confirmed_is_undone(bare):
    before = stack(bare)
    bare.write("/etc/tessera/tessera.conf", "[service]\nundo-after=6s\n")
    bare.sh("useradd -m alice; tessera user add alice", input="correct horse\n")
    bare.sh("tessera enable sshd sudo")
    assert stack(bare) != before
    bare.wait(lambda: stack(bare) == before, seconds=20, what="the undo restores every file")
    assert bare.ssh("alice", "correct horse", check=False).returncode == 255


def test_what_is_not_confirmed_is_undone_across_a_reboot(bare):
    before = stack(bare)
    bare.sh("useradd -m alice; tessera user add alice", input="correct horse\n")
    bare.sh("tessera enable sshd sudo")
    bare.reboot()
    bare.wait(lambda: stack(bare) == before, what="the undo runs at boot")


def test_confirm_takes_a_login_made_after_enable(bare):
    bare.sh("useradd -m -s /bin/bash -G sudo alice; echo alice:alice-unix-1 | chpasswd; tessera user add alice",
            input="correct horse\n")
    bare.write("/etc/ssh/sshd_config.d/kbd.conf", "KbdInteractiveAuthentication yes\n")
    bare.sh("systemctl restart ssh")
    bare.sh("mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/key; cp /root/key.pub /root/.ssh/authorized_keys")
    root = ["-o", "PubkeyAuthentication=yes", "-o", "PreferredAuthentications=publickey", "-i", "/root/key"]
    with bare.shell("root", None, options=root) as old:
        output, status = old.run("tessera enable sshd sudo")
        assert status == 0, output
        output, status = old.run("tessera service confirm")
        assert status == 3, output  # this login proves nothing: it is older than the change
        with bare.shell("alice", "correct horse") as new:
            output, status = new.run("sudo tessera service confirm")
            assert status == 0, output
    bare.reboot()
    assert bare.ssh("alice", "correct horse", "sudo -n id -u").stdout == "0\n"


def test_enable_and_disable_are_repeatable_and_restore_byte_for_byte(bare):
    bare.sh("useradd -m alice; tessera user add alice", input="correct horse\n")
    before = stack(bare)
    shown = bare.sh("tessera service enable sshd sudo --dry-run").stdout
    assert "pam_tessera.so" in shown and stack(bare) == before
    assert json.loads(bare.sh("tessera --json service enable sshd sudo --yes").stdout)["changed"] is True
    enabled = stack(bare)
    again = bare.sh("tessera --json service enable sshd sudo --yes")
    assert json.loads(again.stdout)["changed"] is False and stack(bare) == enabled
    assert json.loads(bare.sh("tessera --json service disable sshd sudo").stdout)["changed"] is True
    assert stack(bare) == before
    assert json.loads(bare.sh("tessera --json service disable sshd sudo").stdout)["changed"] is False


def test_removing_the_packages_restores_everything(installed_layer, packages):
    with Host("web1") as host:
        before = stack(host)
        install(host, packages)
        accounts(host)
        enroll(host)
        host.sh("tessera service enable sshd sudo --yes --breakglass breakglass")
        assert stack(host) != before
        host.sh("dpkg -r libpam-tessera tesserad tessera", timeout=120)
        assert stack(host) == before
        host.sh("dpkg -P libpam-tessera tesserad tessera", timeout=120)
        assert host.sh("ls -d /var/lib/tessera /etc/tessera /run/tessera /var/lib/tessera-service", check=False).stdout == ""
        host.write("/etc/ssh/sshd_config.d/kbd.conf", "KbdInteractiveAuthentication yes\n")
        host.sh("systemctl restart ssh")
        host.ssh("alice", UNIX_PASSWORDS["alice"], options=["-o", "PreferredAuthentications=password"])


def test_both_buses_serve(ready_layer):
    """Once with dbus-broker in place of dbus-daemon."""
    with Host("web1", ready_layer, bus="dbus-broker") as host:
        assert host.ssh("alice", PASSWORDS["alice"], "sudo -n id -u; tessera status --json").stdout.startswith("0\n")


def test_root_is_told_to_name_a_break_glass_group(bare):
    bare.sh("useradd -m alice; tessera user add alice", input="correct horse\n")
    warned = bare.sh("tessera service enable sshd sudo --yes")
    assert "breakglass" in warned.stdout + warned.stderr
    assert PROMPT not in warned.stdout


def test_commands_without_a_daemon_say_so(bare):
    bare.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
    start = time.monotonic()
    failed = bare.sh("tessera --json session list --all-users", check=False)
    assert failed.returncode == 5 and failed.stdout == ""
    assert json.loads(failed.stderr)["error"]["hint"]
    assert time.monotonic() - start < 15
