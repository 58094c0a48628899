# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Trusted hosts: what the command writes into trust.d, and what it takes back."""

import json
import subprocess
import threading
import time

import forge
import pytest
from daemon_host import PASSWORD

HOST = "web1.example.org"
EVERYBODY = ["--users", "*", "--roles", "everyone"]


def jwks(*keys):
    return json.dumps({"keys": list(keys)})


@pytest.fixture(scope="module")
def key():
    return forge.TicketKey("k1").jwk


@pytest.fixture
def root(host):
    yield host.root
    for trusted in host.root.json("trust"):
        assert host.root.run("trust", "remove", trusted["host"]).status == 0


def file_of(host, name=HOST):
    return host.folder / "etc/trust.d" / f"{name}.conf"


def test_add_list_remove(host, root, key):
    added = root.json("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))
    assert added == {"changed": True, "host": HOST, "file": f"/etc/tessera/trust.d/{HOST}.conf", "loaded": True}
    stat = file_of(host).stat()
    assert (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) == (0o644, 0, 0)
    listed = root.json("trust")
    assert [(each["host"], each["users"], each["roles"], each["keys"]) for each in listed] == [
        (HOST, ["*"], ["everyone"], ["k1"])]
    assert HOST in root.run("trust").stdout
    assert root.json("trust", "remove", HOST) == {**added, "changed": True}
    assert not file_of(host).exists() and root.json("trust") == []
    assert root.json("trust", "remove", HOST)["changed"] is False
    assert "nothing changed" in root.run("trust", "remove", HOST).stdout


def test_policy_check_warns_of_trust_that_leads_nowhere(root, key):
    assert root.json("policy", "check")["warnings"] == []
    assert root.json("trust", "add", HOST, "--users", "*", "--roles", "harbour-master", stdin=jwks(key))["changed"]
    warnings = root.json("policy", "check")["warnings"]
    assert [warning["file"] for warning in warnings] == [f"/etc/tessera/trust.d/{HOST}.conf"]
    assert "harbour-master" in warnings[0]["message"]
    assert f"warning: /etc/tessera/trust.d/{HOST}.conf" in root.run("policy", "check").stdout


def test_nobody_holds_root_up(host, root, key):
    """The folder may be opened by everybody, and who has it open can lock it for as long as they like."""
    program = ("import fcntl, os, sys; fd = os.open('/etc/tessera/trust.d', os.O_RDONLY); fcntl.flock(fd, fcntl.LOCK_EX);"
               "print('locked', flush=True); sys.stdin.read()")
    assert root.json("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))["changed"]
    nobody = host.popen("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "/usr/bin/python3", "-c",
                        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(20, nobody.kill)  # so that this fails, and does not hang
    try:
        assert nobody.stdout.readline() == "locked\n"
        timer.start()
        began = time.monotonic()
        assert root.json("trust", "remove", HOST)["changed"]
        assert time.monotonic() - began < 10
    finally:
        timer.cancel()
        nobody.kill()
        nobody.wait()
    assert [each.name for each in file_of(host).parent.iterdir()] == []


def test_the_same_again_changes_nothing(host, root, key):
    spaced = json.dumps({"more": 1, "keys": [dict(reversed({**key, "x5t": "no"}.items()))]}, indent=4)
    assert root.json("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))["changed"]
    before = file_of(host).stat()
    for text in (jwks(key), spaced):
        assert root.json("trust", "add", HOST, *EVERYBODY, stdin=text)["changed"] is False
    after = file_of(host).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_the_same_again_that_tesserad_has_not_read_is_read(host, root, key):
    assert root.json("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))["changed"]
    kept = file_of(host).read_text()
    assert root.json("trust", "remove", HOST)["changed"]
    file_of(host).write_text(kept)
    assert root.json("trust") == []
    assert root.json("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))["changed"]
    assert len(root.json("trust")) == 1


def test_change_of_keys_users_and_roles(root, key):
    other = forge.TicketKey("k2").jwk
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key)).status == 0
    options = ["--users", "alice,bob", "--roles", "everyone;admin"]
    assert root.json("trust", "add", HOST, *options, stdin=jwks(key, other))["changed"]
    trusted = root.json("trust")[0]
    assert (trusted["users"], trusted["roles"], trusted["keys"]) == (["alice", "bob"], ["everyone", "admin"],
                                                                    ["k1", "k2"])


def test_what_tesserad_refuses_is_taken_back(host, root, key):
    off_the_curve = {**key, "kid": "off", "y": key["x"]}
    answer = root.run("--json", "trust", "add", HOST, *EVERYBODY, stdin=jwks(off_the_curve))
    assert (answer.status, answer.stdout) == (1, "")
    error = json.loads(answer.stderr)["error"]
    assert "no point of P-256" in error["message"] and error["hint"] == "nothing was changed"
    assert not file_of(host).exists()
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key)).status == 0
    before = file_of(host).read_text()
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key, off_the_curve)).status == 1
    assert file_of(host).read_text() == before
    assert root.json("trust")[0]["keys"] == ["k1"]


def test_a_kid_names_one_key(host, root, key):
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key)).status == 0
    before = file_of(host).read_text()
    answer = root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(forge.TicketKey("k1").jwk))
    assert answer.status == 1 and "trust remove" in answer.stderr
    assert file_of(host).read_text() == before
    assert root.run("trust", "add", "web9.example.org", *EVERYBODY, stdin=jwks(forge.TicketKey("k1").jwk)).status == 0


def test_another_files_mistake_is_told_and_nothing_written(host, root, key):
    wrong = file_of(host, "wrong")
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text("[host:web3]\nuser=alice\n")
    answer = root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))
    assert answer.status == 1 and "wrong.conf:2" in answer.stderr
    assert not file_of(host).exists()
    assert "wrong.conf:2" in root.run("policy", "check").stdout
    wrong.unlink()


def test_a_damaged_file_can_be_removed(host, root, key):
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key)).status == 0
    file_of(host).write_text("[host\n")
    assert root.json("trust", "remove", HOST)["changed"]
    assert not file_of(host).exists() and root.json("trust") == []


def test_a_host_that_stands_in_another_file(host, root, key):
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key)).status == 0
    file_of(host).rename(file_of(host, "mine"))
    answer = root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))
    assert answer.status == 1 and "mine.conf" in answer.stderr
    assert root.json("trust", "remove", HOST)["file"].endswith("/mine.conf")
    assert not file_of(host, "mine").exists()


def test_without_systemd_the_file_is_written(host, root, key):
    host.run_in("rmdir", "/run/systemd/system")
    try:
        answer = root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key))
        assert answer.status == 0 and "when it starts" in answer.stderr
        assert root.json("trust", "add", HOST, *EVERYBODY, stdin=jwks(key)) == {
            "changed": False, "host": HOST, "file": f"/etc/tessera/trust.d/{HOST}.conf", "loaded": False}
        assert root.json("trust") == []
        assert root.json("trust", "remove", HOST)["changed"]
        assert not file_of(host).exists()
    finally:
        host.run_in("mkdir", "/run/systemd/system")


def test_trust_is_roots_to_give_and_anybodys_to_see(alice, root, key):
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(key)).status == 0
    assert alice.json("trust")[0]["host"] == HOST
    for command in (["add", HOST, *EVERYBODY], ["remove", HOST]):
        answer = alice.run("trust", *command, stdin=jwks(key))
        assert (answer.status, answer.stdout) == (3, "")


def test_a_ticket_is_looked_at_and_not_spent(alice, root):
    web1, now = forge.TicketKey("k3"), int(time.time())
    assert alice.run("login", stdin=PASSWORD + "\n").status == 0
    here = alice.json()["host"]
    claims = {"iss": HOST, "sub": "alice", "aud": here, "iat": now, "exp": now + 60, "jti": forge.encode(b"j" * 16),
              "sid": forge.encode(b"s" * 16), "sess_exp": now + 3600, "auth_time": now - 10, "amr": ["pwd"],
              "roles": ["admin", "everyone"]}
    ticket = web1.ticket(**claims)
    assert alice.json("token", "verify", stdin=ticket, status=1) == {"valid": False, "reason": "invalid"}
    assert root.run("trust", "add", HOST, *EVERYBODY, stdin=jwks(web1.jwk)).status == 0
    for _ in range(2):
        valid = alice.json("token", "verify", stdin=ticket)
        assert (valid["valid"], valid["user"], valid["session"], valid["audience"]) == (True, "alice", None, here)
        assert (valid["roles"], valid["expires"]) == (["everyone"], now + 60)
    assert "not spent" in alice.run("token", "verify", stdin=ticket).stdout
    assert alice.run("token", "verify", "--role", "admin", stdin=ticket).status == 3
    assert alice.json("token", "decode", stdin=ticket)["claims"] == claims
    other = web1.ticket(**{**claims, "aud": "elsewhere"})
    assert alice.json("token", "verify", stdin=other, status=1)["reason"] == "wrong-audience"
    assert root.run("trust", "remove", HOST).status == 0
    assert alice.json("token", "verify", stdin=ticket, status=1)["reason"] == "invalid"
