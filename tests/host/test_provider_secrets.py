# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What the provider gave out for one party alone, and the client's secret: found nowhere else afterwards."""

import re
import time

import pytest
from conftest import PASSWORDS
from company import CLIENT_SECRET, Knock
from test_provider import BY_PROVIDER
from test_provider_browser import LINK, Waiting

KINDS = {"access_token", "code", "code_verifier", "device_code", "id_token", "nonce", "state"}
# In the link that the person opens, and so in what the daemon answers to the command.
OF_THE_LINK = {"nonce", "state"}
WATCH = """
busctl monitor > /run/watch/busctl 2>&1 & echo $! > /run/watch/pids
dbus-monitor --system > /run/watch/dbus-monitor 2>&1 & echo $! >> /run/watch/pids
while :; do
        cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'
        sleep 0.1
done > /run/watch/processes & echo $! >> /run/watch/pids
wait
"""


@pytest.fixture
def watched(company):
    """Whoever may look at the bus and at all processes does."""
    company.web1.sh("sed -i 's/pam_tessera.so/pam_tessera.so debug/' /etc/pam.d/sshd /etc/pam.d/sudo; mkdir -m 700 /run/watch")
    watcher = company.web1.spawn(WATCH)
    company.web1.wait("test -s /run/watch/dbus-monitor && test -s /run/watch/processes")
    time.sleep(0.5)
    yield company
    company.web1.sh("kill $(cat /run/watch/pids)", check=False)
    watcher.wait(timeout=10)
    company.web1.sh("rm -rf /run/watch; sed -i 's/ debug$//' /etc/pam.d/sshd /etc/pam.d/sudo")


def sign_in_by_browser(company, shell, login):
    waiting = Waiting(shell)
    company.person.visit(waiting.link, login)
    return waiting.end()[1]


def sign_in_everywhere(company):
    """At ssh, sudo and the command, by code and by browser; approved, denied, and by somebody else."""
    with Knock(company.web1, "alice") as knock:
        company.person.deny(knock.link, knock.code)
        knock.enter()
        knock.refused(15)
    with Knock(company.web1, "alice") as knock:
        company.person.approve(knock.link, knock.code, "mallory")
        knock.enter()
        knock.refused(15)
    with company.shell("alice") as shell:
        assert shell.run("sudo -n id -u") == ("0\n", 0)
        assert sign_in_by_browser(company, shell, "mallory") == 3
        assert sign_in_by_browser(company, shell, "alice") == 0


def found(company, secrets, places):
    """Which kinds of secret are in which files of web1."""
    company.web1.write("/run/secrets", "".join(f"{value}\n" for value in secrets), 0o600)
    listed = company.web1.sh(f"grep -r -a -l -F -f /run/secrets -- {places} 2>/dev/null", check=False).stdout
    company.web1.sh("rm /run/secrets")
    return listed


def test_O2_no_secret_of_the_providers_is_found_anywhere(watched):
    company, web1 = watched, watched.web1
    with company.configured(policy=BY_PROVIDER):
        sign_in_everywhere(company)
    pid = web1.sh("systemctl show -p MainPID --value tesserad.service").stdout.strip()
    web1.sh(f"gcore -o /run/watch-core {pid} >/dev/null 2>&1; journalctl --no-pager -o export > /run/watch/journal; "
            "test -s /run/watch-core.*", timeout=120)
    secrets = company.login.secrets()
    assert set(secrets) == KINDS  # the search has something to look for
    try:
        for kind, values in {**secrets, "client": {CLIENT_SECRET}}.items():
            places = "/run/watch/processes /run/watch/journal /var/log /var/lib/tessera /run/tessera /run/systemd /tmp /home/alice"
            if kind not in OF_THE_LINK:
                places += " /run/watch/busctl /run/watch/dbus-monitor /run/watch-core.*"
            assert found(company, values, places) == "", kind
        assert found(company, {"carol", "alice"}, "/run/watch/journal /run/watch/busctl /run/watch/processes").count("\n") == 3
    finally:
        web1.sh("rm -f /run/watch-core.*")


def test_O2_nothing_stays_in_the_memory_of_the_command(company):
    """As it is when it ends: by then the code and the state have gone through it."""
    web1 = company.web1
    with web1.shell("alice", PASSWORDS["alice"]) as shell:
        shell.start("gdb -q -batch -ex 'catch syscall exit_group' -ex run -ex 'gcore core-of-it' -ex kill "
                    "--args tessera login --browser")
        shell.expect("Go on only if you began this yourself, just now.")
        company.person.visit(LINK.search(shell.child.before)[0], "alice")
        output, _ = shell.finish(timeout=60)
        assert "signed in; session" in output and "Saved corefile" in output, output
    secrets = company.login.secrets()
    values = {value for kind in KINDS - OF_THE_LINK for value in secrets[kind]}
    assert found(company, {"login.example"}, "/home/alice/core-of-it")
    assert found(company, values | {CLIENT_SECRET}, "/home/alice/core-of-it") == ""
    web1.sh("rm /home/alice/core-of-it")


def test_O2_nobody_is_given_a_dump_of_the_helper(company):
    web1 = company.web1
    with Knock(web1, "alice"):
        pid = web1.sh("systemctl show -p MainPID --value tessera-oidc.service").stdout.strip()
        assert re.search(r"^Max core file size +0 +0 ", web1.read(f"/proc/{pid}/limits"), re.M)
        for user in ("tessera-oidc", "tessera", "alice"):
            for file in ("environ", "mem", "maps"):
                seen = web1.sh(f": < /proc/{pid}/{file}", user=user, check=False)
                assert seen.returncode != 0, (user, file)
        assert CLIENT_SECRET not in web1.read(f"/proc/{pid}/environ")
    assert web1.sh("cat /etc/tessera/corp.secret", user="alice", check=False).returncode != 0
