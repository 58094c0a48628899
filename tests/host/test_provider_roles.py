# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A sign-in at a provider on a real host: roles by groups, in sshd and sudo; and prompts that show less than ours do."""

import contextlib
import json
import time

import pexpect
import pytest
from conftest import PASSWORDS
from host import PROMPT, Shell

ENTER = "Press Enter when you have approved it: "
LINK = "http://127.0.0.1:8090/verify"
CODE = "WDJB-MJHT"
STATE = "/var/tmp/provider"

# OAuth 2.0 alone, on this machine: who approves, and which groups he has, stands in files.
PROVIDER = """
import http.server, json, pathlib
STATE = pathlib.Path("/var/tmp/provider")
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with (STATE / "log").open("a") as log:
            log.write(self.path + "\\n")
        if self.path == "/device":
            self.answer(200, {"device_code": "canary-device-code-of-the-provider", "user_code": "WDJB-MJHT", "interval": 1,
                              "verification_uri": "http://127.0.0.1:8090/verify", "expires_in": 600})
        elif (STATE / "approved").exists():
            self.answer(200, {"access_token": "canary-access-token", "token_type": "Bearer"})
        else:
            self.answer(400, {"error": "authorization_pending"})
    def do_GET(self):
        self.answer(200, {"id": "4711", "groups": (STATE / "groups").read_text().split()})
http.server.ThreadingHTTPServer(("127.0.0.1", 8090), Handler).serve_forever()
"""
CORP = """[provider:corp]
type=oauth2
issuer=http://127.0.0.1:8090
client-id=tessera
device-endpoint=http://127.0.0.1:8090/device
token-endpoint=http://127.0.0.1:8090/token
userinfo-endpoint=http://127.0.0.1:8090/userinfo
allow-insecure-loopback=yes
group-roles=ops:operator
"""
POLICY = """[role:operator]
[role:everyone]
users=*
[service:sshd]
roles=everyone
methods=pwd;oidc:corp
[service:sudo]
roles=operator
max-age=%s
methods=pwd;oidc:corp
"""


class Corp:
    def __init__(self, host):
        self.host = host

    def configure(self, policy=POLICY % "15min", provider=CORP):
        self.host.write("/etc/tessera/providers.d/corp.conf", provider)
        self.host.write("/etc/tessera/policy.conf", policy)
        self.host.sh("systemctl reload tesserad.service")

    def approve(self, *groups):
        self.host.sh(f"cat > {STATE}/groups; touch {STATE}/approved", input=" ".join(groups))

    def forget(self):
        self.host.sh(f"rm -f {STATE}/approved {STATE}/log; : > {STATE}/log")

    def begun(self):
        return self.host.read(f"{STATE}/log").splitlines().count("/device")


@pytest.fixture
def corp(host):
    shipped = host.read("/etc/tessera/policy.conf")
    corp = Corp(host)
    host.sh(f"mkdir -p {STATE}; cat > /var/tmp/provider.py", input=PROVIDER)
    corp.forget()
    host.sh("systemd-run --quiet --collect --unit=provider python3 /var/tmp/provider.py; sleep 1")
    corp.configure()
    host.sh("tessera user link alice --provider corp --subject 4711")
    # sudo by sudoers, for whoever the gate lets through
    host.write("/etc/sudoers.d/zz-test", "alice ALL=(ALL) ALL\n", 0o440)
    yield corp
    host.sh("rm /etc/sudoers.d/zz-test; tessera user unlink alice --provider corp; systemctl stop provider; "
            "rm /etc/tessera/providers.d/corp.conf")
    host.write("/etc/tessera/policy.conf", shipped)
    host.sh("systemctl reload tesserad.service")


@contextlib.contextmanager
def signed_in(corp, *groups):
    """A shell that was opened by a sign-in at the provider."""
    argv = corp.host.argv([*corp.host._ssh("alice", ["-tt"], "127.0.0.1")])
    child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=60, echo=False, dimensions=(50, 400))
    shell = Shell.__new__(Shell)
    shell.child = child
    child.expect_exact(PROMPT)
    child.sendline("")
    child.expect_exact(ENTER)
    shell.shown = child.before
    corp.approve(*groups)
    child.sendline("")
    shell.settle()
    try:
        yield shell
    finally:
        shell.close()
        corp.forget()


def test_groups_there_are_roles_here(corp, host):
    with signed_in(corp, "staff", "ops") as shell:
        assert LINK in shell.shown and CODE in shell.shown
        assert shell.run("sudo -n id -u") == ("0\n", 0)
        status = json.loads(shell.run("tessera status --json")[0])
        assert status["roles"] == ["everyone", "operator"]
        assert status["session"]["granted"] == ["ops:operator"] and status["session"]["methods"] == ["oidc:corp"]
        assert "by group" in shell.run(f"tessera session show {status['session']['id'][:8]}")[0]
        explained = shell.run("tessera policy explain alice sudo")[0]
        assert 'in the group "ops" at the provider "corp"' in explained and "corp.conf:9" in explained
        # A line that is gone is gone from the login that is open, too.
        corp.configure(provider=CORP.replace("ops:operator", "other:operator"))
        output, status = shell.run("sudo -n id -u")
        assert status == 1 and '"operator"' in output


def test_by_password_there_are_none(corp, host):
    with host.shell("alice", PASSWORDS["alice"]) as shell:
        output, status = shell.run("sudo -n id -u")
        assert status == 1 and '"operator"' in output
    with signed_in(corp, "staff") as shell:
        assert shell.run("sudo -n id -u")[1] == 1


def test_sshd_itself_may_want_such_a_role(corp, host):
    corp.configure((POLICY % "15min").replace("[service:sshd]\nroles=everyone", "[service:sshd]\nroles=operator"))
    assert host.ssh("alice", PASSWORDS["alice"], check=False).returncode == 255
    with signed_in(corp, "ops") as shell:
        assert shell.run("sudo -n id -u") == ("0\n", 0)


@pytest.mark.parametrize("role, told", [("nowhere", 'there is no role "nowhere"'), ("keeper", "may administer tessera")])
def test_a_mistake_is_told_before_it_is_loaded(corp, host, role, told):
    keeper = "\n[role:keeper]\nusers=bob\n[service:tessera]\nroles=keeper\n"
    host.write("/etc/tessera/policy.conf", POLICY % "15min" + keeper)
    host.write("/etc/tessera/providers.d/corp.conf", CORP.replace("ops:operator", f"ops:{role}"))
    for command in ("tessera policy check", "tessera doctor", "systemctl reload tesserad.service; journalctl -u tesserad"):
        said = host.sh(command, check=False).stdout
        assert "/etc/tessera/providers.d/corp.conf:9" in said and told in said, (command, said)
    assert host.sh("tessera policy check", check=False).returncode == 1
    with signed_in(corp, "ops") as shell:  # the old configuration goes on
        assert shell.run("sudo -n id -u") == ("0\n", 0)


def test_a_draft_is_judged_with_the_providers_there_are(corp, host):
    """A reload would refuse it: the provider's file names a role that is not there any more."""
    host.write("/root/draft.conf", "[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\n")
    judged = host.sh("tessera policy check --diff /root/draft.conf", check=False)
    assert judged.returncode == 1 and 'there is no role "operator"' in judged.stdout + judged.stderr, judged
    host.write("/root/draft.conf", POLICY % "1h")
    assert host.sh("tessera policy check --diff /root/draft.conf", check=False).returncode == 0


@pytest.mark.parametrize("options, prompt", [("", None), ("-p 'who goes there? '", "who goes there? "),
                                             ("-S", None), ("-S -p 'who goes there? '", "who goes there? ")])
def test_sudo_shows_the_link_whatever_its_prompt_is(corp, host, options, prompt):
    """sudo -p puts its own prompt in the place of both of ours: what has to be done must stand before it."""
    with signed_in(corp, "ops") as shell:
        corp.configure(POLICY % "1s")
        shell.run("sleep 2.1")
        corp.forget()
        shell.start(f"sudo {options} id -u")
        shell.expect(prompt or PROMPT)
        shell.answer("")
        shell.expect(prompt or ENTER)
        shown = shell.child.before
        assert LINK in shown and CODE in shown, shown
        if prompt:
            assert "press Enter" in shown, shown
        corp.approve("ops")
        shell.answer("")
        output, status = shell.finish()
        assert (output.split()[-1], status) == ("0", 0)


@pytest.mark.parametrize("permitted", [False, True])
def test_O1_the_method_password_begins_nothing(corp, host, permitted):
    """
    It shows nothing and answers every prompt with the one password, also before it is asked for ("none"). sshd
    passes an empty one on only with PermitEmptyPasswords; then Enter alone begins nothing, whatever the method.
    """
    if permitted:
        host.write("/etc/ssh/sshd_config.d/01-test.conf", "PermitEmptyPasswords yes\n")
        host.sh("systemctl restart ssh")
    methods = ["password", "keyboard-interactive"] if permitted else ["password"]
    try:
        for method in methods:
            begin = time.monotonic()
            assert host.ssh("alice", "", options=["-o", f"PreferredAuthentications={method}"], check=False).returncode == 255
            assert time.monotonic() - begin < 15  # nobody waits for an approval
        assert corp.begun() == 0
        host.ssh("alice", PASSWORDS["alice"], options=["-o", "PreferredAuthentications=password"])
        assert json.loads(host.sh("tessera --json throttle").stdout) == []  # it was no guess either
    finally:
        host.sh("rm -f /etc/ssh/sshd_config.d/01-test.conf; systemctl restart ssh")
    with signed_in(corp, "ops") as shell:
        assert shell.run("id -un") == ("alice\n", 0)
