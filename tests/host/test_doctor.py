# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""tessera doctor on a real host: every fault is named, and what it prints mends it."""

import json
import re

import pytest

from conftest import PASSWORDS
from host import Host

SUDOERS = "/etc/sudoers.d/zz-test"
SSHD = "/etc/ssh/sshd_config.d/00-before.conf"


def doctor(host, user=None):
    result = host.sh("tessera --json doctor", user=user, check=False)
    findings = json.loads(result.stdout)
    assert result.returncode == any(f["state"] == "fail" for f in findings)
    return findings


def amiss(host):
    return [f for f in doctor(host) if f["state"] in ("warn", "fail")]


@pytest.fixture(scope="module")
def well(ready_layer):
    """One host for all faults, with every service enabled that can be; each test leaves it well."""
    with Host("web1", ready_layer) as host:
        services = [row["service"] for row in json.loads(host.sh("tessera --json service").stdout)]
        host.sh(f"tessera service enable {' '.join(services)} --yes --breakglass breakglass")
        host.sh("useradd -m -s /bin/bash dave && tessera user add dave", input="dave's tessera password\n")
        yield host


@pytest.fixture
def host(well):
    # Doors that no command of ours closes stay; nothing else may.
    assert [f for f in amiss(well) if f["check"] != "pam-doors"] == []
    return well


def mend(host, findings):
    """Runs what was printed, as an admin pastes it: names that one has to choose are put in, and the undo of
    "service enable", which nobody confirms here, is left out."""
    for finding in findings:
        remedy = finding["remedy"].replace("USER", "glass").replace("GROUP", "breakglass")
        host.sh(re.sub(r"(tessera service enable [^;&]*[^;& ])", r"\1 --yes", remedy))


def sudoers(line):
    return f"echo '{line}' > {SUDOERS} && chmod 0440 {SUDOERS}"


# check: what is done to the host, what is said of it, what takes the fault's own files away
FAULTS = [
    ("daemon-units", "systemctl disable tesserad.socket", "tesserad.socket is disabled", ""),
    ("daemon-units", "systemctl stop tesserad.socket", "tesserad.socket is inactive", ""),
    ("daemon-units", "systemctl stop tessera-end.path", "tessera-end.path is inactive", ""),
    ("daemon-units", "systemctl mask --now tesserad.service", "tesserad.service is masked", ""),
    ("daemon-socket", "rm /run/tessera/private", "does not answer on /run/tessera/private", ""),
    ("daemon-version", "cp -p /usr/libexec/tesserad /root && sed -i 's/0\\.1\\.0/0.0.9/g' /root/tesserad && "
     "mv /usr/libexec/tesserad /root/good && mv /root/tesserad /usr/libexec && systemctl restart tesserad && "
     "mv /root/good /usr/libexec/tesserad", "has version 0.0.9", ""),
    ("configuration-reload", "touch /etc/tessera/policy.conf", "policy.conf", ""),
    ("configuration-reload", "touch /etc/tessera/policy.d/old.conf && systemctl reload tesserad && sleep 1.1 && "  # whole seconds
     "rm /etc/tessera/policy.d/old.conf", "/etc/tessera/policy.d", ""),
    ("state-files", "chmod 0755 /var/lib/tessera", "/var/lib/tessera has mode 0755", ""),
    ("state-files", "chmod 0640 /var/lib/tessera/tessera.db", "tessera.db has mode 0640", ""),
    ("state-files", "chown root /var/lib/tessera/keys", "/var/lib/tessera/keys belongs to uid 0", ""),
    ("state-files", "chmod 0644 /var/lib/tessera/keys/*", "has mode 0644", ""),
    ("configuration-files", "chmod 0666 /etc/tessera/policy.conf", "policy.conf has mode 0666", ""),
    ("configuration-files", "chown alice /etc/tessera/policy.d", "policy.d belongs to uid", ""),
    ("pam-lines", "sed -i '/^account.*pam_tessera/d' /etc/pam.d/sshd", "/etc/pam.d/sshd has not the lines", ""),
    ("pam-lines", "cp /var/lib/tessera-service/etc-pam.d-sudo-i /etc/pam.d/sudo-i", "/etc/pam.d/sudo-i has not", ""),
    ("pam-lines", "rm /etc/sudoers.d/tessera", "/etc/sudoers.d/tessera has not", ""),
    ("pam-environment", "sed -i '1i session required pam_env.so user_readenv=1' /etc/pam.d/sshd", "before tessera",
     "sed -i 1d /etc/pam.d/sshd"),
    ("pam-doors", "tessera service disable sudo", "sudo and sudo-i let people in", ""),
    ("sshd", f"echo UsePAM no > {SSHD}", "sshd has UsePAM no", f"rm {SSHD}"),
    ("sshd", f"echo KbdInteractiveAuthentication=no > {SSHD}", "KbdInteractiveAuthentication no", f"rm {SSHD}"),
    ("sshd", f"echo UseDNS yes > {SSHD}", "UseDNS yes", f"rm {SSHD}"),
    ("sshd", f"echo PermitUserEnvironment yes > {SSHD}", "PermitUserEnvironment", f"rm {SSHD}"),
    ("sshd", f"echo LoginGraceTime 15 > {SSHD}", "LoginGraceTime 15", f"rm {SSHD}"),
    ("sshd", f"echo Nonsense yes > {SSHD}", "would not start", f"rm {SSHD}"),
    ("sudoers", sudoers("%% no rule"), "sudoers has a mistake", f"rm {SUDOERS}"),
    ("sudoers", sudoers("# none") + f" && chmod 0666 {SUDOERS}", "bad permissions", f"rm {SUDOERS}"),
    ("sudo-settings", sudoers("Defaults env_reset, targetpw"), "targetpw", f"rm {SUDOERS}"),
    ("sudo-settings", sudoers("Defaults:alice rootpw"), "rootpw", f"rm {SUDOERS}"),
    ("sudo-settings", sudoers("Defaults runaspw, timestamp_timeout=0"), "runaspw", f"rm {SUDOERS}"),
    ("sudo-settings", sudoers("Defaults timestamp_timeout = 15"), "timestamp_timeout other than 0", f"rm {SUDOERS}"),
    ("sudo-settings", sudoers("Defaults:bob timestamp_timeout=-1"), "timestamp_timeout other than 0", f"rm {SUDOERS}"),
    ("sudo-settings", sudoers("Defaults !noninteractive_auth"), "not noninteractive_auth", f"rm {SUDOERS}"),
    ("sudo-plugin", sudoers('Defaults group_plugin="group_file.so /etc/group"'), "another group plugin, group_file.so",
     f"rm {SUDOERS} && tessera service enable sudo --yes --breakglass breakglass"),
    ("sudo-plugin", "mv /usr/libexec/sudo/tessera_group.so /root && tessera service enable sudo --yes --breakglass "
     "breakglass && mv /root/tessera_group.so /usr/libexec/sudo", "no group plugin", ""),
    ("accounts", "chage -d 2020-01-01 -M 90 alice; chage -d 2020-01-01 -M 9 bob", "alice and bob", ""),
    ("accounts", "chage -d 0 alice", "must be changed", ""),
    ("accounts", "chage -E 2020-01-01 alice", "has expired", ""),
    ("accounts", "usermod -s /usr/sbin/nologin bob", "a shell that lets nobody work: bob", ""),
    ("accounts", "passwd -d bob", "an empty Unix password", ""),
    ("accounts", "usermod -u 4242 dave", "not the Unix account (uid)", ""),
    ("breakglass", "groupdel breakglass", 'no group "breakglass"', ""),
    ("breakglass", "gpasswd -d glass breakglass", "has no member", ""),
    ("breakglass", "tessera service enable sshd --yes", "sshd has no break-glass group", ""),
]


@pytest.mark.parametrize("check,fault,says,undo", FAULTS, ids=[f"{row[0]}: {row[2]}" for row in FAULTS])
def test_what_is_printed_mends_it(host, check, fault, says, undo):
    before = amiss(host)
    host.sh(fault)
    found = amiss(host)
    named = [f for f in found if f["check"] == check and f not in before]
    assert any(says in f["text"] for f in named), found
    for _ in range(3):  # what one thing hides is seen once that is mended
        mend(host, named)
        named = [f for f in amiss(host) if f not in before]
        if not named:
            break
    assert named == []
    if undo:
        host.sh(undo)


# The edits that no command can make for anybody: what was said is done by hand here.

# Whom such a line alone lets in would be locked out by the command.
BY_HAND = [
    ("pam-lines", "sed -i '1i auth sufficient pam_permit.so' /etc/pam.d/sudo", "can end the stack with a yes",
     "sed -i 1d /etc/pam.d/sudo"),
    ("pam-lines", "sed -i '1i account [success=2 default=ignore] pam_permit.so' /etc/pam.d/sshd", "jumps over",
     "sed -i 1d /etc/pam.d/sshd"),
    ("pam-lines", "echo 'auth [default=done] pam_permit.so' > /etc/pam.d/more && "
     "sed -i '1i @include more' /etc/pam.d/sshd", "/etc/pam.d/more:1: pam_permit.so",
     "rm /etc/pam.d/more; sed -i 1d /etc/pam.d/sshd"),
    ("pam-second-factor", "sed -i '1i auth [success=done default=die] pam_tessera.so' /etc/pam.d/sudo",
     "skips pam_tessera.so behind it", "sed -i 1d /etc/pam.d/sudo"),
]


@pytest.mark.parametrize("check,fault,says,undo", BY_HAND, ids=[f"{row[0]}: {row[2]}" for row in BY_HAND])
def test_a_rule_that_gets_past(host, check, fault, says, undo):
    before = amiss(host)
    host.sh(fault)
    named = [f for f in amiss(host) if f["check"] == check and f not in before]
    assert any(says in f["text"] for f in named), named
    assert all(f["remedy"].startswith("by hand, in a root shell that stays open") for f in named)
    host.sh(undo)
    assert [f for f in amiss(host) if f not in before] == []


def test_a_mistake_in_the_configuration(host):
    host.sh("echo 'max-agee=5min' >> /etc/tessera/policy.conf")
    found = [f for f in amiss(host) if f["check"] == "configuration"]
    assert len(found) == 1 and re.match(r"/etc/tessera/policy.conf:\d+: ", found[0]["text"])
    assert 'did you mean "max-age"' in found[0]["remedy"]
    host.sh("sed -i '$d' /etc/tessera/policy.conf && systemctl reload tesserad")


def test_a_missing_module(host):
    host.sh("mv /usr/lib/*/security/pam_tessera.so /root")
    found = [f for f in amiss(host) if f["check"] == "pam-module"]
    assert found[0]["state"] == "fail" and found[0]["remedy"] == "apt install --reinstall libpam-tessera"
    host.sh("mv /root/pam_tessera.so /usr/lib/*-linux-gnu*/security/")


def test_a_group_plugin_that_is_not_there(host):
    host.sh("mv /usr/libexec/sudo/tessera_group.so /root")
    found = [f for f in amiss(host) if f["check"] == "sudo-plugin"]
    assert "is not there" in found[0]["text"] and found[0]["remedy"] == "apt install --reinstall tesserad"
    host.sh("mv /root/tessera_group.so /usr/libexec/sudo")


def test_a_damaged_database(host):
    host.sh("systemctl restart tesserad && cp -a /var/lib/tessera/tessera.db /root/backup.db && "
            "dd if=/dev/urandom of=/var/lib/tessera/tessera.db bs=4096 seek=3 count=9 conv=notrunc")
    found = [f for f in amiss(host) if f["check"] == "database"]
    assert found[0]["state"] == "fail" and "the database is damaged: " in found[0]["text"]
    by_hand = "cp -a /root/backup.db /var/lib/tessera/tessera.db; rm -f /var/lib/tessera/tessera.db-*"
    host.sh(found[0]["remedy"].replace("put a backup of /var/lib/tessera/tessera.db in its place", by_hand))


def test_no_room(host):
    host.sh("mount -t tmpfs -o size=30m,mode=0700,uid=$(id -u tessera) tmpfs /mnt && cp -a /var/lib/tessera/. /mnt && "
            "mount --bind /mnt /var/lib/tessera")
    found = [f for f in amiss(host) if f["check"] == "space"]
    assert found[0]["state"] == "warn" and "MiB left" in found[0]["text"]
    host.sh("dd if=/dev/zero of=/mnt/fill bs=1M count=40", check=False)
    found = [f for f in amiss(host) if f["check"] == "space"]
    assert found[0]["state"] == "fail" and "df -h" in found[0]["remedy"]
    host.sh("umount /var/lib/tessera /mnt")


def test_a_clock_before_the_program(host):
    host.sh("touch -r /usr/bin/tessera /root/was && touch -d '+3 days' /usr/bin/tessera")
    found = [f for f in amiss(host) if f["check"] == "clock"]
    assert found[0]["state"] == "fail" and found[0]["remedy"] == "timedatectl set-ntp true"
    host.sh("touch -r /root/was /usr/bin/tessera")


def test_what_waits_for_a_confirmation(host):
    host.sh("tessera service disable sshd && tessera service enable sshd --breakglass breakglass")
    found = [f for f in amiss(host) if f["check"] == "undo"]
    assert found[0]["text"].startswith("sshd will be undone in ")
    with host.shell("alice", PASSWORDS["alice"]) as new:
        assert new.run(found[0]["remedy"]) == ("confirmed: sshd\n", 0)


def test_a_bus_that_is_down(fresh):
    fresh.sh("systemctl stop dbus.socket dbus.service")
    found = [f for f in amiss(fresh) if f["check"] == "daemon-bus"]
    assert found[0]["state"] == "fail"
    mend(fresh, found)
    fresh.wait(lambda: not [f for f in amiss(fresh) if f["check"] == "daemon-bus"])


# How it is told


def test_a_fresh_host_is_well(fresh):
    assert [f["check"] for f in amiss(fresh) if f["check"] != "pam-doors"] == []
    files = "find /etc /var/lib/tessera /var/lib/tessera-service -type f | sort | xargs sha256sum"
    before = fresh.sh(files).stdout
    told = fresh.sh("tessera doctor")
    assert re.search(r"^\d+ good, \d+ to look at, 0 to mend; 0 could not be looked at$", told.stdout, re.M)
    assert fresh.sh(files).stdout == before


def test_others_are_told_what_only_root_can_see(host):
    findings = doctor(host, user="alice")
    assert [f for f in findings if f["state"] == "fail"] == []
    skipped = [f["text"] for f in findings if f["state"] == "skipped"]
    assert len([text for text in skipped if "only root can see" in text]) >= 4
    assert [f for f in findings if f["check"] == "daemon-bus"][0]["state"] == "ok"


def test_words_and_exit_codes(host):
    host.sh("chmod 0755 /var/lib/tessera")
    failed = host.sh("tessera doctor", check=False)
    assert failed.returncode == 1
    assert re.search(r"^fail +/var/lib/tessera has mode 0755: .*\n +chmod 0700 /var/lib/tessera$", failed.stdout, re.M)
    host.sh("chmod 0700 /var/lib/tessera; touch /etc/tessera/tessera.conf")
    warned = host.sh("tessera doctor")
    assert warned.returncode == 0 and "systemctl reload tesserad.service" in warned.stdout
    host.sh("systemctl reload tesserad")
