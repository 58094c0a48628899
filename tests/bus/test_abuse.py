# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What callers may send, what is left of it, and what others get to see."""

import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree

import dbus
import dbus.bus
import dbus.lowlevel
import pytest
from daemon import (ALICE, BOB, NAME, NOBODY, OBJECT, PASSWORD, ROOT, Refused, background, in_child, read_fd,
                    sanitized, scaled, sealed, secret, wait_for)

MIB = 1024 * 1024


def error_of(function, *arguments):
    """The error's name, or None where there is none."""
    try:
        function(*arguments)
    except Refused as error:
        return error.name
    return None


# B9: size and shape


INVALID = {"InvalidArgument", "org.freedesktop.DBus.Error.InvalidArgs"}  # ours, and GDBus's own


def test_B9_a_huge_argument_is_refused(open_host):
    huge = "a" * (31 * MIB)
    before = open_host.memory()

    def send():
        client = open_host.bus()
        return {
            error_of(client.call, "Sessions.Show", "s", huge),
            error_of(client.call, "Sessions.List", "a{sv}", {"user": huge}),
            error_of(client.call, "Sessions.List", "a{sv}", {huge: True}),
            error_of(client.call, "Sessions.List", "a{sv}", {"user": dbus.ByteArray(huge.encode())}),
            error_of(client.call, "Sessions.List", "a{sv}", {"user": dbus.Array([""] * 500000)}),
        }

    assert in_child(send, uid=NOBODY) <= INVALID
    if not sanitized(open_host):
        # Not even for a moment: GDBus would use 25 bytes for each of these, and keep many.
        assert open_host.memory("VmHWM") < before + 16 * 1024
    # Root's own socket has no gate: what root sends is looked at, and given back.
    check = in_child(lambda: error_of(open_host.call, "Login.Check", "ssa{sv}", "alice", huge, {}))
    assert check == "InvalidArgument"
    if not sanitized(open_host):
        wait_for(lambda: open_host.memory() < before + 8 * 1024)
    assert open_host.as_uid(ALICE, "Roles.List")


def test_B9_what_is_just_too_large_is_told_so(open_host):
    def send(size):
        client = open_host.bus()
        return error_of(client.call, "Sessions.Show", "s", "a" * size)

    for size in (257, 65536, 131072 - 200, 131072, 131072 + 200, 300000):
        assert in_child(lambda size=size: send(size), uid=NOBODY) in INVALID, size
    assert in_child(lambda: error_of(open_host.bus().call, "Sessions.Show", "s", "a" * 256), uid=NOBODY) == "NotFound"


def nested(depth):
    value = dbus.String("x", variant_level=1)
    for _ in range(depth):
        value = dbus.Struct([value], signature="v", variant_level=1)
    return value


def test_B9_deep_variants_are_refused(open_host):
    def send(depth):
        client = open_host.bus()
        return error_of(client.call, "Sessions.List", "a{sv}", {"user": nested(depth)})

    assert in_child(lambda: send(10), uid=NOBODY) == "InvalidArgument"
    assert in_child(lambda: send(28), uid=NOBODY) == "InvalidArgument"
    assert open_host.alive()


def test_B9_descriptors_are_counted_and_closed(open_host):
    before = open_host.fds()

    def many():
        client = open_host.bus()
        return error_of(client.call, "Sessions.List", "a{sv}", {"user": dbus.Array([secret("x") for _ in range(16)])})

    for _ in range(20):
        assert in_child(many, uid=NOBODY) == "InvalidArgument"
    too_many = {str(i): secret("x") for i in range(64)}
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            in_child(lambda: open_host.call("Sessions.List", "a{sv}", too_many))
        assert "more than 2 descriptors" in refused.value.message
    for _ in range(50):  # good ones, too
        assert in_child(lambda: open_host.call("Tokens.Verify", "ha{sv}", secret("x"), {}))[0] == "invalid"
    wait_for(lambda: open_host.fds() <= before + 1)


def test_B9_only_sealed_memfds_hold_secrets(open_host):
    def verify(fd):
        client = open_host.root()
        return error_of(client.call, "Tokens.Verify", "ha{sv}", dbus.types.UnixFd(fd), {})

    reading, writing = os.pipe()
    with open("/etc/hostname") as file, socket.socket() as sock:
        for fd in (reading, file.fileno(), sock.fileno(), sealed("x", seals=0), sealed("x", seals=0x7),
                   sealed("x" * 8193), os.open("/dev/zero", os.O_RDONLY), os.open("/proc/self/mem", os.O_RDONLY)):
            assert verify(fd) == "InvalidArgument"
    os.close(writing)
    assert verify(sealed("x" * 8192)) is None


def test_B9_what_a_method_does_not_know_is_refused(open_host):
    def wrong(method, *arguments):
        with pytest.raises(Refused) as refused:
            open_host.call(method, *arguments)
        assert refused.value.name == "InvalidArgument", (method, arguments)
        assert refused.value.message

    context = {"rhost": "r" * 1025}, {"tty": "t\n"}, {"session": 5}, {"user": "alice"}, {"auth-info": "a" * 16385}
    for value in context:
        wrong("Login.Check", "ssa{sv}", "alice", "sudo", dbus.Dictionary(value, signature="sv"))
    wrong("Login.Check", "ssa{sv}", "a" * 257, "sudo", {})
    wrong("Login.Check", "ssa{sv}", "alice\x1b[2J", "sudo", {})
    wrong("Users.Add", "sha{sv}", "alice", secret("x" * 1025), {})
    wrong("Users.Add", "sha{sv}", "carol", secret(PASSWORD), {"roles": "admin"})
    wrong("Users.Add", "sha{sv}", "carol", secret(PASSWORD), {"role": 5})
    wrong("Roles.Grant", "ssa{sv}", "admin", "bob", {"for": 5})
    wrong("Sessions.Revoke", "a{sv}a{sv}", {}, {})
    wrong("Sessions.Revoke", "a{sv}a{sv}", {"others": False}, {})
    wrong("Sessions.Revoke", "a{sv}a{sv}", {"user": "alice", "all-users": True}, {})
    wrong("Sessions.Revoke", "a{sv}a{sv}", {"ids": dbus.Array([], signature="s")}, {})
    wrong("Sessions.Revoke", "a{sv}a{sv}", {"ids": ["aa"] * 513}, {})
    wrong("Sessions.Revoke", "a{sv}a{sv}", {"ids": ["aa"]}, {"reason": "r" * 201})
    wrong("Sessions.List", "a{sv}", {"user": "alice", "all-users": True})
    wrong("Tokens.Print", "a{sv}", {"min-ttl": dbus.Int64(-1)})


def signatures():
    tree = xml.etree.ElementTree.parse(ROOT / "daemon/bus/org.tessera.Tessera1.xml")
    for interface in tree.iter("interface"):
        for method in interface.iter("method"):
            yield interface.get("name"), method.get("name"), "".join(
                arg.get("type") for arg in method.iter("arg") if arg.get("direction") == "in")


def odd_arguments(rng):
    """Arguments as (signature, values), of every type there is, small and large."""
    pool = [("s", ""), ("s", "alice"), ("s", "x" * 70000), ("s", "../../etc"), ("s", "%n%s"), ("b", True), ("i", -1),
            ("u", 2**32 - 1), ("x", -2**63), ("t", 2**64 - 1), ("d", float("inf")), ("y", 255), ("o", "/"),
            ("g", "a{sv}"), ("ay", b"\0" * 9), ("as", ["a"] * 600), ("as", dbus.Array([], signature="s")),
            ("a{sv}", dbus.Dictionary({}, signature="sv")), ("a{sv}", {"user": nested(9)}), ("a{sv}", {"": ""}),
            ("(ss)", ("a", "b")), ("v", "variant"), ("aa{sv}", [{"a": 1}]), ("h", "fd"), ("h", "pipe")]
    chosen = [rng.choice(pool) for _ in range(rng.randrange(5))]
    return "".join(signature for signature, _ in chosen), [value for _, value in chosen]


def right_arguments(signature, rng):
    """Right types and odd values."""
    texts = ["", "alice", "nobody", "x" * 300, "\x7f", "é" * 20, "0" * 32, "-", "%s%n"]
    dicts = [{}, {"user": "alice"}, {"all-users": True}, {"session": "0" * 32}, {"rhost": "::1"}, {"x": 1},
             {"ids": ["00"]}, {"reason": "r"}, {"min-ttl": dbus.Int64(2**63 - 1)}, {"role": "admin"}]
    values = []
    for kind in re.findall(r"a\{sv\}|.", signature):
        values.append({"s": lambda: rng.choice(texts), "h": lambda: rng.choice(["fd", "pipe"]),
                       "b": lambda: rng.random() < 0.5,
                       "a{sv}": lambda: dbus.Dictionary(rng.choice(dicts), signature="sv")}[kind]())
    return signature, values


def test_B18_every_method_with_everything(open_host, rng):
    """As root and as nobody. Whatever comes, the daemon answers, and is the same process at the end."""
    reading, _writing = os.pipe()

    def storm(client):
        connection, destination = client.connection, client.destination
        answers = 0
        for interface, method, signature in list(signatures()) * scaled(400):
            kind, values = right_arguments(signature, rng) if rng.random() < 0.6 else odd_arguments(rng)
            values = [secret(rng.randbytes(rng.choice([0, 1, 30, 500, 1025, 9000]))) if v == "fd"
                      else dbus.types.UnixFd(reading) if v == "pipe" else v for v in values]
            if method in ("Add", "SetPassword", "Authenticate") and rng.random() < 0.8:
                continue  # a hash each
            try:
                connection.call_blocking(destination, OBJECT, interface, method, kind, values, timeout=20)
            except dbus.exceptions.DBusException as error:
                assert "NoReply" not in error.get_dbus_name(), (interface, method, kind)
                assert "Disconnected" not in error.get_dbus_name(), (interface, method, kind)
            answers += 1
        return answers

    assert in_child(lambda: storm(open_host.bus()), uid=NOBODY)
    assert in_child(lambda: storm(open_host.root()))
    assert open_host.alive()


def test_B9_raw_bytes_on_the_private_socket(host, rng):
    """A peer that is root and mad: its connection ends, the daemon lives."""
    handshakes = (b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
                  b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")  # sd-bus's
    good = bytes.fromhex("6c01000100000000010000006d000000")
    for round_ in range(scaled(2000)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            # A connect() with a timeout is told EAGAIN where the queue is full, instead of waiting.
            peer.connect(str(host.folder / "run/private"))
            peer.settimeout(5)
            kind = round_ % 4
            handshake = rng.choice(handshakes)
            if kind == 0:
                data = rng.randbytes(rng.randrange(1, 200))
            elif kind == 1:
                data = handshake + rng.randbytes(rng.randrange(1, 400))
            elif kind == 2:
                data = handshake + good + rng.randbytes(200)
            else:
                data = handshake + b"l\1\0\1" + b"\xff\xff\xff\x07" + b"\1\0\0\0" + b"\xff\xff\xff\x03"
            try:
                peer.sendall(data)
            except OSError:
                pass
    assert host.alive()
    assert host.call("Roles.List")


# Load


def test_B10_one_uid_cannot_take_all_the_workers(open_host):
    """Bob sends far more than his share; alice and root are served meanwhile."""
    def flood():
        buses = [dbus.bus.BusConnection(open_host.bus_address) for _ in range(20)]
        while True:
            for bus in buses:
                for _ in range(10):
                    message = dbus.lowlevel.MethodCallMessage(NAME, OBJECT, f"{NAME}.Sessions", "List")
                    message.append({}, signature="a{sv}")
                    bus.send_message(message)
                bus.flush()

    flooding = background(flood, uid=BOB)
    try:
        time.sleep(0.5)
        begun = time.monotonic()
        for _ in range(20):
            assert open_host.call("Users.List")
        assert time.monotonic() - begun < 4
        # Alice has to queue in the bus itself, but she is not turned away.
        assert open_host.as_uid(ALICE, "Roles.List")
    finally:
        os.kill(flooding, signal.SIGKILL)
        os.waitpid(flooding, 0)
    assert open_host.alive()


def test_B10_nobodys_sudo_shuts_root_out(host):
    """Who started a setuid program may stop it at any moment, also while it is connected to root's socket."""
    def hold():
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
        os.setresuid(ALICE, 0, 0)  # as in sudo
        held = []
        for _ in range(1100):
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            peer.settimeout(2)
            try:
                peer.connect(str(host.folder / "run/private"))
                peer.sendall(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n")
                if peer.recv(256).startswith(b"OK"):
                    held.append(peer)
            except TimeoutError:
                break  # full: nobody is served any more
            except OSError:
                continue  # refused
        os.write(writing, len(held).to_bytes(4, "little"))
        signal.pause()

    reading, writing = os.pipe()
    holding = background(hold)
    asking = None
    try:
        held = int.from_bytes(os.read(reading, 4), "little")
        asking = background(lambda: host.call("Roles.List"))
        wait_for(lambda: os.waitid(os.P_PID, asking, os.WEXITED | os.WNOHANG | os.WNOWAIT))
        assert os.waitid(os.P_PID, asking, os.WEXITED | os.WNOWAIT).si_status == 0
        assert 0 < held < 100
    finally:
        for child in filter(None, (holding, asking)):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


def test_a_stranger_does_not_write_the_audit(host):
    """journald drops a unit's lines when there are too many: nobody could make it drop everybody's."""
    def step_up():
        client = host.bus()
        return [client.call("Sessions.StepUp", "h", secret("x"))[0] for _ in range(50)]

    before = host.text()
    assert set(in_child(step_up, uid=NOBODY)) == {"not-ours"}
    assert host.text() == before


def test_B11_a_caller_that_vanishes_leaves_nothing(open_host, rng):
    """kill -9 in the middle of a call."""
    def log_in_for_ever():
        client = open_host.root()
        while True:
            client.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {}, secret(PASSWORD))

    before = open_host.fds()
    for _ in range(scaled(1000)):
        pid = background(log_in_for_ever)
        time.sleep(rng.uniform(0.001, 0.03))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert open_host.call("Sessions.List", "a{sv}", {"all-users": True}) == []
    wait_for(lambda: open_host.fds() <= before + 1)


def test_B12_out_of_descriptors_is_no_end(make_host):
    host = make_host()
    host.start_bus()
    host.limits = {resource.RLIMIT_NOFILE: (56, 56)}
    host.start()
    held = []
    for _ in range(80):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.connect(str(host.folder / "run/private"))
        held.append(peer)
    wait_for(lambda: "cannot accept on the private socket" in host.text())
    for peer in held:
        peer.close()
    wait_for(lambda: error_of(host.call, "Roles.List") is None)
    assert host.alive()


def test_B13_a_request_leaves_no_descriptor(host):
    def ask(client):
        client.call("Login.Authorize", "ssa{sv}", "alice", "sudo", {})
        client.call("Tokens.Verify", "ha{sv}", secret("no.such.token"), {})
        error_of(client.call, "Sessions.Show", "s", "0" * 32)
        error_of(client.call, "Sessions.Show", "s", "no id")

    def many():
        client = host.root()
        for _ in range(scaled(100000) // 4):
            ask(client)
        client.close()

    in_child(lambda: ask(host.root()))
    before = host.fds()
    in_child(many)
    for _ in range(100):  # and a connection each
        host.call("Roles.List")
    wait_for(lambda: host.fds() <= before + 1)


# R6: tokens


def token_of_alice(host):
    """A session of alice's and a token of it."""
    def login():
        session = host.log_in("alice")
        return session, in_child(lambda: printed(host), uid=ALICE)

    return in_child(login, login=ALICE)


def printed(host):
    client = host.bus()
    fd, info = client.connection.call_blocking(NAME, OBJECT, f"{NAME}.Tokens", "Print", "a{sv}", ({},))
    token = read_fd(fd)
    assert len(token) <= 511 and int(info["expires"]) > time.time()
    return token


def reason(host, token):
    return host.call("Tokens.Verify", "ha{sv}", secret(token), {})[0]


def test_R6_a_token_opens_its_users_login_only(host):
    session, token = token_of_alice(host)
    authenticate = ("Login.Authenticate", "ssa{sv}h")
    verdict, result = host.call(*authenticate, "bob", "sshd", {}, secret(token))
    assert verdict == "deny" and result["reason"] == "credential"
    assert reason(host, token) == "valid"  # and nothing was revoked by it
    assert host.call("Sessions.Show", "s", session)[0]["state"] == "active"
    assert host.call(*authenticate, "alice", "sshd", {}, secret(token))[0] == "allow"
    assert host.as_uid(BOB, "Sessions.StepUp", "h", ("secret", token))[0] == "deny"


@pytest.mark.parametrize("event", ["password", "logout", "disable", "remove", "revoke"])
def test_R6_a_token_ends_with_what_it_stands_on(host, event):
    session, token = token_of_alice(host)
    assert reason(host, token) == "valid"
    if event == "password":
        host.call("Users.SetPassword", "shh", "alice", secret(""), secret("another-canary-9"))
    elif event == "logout":
        host.call("Login.CloseSession", "s", session)
    elif event == "disable":
        assert host.call("Users.SetEnabled", "sb", "alice", False) is True
    elif event == "remove":
        assert host.call("Users.Remove", "s", "alice") is True
    else:
        assert host.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [session]}, {}) == [session]
    assert reason(host, token) == "revoked"
    assert host.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {}, secret(token))[0] != "allow"


def test_a_revoked_login_is_asked_to_end(host):
    """Here no login has a logind session, so it is asked for the user, when the user is disabled."""
    in_child(lambda: host.log_in("alice"), login=ALICE)
    host.call("Users.SetEnabled", "sb", "alice", False)
    assert os.listdir(host.folder / "run/end") == [f"user-{ALICE}"]


# Secrets


def use_secrets(host):
    """A password and a token in every way that there is; returns what must be found nowhere."""
    _, token = token_of_alice(host)
    wrong = "wrong-canary-8513"
    new = "new-canary-0815"
    host.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {"rhost": "192.0.2.9"}, secret(wrong))
    host.call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {}, secret(token))
    host.as_uid(ALICE, "Tokens.Verify", "ha{sv}", ("secret", token), {})
    host.as_uid(ALICE, "Sessions.StepUp", "h", ("secret", PASSWORD))
    host.as_uid(ALICE, "Users.SetPassword", "shh", "alice", ("secret", PASSWORD), ("secret", new))
    signature = token.rsplit(".", 1)[1]
    return [text.encode() for text in (PASSWORD, wrong, new, token, signature)]


def test_S4_a_monitor_prints_no_secret(host):
    with subprocess.Popen(["dbus-monitor", "--address", host.bus_address], stdout=subprocess.PIPE) as text, \
            subprocess.Popen(["busctl", f"--address={host.bus_address}", "capture"], stdout=subprocess.PIPE) as raw:
        time.sleep(0.5)
        canaries = use_secrets(host)
        time.sleep(0.5)
        for monitor in (text, raw):
            monitor.terminate()
            seen = monitor.stdout.read()
            assert b"StepUp" in seen and b"Verify" in seen  # it did see the calls
            for canary in canaries:
                assert canary not in seen


def test_S1_S5_nothing_is_left_in_files_or_the_environment(host):
    canaries = use_secrets(host)
    files = [host.log, *(path for path in (host.folder / "state").rglob("*") if path.is_file()),
             pathlib.Path(f"/proc/{host.process.pid}/environ"), pathlib.Path(f"/proc/{host.process.pid}/cmdline")]
    assert len(files) >= 5
    for path in files:
        data = path.read_bytes()
        for canary in canaries:
            assert canary not in data, path


def test_S2_a_core_holds_no_secret(host, tmp_path):
    if sanitized(host):
        pytest.skip("a sanitizer keeps what was freed")
    canaries = use_secrets(host)
    subprocess.run(["gcore", "-a", "-o", tmp_path / "core", str(host.process.pid)], check=True, capture_output=True)
    data = (tmp_path / f"core.{host.process.pid}").read_bytes()
    assert b"org.tessera.Tessera1.Sessions" in data  # it is a core of this daemon
    for canary in canaries:
        assert canary not in data, canary


def test_S8_no_name_breaks_a_line_of_the_log(host):
    for name in ("alice\nroot", "a\x1b[2J", "x\r\n<0>panic"):
        with pytest.raises(Refused):
            host.call("Login.Authorize", "ssa{sv}", name, "sshd", {})
    assert all(re.match(r"<[0-7]>", line) for line in host.text().splitlines())


def test_A6_a_refusal_by_the_table_is_an_event(open_host):
    with pytest.raises(Refused):
        open_host.as_uid(NOBODY, "Users.List")
    line = [line for line in open_host.text().splitlines() if "TESSERA_EVENT=refused" in line][-1]
    assert "TESSERA_REASON=not-allowed" in line and f"uid {NOBODY} may not call" in line and "Users.List" in line


# Memory


def test_idle_memory(host):
    """Before the first token, and with OpenSSL, which libjwt then brings in: 2 MiB, and its errors' texts half of one."""
    if sanitized(host):
        pytest.skip("measured without a sanitizer")
    fresh = host.memory()
    use_secrets(host)
    time.sleep(1)
    used = host.memory()
    print(f"RSS {fresh} KiB fresh, {used} KiB used, of it anonymous {host.memory('RssAnon')} KiB")
    assert fresh <= 11 * 1024
    # Ten of them are pages of libraries, and how many lie beside those that are used is the page cache's.
    assert used <= 12.75 * 1024
    assert host.memory("RssAnon") <= 3 * 1024


def test_F8_nothing_leaks(make_host):
    """As root, because the leak checker has to read a process that is not dumpable."""
    host = make_host(uid=0, fence=False)
    if not sanitized(host):
        pytest.skip("found by a sanitizer alone")
    environment = host.environment()
    environment["ASAN_OPTIONS"] = environment["ASAN_OPTIONS"].replace("detect_leaks=0", "detect_leaks=1")
    host.environment = lambda: environment
    host.start_bus()
    host.start()
    host.add("alice")
    use_secrets(host)
    host.reload()
    host.as_uid(NOBODY, "Roles.List")
    assert error_of(host.as_uid, NOBODY, "Sessions.Show", "s", "a" * 300000) in INVALID
    host.stop_bus()
    host.start_bus()
    wait_for(host.has_name, timeout=40)
    assert host.stop() == 0
    assert "LeakSanitizer" not in host.text(), host.text()[-8000:]
