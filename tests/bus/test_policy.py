# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What is explained of a policy is what PAM hears of it, and what is shown is what counts."""

import os
import pathlib
import shutil
import signal
import sys
import time

import pytest
from daemon import ALICE, BOB, NOBODY, POLICY, Refused, in_child, scaled

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "policy"))

from model import MISSING, Policy
from policies import GROUPS, SERVICES, random_files, random_sections

# How each of them came into the one login that all are asked in.
USERS = {"alice": ALICE, "bob": BOB, "carol": 20003, "dave": 20004, "erin": 20005}
INVOKERS = ("sudo", "sudo-i", "su", "su-l")
WORDS = {"unknown-service": "role-missing", "no-session": "stale", "ok": None}


@pytest.fixture
def host(make_host):
    host = make_host()
    more = "".join(f"{name}:x:{uid}:{uid}::/nonexistent:/bin/sh\n" for name, uid in USERS.items()
                   if name not in ("alice", "bob"))
    (host.folder / "passwd").write_text((host.folder / "passwd").read_text() + more)
    (host.folder / "etc/policy.d").mkdir()
    host.start_bus()
    host.start()
    for name in list(USERS)[:-1]:
        host.add(name)
    return host


def log_all_in(host, client):
    """alice by password, bob by key, carol revoked; dave has no session here, and erin is not known."""
    host.log_in("alice")
    assert client.call("Login.OpenSession", "ssa{sv}", "bob", "sshd", {"auth-info": "publickey ssh-ed25519 AAAA"})[0] == "allow"
    revoked = host.log_in("carol")
    client.call("Sessions.Revoke", "a{sv}a{sv}", {"ids": [revoked]}, {"keep-login": True})


def write_groups(host, rng):
    """Some of the groups, with random members; the gids that they have."""
    gids = {name: rng.choice([30000 + at, MISSING]) for at, name in enumerate(GROUPS)}
    lines = [f"{name}:x:{uid}:\n" for name, uid in [("root", 0), ("tessera", host.uid), *USERS.items()]]
    for name, gid in gids.items():
        if gid != MISSING:
            lines.append(f"{name}:x:{gid}:{','.join(rng.sample(list(USERS), rng.randrange(3)))}\n")
    path = host.folder / "group"
    seconds = path.stat().st_mtime + 1  # nss_wrapper looks at no less
    path.write_text("".join(lines))
    os.utime(path, (seconds, seconds))
    return gids


def write_policy(host, rng):
    """No age at whose edge the test could be: 1s is over for all of them, 10min for none."""
    sections = random_sections(rng, list(USERS))
    for section in sections:
        section[2]["max-age"] = ["10min" if age == ["90s"] else age for age in section[2].get("max-age", [])]
    files = random_files(rng, sections)
    shutil.rmtree(host.folder / "etc/policy.d")
    (host.folder / "etc/policy.d").mkdir(mode=0o755)
    for name, text in files:
        host.write(name if name == "policy.conf" else f"policy.d/{name}", text)
    return files


def assign(client, rng, roles, given):
    """Other assignments than those @given before; returns them."""
    for role, user in given:
        client.call("Roles.Revoke", "ss", role, user)
    given = {(rng.choice(roles), rng.choice(list(USERS)[:-1])) for _ in range(rng.randrange(4))}
    for role, user in given:
        client.call("Roles.Grant", "ssa{sv}", role, user, {"reason": "drawn by lot"})
    return given


def reload(host):
    """As host.reload(), also in a child of the one that started the daemon."""
    os.kill(host.process.pid, signal.SIGHUP)
    host.notify.settimeout(20)
    words = []
    while not any(word.startswith("READY=1") for word in words):
        words.append(host.notify.recv(65536).decode())
    time.sleep(0.11)  # until no answer of NSS of before is used again: identity-cache.h


def ask(client, method, user, service):
    """(verdict, reason) as PAM is told. Under nss_wrapper a group that is missing is one that cannot be looked up."""
    try:
        verdict, result = client.call(method, "ssa{sv}", user, service, {})
    except Refused as error:
        assert error.name == "StoreUnavailable"
        return "deny", "lookup-failed"
    return ("deny", "not-enrolled") if verdict == "not-ours" else (verdict, result.get("reason"))


def compare(client, user, service):
    verdict, reason, steps = client.call("Policy.Explain", "ssa{sv}", user, service, {})
    assert steps and all(set(step) == {"text", "file", "line"} for step in steps)
    said = ask(client, "Login.Check" if service in INVOKERS else "Login.Authorize", user, service)
    assert (verdict, WORDS.get(reason, reason)) == said, (user, service, reason, steps)
    account = ask(client, "Login.Authorize", user, service)
    assert (verdict == "deny") == (account[0] == "deny"), (user, service, reason, account)
    return f"{verdict} {reason}"


def test_P18_explain_says_what_pam_hears(host, rng):
    def login():
        client, counts, given = host.root(), {}, set()
        log_all_in(host, client)
        time.sleep(2.1)
        for _ in range(scaled(2000)):
            gids = write_groups(host, rng)
            files = write_policy(host, rng)
            reload(host)
            model = Policy(files, gids)
            given = assign(client, rng, list(model.roles), given)
            for user in USERS:
                for service in [*SERVICES, "ftpd"]:
                    if service != "tessera":  # who administers is nobody's PAM service
                        word = compare(client, user, service)
                        counts[word] = counts.get(word, 0) + 1
            shown = client.call("Policy.Show")
            # Another reading of the same rules finds the same roles and services in it.
            again = Policy([("shown", shown)], gids)
            assert list(again.roles) == sorted(model.roles) and list(again.services) == sorted(model.services)
        return counts

    counts = in_child(login, login=ALICE)
    print(counts)
    assert set(counts) >= {"allow ok", "deny role-missing", "deny unknown-service", "deny lookup-failed", "deny revoked",
                           "deny not-enrolled", "step-up stale", "step-up no-session"}, counts


def test_what_is_shown_reads_back_as_the_same(host, rng):
    for _ in range(20):
        write_groups(host, rng)
        write_policy(host, rng)
        reload(host)
        shown = host.as_uid(NOBODY, "Policy.Show")
        shutil.rmtree(host.folder / "etc/policy.d")
        (host.folder / "etc/policy.d").mkdir(mode=0o755)
        host.write("policy.conf", shown)
        reload(host)
        assert host.as_uid(NOBODY, "Policy.Show") == shown


def test_explain_is_for_oneself(host):
    assert host.as_uid(ALICE, "Policy.Explain", "ssa{sv}", "alice", "sshd", {})[0] == "allow"
    for user in ("bob", "erin", "no-such-user", "root"):
        for uid in (ALICE, NOBODY):
            with pytest.raises(Refused) as refused:
                host.as_uid(uid, "Policy.Explain", "ssa{sv}", user, "sshd", {})
            assert refused.value.name == "AccessDenied"
    assert host.as_uid(0, "Policy.Explain", "ssa{sv}", "bob", "sshd", {})[0] == "allow"


def test_explain_goes_by_the_login_that_is_named(host):
    host.write("policy.conf", POLICY + "max-age=10min\n")
    (host.folder / "group").write_text((host.folder / "group").read_text().replace("sudo:x:27:alice", "sudo:x:27:alice,bob"))
    reload(host)

    def ask(user, options):
        return host.call("Policy.Explain", "ssa{sv}", user, "sudo", options)

    assert ask("alice", {})[:2] == ["step-up", "no-session"]
    session = in_child(lambda: host.log_in("alice"), login=ALICE)
    verdict, reason, steps = ask("alice", {"session": session[:8]})
    assert (verdict, reason) == ("allow", "ok")
    texts = [step["text"] for step in steps]
    assert texts[0].startswith(f"the login asked about: session {session[:8]}") and texts[-1].startswith("a role")
    assert ask("alice", {})[0] == "allow"
    places = {(pathlib.Path(step["file"]).name, step["line"]) for step in steps if step["file"]}
    lines = (POLICY + "max-age=10min\n").splitlines()
    for word in ("[service:sudo]", "roles=admin", "groups=sudo", "max-age=10min"):
        assert ("policy.conf", lines.index(word) + 1) in places, (word, places)
    with pytest.raises(Refused) as refused:
        ask("bob", {"session": session})
    assert refused.value.name == "NotFound"
    with pytest.raises(Refused) as refused:
        ask("bob", {"sesion": session})
    assert refused.value.name == "InvalidArgument"
    with pytest.raises(Refused) as refused:
        host.call("Policy.Explain", "ssa{sv}", "bob", "su do", {})
    assert refused.value.name == "InvalidArgument"
    host.call("Users.SetEnabled", "sb", "alice", False)
    assert ask("alice", {})[:2] == ["deny", "disabled"]
