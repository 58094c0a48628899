# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The daemon's life: first start, reload, stop, and what it does while the bus is away."""

import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time

import dbus.lowlevel
import pytest
from daemon import ALICE, NAME, NOBODY, OBJECT, PASSWORD, POLICY, Refused, background, in_child, scaled, secret, wait_for


def roles(host):
    return [role["role"] for role in host.call("Roles.List")]


# First start


def refuses(host, *words):
    """It exits with a failure and a line that has these words."""
    process = host.spawn()
    assert process.wait(timeout=20) == 1
    last = host.text().splitlines()[-1]
    assert last.startswith("<4>not started: "), last
    for word in words:
        assert word in last, last


def test_first_start_makes_what_belongs_together(make_host):
    host = make_host()
    host.start()
    name = host.root().get("Host")
    assert name == socket.gethostname().lower()
    host.add("alice")
    kids = [key["kid"] for key in host.call("Keys.List")]
    assert [(key["use"], key["state"]) for key in host.call("Keys.List")] == [("token", "signing"), ("ticket", "signing")]
    host.restart()
    assert [key["kid"] for key in host.call("Keys.List")] == kids
    assert [user["user"] for user in host.call("Users.List")] == ["alice"]


def test_R11_half_a_state_is_not_started_with(make_host):
    host = make_host()
    host.start()
    host.stop()
    state = host.folder / "state"
    shutil.copytree(state, host.folder / "saved")

    shutil.rmtree(state / "keys")
    refuses(host, "no key", "restore the keys")
    assert not (state / "keys").exists() or not os.listdir(state / "keys")

    shutil.copytree(host.folder / "saved/keys", state / "keys")
    for path in [state / "keys", *(state / "keys").iterdir()]:
        os.chown(path, host.uid, host.uid)
    for use in "token", "ticket":
        key = next(path for path in (state / "keys").iterdir() if f"use={use}\n" in path.read_text())
        key.rename(host.folder / "aside")
        refuses(host, f"use={use}", "restore it from a backup")
        assert len(os.listdir(state / "keys")) == 1
        (host.folder / "aside").rename(key)
    for path in state.glob("tessera.db*"):
        path.unlink()
    refuses(host, "no database", "restore it")
    assert not (state / "tessera.db").exists()


def test_R11_a_state_that_others_can_read_is_not_started_with(make_host):
    host = make_host()
    (host.folder / "state").chmod(0o750)
    refuses(host, "0700")
    (host.folder / "state").chmod(0o700)
    os.chown(host.folder / "state", NOBODY, NOBODY)
    refuses(host, "state")


def test_R9_a_first_start_that_was_killed_is_gone_on_with(make_host, rng):
    for _ in range(scaled(400)):
        host = make_host()
        process = host.spawn()
        time.sleep(rng.uniform(0, 0.06))
        process.kill()
        process.wait()
        host.start()
        host.add("alice")
        assert sorted(key["use"] for key in host.call("Keys.List")) == ["ticket", "token"]
        host.stop()


def test_the_name_is_kept(make_host):
    host = make_host(settings="[daemon]\nname=one.example\n")
    host.start()
    assert host.root().get("Host") == "one.example"
    host.stop()
    host.write("tessera.conf", "")
    host.start()
    assert host.root().get("Host") == "one.example"
    host.stop()
    host.write("tessera.conf", "[daemon]\nname=two.example\n")
    refuses(host, "two.example", "remove name= or keep one.example")


def test_no_host_is_called_as_its_fleet(make_host):
    """Not by the file, not by what it was called before, not after a reload."""
    host = make_host(settings="[daemon]\nname=one.example\n[fleet]\nname=one.example\n")
    refuses(host, "one.example", "a name that no host has")
    host.write("tessera.conf", "[daemon]\nname=one.example\n")
    host.start()
    host.write("tessera.conf", "[fleet]\nname=one.example\n")
    host.reload()
    assert "one.example" in host.status and "the old configuration stays" in host.status
    host.stop()
    refuses(host, "one.example", "a name that no host has")


def test_a_fleet_that_shares_no_store_does_not_count(make_host):
    host = make_host(settings="[fleet]\nname=fleet.example\n")
    host.start()
    assert host.root().get("Fleet") == "" and "does not count" in host.text()
    host.write("tessera.conf", "")
    host.reload()
    assert host.text().count("does not count") == 1
    host.write("tessera.conf", "[fleet]\nname=fleet.example\n")
    host.reload()
    assert host.status == "serving" and host.text().count("does not count") == 2


def test_S6_what_it_makes_is_its_own(host):
    in_child(lambda: host.log_in("alice"), login=ALICE)
    for folder, folders, files in os.walk(host.folder / "state"):
        for name in [".", *folders, *files]:
            st = os.lstat(os.path.join(folder, name))
            assert st.st_uid == host.uid and not st.st_mode & 0o077, (folder, name)
            assert stat.S_ISDIR(st.st_mode) or stat.S_ISREG(st.st_mode), (folder, name)


def test_S9_no_privilege_is_left(host):
    text = (host_proc(host) / "status").read_text()
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert fields["CapEff"].strip("0") == "" and fields["CapPrm"].strip("0") == ""
    assert fields["Groups"].split() in ([], [str(host.uid)])
    # Not dumpable: its own /proc files are root's.
    assert os.stat(host_proc(host) / "environ").st_uid == 0


def host_proc(host):
    return pathlib.Path(f"/proc/{host.process.pid}")


def test_it_does_not_run_as_root_by_mistake(build):
    done = subprocess.run([build / "daemon/bus/tesserad"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "does not run as root" in done.stderr


def test_options(build, make_host):
    tesserad = build / "daemon/bus/tesserad"
    assert subprocess.run([tesserad, "--version"], capture_output=True, text=True).stdout.startswith("tesserad 0.")
    assert "--state-dir" in subprocess.run([tesserad, "--help"], capture_output=True, text=True).stdout
    for wrong in (["--nonsense"], ["argument"]):
        assert subprocess.run([tesserad, *wrong], capture_output=True).returncode == 2
    host = make_host()
    check = [tesserad, "--check", f"--config-dir={host.folder}/etc"]
    assert subprocess.run(check, capture_output=True).returncode == 0
    host.write("policy.conf", "[role:admin]\nuserz=alice\n")
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 1 and "policy.conf:2:1" in done.stderr
    assert not (host.folder / "state/tessera.db").exists()


def test_socket_activation(make_host):
    """What systemd does: the socket is there first, as descriptor 3."""
    host = make_host()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(host.folder / "run/private"))
    listening.listen(64)

    def activate(fd):
        command = [arg for arg in host.command() if "--private-socket" not in str(arg)]
        pid = os.fork()
        if pid == 0:
            os.dup2(fd, 3)
            os.set_inheritable(3, True)
            os.dup2(os.open(host.log, os.O_WRONLY | os.O_APPEND), 2)
            os.setgroups([])
            os.setresgid(host.uid, host.uid, host.uid)
            os.setresuid(host.uid, host.uid, host.uid)
            os.execve(command[0], command, {**host.environment(), "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
        return pid

    pid = activate(listening.fileno())
    try:
        assert roles(host) == ["admin", "everyone"]
        environment = open(f"/proc/{pid}/environ").read()
        assert "LISTEN_FDS=1" in environment  # the exec's; it does not look there again
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)

    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):  # no listening socket, either of them
        with socket.socket(socket.AF_UNIX, kind) as other:
            pid = activate(other.fileno())
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


# Reload


def test_reload_with_a_mistake_keeps_the_old_policy(host):
    host.write("policy.conf", POLICY + "\n[service:su]\nroles=admin\nmax-agee=5min\n")
    words = host.reload()
    assert words[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
    line = POLICY.count("\n") + 4
    assert "the old configuration stays" in host.status and f"policy.conf:{line}:1" in host.status
    assert f"policy.conf:{line}:1: " in host.text() and "max-age" in host.text()
    assert roles(host) == ["admin", "everyone"]
    host.write("tessera.conf", "[session]\nidle=24\n")
    host.write("policy.conf", POLICY)
    host.reload()
    assert "tessera.conf:2:" in host.status


def test_reload_swaps_policy_and_settings(host):
    host.write("policy.conf", POLICY + "\n[role:operator]\nusers=bob\n")
    host.reload()
    assert host.status == "serving"
    assert roles(host) == ["admin", "everyone", "operator"]
    host.write("tessera.conf", "[password]\nmin-length=40\n")
    host.reload()
    with pytest.raises(Refused) as refused:
        host.call("Users.SetPassword", "shh", "alice", secret(""), secret("short-of-forty"))
    assert refused.value.name == "InvalidArgument"


def test_ready_is_said_when_the_last_reload_is_done(host):
    """systemctl waits for it, and whoever asked while one was under way waits for the one after."""
    (host.folder / "etc/policy.d").mkdir(mode=0o755)
    users = ";".join(f"user{n}" for n in range(100))
    for number in range(100):  # takes some time to read
        host.write(f"policy.d/{number}.conf", "".join(f"[role:r{number}x{n}]\nusers={users}\n" for n in range(5)))
    host.process.send_signal(signal.SIGHUP)
    host.notify.settimeout(20)
    words = [host.notify.recv(65536).decode()]
    host.process.send_signal(signal.SIGHUP)
    host.notify.settimeout(3)
    try:
        while True:
            words.append(host.notify.recv(65536).decode())
    except TimeoutError:
        pass
    assert [word.split("\n")[0] for word in words] == ["RELOADING=1", "RELOADING=1", "READY=1"]
    assert "r99x4" in roles(host)


def test_reload_does_not_rename(host):
    host.write("tessera.conf", "[daemon]\nname=other.example\n")
    host.reload()
    assert "other.example" in host.status and "the old configuration stays" in host.status


def test_B14_reload_with_a_hundred_requests_in_flight(host):
    """Each decision keeps the policy that it began with (a sanitizer would see one that did not)."""
    stopping = threading.Event()

    def flood():
        """A hundred at a time, whose answers nobody waits for but the last one's."""
        client = host.root()
        while not stopping.is_set():
            for _ in range(100):
                message = dbus.lowlevel.MethodCallMessage(None, OBJECT, f"{NAME}.Login", "Authorize")
                message.append("alice", "sudo", {}, signature="ssa{sv}")
                client.connection.send_message(message)
            assert client.call("Roles.List")
        client.close()

    def ask():
        client = host.root()
        while not stopping.is_set():
            assert client.call("Login.Authorize", "ssa{sv}", "alice", "sudo", {})[0] == "allow"
            assert len(client.call("Roles.List")) == 2
        client.close()

    def load():
        threads = [threading.Thread(target=target) for target in (ask, ask, ask, flood)]
        for thread in threads:
            thread.start()
        time.sleep(scaled(200) / 5)
        stopping.set()
        for thread in threads:
            thread.join()

    pid = background(load)
    reloads = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        host.reload()
        reloads += 1
    assert reloads > 10
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert host.alive()


def test_F10_questions_of_a_newer_client_are_refused(host):
    """A key, a method, an interface, an argument that this daemon does not know: an error, never half an answer."""
    def error(method, *arguments):
        with pytest.raises(Refused) as refused:
            host.call(method, *arguments)
        return refused.value.name

    context = ("ssa{sv}", "alice", "sudo", {"risk": "low"})
    for method in ("Check", "Authorize", "OpenSession"):
        assert error(f"Login.{method}", *context) == "InvalidArgument"
    dbus_error = "org.freedesktop.DBus.Error."
    assert error("Login.AuthorizeAll", "ssa{sv}", "alice", "sudo", {}) == dbus_error + "UnknownMethod"
    assert error("Login2.Authorize", "ssa{sv}", "alice", "sudo", {}).startswith(dbus_error + "Unknown")
    assert error("Login.Authorize", "ssa{sv}b", "alice", "sudo", {}, True) == dbus_error + "InvalidArgs"
    assert error("Login.Authorize", "ss", "alice", "sudo") == dbus_error + "InvalidArgs"
    version = host.root().get("Version")
    assert version.split(".")[0].isdigit()


# Stop


def test_F9_stopping_finishes_what_is_under_way(host):
    """Each call that was carried out gets its answer, and the daemon's exit is clean."""
    def authenticate(results):
        client = host.root()
        try:
            ready.wait()
            results.append(client.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {}, secret(PASSWORD))[0])
        except Refused as error:
            results.append(error.name)

    host.write("tessera.conf", "[password]\nmemory=32MiB\npasses=4\n")
    host.reload()
    host.call("Users.SetPassword", "shh", "alice", secret(""), secret(PASSWORD))
    ready, results = threading.Event(), []
    threads = [threading.Thread(target=authenticate, args=(results,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    ready.set()
    time.sleep(0.1)
    begun = time.monotonic()
    assert host.stop() == 0
    assert time.monotonic() - begun < 7
    for thread in threads:
        thread.join()
    assert len(results) == 6 and "allow" in results
    assert results.count("allow") == host.text().count("TESSERA_EVENT=login")


def test_F1_half_a_login_is_gone_after_a_restart(host):
    verdict, result = host.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {}, secret(PASSWORD))
    assert verdict == "allow"
    host.restart(how=signal.SIGKILL)
    verdict, answer = host.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"session": result["session"]})
    assert (verdict, answer["reason"]) == ("deny", "session")


def test_F1_no_acknowledged_session_is_lost(host):
    sessions = [in_child(lambda: host.log_in("alice"), login=ALICE) for _ in range(5)]
    host.restart(how=signal.SIGKILL)
    listed = host.call("Sessions.List", "a{sv}", {"user": "alice"})
    assert [s["id"] for s in listed] == sessions


def test_sessions_of_another_boot_are_over_at_once(host):
    session = in_child(lambda: host.log_in("alice"), login=ALICE)
    host.stop()
    with sqlite3.connect(host.folder / "state/tessera.db") as database:
        database.execute("UPDATE session SET boot_id = '00000000-1111-2222-3333-444444444444'")
    database.close()
    for path in (host.folder / "state").glob("tessera.db*"):
        os.chown(path, host.uid, host.uid)
        path.chmod(0o600)
    host.start()
    assert "TESSERA_REASON=reboot" in host.text()  # before anybody asked
    shown = host.call("Sessions.Show", "s", session)[0]
    assert (shown["state"], shown["end_reason"], shown["current"]) == ("closed", "reboot", False)


# The bus


def test_F2_without_a_bus_root_is_served(make_host):
    host = make_host()
    host.start()
    host.add("alice")
    assert in_child(lambda: host.log_in("alice"), login=ALICE)
    host.start_bus()
    wait_for(host.has_name, timeout=40)
    assert host.as_uid(ALICE, "Roles.List")


def test_F2_a_bus_that_restarts_is_joined_again(host):
    for _ in range(2):
        host.stop_bus()
        assert roles(host) == ["admin", "everyone"]
        host.start_bus()
        wait_for(host.has_name, timeout=40)
        assert host.as_uid(ALICE, "Roles.List")


def test_F2_a_bus_that_never_answers_holds_nobody(make_host):
    host = make_host()
    mute = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mute.bind(str(host.folder / "bus/socket"))
    mute.listen(64)
    os.chmod(host.folder / "bus/socket", 0o666)
    host.start()
    begun = time.monotonic()
    host.add("alice")
    assert time.monotonic() - begun < 5
    assert host.stop() == 0
    assert time.monotonic() - begun < 10
    mute.close()


def test_F1_a_bus_that_hangs_stalls_no_call_of_roots(host):
    """SIGSTOP while users' calls wait for the bus to say who they are."""
    def flood():
        import dbus.bus
        import dbus.lowlevel
        bus = dbus.bus.BusConnection(host.bus_address)
        for _ in range(200):
            message = dbus.lowlevel.MethodCallMessage("org.tessera.Tessera1", "/org/tessera/Tessera1",
                                                      "org.tessera.Tessera1.Roles", "List")
            bus.send_message(message)
        bus.flush()
        host.bus_process.send_signal(signal.SIGSTOP)

    in_child(flood)
    try:
        begun = time.monotonic()
        for _ in range(20):
            assert roles(host) == ["admin", "everyone"]
        assert time.monotonic() - begun < 3
    finally:
        host.bus_process.send_signal(signal.SIGCONT)
    assert host.as_uid(ALICE, "Roles.List")


def test_P35_half_open_connections_to_the_bus_leave_root_alone(host):
    path = host.bus_address.removeprefix("unix:path=")
    half = []
    try:
        for _ in range(70):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                connection.connect(path)
            except BlockingIOError:
                pass
            half.append(connection)
        begun = time.monotonic()
        session = in_child(lambda: host.log_in("alice"), login=ALICE)
        assert host.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {}) == [session]
        assert time.monotonic() - begun < 3
    finally:
        for connection in half:
            connection.close()


def test_half_open_connections_to_the_private_socket_are_dropped(host):
    before = host.fds()
    half = []
    for _ in range(40):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(host.folder / "run/private"))
        half.append(connection)
    begun = time.monotonic()
    assert roles(host) == ["admin", "everyone"]
    assert time.monotonic() - begun < 5
    wait_for(lambda: host.fds() <= before + 2, timeout=15)
    for connection in half:
        connection.close()
