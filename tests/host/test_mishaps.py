# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""An administrator's bad luck between "service enable" and "confirm", and what is cleared away under the daemon."""

import json

import pytest

from conftest import PASSWORDS, install
from test_service import PENDING, snapshot, undone_in


def armed(host):
    return host.sh("systemctl is-active tessera-undo.timer; systemctl is-enabled tessera-undo.service",
                   check=False).stdout.split() == ["active", "enabled"]


def read_only(host, folder):
    host.sh(f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}")


def test_an_upgrade_does_not_disarm_the_undo(bare, packages):
    undone_in(bare, 60)  # longer than the upgrade takes on a busy machine
    before = snapshot(bare)
    bare.sh("tessera service enable sshd sudo")
    install(bare, packages)
    assert armed(bare)
    bare.wait(lambda: snapshot(bare) == before, 90, "the undo")


def test_what_could_not_be_put_back_waits_for_the_undo(bare):
    """sshd -T fails, and by then /etc/pam.d cannot be written any more."""
    undone_in(bare, 10)
    before = snapshot(bare)
    bare.sh("cp /usr/sbin/sshd /root/sshd.true; mount --bind /etc/pam.d /etc/pam.d")
    bare.write("/root/sshd", "#!/bin/sh\ncase $1 in -T) mount -o remount,ro,bind /etc/pam.d; exit 1;; esac\n"
               "exec /root/sshd.true \"$@\"\n", 0o755)
    bare.sh("mount --bind /root/sshd /usr/sbin/sshd")
    failed = bare.sh("tessera service enable sshd", check=False)
    assert failed.returncode == 1 and "could not be put back" in failed.stderr
    assert snapshot(bare) != before and armed(bare)
    bare.sh("umount /usr/sbin/sshd; mount -o remount,rw,bind /etc/pam.d")
    bare.wait(lambda: snapshot(bare) == before, 40, "the undo")


def test_an_undo_that_fails_is_tried_again(bare):
    undone_in(bare, 5)
    before = snapshot(bare)
    bare.sh("tessera service enable sshd sudo")
    read_only(bare, "/etc/pam.d")
    bare.wait("journalctl -u tessera-undo.service | grep -q 'Read-only file system'", 20)
    bare.sh("mount -o remount,rw,bind /etc/pam.d")
    bare.wait(lambda: snapshot(bare) == before, 30, "the undo")
    bare.wait(f"! test -e {PENDING}")
    assert not armed(bare)


def test_a_file_that_a_package_put_back_is_told_and_undone(bare):
    """An upgrade of openssh-server asks about /etc/pam.d/sshd; the answer was "the maintainer's version"."""
    undone_in(bare, 5)
    plain = bare.read("/etc/pam.d/sshd")
    bare.sh("tessera service enable sshd --yes")
    bare.write("/etc/pam.d/sshd", plain)
    listed = bare.sh("tessera service")
    assert "partly" in listed.stdout and "tessera service enable sshd" in listed.stderr
    row = json.loads(bare.sh("tessera --json service").stdout)[0]
    assert row["partly"] and not row["enabled"]
    bare.sh("tessera service enable sshd")
    assert bare.read("/etc/pam.d/sshd") != plain
    bare.wait(lambda: bare.read("/etc/pam.d/sshd") == plain, 20, "the undo")


@pytest.mark.parametrize("step", range(8, 13))
def test_nothing_is_left_of_a_write_that_was_cut_off(bare, step):
    before = snapshot(bare)
    bare.sh(f"strace -o /dev/null -e trace=/rename -e inject=/rename:signal=KILL:when={step} "
            "tessera service enable sshd sudo", check=False)
    bare.sh("systemctl start tessera-undo.service")
    assert snapshot(bare) == before


def test_a_link_in_pams_folder_does_not_hold_up_removal(bare):
    bare.sh("ln -sf sudo /etc/pam.d/sudo-i")
    before = snapshot(bare)
    assert bare.sh("tessera service").stdout.count(" yes ") == 0
    bare.sh("tessera service enable sshd --yes && dpkg -r libpam-tessera tessera tesserad")
    assert snapshot(bare) == before


def test_an_old_login_is_not_new_by_the_clock(bare):
    """The clock was an hour ahead when the login began, and was set right before enable."""
    with bare.shell("root", None, bare.key_options("root")) as old:
        bare.sh("env LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketime.so.1) FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME=-1h "
                "tessera service enable sshd")
        output, status = old.run("tessera service confirm")
        assert status == 3 and "older than the change" in output
        with bare.shell("root", None, bare.key_options("root")) as new:
            assert new.run("tessera service confirm") == ("confirmed: sshd\n", 0)


def test_cleared_run_folder(fresh):
    fresh.sh("rm -rf /run/tessera; systemctl restart tesserad.service")
    assert fresh.sh("stat -c '%a %U' /run/tessera /run/tessera/end").stdout == "755 root\n700 tessera\n"
    fresh.sh("systemctl restart tesserad.socket tesserad.service")
    assert fresh.ssh("alice", PASSWORDS["alice"], "id -un").stdout == "alice\n"
    fresh.sh("systemctl stop tesserad.socket tesserad.service")
    assert fresh.sh("stat -c '%a %U' /run/tessera/end").stdout == "700 tessera\n"


def test_a_read_only_disk_is_named(fresh):
    fresh.sh("systemctl stop tesserad.socket tesserad.service")
    read_only(fresh, "/var/lib/tessera")
    fresh.sh("systemctl start tesserad.socket; systemctl start --no-block tesserad.service")
    fresh.wait("journalctl -u tesserad.service | grep -q 'cannot be written to: Read-only file system'")


def test_a_policy_that_is_gone_is_named(fresh):
    """Everybody is refused, as for any service without roles; the journal and "policy check" say why."""
    fresh.sh("mv /etc/tessera/policy.conf /root; systemctl restart tesserad.service")
    words = "/etc/tessera/policy.conf: no service is named"
    assert words in fresh.journal("-u", "tesserad.service")
    assert "warning: " + words in fresh.sh("tessera policy check").stdout
    assert fresh.ssh("alice", PASSWORDS["alice"], check=False).returncode == 255


def test_enable_looks_at_the_policy(bare):
    before = snapshot(bare)
    policy = bare.read("/etc/tessera/policy.conf")
    bare.write("/etc/tessera/policy.conf", policy + "[service:sshd]\nrole=admin\n")
    wrong = bare.sh("tessera service enable sshd --yes", check=False)
    assert wrong.returncode == 1 and "policy.conf:" in wrong.stderr and "tessera policy check" in wrong.stderr
    assert snapshot(bare) == before
    bare.write("/etc/tessera/policy.conf", "[role:admin]\ngroups=sudo\n[service:sudo]\nroles=admin\n")
    assert "warning: the policy has no [service:sshd]" in bare.sh("tessera service enable sshd sudo").stderr
    assert "[service:" not in bare.sh("tessera service enable sudo").stderr
