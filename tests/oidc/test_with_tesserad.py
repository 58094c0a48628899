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
from helper import HELPER, REDIRECT_URI  # noqa: E402
from provider import error  # noqa: E402

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


def test_a_provider_that_is_gone(host, provider):
    provider.end()
    assert daemon.in_child(lambda: enter(host.root(), "alice"))[0] == "deny"
    found = host.call("Daemon.Check")["providers"][0]
    assert found.startswith("corp: ")
