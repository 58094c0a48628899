# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A company: its login page on a host of its own, a server that offers it, and people with a browser."""

import base64
import contextlib
import pathlib
import re
import shutil
import sys
import time

import pexpect
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests/oidc"))  # behind our own folder: both have a conftest

from browser import OPTIONS, PROGRAM, Chromium  # noqa: E402
from certificates import Authority  # noqa: E402
from host import LOGIN_MAX, PROMPT, Failed  # noqa: E402

LOGIN = "login.example"
ISSUER = f"https://{LOGIN}"
CLIENT_SECRET = "a secret: +%&="
CERTIFIED = ROOT / "tests/oidc/certified"
APPROVED = "Press Enter when you have approved it: "
CODE_SECONDS = 600
PROVIDER = f"""[provider:corp]
issuer={ISSUER}
client-id=tessera-secret
client-secret-file=/etc/tessera/corp.secret
scopes=openid;profile
"""
POLICY = """[role:admin]
groups=sudo
[role:everyone]
users=*
[service:sshd]
roles=everyone
methods=pwd;oidc:corp
[service:sudo]
roles=admin
"""
# Ends soon after there is nothing to do for it, so that a test can wait for that.
IDLE = "[Service]\nExecStart=\nExecStart=/usr/libexec/tessera-oidc --idle=1\n"


class LoginPage:
    """The certified provider (npm oidc-provider) on a host of the network."""

    def __init__(self, host, authority):
        self.host = host
        folder = host.root / "opt/provider"
        shutil.copytree(CERTIFIED, folder, symlinks=True)
        shutil.copy(authority.certificate("company"), folder / "tls.pem")
        self.starts = 0
        self.start()

    def start(self, seconds=CODE_SECONDS):
        # A name of its own each time: systemd forgets one that was killed when it likes.
        self.starts += 1
        self.unit = f"login-page-{self.starts}"
        self.host.sh(f"systemd-run --quiet --collect --unit={self.unit} --working-directory=/opt/provider "
                     f"node provider.mjs 443 tls.pem RS256 {LOGIN} {seconds}")
        self.host.wait("ss -Hltn 'sport = 443' | grep -q .", 30, "the login page")

    def stop(self):
        """At once, without a word to anybody."""
        self.signal("KILL")
        self.host.wait(f"! systemctl is-active {self.unit}")

    def signal(self, name):
        self.host.signal(self.unit, name)

    @contextlib.contextmanager
    def frozen(self):
        """It takes connections, and says nothing."""
        self.signal("STOP")
        try:
            yield
        finally:
            self.signal("CONT")

    @contextlib.contextmanager
    def gone(self):
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def quick(self, seconds):
        """Its codes are good for so long."""
        self.stop()
        self.start(seconds)
        try:
            yield
        finally:
            self.stop()
            self.start()

    def asked(self, what):
        """How often it was asked for something: "POST /token"."""
        return self.host.journal("-u", "login-page-*").count(what)

    def secrets(self):
        """Everything it gave out that is for one party alone, as {kind: the values}."""
        found = {}
        for line in self.host.read("/opt/provider/secrets").splitlines():
            kind, value = line.split(" ", 1)
            found.setdefault(kind, set()).add(value)
        return found


def _fingerprint(path):
    """Of the key of a certificate, as a browser is told to trust it."""
    key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return base64.b64encode(digest.finalize()).decode()


class Person:
    """Somebody with a browser on @host."""

    def __init__(self, host, user, authority):
        options = [*OPTIONS, f"--user-data-dir=/home/{user}/browser", "--host-resolver-rules=MAP fonts.googleapis.com ~NOTFOUND",
                   f"--ignore-certificate-errors-spki-list={_fingerprint(authority.certificate('company'))}"]
        self.browser = Chromium(host.argv([PROGRAM, *options], user=user))

    def visit(self, uri, login, code="", button=None, until=None):
        """Goes from form to form as @login until there is none, or @until is read; the text of the last page."""
        self.browser.ask("Network.clearBrowserCookies")
        self.browser.open(uri)
        for _ in range(10):
            fields = {"user_code": code, "login": login, "password": "of no account here"}
            # To say no there is a button at one of the forms only.
            there = button and self.browser.evaluate(f"!!document.querySelector('button[name={button}]')")
            more = self.browser.submit(fields, button if there else None)
            if not more or there or (until and until in self.text()):
                return self.text()
        raise Failed("forms without end")

    def text(self):
        return self.browser.evaluate("document.body.innerText")

    def approve(self, link, code, login):
        page = self.visit(link, login, code)
        assert "Sign-in Success" in page, page

    def deny(self, link, code):
        page = self.visit(link, "nobody", code, button="abort")
        assert "interrupted" in page, page

    @contextlib.contextmanager
    def meddling(self, change):
        """Each request to this machine itself goes where @change(url) says."""
        def pause(event):
            self.browser.ask("Fetch.continueRequest", requestId=event["requestId"], url=change(event["request"]["url"]))

        self.browser.on["Fetch.requestPaused"] = pause
        self.browser.ask("Fetch.enable", patterns=[{"urlPattern": "http://127.0.0.1:*"}])
        try:
            yield
        finally:
            self.browser.ask("Fetch.disable")
            del self.browser.on["Fetch.requestPaused"]

    def end(self):
        self.browser.end()


def read_code(child, end=APPROVED):
    """What is shown up to @end, which after Enter alone is the second prompt: the text, the link and the code in it."""
    child.expect_exact(end)
    text = child.before.replace("\r\n", "\n")
    link = re.search(r"^\s*(?:\(\S+\) )?\s*(https://\S+)$", text, re.M)
    code = re.search(r"^\s*(?:\(\S+\) )?\s*([A-Z]{4}-[A-Z]{4})$", text, re.M)
    assert link and code, text
    return text, link[1], code[1]


class Knock:
    """Somebody at ssh's prompt of @user who pressed Enter alone."""

    def __init__(self, host, user, address="127.0.0.1"):
        self.host = host
        argv = host.argv(host._ssh(user, [], address))
        self.child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=LOGIN_MAX, echo=False, dimensions=(50, 400))
        self.child.expect_exact(PROMPT)
        began = time.monotonic()
        self.child.sendline("")
        self.text, self.link, self.code = read_code(self.child)
        self.seconds = time.monotonic() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    def leave(self):
        """ssh is killed. Whose terminal was only closed would have pressed Enter, as ssh sees it."""
        if self.child.isalive():
            self.host.sh("pkill -KILL -x ssh", check=False)
        self.child.close(force=True)

    def enter(self):
        self.child.sendline("")

    def refused(self, seconds):
        """Waits until ssh says no, not longer than @seconds; what it said, and how long it took."""
        began = time.monotonic()
        self.child.expect(pexpect.EOF, timeout=seconds)
        self.child.close()
        assert self.child.exitstatus == 255, self.child.before
        return self.child.before.strip(), time.monotonic() - began


class Company:
    """login.example with the login page, web1 that offers it at ssh, and a person at web1 with a browser."""

    def __init__(self, network, scratch, server):
        self.authority = Authority(scratch)
        self.network = network
        self.login = LoginPage(network.host(LOGIN), self.authority)
        self.web1 = server
        self.furnish(server)
        server.sh("useradd -m -s /bin/bash ann")
        self.person = Person(server, "ann", self.authority)

    def furnish(self, host):
        host.write("/usr/local/share/ca-certificates/company.crt", self.authority.path.read_text())
        host.sh("update-ca-certificates")
        host.sh("umask 027; cat > /etc/tessera/corp.secret; chgrp tessera-oidc /etc/tessera/corp.secret", input=CLIENT_SECRET + "\n")
        host.sh("mkdir -p /etc/systemd/system/tessera-oidc.service.d")
        host.write("/etc/systemd/system/tessera-oidc.service.d/idle.conf", IDLE)
        host.sh("systemctl daemon-reload")
        self.configure()
        host.sh("tessera user link alice --provider corp --subject alice")

    def configure(self, provider=PROVIDER, policy=POLICY):
        self.web1.write("/etc/tessera/providers.d/corp.conf", provider)
        self.web1.write("/etc/tessera/policy.conf", policy)
        self.web1.sh("tessera policy check; systemctl reload-or-restart tesserad.service")

    @contextlib.contextmanager
    def configured(self, **other):
        self.configure(**other)
        try:
            yield
        finally:
            self.configure()

    def approves(self, login):
        """For Host.shell(): Enter alone, approved by @login in a browser, Enter."""
        def answer(child):
            child.expect_exact(PROMPT)
            child.sendline("")
            _, link, code = read_code(child)
            self.person.approve(link, code, login)
            child.sendline("")
        return answer

    def shell(self, user="alice", login=None):
        return self.web1.shell(user, self.approves(login or user))

    def nothing_is_left(self, seconds=15):
        """No flow at the helper, which ends by itself without one, and nobody waits at sshd."""
        over = "! systemctl is-active --quiet tessera-oidc.service && ! pgrep -f '^sshd: .*\\[(accepted|net|pam)\\]'"
        try:
            self.web1.wait(over, seconds)
        except Failed:
            raise Failed(self.web1.sh("pgrep -a -f 'sshd|sudo|oidc'; journalctl -n 20 -u tessera-oidc -u tesserad").stdout) from None

    def log(self, reason):
        """The audit's records with this reason."""
        return self.web1.journal("TESSERA_REASON=" + reason)
