# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""tessera store: the command, root's, that runs the daemon's program as the daemon's user."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "store"))

from daemon_host import ACCOUNTS, Host  # noqa: E402
from redis_server import Redis  # noqa: E402

# The daemon's program and its state, where the command looks for them.
INSTALL = """
mount -t tmpfs -o mode=0755 tmpfs /usr/local && mkdir /usr/local/libexec && touch /usr/local/libexec/tesserad
mount --bind "$1" /usr/local/libexec/tesserad
mount -t tmpfs -o mode=0755 tmpfs /var/lib && mkdir /var/lib/tessera && mount --bind /run/state /var/lib/tessera
"""


class Fleet(Host):
    def __init__(self, folder, build):
        super().__init__(folder, build)
        self.run_in("sh", "-ec", INSTALL, "install", build / "daemon/bus/tesserad")
        (folder / "redis").mkdir()
        self.redis = Redis(folder / "redis")

    def stop_daemon(self):
        self.daemon.terminate()
        self.daemon.wait(10)

    def join(self):
        with (self.folder / "etc/tessera.conf").open("a") as file:
            file.write(f"[store]\nbackend=redis\nurl=redis://127.0.0.1:{self.redis.port}\n")

    def say(self, *words):
        subprocess.run(["redis-cli", "-p", str(self.redis.port), *words], check=True, capture_output=True)

    def end(self):
        self.redis.kill()
        super().end()


@pytest.fixture
def fleet(build):
    if os.geteuid() != 0:
        pytest.skip("mounts need root")
    with tempfile.TemporaryDirectory(prefix="tessera-store-") as folder:
        pathlib.Path(folder).chmod(0o755)
        made = Fleet(pathlib.Path(folder), build)
        try:
            made.add("alice")
            yield made
        finally:
            made.end()
        assert "CRITICAL" not in made.log() and "Sanitizer" not in made.log()


def failure(answer, code, status=1):
    error = json.loads(answer.stderr)["error"]
    assert answer.status == status and answer.stdout == "" and error["code"] == code, answer
    return error["message"]


def test_migrate(fleet):
    root = fleet.root
    assert "write backend=redis" in failure(root.run("--json", "store", "migrate"), "failed")
    fleet.join()
    answer = root.run("store", "migrate")
    assert answer.status == 1 and "tesserad is running; systemctl stop tesserad.socket" in answer.stderr
    fleet.stop_daemon()
    answer = root.run("store", "migrate", "--dry-run")
    assert answer.status == 0 and answer.stdout.splitlines()[1].split() == ["users", "1"], answer
    assert answer.stdout.splitlines()[-1] == "nothing stands in the way; nothing was changed"
    told = root.json("store", "migrate")
    assert told["changed"] and told["users"] == {"all": 1, "new": 1} and told["kept"] == [] and not told["dry-run"]
    assert root.json("store", "migrate") == {"changed": False, "dry-run": False, "kept": []}
    assert "moved already" in root.run("store", "migrate").stdout
    fleet.start_daemon()
    assert [user["user"] for user in root.json("user", "list")] == ["alice"]


def assert_another_alice_is_told(fleet):
    fleet.join()
    fleet.stop_daemon()
    prefix = "tessera:{tessera}:"
    fleet.say("HSET", prefix + "store", "id", "0" * 32, "schema", "1")
    fleet.say("HSET", prefix + "users", "7", "alice")
    fleet.say("HSET", prefix + "user:alice", "uid", "7", "enabled", "1", "created", "1", "since", "1", "changed", "1")
    message = failure(fleet.root.run("--json", "store", "migrate"), "conflict")
    assert message == f'nothing was moved: user "alice" has uid {ACCOUNTS["alice"]} here and 7 there'


def test_migrate_says_who_is_another(fleet):
    assert_another_alice_is_told(fleet)


def test_a_warning_of_the_server_does_not_hide_who_is_another(fleet):
    fleet.say("CONFIG", "SET", "appendonly", "no")
    assert_another_alice_is_told(fleet)


def migrated(fleet):
    fleet.join()
    fleet.stop_daemon()
    fleet.root.json("store", "migrate")


def test_R12_adopt(fleet):
    root = fleet.root
    migrated(fleet)
    assert root.json("store", "adopt") == {"changed": False, "users": 1, "sessions": 0}
    fleet.say("FLUSHALL")
    answer = root.run("--no-input", "store", "adopt")
    assert answer.status == 2 and "--yes" in answer.stderr
    answer = root.run("--yes", "store", "adopt")
    assert answer.status == 0 and "from now on" in answer.stdout and "systemctl start" in answer.stderr
    assert root.json("--yes", "store", "adopt") == {"changed": False, "users": 0, "sessions": 0}
    fleet.start_daemon()
    assert root.json("user", "list") == []


def test_R12_adopt_while_tesserad_runs(fleet):
    root = fleet.root
    migrated(fleet)
    fleet.start_daemon()
    daemon = fleet.daemon.pid
    assert root.json("store", "adopt") == {"changed": False, "users": 1, "sessions": 0}
    fleet.say("FLUSHALL")
    message = failure(root.run("--json", "user", "list"), "store", status=5)
    assert "LOST" in message and "tessera store adopt" in message
    answer = root.run("--no-input", "store", "adopt")
    assert answer.status == 2 and "--yes" in answer.stderr
    failure(root.run("--json", "user", "list"), "store", status=5)
    answer = root.run("--yes", "store", "adopt")
    assert answer.status == 0 and "from now on" in answer.stdout and "systemctl start" not in answer.stderr
    assert root.json("user", "list") == []
    assert root.json("--yes", "store", "adopt") == {"changed": False, "users": 0, "sessions": 0}
    fleet.add("alice")
    assert [user["user"] for user in root.json("user", "list")] == ["alice"]
    assert fleet.daemon.pid == daemon and fleet.daemon.poll() is None


def test_adopt_where_the_store_is_its_own(fleet):
    message = failure(fleet.root.run("--json", "--yes", "store", "adopt"), "invalid")
    assert "this host's store is its own" in message
    fleet.stop_daemon()
    assert "this host's store is its own" in failure(fleet.root.run("--json", "--yes", "store", "adopt"), "failed")


def test_for_root(fleet):
    login = fleet.login(ACCOUNTS["alice"])
    for verb in ("migrate", "adopt"):
        assert failure(login.run("--json", "--yes", "store", verb), "denied", status=3) == "only root may look after the store"
