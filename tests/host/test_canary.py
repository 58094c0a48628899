# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A password and a token that must be found nowhere afterwards."""

import time

CANARY = "canary-4f1c-password-9b27"
WRONG = "canary-77aa-mistyped-01cd"


def test_S1_S2_S4_the_canaries_are_found_nowhere(fresh):
    fresh.sh("sed -i 's/pam_tessera.so/pam_tessera.so debug/' /etc/pam.d/sshd /etc/pam.d/sudo")
    fresh.sh("useradd -m -s /bin/bash -G sudo dora; tessera user add dora", input=CANARY + "\n")
    monitor = fresh.spawn("busctl monitor > /run/monitor.out 2>&1 & echo $! > /run/monitor.pid; "
                          "dbus-monitor --system > /run/dbus-monitor.out 2>&1 & echo $! >> /run/monitor.pid; wait")
    fresh.wait("test -s /run/dbus-monitor.out && test -s /run/monitor.pid")
    time.sleep(0.5)
    with fresh.shell("dora", CANARY) as shell:
        token = shell.run("tessera token print")[0].strip()
        shell.run("tessera token print > ~/token; tessera token verify < ~/token; rm ~/token")
        shell.start("tessera login")
        shell.expect(": ")
        shell.answer(CANARY)
        shell.finish()
        fresh.ssh("dora", token, "sudo -n true")
        fresh.ssh("dora", WRONG, check=False)
        shell.start("tessera passwd")
        for answer in (CANARY, CANARY + "-new", CANARY + "-new"):
            shell.expect(": ")
            shell.answer(answer)
        shell.finish()
        fresh.sh("tessera passwd dora", input=CANARY + "\n")
        environments = fresh.sh("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'").stdout
    fresh.sh("kill $(cat /run/monitor.pid)", check=False)
    monitor.wait(timeout=10)

    signature = token.split(".")[2]
    fresh.sh("gcore -o /run/core $(systemctl show -p MainPID --value tesserad.service) >/dev/null 2>&1; "
             "journalctl --no-pager -o export > /run/journal; ls -l /run/core.*", timeout=120)
    for secret in (CANARY, WRONG, signature):
        assert secret not in environments
        for place in ("/run/journal", "/run/monitor.out", "/run/dbus-monitor.out", "/run/core.*", "/var/lib/tessera/tessera.db*",
                      "/var/log", "/run/tessera /run/systemd"):
            found = fresh.sh(f"grep -r -a -l -F -- '{secret}' {place} 2>/dev/null", check=False).stdout
            assert found == "", (secret, found)
    # The search itself finds what is there.
    assert "dora" in fresh.sh("grep -a -c dora /run/journal && echo dora").stdout
    assert fresh.sh("stat -c %s /run/core.*").stdout.strip() > "0"


def test_S2_the_daemon_may_not_be_traced_or_dumped_by_others(host):
    pid = host.sh("systemctl start tesserad.service; systemctl show -p MainPID --value tesserad.service").stdout.strip()
    assert "Max core file size        0" in host.sh(f"grep core /proc/{pid}/limits").stdout
    for file in ("environ", "mem", "maps"):
        assert host.sh(f": < /proc/{pid}/{file}", user="alice", check=False).returncode != 0


def test_S5_no_secret_in_arguments(host):
    helped = host.sh("tessera --help; tessera user --help; tessera token --help", check=False)
    assert "--password " not in helped.stdout + helped.stderr and "--token" not in helped.stdout + helped.stderr
