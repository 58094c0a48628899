# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A daemon and a bus at the places where the command looks for them, in a mount namespace of their own."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCOUNTS = {"tessera": 990, "alice": 20001, "bob": 20002}
PASSWORD = "the-canary-Sesame-4711"

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""

# What the command asks of systemd: the daemon's reload, and the status that it told.
SYSTEMCTL = """#!/bin/sh
case $1 in
try-reload-or-restart) kill -HUP "$(cat {folder}/pid)" ;;
show) cat {folder}/status ;;
esac
"""

# Mounts, then tells that it is done and holds the namespace until its stdin ends.
HOLD = """
set -e
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/dbus /run/tessera/end /run/state /run/systemd/system
mkdir -p "$1/top/tessera"
mount -t overlay -o lowerdir="$1/top:/etc" overlay /etc
mount --bind "$1/etc" /etc/tessera
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
mount --bind "$1/systemctl" /usr/bin/systemctl
chown -R tessera:tessera /run/tessera /run/state
chmod 0700 /run/state
echo ready
exec cat
"""

# A login: its own audit session, and commands of it as they come.
LOGIN = """
import json, os, subprocess, sys
uid = int(sys.argv[1])
if uid:
    open("/proc/self/loginuid", "w").write(str(uid))
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
for line in sys.stdin:
    argv, text = json.loads(line)
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60)
    print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
"""


class Answer:
    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr

    @property
    def json(self):
        return json.loads(self.stdout)

    def __repr__(self):
        return f"exit {self.status}\n{self.stdout}--\n{self.stderr}"


class Login:
    def __init__(self, host, uid):
        self.host = host
        self.process = host.popen("/usr/bin/python3", "-c", LOGIN, str(uid), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)

    def run(self, *arguments, stdin=""):
        self.process.stdin.write(json.dumps([[str(self.host.tessera), *arguments], stdin]) + "\n")
        self.process.stdin.flush()
        return Answer(*json.loads(self.process.stdout.readline()))

    def json(self, *arguments, status=0, stdin=""):
        answer = self.run("--json", *arguments, stdin=stdin)
        assert answer.status == status, answer
        return answer.json

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Host:
    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        self.tessera = build / "client" / "tessera"
        self.processes, self.logins = [], []
        self._write_files()
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", HOLD, "hold",
                                        folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        self._start("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={folder}/bus.conf")
        self._wait_for("/run/dbus/system_bus_socket")
        threading.Thread(target=self._take_status, args=[self._listen()], daemon=True).start()
        self.start_daemon()
        self.root = self.login(0)

    def start_daemon(self):
        private = pathlib.Path(f"/proc/{self.holder.pid}/root/run/tessera/private")
        private.unlink(missing_ok=True)
        self.daemon = self._start("setpriv", "--reuid", "tessera", "--regid", "tessera", "--clear-groups",
                                  self.build / "daemon/bus/tesserad", "--config-dir=/etc/tessera",
                                  "--state-dir=/run/state", "--run-dir=/run/tessera",
                                  "--private-socket=/run/tessera/private")
        (self.folder / "pid").write_text(str(self.daemon.pid))
        self._wait_for("/run/tessera/private")

    def _write_files(self):
        accounts = "".join(f"{name}:x:{uid}:{uid}::/nonexistent:/bin/sh\n" for name, uid in ACCOUNTS.items())
        groups = "".join(f"{name}:x:{uid}:\n" for name, uid in ACCOUNTS.items())
        (self.folder / "passwd").write_text("root:x:0:0::/root:/bin/sh\n" + accounts)
        (self.folder / "group").write_text("root:x:0:\nsudo:x:27:alice\n" + groups)
        (self.folder / "etc").mkdir()
        (self.folder / "etc/policy.conf").write_text((ROOT / "policy/policy.conf").read_text())
        (self.folder / "etc/tessera.conf").write_text("[password]\nmemory=8MiB\npasses=1\n")
        (self.folder / "systemctl").write_text(SYSTEMCTL.format(folder=self.folder))
        (self.folder / "systemctl").chmod(0o755)
        (self.folder / "status").write_text("")
        (self.folder / "bus.conf").write_text(BUS_CONFIG.format(policy=ROOT / "policy/org.tessera.Tessera1.conf"))

    def _listen(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(str(self.folder / "notify"))
        (self.folder / "notify").chmod(0o666)
        return listener

    def _take_status(self, listener):
        while True:
            for line in listener.recv(65536).decode().splitlines():
                if line.startswith("STATUS="):
                    (self.folder / "status").write_text(line.removeprefix("STATUS=") + "\n")

    def run_in(self, *argv):
        """Runs a program among the host's mounts, as root."""
        subprocess.run(["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", *argv], check=True)

    def popen(self, *argv, **options):
        self.processes.append(subprocess.Popen(["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt",
                                                *[str(word) for word in argv]], **options))
        return self.processes[-1]

    def _start(self, *argv):
        return self.popen(*argv, stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("a"),
                          env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify")})

    def _wait_for(self, path):
        for _ in range(200):
            if pathlib.Path(f"/proc/{self.holder.pid}/root{path}").exists():
                return
            time.sleep(0.05)
        raise AssertionError(f"no {path}: {self.log()}")

    def log(self):
        return (self.folder / "log").read_text()

    def login(self, uid):
        self.logins.append(Login(self, uid))
        return self.logins[-1]

    def add(self, user):
        assert self.root.run("user", "add", user, stdin=PASSWORD + "\n").status == 0

    def end(self):
        for login in self.logins:
            login.end()
        for process in self.processes:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)
                process.wait(10)
        self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()
