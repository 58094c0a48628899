# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""When something is down, what cannot be decided is refused in time, and nothing that was acknowledged is lost."""

import json
import threading
import time

import pytest
from conftest import PASSWORDS, SCALED_LOGINS, UNIX_PASSWORDS

ALICE = PASSWORDS["alice"]
LIMIT = 10  # seconds, what a call may take


def refused_in_time(host):
    """alice and carol are refused within the limit and told why; break-glass gets in by the Unix password."""
    for user, password in (("alice", ALICE), ("carol", UNIX_PASSWORDS["carol"])):
        start = time.monotonic()
        result = host.ssh(user, password, check=False)
        assert result.returncode == 255, user
        # sshd asks pam_acct_mgmt only after a yes, so this is one call; connecting takes the rest.
        assert time.monotonic() - start < LIMIT + 5, user
    assert host.ssh("glass", UNIX_PASSWORDS["glass"], "id -un").stdout == "glass\n"
    assert host.ssh("glass", "wrong", check=False).returncode == 255


def be_impatient(host):
    """The module waits 2 s instead of 10, where the tests have waited for the default before."""
    host.sh("sed -i 's/pam_tessera.so/pam_tessera.so timeout=2/' /etc/pam.d/sshd")


def works_again(host):
    host.wait(lambda: host.ssh("alice", ALICE, check=False).returncode == 0, seconds=30, what="logins work again")
    assert host.ssh("alice", ALICE, "sudo -n id -u").stdout == "0\n"
    host.ssh("carol", UNIX_PASSWORDS["carol"])


def test_F1_daemon_absent(fresh):
    with fresh.shell("alice", ALICE) as shell, fresh.shell("glass", UNIX_PASSWORDS["glass"]) as glass:
        fresh.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
        start = time.monotonic()
        output, status = shell.run("sudo id")
        assert status == 1 and "uid=0" not in output and "tessera:" in output
        assert time.monotonic() - start < LIMIT + 2
        refused_in_time(fresh)
        glass.start("sudo id -u")
        glass.expect("password for glass: ")
        glass.answer(UNIX_PASSWORDS["glass"])
        assert "0\n" in glass.finish()[0]
        fresh.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket")
        works_again(fresh)
        assert shell.run("sudo -n id -u") == ("0\n", 0)  # its session was acknowledged: it is still there


def test_F1_daemon_killed_comes_back_by_itself(fresh):
    with fresh.shell("alice", ALICE) as shell:
        fresh.signal("tesserad.service", "KILL")
        fresh.wait(lambda: shell.run("sudo -n id -u") == ("0\n", 0))
        works_again(fresh)


def test_F1_daemon_stopped(fresh):
    with fresh.shell("alice", ALICE) as shell:
        fresh.signal("tesserad.service", "STOP")
        start = time.monotonic()
        output, status = shell.run("sudo id")
        assert status == 1 and "uid=0" not in output and time.monotonic() - start < LIMIT + 2
        refused_in_time(fresh)
        fresh.signal("tesserad.service", "CONT")
        works_again(fresh)


def test_F2_system_bus_absent(fresh):
    """root's path does not need it; the CLI of a user does, and says so."""
    fresh.sh("systemctl stop dbus.socket dbus.service", check=False)
    assert fresh.ssh("alice", ALICE, "id -un", timeout=120).stdout == "alice\n"
    fresh.sh("systemctl start dbus.socket dbus.service")
    fresh.wait("busctl status org.tessera.Tessera1", seconds=30, what="the daemon takes its name again")


def test_P35_half_open_connections_stall_the_bus_but_no_login(fresh):
    code = ("import socket,time\n"
            "held=[]\n"
            "for _ in range(70):\n"
            "    s=socket.socket(socket.AF_UNIX); s.connect('/run/dbus/system_bus_socket'); held.append(s)\n"
            "print('held',flush=True); time.sleep(120)\n")
    fresh.write("/tmp/hold.py", code)
    import subprocess
    holder = fresh.spawn(["/usr/bin/python3", "/tmp/hold.py"], user="nobody", stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == "held\n"
        start = time.monotonic()
        # logind stalls with the bus (that is pam_systemd's own wait, and it ignores the failure);
        # what is ours, the answer to the password, is there at once.
        fresh.ssh("alice", "wrong", check=False)
        assert time.monotonic() - start < LIMIT
        assert fresh.ssh("carol", "wrong", check=False).returncode == 255
        assert fresh.ssh("alice", ALICE, "sudo -n id -u", timeout=120).stdout == "0\n"
        # Nobody reaches break-glass that way: the daemon still answers, so the Unix password alone opens nothing.
        assert fresh.ssh("alice", UNIX_PASSWORDS["alice"], check=False, timeout=120).returncode == 255
    finally:
        holder.kill()
        holder.wait()


def test_database_unreadable(fresh):
    database = "/var/lib/tessera/tessera.db"
    fresh.sh(f"systemctl stop tesserad.socket tesserad.service; chown root: {database}; chmod 600 {database}; "
             "systemctl start tesserad.socket")
    refused_in_time(fresh)
    assert "tessera.db" in fresh.journal("-u", "tesserad")
    fresh.sh(f"chown tessera: {database}; systemctl reset-failed tesserad.service tesserad.socket; systemctl start tesserad.socket")
    works_again(fresh)


@pytest.mark.parametrize("harm", ["truncate -s 5000", "printf junk | dd conv=notrunc bs=1 of=", "rm"])
def test_R11_a_damaged_database_is_left_alone(fresh, harm):
    be_impatient(fresh)
    database = "/var/lib/tessera/tessera.db"
    fresh.sh("systemctl stop tesserad.socket tesserad.service")
    fresh.sh(f"cp -a /var/lib/tessera /root/backup; rm -f {database}-wal {database}-shm; {harm}" + ("" if harm.endswith("=") else " ") + database)
    digest = fresh.sh(f"sha256sum {database}", check=False).stdout
    fresh.sh("systemctl start tesserad.socket")
    refused_in_time(fresh)
    assert fresh.sh(f"sha256sum {database}", check=False).stdout == digest
    assert "tessera.db" in fresh.journal("-u", "tesserad")
    fresh.sh("systemctl stop tesserad.socket tesserad.service; rm -rf /var/lib/tessera/*; cp -a /root/backup/. /var/lib/tessera/; "
             "systemctl reset-failed tesserad.service tesserad.socket; systemctl start tesserad.socket")
    works_again(fresh)


@pytest.mark.parametrize("harm", ["truncate -s 0", "rm", "chmod 644", "chown root:root", "truncate -s 60"])
def test_J2_an_empty_or_foreign_key_stops_the_daemon(fresh, harm):
    be_impatient(fresh)
    token = fresh.ssh("alice", ALICE, "tessera token print").stdout.strip()
    fresh.sh("systemctl stop tesserad.socket tesserad.service; cp -a /var/lib/tessera/keys /root/keys")
    fresh.sh(f"{harm} /var/lib/tessera/keys/*")
    fresh.sh("systemctl start tesserad.socket")
    assert fresh.ssh("alice", token, check=False).returncode == 255
    refused_in_time(fresh)
    assert "/keys" in fresh.journal("-u", "tesserad")
    fresh.sh("systemctl stop tesserad.socket tesserad.service; rm -rf /var/lib/tessera/keys; cp -a /root/keys /var/lib/tessera/; "
             "systemctl reset-failed tesserad.service tesserad.socket; systemctl start tesserad.socket")
    works_again(fresh)


def test_disk_full(fresh):
    fresh.sh("set -e; systemctl stop tesserad.socket tesserad.service; cp -a /var/lib/tessera /root/state; "
             "mount -t tmpfs -o size=2m,mode=700 tmpfs /var/lib/tessera; cp -a /root/state/. /var/lib/tessera/; "
             "systemctl start tesserad.socket")
    with fresh.shell("alice", ALICE) as shell:
        fresh.sh("dd if=/dev/zero of=/var/lib/tessera/full bs=4k count=1024", check=False)
        result = fresh.ssh("alice", ALICE, check=False)
        assert result.returncode != 0  # no session could be kept, so there is none
        assert fresh.ssh("glass", UNIX_PASSWORDS["glass"], "id -un", check=False).returncode == 0
        fresh.sh("rm /var/lib/tessera/full")
        works_again(fresh)
        assert shell.run("sudo -n id -u") == ("0\n", 0)


def outages(host):
    """How often the module has said that there was no answer."""
    return len([line for line in host.journal("-t", "sshd").splitlines() if "pam_tessera" in line and "outage" in line])


def test_B17_activation_while_the_disk_is_full(fresh):
    """The daemon was not running, is started by the first who asks, and has no room to start in."""
    be_impatient(fresh)
    fresh.sh("set -e; systemctl stop tesserad.socket tesserad.service; cp -a /var/lib/tessera /root/state; "
             "mount -t tmpfs -o size=2m,mode=700 tmpfs /var/lib/tessera; cp -a /root/state/. /var/lib/tessera/; "
             "rm -f /var/lib/tessera/tessera.db-*; chown tessera: /var/lib/tessera; "
             "dd if=/dev/zero of=/var/lib/tessera/full bs=1k count=4096 || true; systemctl start tesserad.socket")
    before = outages(fresh)
    refused_in_time(fresh)
    assert outages(fresh) > before
    assert "uid=0" not in fresh.sh("sudo -n id", user="alice", check=False).stdout
    fresh.sh("rm /var/lib/tessera/full")
    works_again(fresh)


def test_B17_activation_at_the_start_limit(fresh):
    """An administrator has set one, and the daemon cannot start: systemd gives up, and nobody waits for it."""
    be_impatient(fresh)
    fresh.sh("mkdir -p /etc/systemd/system/tesserad.service.d")
    fresh.write("/etc/systemd/system/tesserad.service.d/limit.conf",
                "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nRestart=no\n")
    fresh.sh("systemctl daemon-reload; systemctl stop tesserad.socket tesserad.service; "
             "mv /etc/tessera/policy.conf /root/; echo '[nonsense]' > /etc/tessera/policy.conf; systemctl start tesserad.socket")
    before = outages(fresh)
    refused_in_time(fresh)
    for _ in range(3):
        fresh.sh("systemctl start tesserad.service", check=False)
    assert "tesserad.service: Start request repeated too quickly" in fresh.journal()
    refused_in_time(fresh)
    assert outages(fresh) > before + 1
    fresh.sh("mv /root/policy.conf /etc/tessera/policy.conf; systemctl reset-failed tesserad.service tesserad.socket; "
             "systemctl start tesserad.socket")
    works_again(fresh)


def test_F1_kill_in_the_middle_of_logins(fresh, rng):
    """Every login that got its shell has its session; sudo there works; nobody else got anything."""
    lost, opened, lock = [], [], threading.Lock()
    stop = threading.Event()

    def log_in():
        result = fresh.ssh("alice", ALICE, "tessera status --json", check=False, timeout=60)
        with lock:
            if result.returncode == 0:
                opened.append(json.loads(result.stdout)["session"]["id"])
            else:
                lost.append(result)

    def kill():
        while not stop.is_set():
            time.sleep(rng.uniform(0.2, 1.2))
            fresh.signal("tesserad.service", "KILL")

    killer = threading.Thread(target=kill)
    killer.start()
    for _ in range(0, SCALED_LOGINS, 4):
        group = [threading.Thread(target=log_in) for _ in range(4)]
        for thread in group:
            thread.start()
        for thread in group:
            thread.join()
    stop.set()
    killer.join()
    works_again(fresh)
    known = {s["id"] for s in json.loads(fresh.sh("tessera --json session list --all-users --ended", check=False).stdout or "[]")}
    for session in opened:
        if session not in known:
            shown = fresh.sh(["tessera", "--json", "session", "show", session], check=False)
            assert shown.returncode == 0, f"session {session} was acknowledged and is gone"
    assert fresh.sh("systemctl stop tesserad.socket tesserad.service; "
                    "sqlite3 /var/lib/tessera/tessera.db 'pragma integrity_check'").stdout == "ok\n"
