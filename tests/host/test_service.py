# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""tessera service on a real host: what it edits, what it refuses, and that it is undone."""

import json
import os
import re
import time

import pytest

from host import Failed, Host

FILES = "/etc/pam.d /etc/ssh /etc/sudoers /etc/sudoers.d"
PENDING = "/var/lib/tessera-service/pending"


def snapshot(host):
    """Every byte, owner and mode of the files that enabling edits."""
    return host.sh(f"find {FILES} -printf '%p %M %u:%g %l\\n' | sort; find {FILES} -type f | sort | xargs sha256sum",
                   check=False).stdout


def alice(host):
    host.sh("useradd -m -s /bin/bash -G sudo alice && chpasswd", input="alice:unix-1\n")
    host.sh("tessera user add alice", input="tessera-1\n")


def service(host):
    return {row["service"]: row for row in json.loads(host.sh("tessera --json service").stdout)}


def undone_in(host, seconds):
    text = host.read("/etc/tessera/tessera.conf")
    host.write("/etc/tessera/tessera.conf", text + f"\n[service]\nundo-after={seconds}s\n"
               if "\n[service]" not in text else text.replace("[service]", f"[service]\nundo-after={seconds}s", 1))


@pytest.fixture(scope="module")
def one(installed_layer):
    with Host("web1", [installed_layer]) as host:
        host.sh(f"mkdir /root/saved && cp -a --parents {FILES} /root/saved")
        yield host


@pytest.fixture
def plain(one):
    """The file's own host with its files as they were: for tests that leave nothing else behind."""
    one.sh("rm -rf /var/lib/tessera-service /etc/sudoers.d/tessera /etc/ssh/sshd_config.d/00-tessera.conf "
           "&& cp -a /root/saved/etc/. /etc/")
    return one


def test_enable_and_disable_give_the_files_back(plain):
    before = snapshot(plain)
    first = json.loads(plain.sh("tessera --json service enable sshd sudo --yes").stdout)
    assert first["changed"] and first["services"] == ["sshd", "sudo"] and first["undo_at"] is None
    assert "/etc/pam.d/sudo-i" in first["files"]
    assert snapshot(plain) != before
    state = service(plain)
    assert state["sshd"]["enabled"] and state["sudo"]["enabled"] and not state["sshd"]["pending_undo"]
    assert abs(state["sshd"]["since"] - time.time()) < 60
    again = plain.sh("tessera service enable sshd sudo --yes")
    assert "nothing changed" in again.stdout
    assert not json.loads(plain.sh("tessera --json enable sudo --yes").stdout)["changed"]
    plain.sh("tessera disable sshd sudo")
    assert snapshot(plain) == before
    assert not json.loads(plain.sh("tessera --json service disable --all").stdout)["changed"]


ALL = "sshd sudo su login passwd"


@pytest.mark.parametrize("names", ["su", "login", "passwd", ALL])
def test_those_with_pam_lines_alone_come_and_go_too(plain, names):
    before = snapshot(plain)
    shown = plain.sh(f"tessera service enable {names} --dry-run").stdout
    assert "+# tessera: begin" in shown and snapshot(plain) == before
    first = json.loads(plain.sh(f"tessera --json service enable {names} --yes").stdout)
    assert first["services"] == names.split() and "/etc/pam.d/su-l" not in first["files"]
    assert [warning for warning in first["warnings"] if "no [service:" in warning] == []
    state = service(plain)
    assert [name for name in ALL.split() if state[name]["enabled"]] == names.split()
    assert not any(row["partly"] for row in state.values())
    assert "nothing changed" in plain.sh(f"tessera service enable {names} --yes").stdout
    plain.sh(f"tessera disable {names}")
    assert snapshot(plain) == before


def test_P40_a_su_l_of_its_own_is_no_way_around(plain):
    plain.sh("cp /etc/pam.d/su /etc/pam.d/su-l")
    before = snapshot(plain)
    assert "/etc/pam.d/su-l" in json.loads(plain.sh("tessera --json service enable su --yes").stdout)["files"]
    assert "pam_tessera.so" in plain.read("/etc/pam.d/su-l")
    plain.sh("tessera disable su")
    assert snapshot(plain) == before


def test_dry_run_shows_and_changes_nothing(plain):
    before = snapshot(plain)
    shown = plain.sh("tessera service enable sshd --dry-run --breakglass sudo").stdout
    assert "\n-@include common-auth\n+# tessera: begin" in shown
    assert "pam_tessera.so breakglass=sudo" in shown and "+UsePAM yes" in shown
    assert snapshot(plain) == before
    assert plain.sh("test -e /var/lib/tessera-service", check=False).returncode == 1


def test_sshd_takes_the_settings_and_sudo_forgets_at_once(plain):
    plain.sh("tessera service enable sshd sudo --yes")
    assert "kbdinteractiveauthentication yes" in plain.sh("sshd -T").stdout
    assert "Authentication timestamp timeout: 0.0 minutes" in plain.sh("sudo -V").stdout
    assert plain.sh("stat -c %a:%U /etc/sudoers.d/tessera").stdout == "440:root\n"


def test_edits_made_meanwhile_stay(plain):
    before = plain.read("/etc/pam.d/sshd")
    plain.sh("tessera service enable sshd --yes")
    plain.sh("echo '# my own line' >> /etc/pam.d/sshd")
    plain.sh("tessera service disable sshd")
    assert plain.read("/etc/pam.d/sshd") == before + "# my own line\n"


@pytest.mark.parametrize("broken,service_name,words", [
    ("echo Nonsense yes >> /etc/ssh/sshd_config", "sshd", "sshd -t"),
    ("sed -i /^Include/d /etc/ssh/sshd_config", "sshd", "Include /etc/ssh/sshd_config.d/*.conf"),
    ("echo '%%' >> /etc/sudoers", "sudo", "visudo -c"),
    ("sed -i /includedir/d /etc/sudoers", "sudo", "@includedir /etc/sudoers.d"),
    ("sed -i /common-account/d /etc/pam.d/sudo-i", "sudo", '/etc/pam.d/sudo-i has no line "@include common-account"'),
    ("rm /etc/pam.d/sudo-i", "sudo", "there is no /etc/pam.d/sudo-i"),
    ("echo Defaults insults > /etc/sudoers.d/tessera", "sudo", "is not tessera's"),
    ("sed -i /common-auth/d /etc/pam.d/su", "su", '/etc/pam.d/su has no line "@include common-auth"'),
    ("sed -i '1i account sufficient pam_wheel.so' /etc/pam.d/su-l", "su", "/etc/pam.d/su-l:1: this line can end"),
    ("sed -i '1i auth sufficient pam_wheel.so trust' /etc/pam.d/su", "su", "/etc/pam.d/su:1: this line can end the auth"),
    ("sed -i '1i auth sufficient pam_fprintd.so' /etc/pam.d/sudo", "sudo", "/etc/pam.d/sudo:1: this line can end"),
    ("rm /etc/pam.d/login", "login", "there is no /etc/pam.d/login"),
    ("echo > /etc/pam.d/passwd", "passwd", '/etc/pam.d/passwd has no line "@include common-password"'),
])
def test_what_cannot_work_changes_nothing(plain, broken, service_name, words):
    plain.sh(broken)
    before = snapshot(plain)
    result = plain.sh(f"tessera service enable {service_name}", check=False)
    assert result.returncode == 1 and words in result.stderr
    assert snapshot(plain) == before
    assert plain.sh(f"test -e {PENDING}", check=False).returncode == 1
    assert plain.sh("systemctl is-active tessera-undo.timer", check=False).stdout == "inactive\n"
    assert plain.sh("systemctl is-enabled tessera-undo.service", check=False).stdout == "disabled\n"


def test_no_gate_without_a_module_or_a_daemon(bare):
    bare.sh("mv /usr/lib/*/security/pam_tessera.so /root")
    missing = bare.sh("tessera service enable sshd --yes", check=False)
    assert missing.returncode == 1 and "pam_tessera.so is not installed" in missing.stderr
    bare.sh("mv /root/pam_tessera.so /usr/lib/*-linux-gnu*/security/")
    bare.sh("systemctl stop tesserad.socket tesserad.service; systemctl mask tesserad.service --now")
    before = snapshot(bare)
    assert bare.sh("tessera service enable sshd --yes", check=False).returncode == 5
    assert snapshot(bare) == before


def test_usage(plain):
    plain.sh("useradd -m bob")
    other = plain.sh("tessera service enable cron", check=False)
    assert other.returncode == 2 and "sshd, sudo, su, login, passwd" in other.stderr
    assert plain.sh("tessera service disable", check=False).returncode == 2
    assert plain.sh("tessera service disable --all sshd", check=False).returncode == 2
    group = plain.sh("tessera service enable sshd --breakglass nosuchgroup", check=False)
    assert group.returncode == 1 and 'no group "nosuchgroup"' in group.stderr
    for verb in ("list", "enable sshd", "confirm", "disable sshd", "undo"):
        assert plain.sh(f"tessera service {verb}", user="bob", check=False).returncode == 3


def test_undone_in_time(bare):
    undone_in(bare, 5)
    before = snapshot(bare)
    enabled = json.loads(bare.sh(f"tessera --json service enable {ALL}").stdout)
    assert enabled["undo_at"] - time.time() < 10
    assert service(bare)["sudo"]["pending_undo"]
    bare.wait(lambda: snapshot(bare) == before, 15, "the undo")
    bare.wait(f"! test -e {PENDING}")
    assert "as before" in bare.journal("-u", "tessera-undo.service")
    bare.wait("sshd -T | grep -q '^kbdinteractiveauthentication no'")
    bare.wait("test $(systemctl is-enabled tessera-undo.service) = disabled")
    assert bare.sh("systemctl is-active ssh").stdout == "active\n"


def test_undone_by_a_reboot(bare):
    before = snapshot(bare)
    bare.sh(f"tessera service enable {ALL}")
    assert snapshot(bare) != before
    bare.reboot()
    assert snapshot(bare) == before
    assert bare.sh(f"test -e {PENDING}", check=False).returncode == 1
    assert bare.sh("systemctl is-active ssh tesserad.socket tessera-end.path").stdout == "active\n" * 3
    undone = bare.sh("systemctl show -P ExecMainExitTimestampMonotonic tessera-undo.service").stdout
    for unit in ("ssh.service", "systemd-user-sessions.service"):  # whom the gettys wait for
        started = bare.sh(f"systemctl show -P ExecMainStartTimestampMonotonic {unit}").stdout
        assert 0 < int(undone) < int(started), unit


def test_undone_after_a_power_cut(bare):
    before = snapshot(bare)
    bare.sh("tessera service enable sshd sudo")
    bare.cut_power()
    assert snapshot(bare) == before


def test_undo_goes_back_to_the_confirmed_state(bare):
    undone_in(bare, 5)
    bare.sh("tessera service enable sshd --yes")
    confirmed = snapshot(bare)
    bare.sh("tessera service enable sshd sudo --breakglass sudo")
    assert service(bare)["sshd"]["breakglass"] == "sudo"
    bare.wait(lambda: snapshot(bare) == confirmed, 15, "the undo")


def test_undo_with_its_record_damaged_disables(plain):
    before = snapshot(plain)
    plain.sh(f"tessera service enable sshd sudo && echo x > {PENDING} && systemctl start tessera-undo.service")
    assert snapshot(plain) == before


def test_disabling_leaves_nothing_to_undo(plain):
    before = snapshot(plain)
    plain.sh("tessera service enable sshd sudo && tessera service disable sshd")
    assert [name for name, row in service(plain).items() if row["pending_undo"]] == ["sudo"]
    plain.sh("tessera service disable sudo")
    assert snapshot(plain) == before
    assert plain.sh(f"test -e {PENDING}", check=False).returncode == 1
    assert plain.sh("systemctl is-active tessera-undo.timer", check=False).stdout == "inactive\n"


def test_yes_takes_the_risk_for_what_is_pending(plain):
    plain.sh("tessera service enable sshd")
    assert service(plain)["sshd"]["pending_undo"]
    plain.sh("tessera service enable sshd --yes")
    assert service(plain)["sshd"]["enabled"] and not service(plain)["sshd"]["pending_undo"]


def test_confirm_needs_a_new_login(bare):
    undone_in(bare, 30)
    alice(bare)
    with bare.shell("alice", None, bare.key_options("alice")) as old:
        bare.sh("tessera service enable sshd --breakglass sudo")
        enabled = snapshot(bare)
        refused = bare.sh("tessera service confirm", check=False)
        assert refused.returncode == 3 and "log in anew" in refused.stderr
        old.run("echo unix-1 | sudo -S true")
        output, status = old.run("sudo tessera service confirm")
        assert status == 3 and "older than the change" in output
        assert service(bare)["sshd"]["pending_undo"]
        with bare.shell("alice", "tessera-1") as new:
            new.run("echo unix-1 | sudo -S true")
            assert new.run("sudo tessera service confirm") == ("confirmed: sshd\n", 0)
            assert "nothing waits" in new.run("sudo tessera service confirm")[0]
    assert not service(bare)["sshd"]["pending_undo"]
    assert bare.sh("systemctl is-active tessera-undo.timer", check=False).stdout == "inactive\n"
    bare.reboot()
    assert snapshot(bare) == enabled


def test_removing_the_packages_restores(bare):
    before = snapshot(bare)
    failed = "systemctl --failed --plain --no-legend | awk '{print $1}'"
    failed_before = bare.sh(failed).stdout
    bare.sh(f"tessera service enable {ALL} --yes")
    bare.sh("dpkg -r libpam-tessera")
    assert snapshot(bare) == before
    bare.sh("dpkg -P libpam-tessera tessera tesserad")
    assert snapshot(bare) == before
    left = bare.sh("find /etc /run /usr /var /home /root \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache \\) "
                   "-prune -o -iname '*tessera*' ! -iname '*tesseract*' -print").stdout
    # The host stands on this machine's own files: a clone of this very project in somebody's home, say.
    assert [path for path in left.splitlines() if not os.path.lexists(path)] == []
    # On a busy machine a unit of the host's own may not have come up in a container.
    assert bare.sh(failed).stdout == failed_before


def test_packages_upgrade_in_place(bare):
    alice(bare)
    bare.sh("tessera service enable sshd sudo --yes")
    enabled = snapshot(bare)
    bare.sh("cd /var/tmp && for p in tessera tesserad libpam-tessera; do dpkg-query -W -f '${Version}\\n' $p; done")
    bare.sh("sh /var/lib/dpkg/info/tesserad.postinst configure 0.0.1; sh /var/lib/dpkg/info/tessera.prerm upgrade 0.2; "
            "sh /var/lib/dpkg/info/libpam-tessera.prerm upgrade 0.2")
    assert snapshot(bare) == enabled
    bare.ssh("alice", "tessera-1")


def test_P24_lines_deny_without_their_module(bare):
    alice(bare)
    bare.sh("tessera service enable sshd sudo --yes")
    bare.ssh("alice", "tessera-1")
    bare.sh("cd /usr/lib/*/security && mv pam_tessera.so gone")
    with pytest.raises(Failed):
        bare.ssh("alice", "tessera-1")
    with pytest.raises(Failed):
        bare.ssh("alice", "unix-1")
    with pytest.raises(Failed):
        bare.ssh("alice", None, options=bare.key_options("alice"))
    assert bare.sh("echo unix-1 | sudo -S id", user="alice", check=False).returncode != 0
    # Services that are not enabled ask as before, and recovery is one command for whoever is root.
    assert bare.sh("tessera service disable --all").returncode == 0
    bare.ssh("alice", "unix-1", options=["-o", "PreferredAuthentications=password"])


def test_P38_a_second_factor_is_still_asked(bare):
    alice(bare)
    bare.sh("sed -i '/^@include common-auth/a auth required pam_exec.so quiet /etc/second' /etc/pam.d/sshd")
    bare.write("/etc/second", "#!/bin/sh\ntest -e /etc/second-says-yes\n", 0o755)
    bare.sh("tessera service enable sshd --yes; touch /etc/second-says-yes")
    bare.ssh("alice", "tessera-1")
    bare.sh("rm /etc/second-says-yes")
    with pytest.raises(Failed):
        bare.ssh("alice", "tessera-1")


def test_systemd_sees_the_sandbox(plain):
    exposure = plain.sh("systemd-analyze security --no-pager tesserad.service").stdout
    assert float(re.search(r"Overall exposure level for \S+: (\S+)", exposure)[1]) <= 1.0


def test_places(plain):
    assert plain.sh("stat -c '%a %U %G %F' /run/tessera /run/tessera/private /run/tessera/end /var/lib/tessera").stdout \
        == ("755 root root directory\n600 root root socket\n700 tessera tessera directory\n"
            "700 tessera tessera directory\n")
    assert 0 < int(plain.sh("id -u tessera").stdout) < 1000
