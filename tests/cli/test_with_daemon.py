# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Each command against a real daemon: its answer, its JSON, its exit code."""

import json
import re
import time

import forge
from daemon_host import ACCOUNTS, PASSWORD

SESSION = {"id", "user", "uid", "host", "service", "from", "tty", "methods", "roles", "auth_time", "opened", "seen",
           "ends", "state", "parent", "device", "current"}


def test_login_status_logout(alice):
    assert alice.json("status", status=4) == {"signed_in": False}
    assert alice.run("login", stdin="wrong\n").status == 3
    assert alice.json("status", status=4) == {"signed_in": False}
    changed = alice.json("login", stdin=PASSWORD + "\n")
    status = alice.json()
    assert changed == {"changed": True, "session": status["session"]["id"]}
    assert status["signed_in"] and status["user"] == "alice" and "admin" in status["roles"]
    assert SESSION <= set(status["session"])
    assert status["session"]["current"] and status["session"]["from"] is None
    assert alice.json("logout") == {"changed": True, "closed": [changed["session"]]}
    assert alice.json("logout") == {"changed": False, "closed": []}
    assert "nothing changed" in alice.run("logout").stdout


def test_step_up_keeps_the_session(signed_in):
    before = signed_in.json()["session"]["id"]
    assert signed_in.json("login", stdin=PASSWORD + "\n")["session"] == before


def test_enrolling_offers_a_device_and_changes_nothing_without_a_key(signed_in):
    answer = signed_in.run("device", "enroll", "--name", "laptop")
    offer = json.loads(answer.stdout)
    assert re.fullmatch("[0-9a-f]{32}", offer["device"]) and offer["audience"] == offer["host"] == signed_in.json()["host"]
    assert answer.status == 1 and "nothing was changed" in answer.stderr
    assert signed_in.run("device", "enroll", "--name", "laptop", stdin='{"key":1}\n').status == 2
    assert signed_in.run("device", "enroll", "--name", "a b").status == 2
    signed_in.run("logout")
    answer = signed_in.run("device", "enroll", "--name", "laptop")
    assert answer.status == 4 and answer.stdout == ""


def test_enrolling_knows_a_device_that_works(host, signed_in):
    """A machine that is a device of the fleet already asks whether that one will do; else it sends a key, as ever."""
    def ask(device):
        lines = json.dumps({"known": device}) + "\n" + json.dumps({"public_key": forge.public_key(bytes([9]) * 32)}) + "\n"
        answer = signed_in.run("device", "enroll", "--name", "notebook", stdin=lines)
        assert answer.status == 0, answer
        return [json.loads(line) for line in answer.stdout.splitlines()]

    bobs = json.loads(host.root.run("device", "add", "--name", "robot", "--user", "bob").stdout)["device"]
    offer, known, added = ask(bobs)
    assert known == {"known": False} and added["added"]
    assert ask(offer["device"])[1:] == [{"known": True}]
    assert signed_in.run("device", "revoke", offer["device"]).status == 0
    again, known, added = ask(offer["device"])
    assert known == {"known": False} and added["added"] and again["device"] != offer["device"]
    answer = signed_in.run("device", "enroll", "--name", "notebook", stdin=json.dumps({"known": "00" * 16}) + "\n")
    assert answer.status == 1 and "nothing was changed" in answer.stderr
    assert host.root.run("device", "revoke", again["device"]).status == 0
    assert host.root.run("device", "revoke", bobs).status == 0


def test_enrolling_again_finds_a_name_that_is_free(host, signed_in):
    """The machine's own name is the same each time; the device that had it so far is there until the new one works."""
    def enroll(seed, **more):
        lines = json.dumps({"public_key": forge.public_key(bytes([seed]) * 32)}) + "\n" + "".join(
            json.dumps({key: value}) + "\n" for key, value in more.items())
        answer = signed_in.run("device", "enroll", "--name", "l" * 64, stdin=lines)
        assert answer.status == 0, answer
        return [json.loads(line) for line in answer.stdout.splitlines()]

    names = ["l" * 64, "l" * 62 + "-2", "l" * 62 + "-3"]
    devices = []
    for seed in (1, 2, 3):
        offer, added = enroll(seed)
        assert added["added"] and added["name"] == names[seed - 1]
        devices.append(offer["device"])
    assert {one["name"] for one in signed_in.json("device") if one["id"] in devices} == set(names)
    offer, added, revoked = enroll(4, revoke=devices[1])
    assert added["name"] == "l" * 62 + "-4" and revoked["revoked"]
    offer, added = enroll(5)
    assert added["name"] == names[1]
    for one in signed_in.json("device"):
        signed_in.run("device", "revoke", one["id"])


def test_sessions(host, signed_in):
    listed = signed_in.json("session")
    assert [session["user"] for session in listed] == ["alice"]
    assert SESSION <= set(listed[0])
    assert [session["id"] for session in host.root.json("sessions", "--all-users")] == [listed[0]["id"]]
    own, other = listed[0]["host"], "web9.example.org"
    assert [len(signed_in.json("sessions", "--host", name)) for name in (own, other)] == [1, 0]
    assert [len(host.root.json("sessions", "--all-users", "--host", name)) for name in (own, other)] == [1, 0]
    assert host.root.json("sessions") == []
    assert host.root.run("sessions").stdout == ""
    shown = signed_in.json("session", "show", listed[0]["id"][:8])
    assert shown["id"] == listed[0]["id"]
    assert {"time", "event"} <= set(shown["events"][0])
    assert listed[0]["id"][:8] in signed_in.run("session", "show", listed[0]["id"]).stdout


def test_revoke(host, signed_in):
    token = signed_in.run("token", "print").stdout
    id_ = signed_in.json()["session"]["id"]
    assert host.root.json("session", "revoke", id_[:8], "--reason", "a test") == {"changed": True, "revoked": [id_]}
    assert host.root.json("session", "revoke", id_) == {"changed": False, "revoked": []}
    assert signed_in.run("status").status == 4
    assert host.root.json("token", "verify", stdin=token, status=1) == {"valid": False, "reason": "revoked"}
    assert host.root.run("session", "revoke", "ffffffff").status == 1
    assert host.root.run("session", "revoke", "--all-users", "--no-input").status == 2
    assert host.root.run("session", "revoke", "--all-users", "--yes").status == 0


def test_what_is_not_yours(host, signed_in):
    bob = host.login(ACCOUNTS["bob"])
    id_ = signed_in.json()["session"]["id"]
    assert bob.json("sessions") == []
    for command in (["sessions", "--all-users"], ["sessions", "--user", "alice"], ["user", "list"],
                    ["user", "show", "bob"], ["user", "disable", "alice"], ["user", "remove", "alice"], ["key", "list"],
                    ["session", "revoke", "--all-users"]):
        answer = bob.run(*command)
        assert (answer.status, answer.stdout) == (3, ""), answer
        assert '"code":"denied"' in bob.run("--json", *command).stderr
    for command in (["session", "show", id_], ["session", "revoke", id_]):
        answer = bob.run(*command)
        assert (answer.status, answer.stdout) == (1, ""), answer
    assert signed_in.run("status").status == 0


def test_tokens(signed_in):
    answer = signed_in.run("token", "print", "--min-ttl", "800")
    token = answer.stdout.strip()
    assert answer.stdout == token + "\n" and len(token) <= 511
    as_json = signed_in.json("token", "print")
    assert {"token", "session", "audience", "expires"} <= set(as_json)
    valid = signed_in.json("token", "verify", stdin=as_json["token"])
    assert valid["valid"] and valid["user"] == "alice"
    assert {"user", "session", "audience", "roles", "expires"} <= set(valid)
    assert signed_in.run("token", "verify", "--role", "admin", stdin=token).status == 0
    for options, text, status, reason in (
            (["--role", "ghost"], token, 3, "role-missing"),
            (["--audience", "elsewhere"], token, 1, "wrong-audience"),
            ([], token + " ", 1, "invalid"), ([], token + "\n\n", 1, "invalid"), ([], token[:-1], 1, "invalid"),
            ([], token + "=", 1, "invalid"), ([], "", 2, "missing")):
        verdict = signed_in.json("token", "verify", *options, stdin=text, status=status)
        assert verdict == {"valid": False, "reason": reason}
    assert signed_in.json("token", "decode", stdin=token)["claims"]["sub"] == "alice"
    assert signed_in.run("token", "print", "--min-ttl", "86400").status == 1
    signed_in.run("logout")
    assert signed_in.run("token", "print").status == 4


def test_passwd(host, signed_in):
    new = "another-Sesame-4712"
    assert signed_in.run("passwd", stdin=f"wrong\n{new}\n").status == 3
    assert signed_in.run("passwd", stdin=f"{PASSWORD}\n").status == 2
    assert signed_in.json("passwd", stdin=f"{PASSWORD}\n{new}\n") == {"changed": True, "user": "alice"}
    assert signed_in.run("status").status == 0
    assert signed_in.run("login", stdin=PASSWORD + "\n").status == 3
    assert host.root.run("passwd").status == 2
    assert host.root.run("passwd", "alice", stdin=PASSWORD + "\n").status == 0
    assert host.login(ACCOUNTS["alice"]).run("login", stdin=PASSWORD + "\n").status == 0


def test_users(host):
    root = host.root
    users = root.json("user")
    assert [user["user"] for user in users] == ["alice", "bob"]
    assert {"user", "uid", "enabled", "password", "identities", "roles"} <= set(users[0])
    assert root.json("user", "show", "alice") == users[0]
    assert root.json("user", "add", "alice", stdin="not looked at\n") == {"changed": False, "user": "alice"}
    assert root.run("user", "add", "nobody-here", stdin=PASSWORD + "\n").status == 1
    assert root.json("user", "disable", "bob") == {"changed": True, "user": "bob"}
    assert root.json("user", "disable", "bob") == {"changed": False, "user": "bob"}
    assert root.json("user", "enable", "bob") == {"changed": True, "user": "bob"}
    assert root.json("user", "remove", "bob", "--yes") == {"changed": True, "user": "bob"}
    assert root.json("user", "remove", "bob", "--yes") == {"changed": False, "user": "bob"}
    assert root.run("user", "show", "bob").status == 1
    added = root.json("user", "add", "bob", stdin=PASSWORD + "\n")
    assert added["changed"] and added["user"] == "bob" and "warning" in added
    assert root.run("-q", "user", "enable", "bob").stdout == ""


def assignments(login, role="admin"):
    return login.json("role", "show", role)["assignments"]


def test_roles_are_granted_and_revoked(host, signed_in):
    root = host.root
    assert assignments(root) == []
    assert root.json("role", "grant", "admin", "bob") == {"changed": True, "role": "admin", "user": "bob"}
    assert assignments(root) == [{"user": "bob", "until": None, "reason": None, "by": "root"}]
    assert root.json("role", "grant", "admin", "bob")["changed"] is False
    answer = root.run("role", "grant", "admin", "bob")
    assert (answer.status, answer.stdout) == (0, "bob has the role admin already; nothing changed\n")
    now = int(time.time())
    answer = root.run("role", "grant", "admin", "bob", "--for", "1h 30min", "--reason", "on call")
    assert (answer.status, answer.stdout) == (0, "bob has the role admin now, for 1h 30min\n")
    [assigned] = assignments(root)
    assert now + 5400 <= assigned.pop("until") <= time.time() + 5400
    assert assigned == {"user": "bob", "reason": "on call", "by": "root"}
    assert re.search(r"^assigned +bob \(ends in 1 h\), by root: on call$", root.run("role", "show", "admin").stdout, re.M)
    assert re.search(r"^admin .* bob \(ends in 1 h\) +su, sudo$", root.run("role").stdout, re.M)
    assert [user["roles"] for user in root.json("user") if user["user"] == "bob"] == [["admin", "everyone"]]
    assert assignments(signed_in) == []  # not hers to see
    answer = root.run("role", "revoke", "admin", "bob")
    assert (answer.status, answer.stdout) == (0, "bob has the role admin no more by assignment\n")
    assert root.json("role", "revoke", "admin", "bob") == {"changed": False, "role": "admin", "user": "bob"}
    answer = root.run("role", "revoke", "admin", "bob")
    assert answer.status == 0 and "nothing changed" in answer.stdout and "policy.conf" in answer.stderr
    assert assignments(root) == []


def test_what_cannot_be_granted_says_why(host, signed_in):
    rows = ((["opertor", "bob"], 1, "not-found", '"opertor"'), (["admin", "bbo"], 1, "not-found", '"bbo"'),
            (["admin", "bob", "--for", "2"], 2, "usage", '--for "2" has no unit'),
            (["admin", "bob", "--for", "0s"], 2, "usage", "too small"),
            (["admin", "bob", "--for", "367d"], 2, "usage", "too large"),
            (["admin", "bob", "--reason", "x" * 201], 1, "invalid", "longer than 200 bytes"))
    for arguments, status, code, words in rows:
        answer = host.root.run("--json", "role", "grant", *arguments)
        error = json.loads(answer.stderr)["error"]
        assert (answer.status, answer.stdout, error["code"]) == (status, "", code), answer
        assert words in error["message"]
    for arguments in (["grant", "admin", "alice"], ["revoke", "admin", "bob"]):
        answer = signed_in.run("role", *arguments)
        assert answer.status == 3 and "sudo" in answer.stderr
    assert host.root.run("role", "revoke", "opertor", "bob").status == 1
    assert assignments(host.root) == []


def test_a_user_is_added_with_a_role(host):
    root = host.root
    assert root.run("user", "remove", "bob", "--yes").status == 0
    answer = root.run("user", "add", "bob", "--role", "opertor", stdin=PASSWORD + "\n")
    assert answer.status == 1 and '"opertor"' in answer.stderr and "bob" not in root.run("user").stdout
    answer = root.run("user", "add", "bob", "--role", "admin", stdin=PASSWORD + "\n")
    assert (answer.status, answer.stdout) == (0, "added bob with the role admin\n")
    assert [assigned["user"] for assigned in assignments(root)] == ["bob"]
    answer = root.run("user", "add", "bob", "--role", "admin")
    assert answer.status == 0 and "nothing changed" in answer.stdout and "role grant admin bob" in answer.stderr
    assert root.run("user", "remove", "bob", "--yes").status == 0
    assert assignments(root) == []
    host.add("bob")


def test_roles_and_keys(host, alice):
    roles = alice.json("role")
    assert {"role", "users", "groups", "includes", "assignments"} <= set(roles[0])
    assert alice.json("role", "show", roles[0]["role"]) == roles[0]
    assert alice.run("role", "show", "ghost").status == 1
    keys = host.root.json("key")
    assert {"kid", "alg", "use", "state", "until"} <= set(keys[0])
    assert (keys[0]["state"], keys[0]["use"]) == ("signing", "token")


def test_secrets_are_nowhere_in_what_the_command_says(signed_in):
    token = signed_in.run("token", "print").stdout.strip()
    for command in ([], ["sessions"], ["token", "verify"], ["login"], ["session", "show", "ffff"]):
        for flags in ([], ["--json"]):
            answer = signed_in.run(*flags, *command, stdin=token if "verify" in command else PASSWORD + "\n")
            assert PASSWORD not in answer.stdout + answer.stderr
            assert token not in answer.stdout + answer.stderr
