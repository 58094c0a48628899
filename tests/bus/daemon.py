# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A real dbus-daemon, a real tesserad and callers of several uids, all in one folder.

No account is added to the machine: nss_wrapper gives the daemons passwd and group files of ours.
Callers are forked children that have changed their uid, so the bus and the kernel see the truth.
"""

import fcntl
import os
import pathlib
import pickle
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import traceback

import dbus
import dbus.bus
import dbus.connection
import dbus.exceptions

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NAME = "org.tessera.Tessera1"
OBJECT = "/org/tessera/Tessera1"
ERROR = NAME + ".Error."

TESSERA, ALICE, BOB, CAROL, DAVE, NOBODY = 990, 20001, 20002, 20003, 20004, 65534
PASSWORD = "the-canary-Sesame-4711"

PASSWD = f"""root:x:0:0:root:/root:/bin/sh
messagebus:x:989:989::/nonexistent:/usr/sbin/nologin
tessera:x:{TESSERA}:{TESSERA}::/nonexistent:/usr/sbin/nologin
nobody:x:{NOBODY}:{NOBODY}::/nonexistent:/usr/sbin/nologin
alice:x:{ALICE}:{ALICE}::/nonexistent:/bin/sh
bob:x:{BOB}:{BOB}::/nonexistent:/bin/sh
carol:x:{CAROL}:{CAROL}::/nonexistent:/bin/sh
dave:x:{DAVE}:{DAVE}::/nonexistent:/bin/sh
"""
GROUP = f"""root:x:0:
sudo:x:27:alice
messagebus:x:989:
tessera:x:{TESSERA}:
nogroup:x:{NOBODY}:
alice:x:{ALICE}:
bob:x:{BOB}:
carol:x:{CAROL}:
dave:x:{DAVE}:
"""
POLICY = """[role:admin]
groups=sudo

[role:everyone]
users=*

[service:sshd]
roles=everyone

[service:sudo]
roles=admin
"""
# carol and dave may administer.
ADMINISTRATORS = POLICY + """
[role:keeper]
users=carol,dave

[service:tessera]
roles=keeper
"""
# Cheap hashes: what is tested here is not Argon2.
SETTINGS = """[password]
memory=8MiB
passes=1
"""
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
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
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
  </policy>
  {more}
</busconfig>
"""
# Without the outer fence every call reaches the daemon, which has to stand on its own.
NO_FENCE = f'<policy context="default"><allow own="{NAME}"/><allow send_destination="{NAME}"/></policy>'


def scaled(count):
    """How often to do something: counts above 100 run at 1/20, but in tests/soak."""
    return count if os.environ.get("TESSERA_SOAK") or count <= 100 else max(1, count // 20)


class Refused(Exception):
    """An error reply; name is its last word where it is one of ours."""

    def __init__(self, error):
        self.name = error.get_dbus_name().removeprefix(ERROR)
        self.message = error.get_dbus_message()
        super().__init__(f"{self.name}: {self.message}")

    def __reduce__(self):
        return _refused, (self.name, self.message)


def _refused(name, message):
    return Refused(dbus.exceptions.DBusException(message, name=ERROR + name if name.isalpha() else name))


# Processes


def in_child(function, uid=None, login=None):
    """function() in a forked child of another uid and, with login, in an audit session of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            result = _run(function, uid, login)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(result, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    kind, value = pickle.loads(data)
    if kind == "raised":
        raise value
    return value


def background(function, uid=None):
    """function() in a forked child; returns its pid, which the caller waits for. Exits with 0 when all went well."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            kind, value = _run(function, uid, None)
            status = 0 if kind == "returned" else 1
            if status:
                print(value, flush=True)
        finally:
            os._exit(status)
    return child


def _run(function, uid, login):
    try:
        if login is not None:
            pathlib.Path("/proc/self/loginuid").write_text(str(login))
        if uid is not None:
            become(uid)
        return "returned", function()
    except (Refused, AssertionError) as error:
        return "raised", error
    except BaseException as error:
        return "raised", RuntimeError(f"in the child: {error}\n{traceback.format_exc()}")


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def audit_id():
    return int(pathlib.Path("/proc/self/sessionid").read_text())


# Descriptors


def sealed(data, seals=0xF):
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data if isinstance(data, bytes) else data.encode())
    if seals:
        fcntl.fcntl(fd, 1033, seals)  # F_ADD_SEALS
    return fd


def secret(data, seals=0xF):
    """A password or token as it crosses the bus."""
    fd = sealed(data, seals)
    try:
        return dbus.types.UnixFd(fd)  # keeps a copy
    finally:
        os.close(fd)


def read_fd(unix_fd):
    fd = unix_fd.take()
    try:
        return os.pread(fd, 65536, 0).decode()
    finally:
        os.close(fd)


def plain(value):
    """D-Bus types to Python's own, so that they can be compared and pickled."""
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, (dbus.String, dbus.ObjectPath, str)):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


class Client:
    """A connection of this process's own: to the bus, or peer to peer."""

    def __init__(self, connection, destination):
        self.connection = connection
        self.destination = destination

    def call(self, method, signature="", *arguments, timeout=20):
        interface, member = method.split(".")
        try:
            reply = self.connection.call_blocking(self.destination, OBJECT, f"{NAME}.{interface}", member,
                                                  signature, arguments, timeout=timeout)
        except dbus.exceptions.DBusException as error:
            raise Refused(error) from None
        return plain(reply)

    def get(self, name):
        return plain(self.connection.call_blocking(self.destination, OBJECT, "org.freedesktop.DBus.Properties", "Get",
                                                   "ss", (f"{NAME}.Daemon", name)))

    def close(self):
        self.connection.close()


# Daemons


class Host:
    """One folder with both daemons."""

    def __init__(self, folder, build, fence=True, settings=SETTINGS, uid=TESSERA):
        self.folder = folder
        self.build = build
        self.uid = uid
        self.fence = fence
        self.limits = {}
        self.spawned = []  # every daemon that was ever started here
        self.bus_process = self.process = None
        folder.chmod(0o755)
        for name in ("etc", "state", "run", "run/end", "bus"):
            (folder / name).mkdir()
            (folder / name).chmod(0o755)
        for name in ("state", "run", "run/end"):
            os.chown(folder / name, uid, uid)
        (folder / "state").chmod(0o700)
        (folder / "passwd").write_text(PASSWD)
        (folder / "group").write_text(GROUP)
        self.write("tessera.conf", settings)
        self.write("policy.conf", POLICY)
        self.log = folder / "log"
        self.log.touch()
        self.status = ""

    def write(self, name, text):
        path = self.folder / "etc" / name
        path.write_text(text)
        path.chmod(0o644)

    @property
    def bus_address(self):
        return f"unix:path={self.folder}/bus/socket"

    @property
    def private_address(self):
        return f"unix:path={self.folder}/run/private"

    def environment(self):
        return {
            "PATH": os.environ["PATH"],
            "LD_PRELOAD": "libnss_wrapper.so",
            "NSS_WRAPPER_PASSWD": str(self.folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.folder / "group"),
            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0:abort_on_error=1:handle_abort=0",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "NSS_WRAPPER_DISABLE_DEEPBIND": "1",  # sanitizers refuse to load otherwise
            "G_DEBUG": "fatal-criticals",
        }

    # The bus

    def start_bus(self):
        config = self.folder / "bus.conf"
        more = f"<include>{ROOT}/policy/org.tessera.Tessera1.conf</include>" if self.fence else NO_FENCE
        config.write_text(BUS_CONFIG.format(socket=f"{self.folder}/bus/socket", more=more))
        (self.folder / "bus/socket").unlink(missing_ok=True)
        self.bus_process = subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}"],
                                            env=self.environment(), stderr=subprocess.DEVNULL)
        wait_for(lambda: (self.folder / "bus/socket").exists())

    def stop_bus(self):
        stop(self.bus_process, signal.SIGKILL)
        self.bus_process = None

    # The daemon

    def command(self, *more):
        return [self.build / "daemon/bus/tesserad", f"--config-dir={self.folder}/etc",
                f"--state-dir={self.folder}/state", f"--run-dir={self.folder}/run",
                f"--bus-address={self.bus_address}", f"--private-socket={self.folder}/run/private",
                f"--provider-socket={self.folder}/oidc/socket", *more]

    def spawn(self, **more):
        """Starts it and does not wait."""
        def limit():
            for kind, values in self.limits.items():
                resource.setrlimit(kind, values)

        with open(self.log, "a") as log:
            process = subprocess.Popen(self.command(), env={**self.environment(), **more}, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=log, user=self.uid, group=self.uid,
                                       extra_groups=[], preexec_fn=limit)
        self.spawned.append(process)
        return process

    def start(self, on_bus=True, patience=30):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.folder / "notify"
        path.unlink(missing_ok=True)
        self.notify.bind(str(path))
        path.chmod(0o777)
        self.process = self.spawn(NOTIFY_SOCKET=str(path))
        self.wait_ready(patience)
        if on_bus and self.bus_process:
            wait_for(self.has_name)

    def wait_ready(self, timeout=30):
        """Until READY=1; returns every word that came before it."""
        self.notify.settimeout(0.1)
        end = time.monotonic() + timeout
        words = []
        while not any(word.startswith("READY=1") for word in words):
            try:
                words.append(self.notify.recv(65536).decode())
            except TimeoutError:
                assert self.alive() and time.monotonic() < end, self.text()
                continue
            for line in words[-1].splitlines():
                if line.startswith("STATUS="):
                    self.status = line.removeprefix("STATUS=")
        return words

    def has_name(self):
        try:
            bus = dbus.bus.BusConnection(self.bus_address)
        except dbus.exceptions.DBusException:
            return False
        try:
            return bool(bus.name_has_owner(NAME))
        finally:
            bus.close()

    def stop(self, how=signal.SIGTERM):
        code = stop(self.process, how)
        self.process = None
        self.notify.close()
        return code

    def restart(self, how=signal.SIGTERM):
        self.stop(how)
        self.start()

    def alive(self):
        return self.process.poll() is None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        return self.wait_ready()

    def text(self):
        return self.log.read_text(errors="replace")

    def memory(self, field="VmRSS"):
        """KiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M)[1])

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        for process in (*self.spawned, self.bus_process):
            if process:
                stop(process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Clients

    def bus(self):
        """This process on the bus."""
        return Client(dbus.bus.BusConnection(self.bus_address), NAME)

    def root(self, timeout=20):
        """This process on the private socket."""
        connection = dbus.connection.Connection(self.private_address)
        # libdbus sends descriptors only after it has shaken hands, which the first call makes it do.
        connection.call_blocking(None, "/", "org.freedesktop.DBus.Peer", "Ping", "", (), timeout=timeout)
        return Client(connection, None)

    def call(self, method, signature="", *arguments):
        """One call by root, on the private socket."""
        client = self.root()
        try:
            return client.call(method, signature, *arguments)
        finally:
            client.close()

    def as_uid(self, uid, method, signature="", *arguments):
        """One call by another uid, on the bus. Secrets are given as ("secret", text)."""
        def call():
            client = self.bus()
            try:
                values = [secret(a[1]) if isinstance(a, tuple) else a for a in arguments]
                return client.call(method, signature, *values)
            finally:
                client.close()
        return in_child(call, uid=uid)

    def add(self, user, password=PASSWORD):
        return self.call("Users.Add", "sha{sv}", user, secret(password), {})

    def log_in(self, user, password=PASSWORD, service="sshd", rhost="192.0.2.1"):
        """What sshd's processes do, in this process. Returns the session's id."""
        client = self.root()
        try:
            verdict, result = client.call("Login.Authenticate", "ssa{sv}h", user, service, {"rhost": rhost},
                                          secret(password))
            assert verdict == "allow", (verdict, result)
            verdict, result = client.call("Login.OpenSession", "ssa{sv}", user, service,
                                          {"rhost": rhost, "session": result["session"]})
            assert verdict == "allow", (verdict, result)
            return result["session"]
        finally:
            client.close()


def sanitized(host):
    """Built so that its memory says nothing."""
    return b"__asan_init" in (host.build / "daemon/bus/tesserad").read_bytes()


def stop(process, how):
    if process.poll() is None:
        process.send_signal(how)
    return process.wait(timeout=20)


def wait_for(condition, timeout=20):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
