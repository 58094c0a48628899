# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Devices on this machine: counters that are never taken twice, files that are never half."""

import base64
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import pytest

from scale import scaled

PROMPT = "(alice@web1) Password or token: "
KEY = {"version": 1, "user": "alice", "host": "web1", "audience": "web1", "device": "ab" * 16, "name": "laptop",
       "seed": base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()}


class Laptop:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.tessera = build / "client/tessera"
        self.askpass = build / "client/tessera-askpass"
        if not self.askpass.exists():
            self.askpass.symlink_to("tessera")
        self.state = folder / "state"
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="ssh-"))  # sockets have short names
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("SSH_", "TESSERA_"))},
                            "XDG_STATE_HOME": str(self.state), "XDG_RUNTIME_DIR": str(self.runtime),
                            "PATH": f"{build}/tests/cli:{os.environ['PATH']}"}

    def close(self):
        shutil.rmtree(self.runtime)

    def run(self, *words, stdin="", wrap=(), **environment):
        return subprocess.run([*wrap, self.tessera, *words], input=stdin, capture_output=True, text=True, timeout=120,
                              env={**self.environment, **environment}, start_new_session=True)

    def register(self, destination="alice@web1", **changes):
        one = {} if destination == "alice@web1" else {"device": hashlib.md5(destination.encode()).hexdigest()}
        done = self.run("login", destination, "--device", stdin=json.dumps({**KEY, **one, **changes}) + "\n")
        assert done.returncode == 0, done.stderr

    def ssh(self, *words, prompt=PROMPT, wrap=(), **environment):
        """An ssh that is told to use askpass, and asks once; what it is answered."""
        environment = {"SSH_ASKPASS": str(self.askpass), "SSH_ASKPASS_REQUIRE": "force", "FAKE_PROMPTS": prompt,
                       **environment}
        return subprocess.run([*wrap, "ssh", *(words or ("alice@web1",))], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=120, env={**self.environment, **environment},
                              start_new_session=True)

    def file(self, name="alice@web1"):
        return self.state / "tessera/devices" / name

    def counter(self, name="alice@web1"):
        return json.loads(self.file(name).read_text())["counter"]


@pytest.fixture
def laptop(build, tmp_path):
    laptop = Laptop(build, tmp_path)
    yield laptop
    laptop.close()


def counter_of(answer):
    token = answer.strip()
    assert token.startswith("ts1_") and len(token) == 116, answer
    return struct.unpack(">I", base64.urlsafe_b64decode(token[4:])[16:20])[0]


def test_registered_and_forgotten(laptop):
    laptop.register()
    status = json.loads(laptop.run("--json", "status", "alice@web1").stdout)
    assert status["signed_in"] and status["device"]["key"] == "file"
    done = laptop.run("--json", "logout", "alice@WEB1", "--forget")
    assert json.loads(done.stdout)["changed"] is True
    assert not laptop.file().exists()
    done = laptop.run("--json", "logout", "alice@web1", "--forget")
    assert done.returncode == 0 and json.loads(done.stdout)["changed"] is False
    assert laptop.run("status", "alice@web1").returncode == 4


def test_status_lists_hosts(laptop):
    assert json.loads(laptop.run("--json", "status").stdout) == {"signed_in": False}
    assert laptop.run("status").returncode == 4
    laptop.register()
    laptop.register("alice@web2")
    laptop.register("ssh://alice@web2:2222")
    done = laptop.run("--json", "status")
    assert done.returncode == 0
    status = json.loads(done.stdout)
    assert status["signed_in"] and status["session"] is None and status["roles"] == []
    assert [(host["host"], host["port"]) for host in status["hosts"]] == [("web2", 2222), ("web1", 22), ("web2", 22)]
    assert "web2:2222" in laptop.run("status").stdout


def test_the_key_is_private_and_shown_nowhere(laptop):
    os.umask(0)
    laptop.register()
    os.umask(0o022)
    assert laptop.file().stat().st_mode & 0o7777 == 0o600
    for folder in (laptop.state / "tessera", laptop.state / "tessera/devices", laptop.state / "tessera/locks"):
        assert folder.stat().st_mode & 0o7777 == 0o700
    for words in (("status",), ("--json", "status"), ("--json", "status", "alice@web1")):
        assert KEY["seed"] not in laptop.run(*words).stdout


def test_wrong_key_lines_are_refused(laptop):
    for line in ("", "{}", json.dumps({**KEY, "user": "bob"}), json.dumps({**KEY, "seed": "x"}),
                 json.dumps({**KEY, "audience": "WEB 1"}), "x" * 10000):
        done = laptop.run("login", "alice@web1", "--device", stdin=line)
        assert done.returncode in (1, 2), line
        assert not laptop.file().exists()


def test_R4_a_robots_key_read_again_begins_no_counter_anew(laptop, keyring):
    """What sets a machine up does it every day; and one key is one device, by whatever name its host goes."""
    laptop.register()
    assert counter_of(laptop.ssh().stdout) == 1
    done = laptop.run("--json", "login", "alice@web1", "--device", stdin=json.dumps(KEY))
    assert done.returncode == 0 and json.loads(done.stdout)["changed"] is False
    assert counter_of(laptop.ssh().stdout) == 2
    assert laptop.run("login", "alice@web1", "--device", "--secret-service", stdin=json.dumps(KEY)).returncode == 0
    assert counter_of(laptop.ssh().stdout) == 3
    done = laptop.run("login", "alice@web1.example", "--device", stdin=json.dumps(KEY))
    assert done.returncode == 1 and "alice@web1" in done.stderr and not laptop.file("alice@web1.example").exists()
    assert laptop.counter() == 3
    laptop.register(device="cd" * 16)
    assert counter_of(laptop.ssh().stdout) == 1


@pytest.mark.parametrize("spoil, words", [
    (lambda file: file.write_text(file.read_text().replace('"machine_id":"', '"machine_id":"0')[:-1]), "damaged"),
    (lambda file: file.write_text(file.read_text()[:100]), "damaged"),
    (lambda file: file.write_text(""), "damaged"),
    (lambda file: file.chmod(0o644), "could be read"),
    (lambda file: file.parent.chmod(0o755), "could be read"),
    (lambda file: (file.rename(file.parent / "other"), file.symlink_to("other")), "link"),
    (lambda file: file.write_text(json.dumps({**json.loads(file.read_text()), "machine_id": "0" * 32})),
     "another machine"),
])
def test_what_is_not_in_order_is_told_and_left(laptop, spoil, words):
    """Nothing but its user decides what becomes of a device: a copied home must not act, a damaged file not vanish."""
    laptop.register()
    spoil(laptop.file())
    before = laptop.file().read_bytes()
    answer = laptop.ssh()
    assert answer.stdout == "exit 1\n" and words in answer.stderr
    for done in (laptop.run("status", "alice@web1"), laptop.run("login", "alice@web1", "--device", stdin=json.dumps(KEY)),
                 laptop.run("logout", "alice@web1")):
        assert done.returncode == 1 and words in done.stderr
    assert laptop.file().read_bytes() == before
    laptop.file().parent.chmod(0o700)
    assert laptop.run("logout", "--forget", "alice@web1").returncode == 0
    laptop.register()


def test_R4_parallel_logins_take_distinct_counters(laptop):
    laptop.register()
    count = scaled(200)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: laptop.ssh().stdout, range(count)))
    assert sorted(map(counter_of, answers)) == list(range(1, count + 1))
    assert laptop.counter() == count


def test_a_second_prompt_of_one_ssh_is_the_humans(laptop):
    laptop.register()
    answer = laptop.ssh(prompt=f"{PROMPT}\n{PROMPT}\nalice@web1's password: ")
    lines = answer.stdout.splitlines()
    assert counter_of(lines[0]) == 1 and lines[1:] == ["exit 1", "exit 1"]
    assert "not accepted" in answer.stderr
    assert counter_of(laptop.ssh().stdout) == 2


def test_R4_the_65th_at_a_time_waits_and_says_so(laptop):
    laptop.register()
    sleepers = [subprocess.Popen(["sleep", "100"]) for _ in range(64)]
    try:
        content = json.loads(laptop.file().read_text())
        content["counter"] = 64
        content["in_flight"] = []
        for number, sleeper in enumerate(sleepers, 1):
            stat = open(f"/proc/{sleeper.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
            content["in_flight"].append([number, int(time.time()), sleeper.pid, int(stat[19])])
        laptop.file().write_text(json.dumps(content))
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            late = pool.submit(laptop.ssh)
            time.sleep(2)
            assert not late.done()
            sleepers[7].kill()
            sleepers[7].wait()
            assert counter_of(late.result().stdout) == 65
        assert time.monotonic() - began < 12
        content = json.loads(laptop.file().read_text())
        content["in_flight"] = [row for row in content["in_flight"] if row[0] != 65]
        content["in_flight"].append([65, int(time.time()), os.getpid(), int(
            open("/proc/self/stat", encoding="ascii").read().rsplit(")", 1)[1].split()[19])])
        laptop.file().write_text(json.dumps(content))
        answer = laptop.ssh()
        assert answer.stdout == "exit 1\n" and "too many logins" in answer.stderr
        assert laptop.counter() == 65
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def traced(laptop, call, number, what):
    """askpass under strace, where the call @number of its kind meets @what; the answer, or None."""
    log = laptop.folder / "trace"
    done = laptop.ssh(wrap=("strace", "-f", "-o", log, "-e", f"trace={call}", "-e",
                            f"inject={call}:{what}:when={number}"))
    hit = "INJECTED" in log.read_text() or "killed by SIGKILL" in log.read_text()
    return done, hit


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
@pytest.mark.parametrize("call", ["write", "fsync", "renameat", "flock", "unlinkat", "fchmod"])
def test_R3_killed_at_every_call_and_no_counter_comes_twice(laptop, call):
    """kill -9 at each call in turn: the file is whole, and what was answered once is never answered again."""
    laptop.register()
    seen, number = set(), 1
    while number < 40:
        answer, hit = traced(laptop, call, number, "signal=KILL")
        for line in answer.stdout.splitlines():
            if line.startswith("ts1_"):
                assert counter_of(line) not in seen
                seen.add(counter_of(line))
        if not hit:
            break
        number += 1
    assert number > 1 and seen
    later = counter_of(laptop.ssh().stdout)
    assert later > max(seen)


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
@pytest.mark.parametrize("call, error", [("write", "ENOSPC"), ("fsync", "EIO"), ("renameat", "EROFS"), ("flock", "ENOLCK")])
def test_R3_a_disk_that_fails_gives_no_token(laptop, call, error):
    laptop.register()
    assert counter_of(laptop.ssh().stdout) == 1
    log = laptop.folder / "trace"
    done = laptop.ssh(wrap=("strace", "-f", "-o", log, "-P", laptop.file().parent, "-P", f"{laptop.file()}.new", "-P",
                            "alice@web1.new", "-P", laptop.state / "tessera/locks/alice@web1",
                            "-e", f"trace={call}", "-e", f"inject={call}:error={error}"))
    assert "INJECTED" in log.read_text(), log.read_text()
    assert "ts1_" not in done.stdout and done.stdout == "exit 1\n"
    assert counter_of(laptop.ssh().stdout) in (2, 3)  # fsync of the folder fails after the rename: one is skipped


def test_R3_ssh_killed_right_after_the_answer(laptop, rng):
    laptop.register()
    seen = []
    for _ in range(scaled(200)):
        process = subprocess.Popen(["ssh", "alice@web1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, start_new_session=True,
                                   env={**laptop.environment, "SSH_ASKPASS": str(laptop.askpass), "FAKE_PROMPTS": PROMPT})
        time.sleep(rng.random() * 0.05)
        os.killpg(process.pid, signal.SIGKILL)
        output = process.communicate()[0].decode()
        seen += [counter_of(line) for line in output.splitlines() if line.startswith("ts1_")]
    seen.append(counter_of(laptop.ssh().stdout))
    assert len(seen) == len(set(seen)) and seen == sorted(seen)


# The Secret Service


@pytest.fixture
def keyring(laptop, build, tmp_path):
    folder = tmp_path / "keyring"
    folder.mkdir()
    laptop.environment.update(LD_LIBRARY_PATH=str(build / "tests/cli"), FAKE_KEYRING=str(folder))
    return folder


def test_key_in_the_secret_service(laptop, keyring):
    done = laptop.run("login", "alice@web1", "--device", "--secret-service", stdin=json.dumps(KEY))
    assert done.returncode == 0, done.stderr
    assert KEY["seed"] not in laptop.file().read_text()
    assert (keyring / KEY["device"]).read_text() == KEY["seed"]
    assert json.loads(laptop.run("--json", "status", "alice@web1").stdout)["device"]["key"] == "secret-service"
    assert counter_of(laptop.ssh().stdout) == 1
    token = laptop.ssh().stdout
    assert laptop.run("logout", "--forget", "alice@web1").returncode == 0
    laptop.register()  # the same key in the file makes the same token of the same counter
    content = json.loads(laptop.file().read_text())
    laptop.file().write_text(json.dumps({**content, "counter": 1}))
    assert laptop.ssh().stdout == token


def test_key_that_the_secret_service_does_not_give(laptop, keyring):
    """No counter is taken for a token that cannot be made."""
    laptop.run("login", "alice@web1", "--device", "--secret-service", stdin=json.dumps(KEY))
    for environment, words in (({"FAKE_KEYRING": "/nonexistent"}, "lost its key"), ({"LD_LIBRARY_PATH": "/nonexistent"}, "")):
        answer = laptop.ssh(**environment)
        assert answer.stdout == "exit 1\n" and words in answer.stderr
    assert laptop.counter() == 0
    assert laptop.run("logout", "--forget", "alice@web1").returncode == 0
    assert not list(keyring.iterdir())
    done = laptop.run("login", "alice@web1", "--device", "--secret-service", stdin=json.dumps(KEY),
                      FAKE_KEYRING="/nonexistent")
    assert done.returncode == 1 and "Secret Service" in done.stderr and not laptop.file().exists()
