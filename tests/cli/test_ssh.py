# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""tessera ssh and askpass: who is answered what, and who shares a connection; with a fake ssh, and with the real one."""

import concurrent.futures
import getpass
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest

from test_device_file import PROMPT, counter_of, keyring, laptop  # noqa: F401 (fixtures)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SSHD = "/usr/sbin/sshd"


# Who is answered


@pytest.mark.parametrize("prompt", [
    "(alice@web1) Password: ",
    "(alice@web2) Password or token: ",
    "(bob@web1) Password or token: ",
    "(alice@jump) Password or token: ",
    "(alice@web1) Password or token:",
    "(alice@web1) Password or token:  ",
    "bob@web1's password: ",
    "alice@web10's password: ",
    "Enter passphrase for key '/home/alice/.ssh/id_ed25519': ",
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
    "",
])
def test_P36_only_the_exact_prompt_is_answered(laptop, prompt):
    laptop.register()
    for done in (laptop.ssh(prompt=prompt), laptop.run("ssh", "alice@web1", FAKE_PROMPTS=prompt)):
        assert done.stdout == "exit 1\n"
        assert "no terminal" in done.stderr
    assert laptop.counter() == 0


@pytest.mark.parametrize("prompt", [PROMPT, "alice@web1's password: "])
def test_the_exact_prompt_is_answered(laptop, prompt):
    laptop.register()
    assert counter_of(laptop.ssh(prompt=prompt).stdout) == 1
    assert counter_of(laptop.run("ssh", "alice@WEB1", FAKE_PROMPTS=prompt).stdout) == 2


def test_the_target_is_what_ssh_makes_of_it(laptop):
    laptop.register("ssh://alice@web1:2222")
    config = laptop.folder / "config"
    config.write_text("Host w\n  HostName web1\n  User alice\n  Port 2222\n"
                      "Host x\n  HostName WEB1\n  User alice\n  Port 2222\n  HostKeyAlias cluster\n")
    assert counter_of(laptop.ssh("-F", str(config), "w", "uptime").stdout) == 1
    assert counter_of(laptop.ssh("-oUser=alice", "-p2222", "--", "web1").stdout) == 2
    assert counter_of(laptop.run("ssh", "-F", config, "w", FAKE_PROMPTS=PROMPT).stdout) == 3
    assert counter_of(laptop.run("ssh", "-F", config, "x", FAKE_PROMPTS="(alice@cluster) Password or token: ").stdout) == 4
    assert laptop.ssh("alice@web1").stdout == "exit 1\n"  # of port 22 nothing is known
    assert laptop.run("ssh", "-F", config, "x", FAKE_PROMPTS=PROMPT).stdout == "exit 1\n"


def test_P36_words_behind_the_destination_are_read_as_ssh_does(laptop):
    """The device of port 2222 is not for who asks at port 22, nor one login's connection for another's user."""
    laptop.register("ssh://alice@web1:2222")
    for words in (("--", "alice@web1", "-p", "2222"), ("-i", "--", "alice@web1", "-p", "2222")):
        assert laptop.ssh(*words).stdout == "exit 1\n"
        assert laptop.run("ssh", *words, FAKE_PROMPTS=PROMPT).stdout == "exit 1\n"
    assert counter_of(laptop.ssh("ssh://alice@web1:2222", "-p", "22").stdout) == 1

    def path(*words):
        return [word for word in logged(laptop, "ssh", *words)[1] if word.startswith("ControlPath=")]

    assert path("alice@web1") == path("alice@web1", "-l", "bob") == path("--", "alice@web1", "-l", "bob")
    assert path("alice@web1") == path("alice@web1", "-o", "User=bob") != path("bob@web1")


def test_P36_a_jump_host_gets_nothing(laptop):
    """It asks first, from an `ssh -W` below the ssh that may be answered, even in the target's very words."""
    laptop.register()
    laptop.register("alice@jump")
    for prompt in (PROMPT, "(alice@jump) Password or token: ", "alice@web1's password: "):
        log = laptop.folder / "log"
        done = laptop.run("ssh", "-J", "alice@jump", "alice@web1", FAKE_PROMPTS=prompt, FAKE_JUMP="1", FAKE_LOG=str(log))
        answers = done.stdout.splitlines()
        assert answers[0] == "exit 1" and len(answers) == 2
        assert [line.split()[2] for line in log.read_text().splitlines()][0] == "-W"
        log.unlink()
        done = laptop.ssh("-J", "alice@jump", "alice@web1", prompt=prompt, FAKE_JUMP="1")
        assert done.stdout.splitlines()[0] == "exit 1"
    assert laptop.counter("alice@jump") == 0


def test_P36_another_process_of_the_login_gets_nothing(laptop):
    laptop.register()
    for mark in ("1 alice web1 web1 22 0", "rubbish", f"{os.getpid()} alice web1 web1 22 0"):
        assert laptop.ssh(TESSERA_SSH=mark).stdout == "exit 1\n"
    done = laptop.run("askpass", PROMPT)  # the parent is no ssh
    assert done.returncode == 1 and done.stdout == ""
    assert laptop.counter() == 0


def test_hints_of_ssh(laptop):
    assert laptop.run("askpass", "touch the key", SSH_ASKPASS_PROMPT="none").returncode == 0
    done = laptop.run("askpass", "Allow shared connection? ", SSH_ASKPASS_PROMPT="confirm")
    assert done.returncode == 1 and done.stdout == ""


def terminal(laptop, script, **environment):
    """Runs an expect script about askpass below a terminal of its own."""
    return subprocess.run(["expect", "-c", script], capture_output=True, text=True, timeout=60, check=False,
                          env={**laptop.environment, **environment, "ASKPASS": str(laptop.askpass)})


@pytest.mark.skipif(not shutil.which("expect"), reason="no expect")
def test_the_human_is_asked_for_all_else(laptop):
    """A secret is not echoed; the answer to a yes/no is; what keeps tessera from answering stands above the prompt."""
    out = laptop.folder / "answer"
    script = """log_user 1; set timeout 20
        spawn sh -c {"$ASKPASS" "$QUESTION" > "%s"}
        expect -- "$env(EXPECTED)" ; send "yes-4711\\r" ; expect eof""" % out
    done = terminal(laptop, script, QUESTION="bob@web1's password: ", EXPECTED="password: ")
    assert out.read_text() == "yes-4711\n" and "4711" not in done.stdout.split("password: ", 1)[-1].split("spawn")[0]
    done = terminal(laptop, script, QUESTION="Really connect (yes/no/[fingerprint])? ", EXPECTED="fingerprint])?")
    assert out.read_text() == "yes-4711\n" and "4711" in done.stdout
    script = script.replace('"$ASKPASS" "$QUESTION"', "ssh alice@web1")
    done = terminal(laptop, script, SSH_ASKPASS=str(laptop.askpass), FAKE_PROMPTS=PROMPT, EXPECTED="token: ")
    assert out.read_text() == "yes-4711\n" and '"tessera login alice@web1" saves this prompt' in done.stdout


def test_no_input_asks_nobody(laptop):
    done = laptop.run("--no-input", "ssh", "alice@web1", FAKE_PROMPTS=PROMPT)
    assert done.returncode == 4 and done.stdout == "" and "tessera login alice@web1" in done.stderr
    laptop.register()
    done = laptop.run("--no-input", "ssh", "alice@web1", FAKE_PROMPTS=f"{PROMPT}\n{PROMPT}\nother: ")
    assert counter_of(done.stdout.splitlines()[0]) == 1
    assert done.stderr.count("--no-input is given") == 2
    _, words = logged(laptop, "--no-input", "ssh", "alice@web1")
    assert words[-2:] == ["NumberOfPasswordPrompts=1", "alice@web1"]  # no empty passwords


def test_no_input_where_ssh_is_to_judge_for_itself(laptop):
    """Words that only a newer ssh knows, or a way out of a host: nobody is asked either."""
    done, words = logged(laptop, "--no-input", "ssh", "-P", "tag", "alice@web1", FAKE_PROMPTS="")
    assert words[2:] == ["-o", "BatchMode=yes", "-P", "tag", "alice@web1"], done.stderr
    laptop.register()
    done = laptop.run("--no-input", "logout", "alice@web1", FAKE_PROMPTS="other: ", FAKE_EXIT="255")
    assert done.returncode == 1 and "--no-input is given" in done.stderr


def test_a_control_path_is_not_expanded_twice(laptop):
    """A folder called so, or the zone of an IPv6 address in a configured path: what ssh made of it once is the path."""
    runtime = laptop.runtime / "%h"
    runtime.mkdir(mode=0o700)
    _, words = logged(laptop, "ssh", "web1", XDG_RUNTIME_DIR=str(runtime))
    option = next(word for word in words if word.startswith("ControlPath="))
    done = subprocess.run(["ssh", "-G", "-o", option, "web1"], capture_output=True, text=True, check=True,
                          env=laptop.environment)
    assert re.search(f"^controlpath {re.escape(str(runtime))}/tessera/[0-9a-f]+$", done.stdout, re.M)


# What reaches ssh


def logged(laptop, *words, **environment):
    log = laptop.folder / "log"
    log.unlink(missing_ok=True)
    done = laptop.run(*words, FAKE_LOG=str(log), **environment)
    return done, log.read_text().split("\n")[0].split(" ") if log.exists() else []


def test_words_pass_through(laptop):
    done, words = logged(laptop, "ssh", "-q", "-p", "2222", "-t", "alice@web1", "ls", "-o", "--json", FAKE_EXIT="37")
    assert done.returncode == 37
    assert words[:6] == ["login", "ssh", "-q", "-p", "2222", "-t"]
    assert words[-4:] == ["alice@web1", "ls", "-o", "--json"]
    ours = words[6:-4]
    assert ours[0::2] == ["-o"] * 4
    assert [word.split("=")[0] for word in ours[1::2]] == ["ControlPath", "ControlMaster", "ControlPersist",
                                                           "ServerAliveInterval"]
    assert re.fullmatch(rf"ControlPath={laptop.runtime}/tessera/[0-9a-f]+", ours[1])
    assert (laptop.runtime / "tessera").stat().st_mode & 0o777 == 0o700


def test_without_askpass_ssh_asks_by_itself(laptop):
    """A command that was copied alone: ssh with an askpass that is not there would send empty passwords."""
    alone = laptop.folder / "alone"
    alone.mkdir()
    shutil.copy(laptop.tessera, alone)
    (alone / "ssh").write_text("#!/bin/sh\n[ \"$1\" = -G ] && exec /usr/bin/ssh \"$@\"\n"
                               "echo $SSH_ASKPASS_REQUIRE $SSH_ASKPASS\n")
    (alone / "ssh").chmod(0o755)
    laptop.environment["PATH"] = f"{alone}:{os.environ['PATH']}"
    if not os.path.exists("/usr/libexec/tessera-askpass"):
        laptop.tessera = alone / "tessera"
        assert laptop.run("ssh", "web1").stdout.split()[0] == "never"
        laptop.register("web1", user=getpass.getuser())
        assert laptop.run("--no-input", "ssh", "web1").stdout.split() == ["force", "/bin/false"]
        (alone / "tessera-askpass").symlink_to("tessera")
        assert laptop.run("ssh", "web1").stdout.split() == ["force", str(alone / "tessera-askpass")]


@pytest.mark.parametrize("words, added", [
    (["-o", "ControlMaster=no", "web1"], []),
    (["-S", "none", "web1"], []),
    (["-W", "x:22", "web1"], ["ControlPath"]),
    (["-P", "tag", "web1"], []),
    (["-Z"], []),
    (["-V"], []),
    (["-F", "CONFIG", "web1"], ["ControlMaster", "ControlPersist", "ServerAliveInterval"]),
])
def test_what_is_said_is_not_overruled(laptop, words, added):
    config = laptop.folder / "config"
    config.write_text(f"ControlPath {laptop.runtime}/mine-%C\n")
    words = [str(config) if word == "CONFIG" else word for word in words]
    _, got = logged(laptop, "ssh", *words)
    assert [re.sub("=.*", "", word) for word in got if word.startswith(("Control", "Server"))
            and word not in words] == added
    assert [word for word in got[2:] if word in words] == words


def test_first_calls_at_a_time_log_in_once(laptop):
    laptop.register()
    log = laptop.folder / "log"
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda _: laptop.run("ssh", "alice@web1", "true", FAKE_PROMPTS=PROMPT, FAKE_MASTER="500",
                                                  FAKE_LOG=str(log)), range(20)))
    assert [one.returncode for one in done] == [0] * 20
    words = [line.split()[0] for line in log.read_text().splitlines()]
    assert sorted(words) == ["login"] + ["ride"] * 19
    assert laptop.counter() == 1


def test_a_first_call_that_fails_lets_the_next_one_try(laptop):
    log = laptop.folder / "log"
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        done = list(pool.map(lambda _: laptop.run("ssh", "alice@web1", FAKE_EXIT="255", FAKE_LOG=str(log)), range(5)))
    assert [one.returncode for one in done] == [255] * 5
    assert log.read_text().count("login") == 5


# Errors of registering


def test_login_needs_a_human(laptop):
    assert laptop.run("--no-input", "login", "alice@web1").returncode == 2
    assert laptop.run("login", "--name", "x").returncode == 2
    assert laptop.run("login", "alice@web1", "--name", "a b").returncode == 2
    assert laptop.run("login", "-oProxyCommand=true").returncode == 2
    assert laptop.run("logout", "--forget").returncode == 2
    assert laptop.run("logout", "web1", "--others").returncode == 2


HOST = """#!/usr/bin/python3
import json, os, subprocess, sys
if "-G" in sys.argv[1:2]:
    os.execv("/usr/bin/ssh", sys.argv)
def out(**line):
    print(json.dumps(line), flush=True)
open(os.environ["FAKE_LOG"], "a").write(" ".join(sys.argv[1:]) + "\\n")
stop = os.environ.get("STOP", "")
print("Welcome to web1! {not json", flush=True)
if stop == "missing": sys.exit(127)
if stop == "old": sys.exit(2)
if stop == "offer": sys.exit(255)
out(device=os.environ.get("ID", "cd" * 16), audience=os.environ.get("AUDIENCE", "web1"), **json.loads(os.environ.get("OFFERED", "{}")))
line = sys.stdin.readline()
if "known" in line:
    open(os.environ["FAKE_LOG"], "a").write("known " + json.loads(line)["known"] + "\\n")
    if stop == "known": sys.exit(255)
    out(known="KNOWN" in os.environ)
    if "KNOWN" in os.environ: sys.exit(0)
    line = sys.stdin.readline()
if not line: sys.exit(1)
if stop == "key": sys.exit(255)
if stop == "refused": print("tessera: sign in with your password", file=sys.stderr); sys.exit(3)
assert len(json.loads(line)["public_key"]) == 43
subprocess.run(os.environ.get("MEANWHILE", ":"), shell=True, check=True)
if stop == "added": sys.exit(255)
out(added=True, audience=os.environ.get("AUDIENCE", "fleet"), **json.loads(os.environ.get("ADDED", "{}")))
line = sys.stdin.readline()
if line:
    open(os.environ["FAKE_LOG"], "a").write("revoke " + json.loads(line)["revoke"] + "\\n")
    out(revoked=True)
"""


@pytest.fixture
def host(laptop):
    """An ssh that is the host's side of registering."""
    folder = laptop.folder / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(HOST)
    (folder / "ssh").chmod(0o755)
    laptop.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    laptop.environment["FAKE_LOG"] = str(laptop.folder / "log")
    return laptop


def test_login_registers(host):
    done = host.run("login", "alice@WEB1", "--name", "laptop")
    assert done.returncode == 0, done.stderr
    content = json.loads(host.file().read_text())
    assert (content["device"], content["audience"], content["name"], content["host"], content["counter"]) == (
        "cd" * 16, "fleet", "laptop", "web1", 0)
    assert not list((host.state / "tessera/pending").iterdir())
    log = (host.folder / "log").read_text()
    for word in ("PubkeyAuthentication=no", "ControlPath=none", "alice@WEB1 tessera device enroll --name laptop"):
        assert word in log
    assert "revoke" not in log


def test_login_takes_the_name_that_was_free(host):
    done = host.run("login", "alice@web1", "--name", "laptop", ADDED='{"name": "laptop-2"}')
    assert done.returncode == 0 and '"laptop-2"' in done.stdout
    assert json.loads(host.file().read_text())["name"] == "laptop-2"
    for name in ("x" * 65, "a b", "", 7):  # rubbish is not taken, and the device works
        done = host.run("login", "alice@web1", "--name", "laptop", ADDED=json.dumps({"name": name}), ID=os.urandom(16).hex())
        assert done.returncode == 0 and '"laptop"' in done.stdout


def test_login_again_ends_the_old_device(host):
    assert host.run("login", "alice@web1").returncode == 0
    assert host.run("login", "alice@web1", ID="ef" * 16).returncode == 0
    assert json.loads(host.file().read_text())["device"] == "ef" * 16
    assert (host.folder / "log").read_text().splitlines()[-1] == "revoke " + "cd" * 16


@pytest.mark.parametrize("stop, usable", [("missing", False), ("offer", False), ("refused", False), ("key", True),
                                          ("added", True)])
def test_R3_whatever_line_is_lost(host, stop, usable):
    """Either there is a device or there is none; the one that was keeps working; signing in again always helps."""
    done = host.run("login", "alice@web1", STOP=stop)
    assert done.returncode != 0 and done.stderr
    assert not host.file().exists()
    status = host.run("--json", "status", "alice@web1")
    assert status.returncode == (0 if usable else 4)
    if usable:
        assert json.loads(status.stdout)["device"]["state"] == "pending"
    assert host.run("login", "alice@web1", ID="01" * 16).returncode == 0
    before = host.file().read_bytes()
    assert host.run("login", "alice@web1", STOP=stop).returncode != 0
    assert host.file().read_bytes() == before
    assert json.loads(host.run("--json", "status", "alice@web1").stdout)["device"]["device"] == "01" * 16
    assert host.run("login", "alice@web1", ID="02" * 16).returncode == 0
    assert json.loads(host.run("--json", "status", "alice@web1").stdout)["device"]["device"] == "02" * 16


@pytest.mark.parametrize("environment", [{"ID": "x"}, {"ID": "CD" * 16}, {"AUDIENCE": ""}, {"AUDIENCE": "a b"},
                                         {"AUDIENCE": "a" * 300}])
def test_a_host_that_talks_rubbish(host, environment):
    done = host.run("login", "alice@web1", **environment)
    assert done.returncode == 1 and "does not speak" in done.stderr
    assert host.run("status", "alice@web1").returncode == 4


SAID = ["x" * 9000, "noise\n" * 300, "[" * 8000 + "\n", "", '{"device":"%s"}\n' % ("ab" * 16), '{"device":{}}\n',
        '{"device":1,"device":2}\n']


@pytest.mark.parametrize("said, ends", [(i, True) for i in range(len(SAID))] + [(0, False), (4, False)])
def test_a_host_that_says_anything_or_never_ends(host, said, ends):
    """Somebody waits at the terminal: it ends, soon, with a reason."""
    ssh = host.folder / "bin/ssh"
    ssh.write_text("#!/usr/bin/python3\nimport os, sys, time\n"
                   "if '-G' in sys.argv[1:2]:\n    os.execv('/usr/bin/ssh', sys.argv)\n"
                   f"sys.stdout.write({SAID[said]!r})\nsys.stdout.flush()\nos.close(1)\n" + ("" if ends else "time.sleep(50)\n"))
    began = time.monotonic()
    done = host.run("login", "alice@web1")
    assert done.returncode == 1 and "alice@web1" in done.stderr
    assert time.monotonic() - began < 20
    assert host.run("status", "alice@web1").returncode == 4


def test_a_login_that_runs_something_else(host):
    """A host's exit status is ours only where it could be tessera's."""
    for code, ours in ((42, 1), (3, 3), (5, 5)):
        ssh = host.folder / "bin/ssh"
        ssh.write_text(f"#!/bin/sh\n[ \"$1\" = -G ] && exec /usr/bin/ssh \"$@\"\necho only git here\nexit {code}\n")
        done = host.run("login", "alice@web1")
        assert done.returncode == ours
        assert ("does not speak as we do" in done.stderr) == (ours == 1)


def test_a_host_with_an_older_tessera(host):
    done = host.run("login", "alice@web1", STOP="old")
    assert done.returncode == 1 and "update the package tessera there" in done.stderr


def test_R4_a_login_while_registering_counts(host):
    """Until the host has acknowledged it the device is used already: its counters are not begun anew then."""
    out = host.folder / "out"
    command = f"SSH_ASKPASS={host.askpass} FAKE_PROMPTS='{PROMPT}' '{host.build}/tests/cli/ssh' alice@web1 > '{out}'"
    done = host.run("login", "alice@web1", MEANWHILE=command)
    assert done.returncode == 0, done.stderr
    assert counter_of(out.read_text()) == 1
    assert host.counter() == 1


@pytest.mark.parametrize("stop", ["missing", "offer", "refused", "key", "added"])
def test_R3_a_device_without_its_acknowledgement_survives_another_try(host, stop):
    assert host.run("login", "alice@web1", STOP="added").returncode != 0
    assert host.run("login", "alice@web1", STOP=stop, ID="ef" * 16).returncode != 0
    assert json.loads(host.run("--json", "status", "alice@web1").stdout)["device"]["device"] == "cd" * 16
    assert host.run("login", "alice@web1", ID="01" * 16).returncode == 0
    assert (host.folder / "log").read_text().splitlines()[-1] == "revoke " + "cd" * 16


@pytest.mark.parametrize("service", [[], ["--secret-service"]])
def test_a_host_cannot_name_another_hosts_device(host, keyring, service):
    """Its id is all that the key in the Secret Service goes by, and what is revoked when a new one works."""
    host.environment["ID"] = "cd" * 16
    assert host.run("login", "alice@web1", *service).returncode == 0
    before, keys = host.file().read_bytes(), [(key, key.read_text()) for key in keyring.iterdir()]
    for name in ("alice@evil", "alice@web1"):
        done = host.run("login", name, *service)
        assert done.returncode == 1 and "another device" in done.stderr
    assert host.file().read_bytes() == before and [(key, key.read_text()) for key in keyring.iterdir()] == keys
    assert "revoke" not in (host.folder / "log").read_text()
    assert host.run("status", "alice@evil").returncode == 4


def test_logout_of_a_host_out_of_reach(laptop):
    laptop.register()
    done = laptop.run("logout", "alice@web1", FAKE_EXIT="255")
    assert done.returncode == 1 and "--forget" in done.stderr and "kept" in done.stderr
    assert laptop.file().exists()
    log = laptop.folder / "log"
    done = laptop.run("logout", "alice@web1", FAKE_EXIT="0", FAKE_LOG=str(log), FAKE_PROMPTS=PROMPT)
    assert done.returncode == 0, done.stderr
    assert f"tessera --json device revoke {'ab' * 16}" in log.read_text()
    assert not laptop.file().exists()


# The real ssh


class Sshd:
    def __init__(self, folder, *options):
        self.folder = folder
        folder.mkdir()
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "sshd_config").write_text("\n".join([
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host", "UsePAM no", "PidFile none",
            f"AuthorizedKeysFile {folder}/user.pub", "StrictModes no", "PermitRootLogin yes", "MaxStartups 100",
            "LogLevel VERBOSE", "Subsystem sftp internal-sftp", *options]) + "\n")
        self.log = folder / "log"
        os.makedirs("/run/sshd", exist_ok=True)
        self.process = subprocess.Popen([SSHD, "-D", "-f", folder / "sshd_config", "-E", self.log])
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def accepted(self):
        return self.log.read_text().count("Accepted publickey")

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def real(laptop):
    """The laptop with the real ssh, and a host that takes its key; both for the user who runs this."""
    if not os.path.exists(SSHD) or os.geteuid() != 0:
        pytest.skip("a real sshd is for root")
    sshd = Sshd(laptop.folder / "sshd")
    guide = (ROOT / "docs/ssh.md").read_text()
    lines = re.search(r"```\n(Host \*\n.*?)```", guide, re.S)[1].replace("~/.ssh", str(laptop.runtime))
    assert len(lines.splitlines()) == 3
    (laptop.folder / "config").write_text(
        f"Host web1\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {sshd.folder}/user\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n"
        f"  UserKnownHostsFile {laptop.folder}/known\n  LogLevel ERROR\n" + lines)
    laptop.environment["PATH"] = os.environ["PATH"]
    yield laptop, sshd
    laptop.run("ssh", "-F", laptop.folder / "config", "-O", "exit", "web1")
    sshd.stop()


def test_many_share_one_real_login(real):
    laptop, sshd = real
    config = str(laptop.folder / "config")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda n: laptop.run("ssh", "-F", config, "web1", f"cat; exit {n}", stdin="in\n"), range(9)))
    assert [(one.returncode, one.stdout) for one in done] == [(n, "in\n") for n in range(9)]
    assert sshd.accepted() == 1


def test_the_guide_literally(real):
    """The three lines, and the commands below them: one login, and everything in batch mode rides along."""
    laptop, sshd = real
    config, there = str(laptop.folder / "config"), laptop.folder / "there"
    there.mkdir()
    (laptop.folder / "report.txt").write_text("report\n")
    (laptop.folder / "commands").write_text(f"put {laptop.folder}/report.txt {there}/sftp\n")
    assert laptop.run("ssh", "-F", config, "web1", "true").returncode == 0
    (laptop.folder / "sshd/user").unlink()  # nobody logs in from here any more
    commands = [["scp", "-B", "-F", config, laptop.folder / "report.txt", f"web1:{there}/scp"],
                ["sftp", "-F", config, "-b", laptop.folder / "commands", "web1"]]
    if shutil.which("rsync"):
        commands.append(["rsync", "-e", f"ssh -o BatchMode=yes -F {config}", laptop.folder / "report.txt",
                         f"web1:{there}/rsync"])
    if shutil.which("git"):
        subprocess.run(["git", "init", "-q", "--bare", there / "project.git"], check=True)
        laptop.environment["GIT_SSH_COMMAND"] = f"ssh -o BatchMode=yes -F {config}"
        commands.append(["git", "clone", "-q", f"web1:{there}/project.git", there / "git"])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=laptop.environment, check=False)
        assert done.returncode == 0, (command, done.stderr)
        assert (there / command[0]).exists()
    assert sshd.accepted() == 1


def test_a_pipe_ends_with_its_command(real):
    """Neither the master nor what holds the others back keeps a descriptor of the first call."""
    laptop, _ = real
    began = time.monotonic()
    done = subprocess.run(f"'{laptop.tessera}' ssh -F '{laptop.folder}/config' web1 echo hello 2>&1 | cat", shell=True,
                          capture_output=True, text=True, timeout=60, env=laptop.environment, check=False)
    assert done.stdout == "hello\n" and time.monotonic() - began < 20


@pytest.mark.skipif(not os.path.exists(SSHD) or os.geteuid() != 0, reason="a real sshd is for root")
def test_P36_real_jump_host_that_asks_for_a_password(laptop):
    laptop.environment["PATH"] = os.environ["PATH"]
    jump = Sshd(laptop.folder / "jump", "PubkeyAuthentication no")
    try:
        user = getpass.getuser()
        (laptop.folder / "config").write_text(
            f"Host jump\n  HostName 127.0.0.1\n  Port {jump.port}\nHost web1\n  ProxyJump jump\n"
            f"Host *\n  User {user}\n  StrictHostKeyChecking no\n  UserKnownHostsFile {laptop.folder}/known\n")
        config = laptop.folder / "config"
        # (ControlPersist sends what the jump host's ssh says to /dev/null.)
        for destination in (f"{user}@web1", f"ssh://{user}@127.0.0.1:{jump.port}"):
            laptop.register(destination, user=user)
        done = laptop.run("ssh", "-F", config, "web1", "true")
        assert done.returncode == 255
        assert "Failed password" in jump.log.read_text()  # it asked, and was given nothing
        assert laptop.counter(f"{user}@web1") == 0
        assert laptop.counter(f"{user}@[127.0.0.1]:{jump.port}") == 0
        # Asked for itself it is answered, once; what it does not accept is a human's to look at.
        done = laptop.run("ssh", "-F", config, "jump", "true")
        assert done.returncode == 255 and "not accepted" in done.stderr
        assert laptop.counter(f"{user}@[127.0.0.1]:{jump.port}") == 1
    finally:
        jump.stop()
