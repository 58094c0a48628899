# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Devices and refresh tokens, tickets and keys, by the command and a real daemon."""

import json
import os

import forge
import pytest
from daemon_host import ACCOUNTS, PASSWORD

DEVICE = {"id", "name", "user", "created", "used", "from", "state", "audience", "ends", "revoked", "reason"}
SEED = bytes(range(32))


class Laptop:
    """A device whose key is its own: it counts, and makes its tokens."""

    def __init__(self, seed, device, audience):
        self.seed, self.device, self.audience, self.counter = seed, device, audience, 0

    def next(self):
        self.counter += 1
        return forge.make(self.seed, self.device, self.counter, self.audience)


@pytest.fixture
def laptop(host, signed_in):
    seed = bytes([len(signed_in.json("device"))]) * 32
    added = signed_in.json("device", "add", "--name", f"laptop-{seed[0]}", stdin=forge.public_key(seed) + "\n")
    assert added["changed"]
    yield Laptop(seed, added["id"], added["audience"])
    host.root.run("device", "revoke", added["id"])


def test_device_with_a_key_of_its_own(host, signed_in):
    name = host.root.json("key", "export") and signed_in.json()["host"]
    answer = signed_in.run("device", "add", "--name", "desk", stdin=forge.public_key(SEED))
    assert answer.status == 0, answer
    device = signed_in.json("device")[-1]
    assert DEVICE <= set(device)
    assert (device["name"], device["user"], device["audience"], device["state"]) == ("desk", "alice", name, "active")
    assert device["id"] in answer.stdout and name in answer.stdout
    assert device["used"] is None and device["revoked"] is None
    again = signed_in.run("--json", "device", "add", "--name", "desk", stdin=forge.public_key(SEED))
    assert (again.status, again.stdout) == (1, "") and json.loads(again.stderr)["error"]["code"] == "exists"
    assert "desk" in signed_in.run("device").stdout
    assert host.login(ACCOUNTS["bob"]).json("device") == []
    assert device in host.root.json("device", "list", "--user", "alice")
    assert device in host.root.json("device", "list", "--all-users")
    assert signed_in.json("device", "revoke", "desk", "--reason", "a test") == {"changed": True, "revoked": []}
    assert signed_in.json("device", "revoke", device["id"][:8]) == {"changed": False, "revoked": []}
    assert "nothing changed" in signed_in.run("device", "revoke", device["id"]).stdout
    gone = [each for each in signed_in.json("device") if each["id"] == device["id"]]
    assert gone[0]["state"] == "revoked" and gone[0]["reason"] == "a test" and gone[0]["revoked"]
    assert signed_in.run("device", "revoke", "no-such-device").status == 1


def test_whole_key_is_printed_once(host, signed_in):
    answer = host.root.run("device", "add", "--name", "robot", "--user", "bob")
    assert answer.status == 0, answer
    assert answer.stdout.count("\n") == 1
    key = json.loads(answer.stdout)
    assert set(key) == {"version", "user", "host", "audience", "device", "name", "seed"}
    assert (key["version"], key["user"], key["name"]) == (1, "bob", "robot")
    assert key["host"] == key["audience"] == signed_in.json()["host"]
    assert "nobody can show again" in answer.stderr and key["seed"] not in answer.stderr
    robot = Laptop(forge.decode(key["seed"]), key["device"], key["audience"])
    bob = host.login(ACCOUNTS["bob"])
    assert bob.run("token", "refresh", stdin=robot.next()).status == 0
    assert key["seed"] not in host.log() and key["seed"] not in host.root.run("--json", "device", "--all-users").stdout
    assert bob.run("device", "revoke", "robot").status == 0


@pytest.mark.parametrize("name, output", [("full", ">/dev/full"), ("gone", "| true")])
def test_device_whose_key_could_not_be_printed_is_revoked(host, name, output):
    add = f"{host.tessera} device add --name lost-{name} --user bob"
    if name == "gone":  # so that nobody reads when it writes
        add = f"(sleep 0.3; exec {add})"
    host.popen("sh", "-c", f"{add} </dev/null {output}").wait(20)
    lost = [device for device in host.root.json("device", "list", "--user", "bob") if device["name"] == f"lost-{name}"]
    assert [device["state"] for device in lost] == ["revoked"]


def test_who_may_add_a_device(host, signed_in):
    key = forge.public_key(SEED)
    assert host.root.run("device", "add", "--name", "x", stdin=key).status == 2  # root has none
    bob = host.login(ACCOUNTS["bob"])
    for login, options, code in ((bob, [], "stale"), (signed_in, ["--user", "bob"], "denied")):
        answer = login.run("--json", "device", "add", "--name", "x", *options, stdin=key)
        assert (answer.status, answer.stdout) == (3, ""), answer
        error = json.loads(answer.stderr)["error"]
        assert error["code"] == code and error["message"] and (error["hint"] is None) == (code == "denied")
    assert bob.run("device", "list", "--all-users").status == 3
    assert bob.run("device", "list", "--user", "alice").status == 3


def test_somebody_elses_device(host, laptop):
    bob = host.login(ACCOUNTS["bob"])
    assert bob.run("device", "revoke", laptop.device).status == 1
    assert bob.run("token", "refresh", stdin=laptop.next()).status == 3
    assert host.login(ACCOUNTS["alice"]).run("token", "refresh", stdin=laptop.next()).status == 0


def test_refresh(host, laptop):
    alice = host.login(ACCOUNTS["alice"])  # not signed in
    token = laptop.next()
    answer = alice.json("token", "refresh", "--min-ttl", "60", stdin=token + "\n")
    assert {"token", "session", "audience", "expires"} <= set(answer)
    valid = alice.json("token", "verify", stdin=answer["token"])
    assert (valid["valid"], valid["user"], valid["session"]) == (True, "alice", answer["session"])
    session = [each for each in alice.json("session") if each["id"] == answer["session"]]
    assert (session[0]["service"], session[0]["device"]) == ("tessera", laptop.device)
    plain = alice.run("token", "refresh", stdin=laptop.next())
    assert plain.stdout.count("\n") == 1 and len(plain.stdout) <= 512
    refused = alice.run("--json", "token", "refresh", stdin=token)
    assert (refused.status, refused.stdout) == (3, "")
    assert token not in refused.stderr
    # That was the same counter twice: who has the other copy?
    device = [each for each in alice.json("device") if each["id"] == laptop.device][0]
    assert (device["state"], device["reason"]) == ("revoked", "reuse")
    assert "revoked (reuse)" in alice.run("device").stdout
    assert alice.json("token", "verify", stdin=answer["token"], status=1)["reason"] == "revoked"


def test_refresh_token_is_not_verified(host, laptop):
    token = laptop.next()
    alice = host.login(ACCOUNTS["alice"])
    assert alice.json("token", "verify", stdin=token, status=1) == {"valid": False, "reason": "invalid"}
    assert alice.json("token", "decode", stdin=token) == {"verified": False, "device": laptop.device, "counter": 1}
    assert alice.run("token", "refresh", stdin=token).status == 0  # neither has spent it


@pytest.fixture
def ask(host, signed_in):
    """A fake ssh of alice's that asks her askpass; what it is answered, line by line."""
    folder = host.folder / "askpass"
    folder.mkdir(exist_ok=True)
    askpass = folder / "tessera-askpass"
    if not askpass.is_symlink():
        askpass.symlink_to(host.tessera)
        os.chown(folder, ACCOUNTS["alice"], -1)

    def run(*words, prompts):
        argv = ["env", f"PATH={host.build}/tests/cli:{os.environ['PATH']}", f"SSH_ASKPASS={askpass}",
                "SSH_ASKPASS_REQUIRE=force", f"FAKE_PROMPTS={prompts}", f"XDG_STATE_HOME={folder}", "setsid", "-w", "ssh"]
        signed_in.process.stdin.write(json.dumps([[*argv, *words], ""]) + "\n")
        signed_in.process.stdin.flush()
        _, stdout, stderr = json.loads(signed_in.process.stdout.readline())
        return stdout.splitlines(), stderr

    return run


def test_P36_whom_askpass_gives_a_ticket(ask, signed_in):
    """A ticket names a host and no port; at another one than sshd's, any user of that host may be listening."""
    prompt = "(alice@web2) Password or token: "
    answers, stderr = ask("web2", prompts=f"{prompt}\n{prompt}")
    claims = signed_in.json("token", "decode", stdin=answers[0])["claims"]
    assert (claims["aud"], claims["sub"]) == ("web2", "alice")
    assert answers[1:] == ["exit 1"] and "not accepted" in stderr
    assert ask("alice@web2", prompts="alice@web2's password: ")[0] == ["exit 1"]
    assert ask("bob@web2", prompts="(bob@web2) Password or token: ")[0] == ["exit 1"]
    assert ask("-W", "web3:22", "web2", prompts=prompt)[0] == ["exit 1"]
    answers, _ = ask("-oHostName=evil", "-oHostKeyAlias=web2", "web2", prompts=prompt)
    assert signed_in.json("token", "decode", stdin=answers[0])["claims"]["aud"] == "evil"
    answers, stderr = ask("-p", "2222", "web2", prompts=prompt)
    assert answers == ["exit 1"] and "port 22" in stderr


def test_tickets(signed_in):
    answer = signed_in.json("token", "print", "--audience", "web2.example.org")
    assert answer["audience"] == "web2.example.org" and len(answer["token"]) <= 1023
    said = signed_in.json("token", "decode", stdin=answer["token"])
    assert said["header"]["alg"] == "ES256"
    assert said["claims"]["aud"] == "web2.example.org"
    assert said["claims"]["exp"] - said["claims"]["iat"] <= 60
    # We are not that host, and do not trust ourselves.
    assert not signed_in.json("token", "verify", stdin=answer["token"], status=1)["valid"]
    plain = signed_in.run("token", "print", "--audience", "web2.example.org").stdout
    assert plain.count("\n") == 1 and plain.strip() != answer["token"]
    assert signed_in.run("token", "print", "--audience", "Not A Host").status == 2


def test_keys_are_prepared_and_rotated(host, signed_in):
    root = host.root
    before = root.json("key")
    assert {(key["use"], key["alg"]) for key in before} == {("token", "HS256"), ("ticket", "ES256")}
    exported = root.json("key", "export")
    assert json.loads(root.run("key", "export").stdout) == exported
    assert [set(key) & {"d", "k"} for key in exported["keys"]] == [set()]
    early = root.run("--json", "key", "rotate")
    assert early.status == 1 and json.loads(early.stderr)["error"]["code"] == "not-prepared"
    prepared = root.json("key", "prepare")
    assert prepared["changed"] and len(prepared["jwks"]["keys"]) == 2
    again = root.run("key", "prepare")
    assert json.loads(again.stdout) == prepared["jwks"] and "nothing changed" in again.stderr
    token = signed_in.run("token", "print").stdout
    rotated = root.json("key", "rotate")
    assert rotated["changed"] and len(rotated["signing"]) == 2
    states = {key["kid"]: (key["state"], key["until"]) for key in root.json("key")}
    assert all(states[kid] == ("signing", None) for kid in rotated["signing"])
    assert all(states[key["kid"]][0] == "verifying" and states[key["kid"]][1] for key in before)
    assert signed_in.json("token", "verify", stdin=token)["valid"]
    assert signed_in.run("token", "print").stdout.split(".")[0] != token.split(".")[0]


def test_rename(host, signed_in):
    root, name = host.root, signed_in.json()["host"]
    token = signed_in.run("token", "print").stdout
    assert root.json("key", "rename", name, "--yes") == {"changed": False, "host": name}
    assert root.json("key", "rename", "new.example.org", "--yes") == {"changed": True, "host": "new.example.org"}
    try:
        assert not signed_in.json("token", "verify", stdin=token, status=1)["valid"]
        new = signed_in.json("token", "print")
        assert new["audience"] == "new.example.org"
        assert signed_in.json("token", "verify", stdin=new["token"])["valid"]
        assert signed_in.json()["host"] == "new.example.org"
    finally:
        assert root.run("key", "rename", name, "--yes").status == 0
    assert root.run("key", "rename", "Not_A_Host", "--yes").status == 2
    assert signed_in.run("key", "rename", "x", "--yes").status == 3


def test_keys_are_for_root(signed_in):
    for command in (["export"], ["prepare"], ["rotate"], ["rename", "x"]):
        answer = signed_in.run("key", *command)
        assert (answer.status, answer.stdout) == (3, ""), command


def test_S5_refresh_tokens_and_seeds_are_nowhere_in_the_log(host, laptop):
    token = laptop.next()
    alice = host.login(ACCOUNTS["alice"])
    answer = alice.run("token", "refresh", stdin=token)
    assert answer.status == 0
    assert token not in host.log() and answer.stdout.strip() not in host.log() and PASSWORD not in host.log()
