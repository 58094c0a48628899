# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Throw-away hosts: real Debian, booted in about a second, gone without a trace.

A host is an overlay over this machine's root, its upper layer in memory, booted by systemd-nspawn:
systemd as PID 1, journald, logind, the system bus, sshd. A Layer is such an upper folder that later
hosts may stand on ("with the packages installed"), so that a test pays for its own work only.

Everything lives in a mount namespace of this process: when it ends, however it ends, the mounts are
gone and the kernel ends the hosts.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time
import uuid

import pexpect

FOLDER = pathlib.Path("/run/hosts")
CLONE_NEWNS = 0x00020000
PROMPT = "Password or token: "
# s: now and then a user manager that logind stops hangs for its TimeoutStopSec=120s, and the next login waits for it.
LOGIN_MAX = 150

# Programs of this machine that a test host has no use for are not started there.
KEPT_WANTS = ("dbus", "ssh", "systemd-journald", "systemd-logind", "remote-fs.target", "getty.target")


def enter_namespace():
    """Gives this process a mount namespace of its own, once, with an empty /run for the hosts in it."""
    if FOLDER.exists():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare: the host tests run as root")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)
    FOLDER.mkdir()


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Failed(AssertionError):
    """A command that was to succeed did not; says what it printed."""


def _checked(result, check):
    if check and result.returncode != 0:
        raise Failed(f"{result.args!r} gave {result.returncode}\n{result.stdout}{result.stderr}")
    return result


class Host:
    """One booted host. Use as a context manager, or boot() and stop()."""

    def __init__(self, name="web1", layers=(), bus="dbus", network=None):
        enter_namespace()
        self.bus = bus  # or dbus-broker
        self.network = network  # a Network that it is connected to
        self.name = name
        self.folder = FOLDER / f"{name}-{os.getpid()}-{time.monotonic_ns()}"
        self.root = self.folder / "root"
        self.layers = [str(layer) for layer in layers]
        self.nspawn = None
        self.leader = None

    def __enter__(self):
        return self.boot()

    def __exit__(self, *_):
        self.stop()

    # Life

    def boot(self):
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        lower = ":".join([*self.layers, "/"])
        options = f"lowerdir={lower},upperdir={self.folder}/upper,workdir={self.folder}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root], check=True)
        self._furnish()
        self._start()
        return self

    def _furnish(self):
        etc = self.root / "etc"
        (etc / "machine-id").write_text(uuid.uuid4().hex + "\n")  # an empty one would become that of dbus, this machine's
        (etc / "hostname").write_text(self.name + "\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {self.name}\n")
        if self.network:
            self.network.furnish(self)
        (self.root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)  # of container images: starts no service
        bus = etc / "systemd/system/dbus.service"
        bus.unlink(missing_ok=True)
        bus.symlink_to(f"/lib/systemd/system/{self.bus}.service")
        for folder in (etc / "systemd/system").glob("*.wants"):
            for want in folder.iterdir():
                if not want.name.startswith(("tessera", *KEPT_WANTS)):
                    want.unlink()
        # Where cgroups of version 1 do not say that they are empty, a user's manager waits for its own two minutes
        # at times, and the user's next login with it.
        manager = etc / "systemd/system/user@.service.d/50-test.conf"
        manager.parent.mkdir(exist_ok=True)
        manager.write_text("[Service]\nTimeoutStopSec=3s\n")
        wants = etc / "systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (wants / "ssh.service").symlink_to("/lib/systemd/system/ssh.service")

    def _start(self):
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network",
             "--resolv-conf=off", "--timezone=off", "--link-journal=no",
             f"--hostname={self.name}", "-D", self.root],
            stdin=subprocess.DEVNULL, stdout=(self.folder / "console").open("wb"), stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent)
        self._wait_booted()
        if self.network:
            self.network.connect(self)

    def _wait_booted(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.nspawn.poll() is None:
            self.leader = self._find_leader()
            if self.leader:
                state = subprocess.run([*self._enter(), "systemctl", "is-system-running"],
                                       capture_output=True, text=True)
                if state.stdout.strip() in ("running", "degraded"):
                    return
            time.sleep(0.05)
        raise Failed(f"{self.name} did not boot:\n{(self.folder / 'console').read_text(errors='replace')[-3000:]}")

    def _find_leader(self):
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children")
        for pid in children.read_text().split():
            with contextlib.suppress(OSError):
                pids = re.search(r"^NSpid:\s+(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1].split()
                if pids[-1] == "1" and pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                    return int(pid)
        return None

    def reboot(self):
        """Through the front door: services stop, and the host comes up again with another boot id."""
        self.sh("systemctl reboot --no-block", check=False)
        self.nspawn.wait(timeout=LOGIN_MAX + 30)  # user@.service is given two minutes, and now and then takes them
        self._start()

    def cut_power(self):
        """All processes are killed at once; the host comes up again on the same disk."""
        os.kill(self.leader, signal.SIGKILL)
        self.nspawn.wait(timeout=30)
        self._start()

    def stop(self, keep=False):
        """Powers off. The upper layer is thrown away unless it is kept to stand on."""
        if self.nspawn and self.nspawn.poll() is None:
            if self.leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.leader, signal.SIGRTMIN + 4 if keep else signal.SIGKILL)
            try:
                self.nspawn.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        if os.path.ismount(self.root):
            subprocess.run(["umount", "--lazy", self.root], check=True)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def into_layer(self):
        """Powers off and returns the folder that further hosts can take as a layer."""
        for leftover in ("etc/machine-id", "etc/hostname", "etc/hosts"):
            (self.root / leftover).unlink(missing_ok=True)
        self.stop(keep=True)
        return self.folder / "upper"

    # Commands

    def _enter(self):
        # By its root, too: in a chroot the top of its mount namespace is what lies under the chroot.
        return ["nsenter", "-t", str(self.leader), "-a", "-r", "-w", "--"]

    def argv(self, command, user=None, env=None):
        """The argument vector that runs @command (a string for bash, or a list) in the host."""
        inner = ["bash", "-c", command] if isinstance(command, str) else list(command)
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                     "LANG": "C.UTF-8", "TERM": "xterm", **(env or {})}
        variables.setdefault("HOME", f"/home/{user}" if user and user != "root" else "/root")
        if user:
            inner = ["bash", "-c", 'exec setpriv --reuid="$0" --regid="$(id -g "$0")" --init-groups -- "$@"', user, *inner]
        return [*self._enter(), "env", "-i", *(f"{k}={v}" for k, v in variables.items()), *inner]

    def sh(self, command, user=None, input=None, env=None, check=True, timeout=120):
        """Runs a command as root (or @user) outside of any login and waits for it."""
        # A session of its own, so that no signal to its process group reaches us.
        result = subprocess.run(self.argv(command, user, env), input=input, text=True, capture_output=True,
                                timeout=timeout, start_new_session=True)
        return _checked(result, check)

    def spawn(self, command, user=None, **kwargs):
        """Starts a command and returns its Popen; the caller ends it."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(command, user), text=True, preexec_fn=_die_with_parent, **kwargs)

    def write(self, path, text, mode=0o644):
        """Writes a file as the host sees it, owned by root."""
        self.sh(f"umask 077; cat > {shlex.quote(path)} && chmod {mode:o} {shlex.quote(path)}", input=text)

    def read(self, path):
        return self.sh(["cat", path]).stdout

    def wait(self, condition, seconds=10, what=""):
        """Until @condition (a shell command, or a function) is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition() if callable(condition) else self.sh(condition, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise Failed(f"not within {seconds} s: {what or condition}")

    def signal(self, unit, name):
        """Sends a signal to a unit's main process (systemctl kill wants more of the cgroups than a container has)."""
        pid = int(self.sh(f"systemctl show -p MainPID --value {unit}").stdout)
        if pid:  # 0: it is not running, and to kill it would mean one's own process group
            self.sh(f"kill -{name} {pid}", check=False)

    def journal(self, *match):
        return self.sh(["journalctl", "--no-pager", "-o", "cat", *match], check=False).stdout

    # Logins

    def _ssh(self, user, options, address):
        # The first value of an option wins: the caller's come first.
        return ["ssh", "-F", "none", *options, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1", "-o", "PubkeyAuthentication=no",
                "-o", "PreferredAuthentications=keyboard-interactive", "-o", "ControlPath=none", f"{user}@{address}"]

    def ssh(self, user, answer, command="true", options=(), address="127.0.0.1", input=None, check=True, timeout=LOGIN_MAX):
        """
        Logs in by keyboard-interactive, answering the prompt with @answer (by SSH_ASKPASS, from a
        file that is removed), and runs @command. @answer None: no prompt is answered (keys).
        """
        ticket = f"/run/answer-{time.monotonic_ns()}"
        env = {}
        if answer is not None:
            self.sh(f"umask 077; cat > {ticket}; printf '#!/bin/sh\\ncat {ticket}\\n' > {ticket}.sh; chmod 700 {ticket}.sh",
                    input=answer)
            env = {"SSH_ASKPASS": f"{ticket}.sh", "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":"}
        try:
            argv = self.argv([*self._ssh(user, options, address), command], env=env)
            result = subprocess.run(argv, input=input or "", text=True, capture_output=True, timeout=timeout)
        finally:
            if answer is not None:
                self.sh(["rm", "-f", ticket, ticket + ".sh"])
        return _checked(result, check)

    def key_options(self, user):
        """Makes an ssh key that logs @user in, once; returns the options for ssh()."""
        path = f"/root/key-{user}"
        self.sh(f"test -e {path} || {{ ssh-keygen -q -t ed25519 -N '' -f {path}; "
                f"install -d -m 700 -o {user} -g {user} ~{user}/.ssh; "
                f"install -m 600 -o {user} -g {user} {path}.pub ~{user}/.ssh/authorized_keys; }}")
        return ["-o", "PubkeyAuthentication=yes", "-o", "PreferredAuthentications=publickey", "-i", path]

    def shell(self, user, answer, options=(), address="127.0.0.1"):
        """An interactive login shell over ssh with a terminal, as a person has it."""
        return Shell(self, user, answer, options, address)


class Shell:
    """A person's shell: run() types a command and returns what it printed, and its exit status."""

    MARK = "tessera-test-mark"

    def __init__(self, host, user, answer, options, address):
        argv = host.argv([*host._ssh(user, ["-tt", *options], address)])
        self.child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=LOGIN_MAX, echo=False,
                                   dimensions=(50, 400))
        if callable(answer):  # there is more to it than a line: see company.py
            answer(self.child)
        elif answer is not None:
            self.child.expect_exact(PROMPT)
            self.child.sendline(answer)
        self.settle()

    def settle(self):
        """Waits for the shell, and makes it say nothing of its own."""
        # What is typed before the shell is there would be lost: ssh flushes the terminal behind a password.
        self.child.expect(r"[$#] ")
        self.greeting = self.child.before  # all that was shown before the first prompt
        self.child.sendline(f"bind 'set enable-bracketed-paste off' 2>/dev/null; stty -echo; unset PROMPT_COMMAND; "
                            f"PS1=''; PS2=''; echo {self.MARK}-$((40+2))")
        self.child.expect_exact(f"{self.MARK}-42")
        self.child.expect_exact("\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, command):
        """Types a command; what it asks is answered with expect() and answer()."""
        self.child.sendline(f"{command}; echo {self.MARK}=$?=")

    def expect(self, text, timeout=30):
        self.child.expect_exact(text, timeout=timeout)

    def answer(self, text):
        self.child.sendline(text)

    def finish(self, timeout=30):
        self.child.expect(self.MARK + r"=(\d+)=\r?\n", timeout=timeout)
        return self.child.before.replace("\r\n", "\n"), int(self.child.match[1])

    def run(self, command, timeout=30):
        self.start(command)
        return self.finish(timeout)

    def alive(self):
        return self.child.isalive()

    def ended(self, seconds):
        """True when the login ended within so many seconds."""
        with contextlib.suppress(pexpect.TIMEOUT):
            self.child.expect(pexpect.EOF, timeout=seconds)
            return True
        return False

    def close(self):
        """Logs out as a person does; what does not end by that is cut off."""
        if self.child.isalive():
            self.child.sendline("exit")
            self.ended(seconds=5)
        self.child.close(force=True)
