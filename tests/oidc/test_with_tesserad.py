# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The whole way: tesserad asks tessera-oidc, which asks a provider, and somebody is in or not."""

import pathlib
import sys
import tempfile
import time
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "bus"))

import daemon  # noqa: E402
import tokens  # noqa: E402
from helper import HELPER, REDIRECT_URI  # noqa: E402
from provider import ACCESS_TOKEN, error  # noqa: E402

POLICY = daemon.POLICY.replace("[service:sshd]\nroles=everyone\n", "[service:sshd]\nroles=everyone\nmethods=oidc:corp\n")


@pytest.fixture
def host(scratch, build, helper):
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    host = daemon.Host(folder, build)
    (folder / "passwd").write_text(daemon.PASSWD + f"tessera-oidc:x:{HELPER}:{HELPER}::/nonexistent:/usr/sbin/nologin\n")
    (folder / "etc/providers.d").mkdir()
    (folder / "etc/providers.d").chmod(0o755)
    host.write("providers.d/corp.conf", (helper.providers / "corp.conf").read_text())
    host.write("policy.conf", POLICY)
    plain = host.command
    host.command = lambda *more: [*plain(*more), f"--provider-socket={helper.socket}"]
    host.start_bus()
    host.start()
    host.add("alice")
    host.add("bob")
    host.call("Users.Link", "sss", "alice", "corp", "sub-4711")
    yield host
    print(host.text())
    host.end()


def enter(client, user, **context):
    return client.call("Login.Authenticate", "ssa{sv}h", user, "sshd", {"rhost": "192.0.2.1", **context},
                       daemon.secret(""))


def poll(ask):
    deadline = time.monotonic() + 30
    while True:
        verdict, result = ask()
        if verdict != "pending" or time.monotonic() > deadline:
            return verdict, result
        time.sleep(0.2)


@pytest.mark.parametrize("user, expected", [("alice", "allow"), ("bob", "deny")])
def test_O3_device_flow(host, provider, user, expected):
    provider.answers["/token"] = [error("authorization_pending"), lambda request: provider.tokens()]

    def log_in():
        client = host.root()
        verdict, shown = enter(client, user)
        assert verdict == "pending" and shown["user-code"] == "WDJB-MJHT" and shown["uri"] == provider.issuer + "/verify"
        return poll(lambda: enter(client, user, flow=shown["flow"]))

    assert daemon.in_child(log_in)[0] == expected
    assert "WDJB" not in host.text()


def test_code_flow(host, provider):
    host.call("Daemon.Check")

    def sign_in():
        client = host.bus()
        flow, shown = client.call("Sessions.StartSignIn", "a{sv}", {"redirect_uri": REDIRECT_URI})
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(shown["uri"]).query))
        (host.folder / "nonce").write_text(asked["nonce"])
        query = daemon.secret(f"code=the-canary-code&state={asked['state']}")
        verdict, _ = client.call("Sessions.FinishSignIn", "sha{sv}", flow, query, {})
        return verdict, client.call("Sessions.GetCurrent")["methods"]

    (host.folder / "nonce").touch()
    (host.folder / "nonce").chmod(0o666)
    provider.answers["/token"] = lambda request: (setattr(provider, "nonce", (host.folder / "nonce").read_text()),
                                                  provider.tokens())[1]
    assert daemon.in_child(sign_in, uid=daemon.ALICE, login=daemon.ALICE) == ("allow", ["oidc:corp"])
    assert host.call("Daemon.Check")["providers"] == ["corp"]


BY_GROUP = """[role:admin]
users=bob

[role:operator]

[role:everyone]
users=*

[service:sshd]
roles=operator
methods=pwd;oidc:corp

[service:sudo]
roles=operator

[service:tessera]
roles=admin
"""


def group_roles(host, helper, line):
    host.write("providers.d/corp.conf", (helper.providers / "corp.conf").read_text() + line)
    host.write("policy.conf", BY_GROUP)
    host.reload()


def in_groups(provider, *groups):
    claims = provider.claims(at_hash=tokens.at_hash(ACCESS_TOKEN), groups=list(groups))
    provider.answers["/token"] = lambda request: provider.tokens(tokens.signed(provider.key, claims))


def sign_in(client):
    """At sshd's prompt. The handle that sshd's account and session get."""
    verdict, shown = enter(client, "alice")
    assert verdict == "pending"
    verdict, result = poll(lambda: enter(client, "alice", flow=shown["flow"]))
    assert verdict == "allow"
    return result["session"]


def held(client):
    """What the login that this process is in is let do: by account of sudo, and by a rule of sudoers'."""
    return (client.call("Login.Authorize", "ssa{sv}", "alice", "sudo", {})[0],
            client.call("Login.HasRole", "ssa{sv}", "alice", "operator", {})[0])


def test_groups_bring_roles(host, provider, helper):
    """From the ID token to sshd's account, to sudo, and out again by a line that is gone."""
    group_roles(host, helper, "group-roles=ops:operator\n")
    in_groups(provider, "staff", "ops")

    def log_in():
        client = host.root()
        place = {"rhost": "192.0.2.1"}
        handle = sign_in(client)
        with_handle = client.call("Login.Authorize", "ssa{sv}", "alice", "sshd", {**place, "session": handle})[0]
        without = client.call("Login.Authorize", "ssa{sv}", "alice", "sshd", place)[0]
        opened = client.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {**place, "session": handle})[0]
        session = client.call("Sessions.Show", "s", handle)[0]
        before = held(client)
        host.restart()  # it is in the database
        try:
            client = host.root()
            kept = held(client)
            group_roles(host, helper, "group-roles=other:operator\n")
            return (with_handle, without, opened), session["granted"], session["roles"], before, kept, held(client)
        finally:
            host.stop()  # the fixture does not know this one

    assert daemon.in_child(log_in, login=daemon.ALICE) == (
        ("allow", "deny", "allow"), ["ops:operator"], ["everyone", "operator"], ("allow", "allow"), ("allow", "allow"),
        ("deny", "deny"))


def test_a_group_that_no_line_names_brings_nothing(host, provider, helper):
    group_roles(host, helper, "group-roles=ops:operator\n")
    in_groups(provider, "operator", "admin", "opsx")

    def log_in():
        client = host.root()
        handle = sign_in(client)
        return client.call("Login.Authorize", "ssa{sv}", "alice", "sshd", {"rhost": "192.0.2.1", "session": handle})[0]

    assert daemon.in_child(log_in) == "deny"


def test_a_step_up_there_brings_them_to_a_login_that_is_open(host, provider, helper):
    group_roles(host, helper, "group-roles=ops:operator\n")
    nonce = host.folder / "nonce"
    nonce.touch()
    nonce.chmod(0o666)

    def answer(request):
        provider.nonce = nonce.read_text()
        in_groups(provider, "ops")
        return provider.answers["/token"](request)

    provider.answers["/token"] = answer

    def log_in():
        # sshd wants the role, and a password brings none: this one is adopted, as after a key
        opened = host.root().call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"rhost": "192.0.2.1"})[0]
        before = held(host.root())

        def step_up():
            client = host.bus()
            flow, shown = client.call("Sessions.StartSignIn", "a{sv}", {"redirect_uri": REDIRECT_URI})
            asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(shown["uri"]).query))
            nonce.write_text(asked["nonce"])
            query = daemon.secret(f"code=the-canary-code&state={asked['state']}")
            return client.call("Sessions.FinishSignIn", "sha{sv}", flow, query, {})[0]

        return opened, before, daemon.in_child(step_up, uid=daemon.ALICE), held(host.root())

    assert daemon.in_child(log_in, login=daemon.ALICE) == ("allow", ("deny", "deny"), "allow", ("allow", "allow"))


def test_where_a_role_comes_from(host, provider, helper):
    group_roles(host, helper, "group-roles=ops:operator\n")
    role = host.call("Roles.Show", "s", "operator")
    assert role["granted"] == [{"provider": "corp", "group": "ops"}]
    assert host.call("Roles.Show", "s", "everyone")["granted"] == []


@pytest.mark.parametrize("line, told", [
    ("group-roles=ops:nowhere\n", 'there is no role "nowhere"'),
    ("group-roles=ops:admin\n", 'the role "admin" may administer tessera'),
])
def test_no_provider_gives_what_is_not_its_own(host, provider, helper, line, told):
    """Refused at the reload, with file, line and column; what was before goes on."""
    group_roles(host, helper, line)
    number = len((host.folder / "etc/providers.d/corp.conf").read_text().splitlines())
    assert f"providers.d/corp.conf:{number}:13: {told}" in host.text()
    assert host.call("Users.Show", "s", "alice")["roles"] == ["admin", "everyone"]
    assert [role["role"] for role in host.call("Roles.List")] == ["admin", "everyone"]


def test_a_provider_that_is_gone(host, provider):
    provider.end()
    assert daemon.in_child(lambda: enter(host.root(), "alice"))[0] == "deny"
    found = host.call("Daemon.Check")["providers"][0]
    assert found.startswith("corp: ")


def test_O4_what_is_over_here_is_over_at_the_provider(host, provider):
    """A process has one sign-in: what it began before is cancelled, and so is the last one when it is gone."""
    provider.answers["/token"] = error("authorization_pending")

    def begin_again_and_again():
        client = host.root()
        return [enter(client, "alice")[0] for _ in range(9)]

    assert set(daemon.in_child(begin_again_and_again)) == {"pending"}
    time.sleep(7)  # the sweep is every five
    asked = provider.count("/token")
    assert asked > 0
    time.sleep(3)
    assert provider.count("/token") == asked
