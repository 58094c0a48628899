# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Roles in sudoers: what a rule of %:ROLE lets through, and that sudo gets by without the plugin."""

import contextlib
import json
import re

import pytest
from conftest import PASSWORDS, accounts, enroll

from host import Host

# dora is an operator by her group, emil by his name; both may use sudo in any case, as helpers, so
# that what is refused here is refused by sudoers and not by tessera's other gate.
NEW = {"dora": "dora's tessera password", "emil": "emil's tessera password"}
POLICY = """[role:admin]
groups=sudo

[role:operator]
groups=ops
users={operators}

[role:helper]
users=dora;emil

[role:everyone]
users=*

[service:sshd]
roles=everyone

[service:sudo]
roles={sudo}
max-age={max_age}
"""
RULES = """%:operator ALL=(root) /usr/bin/systemctl restart cron
%:operator ALL=(root) sudoedit /etc/motd
%:operator ALL=(%:everyone) /usr/bin/id -un
carol ALL=(root) NOPASSWD: /usr/bin/id -u
glass ALL=(root) NOPASSWD: /usr/bin/id -u
"""
# Without a start limit: these tests restart it more than five times in ten seconds.
CRON = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep infinity\n"
RESTART = "sudo -n systemctl restart cron"
DROP_IN = "/etc/sudoers.d/tessera"
PLUGIN = "/usr/libexec/sudo/tessera_group.so"
SET = f'Defaults group_plugin="{PLUGIN}"\n'
PROMISED = 2  # s that sudo takes longer for a daemon that is not there


def policy(host, operators="emil", sudo="admin;operator;helper", max_age="15min"):
    host.write("/etc/tessera/policy.conf", POLICY.format(operators=operators, sudo=sudo, max_age=max_age))
    host.sh("tessera policy check && systemctl reload-or-restart tesserad.service")


def people(host):
    host.sh("groupadd ops; useradd -m -s /bin/bash -G ops dora; useradd -m -s /bin/bash emil")
    for user, password in NEW.items():
        host.sh(["tessera", "user", "add", user], input=password + "\n")


@pytest.fixture(scope="module")
def web(shared):
    people(shared)
    shared.write("/etc/systemd/system/cron.service", CRON)
    shared.sh("systemctl daemon-reload; systemctl start cron")
    # Before ours in the order of names, so that sudo asks for every role before it comes to these.
    shared.write("/etc/sudoers.d/aa-rules", RULES, 0o440)
    return shared


@pytest.fixture
def host(web):
    policy(web)
    web.sh("systemctl restart tesserad.service")
    return web


def login(host, user):
    return host.shell(user, {**NEW, **PASSWORDS}[user])


def main_pid(host, unit="cron"):
    return host.sh(f"systemctl show -p MainPID --value {unit}").stdout.strip()


def refused(shell, command, says="not allowed to|not in the sudoers file"):
    """By sudoers, and not by anything that went wrong on the way there."""
    output, status = shell.run(command)
    assert status == 1 and re.search(says, output), (command, status, output)


# What a rule lets through


def test_an_operator_restarts_cron_and_nothing_else(host):
    before = {unit: main_pid(host, unit) for unit in ("cron", "ssh")}
    with login(host, "dora") as shell:
        assert shell.run(RESTART) == ("", 0)
        restarted = main_pid(host)
        assert restarted not in ("0", before["cron"])
        shell.run("cp /usr/bin/systemctl /tmp/systemctl; ln -s /usr/bin/bash /tmp/cron")
        for command in ("systemctl restart cron.service", "systemctl restart cron.service ssh",
                        "systemctl restart cron ssh", "systemctl restart ssh", "systemctl stop cron", "systemctl",
                        "systemctl restart", "systemctl restart 'cron ssh'", "systemctl restart cron --no-block",
                        "systemctl --no-block restart cron", "/tmp/systemctl restart cron", "/tmp/cron", "bash", "-s",
                        "-i", "id -u", "-u bob systemctl restart cron", "-u '#0' -g adm systemctl restart cron",
                        "-u dora id", "-e /etc/passwd", "-e /etc/motd /etc/passwd", "-u bob -e /etc/motd"):
            refused(shell, f"sudo -n {command}")
        refused(shell, "sudo -n -l -U alice", "not allowed to execute|may not list")
    assert main_pid(host, "ssh") == before["ssh"] and main_pid(host) == restarted


def test_the_role_is_a_name_a_group_or_an_include(host):
    for user in ("dora", "emil"):
        with login(host, user) as shell:
            assert shell.run(RESTART) == ("", 0), user
    with login(host, "bob") as shell:  # enrolled, and no operator
        output, status = shell.run(RESTART)
        assert status == 1 and '"operator"' in output
    host.write("/etc/tessera/policy.conf", POLICY.format(operators="emil", sudo="admin;operator;helper", max_age="15min")
               .replace("groups=sudo\n", "groups=sudo\nincludes=operator\n"))
    host.sh("gpasswd -d alice sudo; usermod -aG sudo bob; systemctl reload tesserad.service")
    try:
        with login(host, "bob") as shell:
            assert shell.run(RESTART) == ("", 0)
            assert "(root) /usr/bin/systemctl restart cron" in shell.run("sudo -n -l")[0]
    finally:
        host.sh("gpasswd -d bob sudo; usermod -aG sudo alice")


def test_admins_hold_the_role_that_enable_wrote_a_rule_for(host):
    host.sh("gpasswd -d alice sudo")
    policy(host)
    host.sh("sed -i 's/^groups=sudo$/users=alice/' /etc/tessera/policy.conf && systemctl reload tesserad.service")
    try:
        with login(host, "alice") as shell:  # in no Unix group that sudoers names
            assert shell.run("sudo -n id -u") == ("0\n", 0)
            assert shell.run("sudo -n -u bob id -un") == ("bob\n", 0)
            assert shell.run("sudo -n -i id -u") == ("0\n", 0)
            assert "(ALL : ALL) ALL" in shell.run("sudo -n -l")[0]
    finally:
        host.sh("usermod -aG sudo alice")


def test_sudoedit_and_whom_to_run_as(host):
    with login(host, "emil") as shell:
        shell.run("printf '#!/bin/sh\\necho edited > \"$1\"\\n' > ~/edit; chmod +x ~/edit")
        assert shell.run("EDITOR=~/edit sudoedit -n /etc/motd")[1] == 0
        assert host.read("/etc/motd") == "edited\n"
        assert shell.run("sudo -n -u bob id -un") == ("bob\n", 0)  # everyone is a role of bob's
        refused(shell, "sudo -n -u carol id -un")  # who is not enrolled,
        refused(shell, "sudo -n -u root id -un")  # and root, who never is


def test_what_one_may_do_is_listed(host):
    rule = "/usr/bin/systemctl restart cron"
    with login(host, "dora") as shell:
        output, status = shell.run("sudo -n -l")
        assert status == 0 and rule in output and "ALL" not in output.replace("(ALL", "")
        assert shell.run("sudo -n -l systemctl restart cron") == (rule + "\n", 0)
        assert shell.run("sudo -n -l systemctl restart ssh")[1] == 1
    for user, expected in (("dora", True), ("emil", True), ("bob", False), ("carol", False), ("root", False)):
        assert (rule in host.sh(f"sudo -n -l -U {user}", check=False).stdout) == expected, user


def test_the_questions_leave_no_line(host):
    """They decide nothing, and come by the dozen: the line that counts is account's."""
    def lines():
        return [line for line in host.journal("_SYSTEMD_UNIT=tesserad.service", "-o", "json").splitlines()
                if "TESSERA_EVENT" in json.loads(line)]

    before = len(lines())
    for user in ("dora", "emil", "bob", "carol"):
        host.sh(f"sudo -n -l -U {user}", check=False)  # root's own call asks PAM nothing that tessera answers
    host.sh("journalctl --sync")
    assert len(lines()) == before


# It is decided at the moment of the call


@contextlib.contextmanager
def group_left(host):
    host.sh("gpasswd -d dora ops")
    try:
        yield
    finally:
        host.sh("usermod -aG ops dora")


@contextlib.contextmanager
def name_left_out(host):
    policy(host, operators="nobody")
    try:
        yield
    finally:
        policy(host)


@pytest.mark.parametrize("user, taken", [("dora", group_left), ("emil", name_left_out)])
def test_A4_a_role_that_is_taken_away_is_gone_at_the_next_call(host, user, taken):
    with login(host, user) as shell:
        assert shell.run(RESTART) == ("", 0)
        with taken(host):
            refused(shell, RESTART)
        assert shell.run(RESTART) == ("", 0)


def test_A4_an_assigned_role_counts_until_it_is_revoked(host):
    policy(host, operators="nobody")
    with login(host, "emil") as shell:
        refused(shell, RESTART)
        host.sh("tessera role grant operator emil --for 1h")
        assert shell.run(RESTART) == ("", 0)
        host.sh("tessera role revoke operator emil")
        refused(shell, RESTART)


def test_a_role_that_may_not_use_sudo_is_refused_by_the_other_gate(host):
    policy(host, sudo="admin")
    with login(host, "dora") as shell:
        output, status = shell.run(RESTART)
        assert status == 1 and 'sudo needs the role "admin"' in output, output


def test_a_revoked_login_has_no_rule_left(host):
    with login(host, "dora") as shell:
        session = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
        host.sh(f"tessera session revoke --keep-login {session}")
        output, status = shell.run(RESTART)
        assert status == 1 and "revoked" in output


def test_A9_a_login_by_ticket_has_no_more_than_the_ticket(host, server_layer):
    with Host("web9", server_layer) as issuer:
        enroll(issuer)
        people(issuer)
        policy(issuer)
        with login(host, "emil") as shell:
            here = json.loads(shell.run("tessera status --json")[0])["host"]
        for roles, allowed in (("*", True), ("everyone;helper", False)):
            host.sh(["tessera", "trust", "add", "web9", "--users=emil", f"--roles={roles}"],
                    input=issuer.sh("tessera key export").stdout)
            with issuer.shell("emil", NEW["emil"]) as shell:
                ticket, status = shell.run(f"tessera token print --audience {here}")
            assert status == 0, ticket
            with host.shell("emil", ticket.strip()) as shell:
                if allowed:
                    assert shell.run(RESTART) == ("", 0)
                else:
                    refused(shell, RESTART)
            host.sh("tessera trust remove web9")


def test_A8_a_sign_in_for_one_target_is_none_for_another(host):
    """How fresh it must be is the policy's to say: sudo's own timestamp, by whomever it was made, is off."""
    policy(host, max_age="1s")
    targetpw = "/etc/sudoers.d/zz-test"
    try:
        for defaults in ("", "Defaults targetpw\n"):
            host.write(targetpw, defaults, 0o440)
            with login(host, "alice") as shell:
                shell.run("sleep 2.1")
                shell.start("sudo -u bob id -un")
                shell.expect("Password or token: ")
                shell.answer(PASSWORDS["alice"])
                assert "bob\n" in shell.finish()[0]
                shell.run("sleep 2.1")
                for target in ("root", "glass", "bob"):
                    output, status = shell.run(f"sudo -n -u {target} id -un")
                    assert status == 1 and "password is required" in output, (target, output)
        # With sudo's timestamp on, the same would pass: that is what the line in our file is for.
        host.write(targetpw, "Defaults timestamp_timeout=15\n", 0o440)
        with login(host, "alice") as shell:
            shell.run("sleep 2.1")
            shell.start("sudo -u bob id -un")
            shell.expect("Password or token: ")
            shell.answer(PASSWORDS["alice"])
            assert "bob\n" in shell.finish()[0]
            shell.run("sleep 2.1")
            assert shell.run("sudo -n -u root id -un") == ("root\n", 0)
    finally:
        host.sh(f"rm {targetpw}")


# Without the daemon, without the plugin


def seconds(host, command, user, expected):
    """The quickest of three, as the host's own clock has it: a busy machine is not what is looked at."""
    found = []
    for _ in range(3):
        result = host.sh(f"a=$(date +%s%N); {command}; r=$?; b=$(date +%s%N); echo $(((b - a) / 1000000)) $r", user=user)
        *output, figures = result.stdout.splitlines()
        found.append(int(figures.split()[0]) / 1000)
        assert figures.split()[1] == ("0" if expected else "1"), (result.stdout, result.stderr)
        assert output == ([expected] if expected else [])
    return min(found), result.stderr


@contextlib.contextmanager
def down(host):
    host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
    try:
        yield "cannot be reached"
    finally:
        host.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket")


@contextlib.contextmanager
def stopped(host):
    host.sh("systemctl start tesserad.service")
    host.signal("tesserad.service", "STOP")
    try:
        yield "did not answer in time"
    finally:
        host.signal("tesserad.service", "CONT")


@contextlib.contextmanager
def refusing(host):
    with down(host):
        host.sh("install -d /run/tessera; rm -f /run/tessera/private; python3 -c "
                "'import socket; socket.socket(socket.AF_UNIX).bind(\"/run/tessera/private\")'")
        try:
            yield "cannot be reached"
        finally:
            host.sh("rm /run/tessera/private")


@contextlib.contextmanager
def bus_stalled(host):
    with down(host):
        host.sh("rm -f /run/tessera/private")
        host.signal("dbus.service", "STOP")
        try:
            yield "did not answer in time"
        finally:
            host.signal("dbus.service", "CONT")


@pytest.fixture
def plugin_alone(host):
    """PAM's files are Debian's, so that what is measured is the plugin."""
    ours = host.read(DROP_IN)
    host.sh("tessera disable sudo")
    yield host
    host.sh(f"rm -f {DROP_IN}; tessera enable sudo --yes --breakglass breakglass")
    assert host.read(DROP_IN) == ours


@pytest.mark.parametrize("outage", [down, stopped, refusing, bus_stalled])
def test_F1_F2_other_rules_answer_in_time_without_the_daemon(plugin_alone, outage):
    host, roles = plugin_alone, "".join(f"%:role{i} ALL=(root) ALL\n" for i in range(50))
    usual, _ = seconds(host, "sudo -n id -u", "carol", "0")
    host.write(DROP_IN, SET + "%:operator ALL=(ALL:ALL) NOPASSWD: ALL\n" + roles, 0o440)
    assert host.sh("sudo -n id -u", user="dora").stdout == "0\n"
    with outage(host) as why:
        taken, said = seconds(host, "sudo -n id -u", "carol", "0")
        assert taken - usual < PROMISED, (taken, usual)
        assert said.count("do not count now") == 1 and why in said
        refused_in, said = seconds(host, "sudo -n id -u", "dora", None)
        assert refused_in - usual < PROMISED and "do not count now" in said
        roots, said = seconds(host, "sudo -n id -u", "root", "0")
        assert roots - usual < PROMISED and said == ""
        print(f"{why}: {usual:.2f} s usually, {taken:.2f} s by another rule, {refused_in:.2f} s to a no, {roots:.2f} s root's")
    assert host.sh("sudo -n id -u", user="dora").stdout == "0\n"


def test_with_the_daemon_down_break_glass_still_has_its_rules(host):
    usual, _ = seconds(host, "sudo -n id -u", "glass", "0")
    with down(host):
        taken, said = seconds(host, "sudo -n id -u", "glass", "0")
        assert taken - usual < PROMISED and "do not count now" in said
        assert host.sh("sudo -n systemctl restart cron", user="dora", check=False).returncode == 1


def test_without_the_plugins_file_all_other_rules_count(host):
    host.sh(f"mv {PLUGIN} {PLUGIN}.away")
    try:
        result = host.sh("sudo -n id -u", user="carol")
        assert result.stdout == "0\n" and f"unable to load {PLUGIN}" in result.stderr
        with login(host, "alice") as shell:  # of the Unix group sudo
            assert "0\n" in shell.run("sudo -n id -u")[0]
        with login(host, "dora") as shell:
            output, status = shell.run(RESTART)
            assert status == 1
    finally:
        host.sh(f"mv {PLUGIN}.away {PLUGIN}")
    with login(host, "dora") as shell:
        assert shell.run(RESTART) == ("", 0)


def test_P13_no_descriptor_of_ours_reaches_the_command(host):
    with login(host, "alice") as shell:
        shell.run("sudo -n true")
        with_plugin = shell.run("sudo -n ls /proc/self/fd")
        text = host.read(DROP_IN)
        host.write(DROP_IN, text.replace(SET, ""), 0o440)
        try:
            assert shell.run("sudo -n ls /proc/self/fd") == with_plugin
        finally:
            host.write(DROP_IN, text, 0o440)
        assert with_plugin[1] == 0


def test_removing_the_packages_takes_the_lines_with_them(fresh):
    fresh.write("/etc/sudoers.d/aa-rules", RULES, 0o440)
    assert "group_plugin" in fresh.read(DROP_IN)
    fresh.sh("dpkg -r libpam-tessera tesserad", timeout=120)
    assert fresh.sh(f"test -e {DROP_IN} -o -e {PLUGIN}", check=False).returncode == 1
    result = fresh.sh("sudo -n id -u", user="carol")
    assert (result.stdout, result.stderr) == ("0\n", "")


# Turning it on


@pytest.fixture(scope="module")
def plain(installed_layer):
    with Host("web2", [installed_layer]) as host:
        accounts(host)
        enroll(host)
        yield host


@pytest.fixture
def off(plain):
    plain.sh("tessera disable --all; rm -f /etc/sudoers.d/site")
    return plain


def test_enable_shows_writes_and_takes_back(off):
    shown = off.sh("tessera enable sudo --dry-run").stdout
    assert "\n+" + SET in shown and "\n+%:admin ALL=(ALL:ALL) ALL\n" in shown
    assert off.sh(f"test -e {DROP_IN}", check=False).returncode == 1
    said = off.sh("tessera enable sudo --yes --breakglass breakglass")
    assert "sudoers may name roles now" in said.stdout and "not available" not in said.stderr
    assert SET in off.read(DROP_IN)
    off.sh("visudo -c")
    assert "nothing changed" in off.sh("tessera enable sudo --yes --breakglass breakglass").stdout
    off.sh("tessera disable sudo")
    assert off.sh(f"test -e {DROP_IN}", check=False).returncode == 1


@pytest.mark.parametrize("line", ["Defaults group_plugin=system_group.so", 'Defaults:bob group_plugin="group_file.so /etc/g"',
                                  "Defaults insults, \\\n   group_plugin = \"/usr/libexec/sudo/system_group.so\""])
def test_another_plugin_keeps_its_place(off, line):
    off.write("/etc/sudoers.d/site", line + "\n", 0o440)
    result = json.loads(off.sh("tessera --json enable sudo --yes").stdout)
    warning, = [text for text in result["warnings"] if "roles in sudoers" in text]
    assert "not available" in warning and re.search("system_group.so|group_file.so", warning)
    assert "group_plugin" not in off.read(DROP_IN) and "%:" not in off.read(DROP_IN)
    assert "timestamp_timeout=0" in off.read(DROP_IN)
    # It goes, and the lines come; it comes back, and they go.
    off.sh("mv /etc/sudoers.d/site /root/site")
    assert DROP_IN in json.loads(off.sh("tessera --json enable sudo --yes").stdout)["files"]
    assert SET in off.read(DROP_IN)
    off.sh("mv /root/site /etc/sudoers.d/site")
    assert json.loads(off.sh("tessera --json enable sudo --yes").stdout)["files"] == [DROP_IN]
    assert "group_plugin" not in off.read(DROP_IN)


def test_without_the_plugins_file_the_rest_is_enabled(off):
    off.sh(f"mv {PLUGIN} {PLUGIN}.away")
    try:
        result = off.sh("tessera enable sudo --yes")
        assert f"not available: {PLUGIN} is not installed" in result.stderr
        assert "group_plugin" not in off.read(DROP_IN)
    finally:
        off.sh(f"mv {PLUGIN}.away {PLUGIN}")


def test_after_an_upgrade_enable_writes_the_lines_and_the_undo_takes_them_back(off):
    off.sh("tessera enable sudo --yes --breakglass breakglass")
    before = off.read(DROP_IN).split("# Roles:")[0]
    off.write(DROP_IN, before, 0o440)
    pam = off.read("/etc/pam.d/sudo")
    assert json.loads(off.sh("tessera --json enable sudo --breakglass breakglass").stdout)["files"] == [DROP_IN]
    assert SET in off.read(DROP_IN)
    off.sh("systemctl start tessera-undo.service")
    assert off.read(DROP_IN) == before and off.read("/etc/pam.d/sudo") == pam
