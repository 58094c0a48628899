# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""End to end with a certified provider (npm oidc-provider): a human's part is played on its own forms."""

import html.parser
import http.cookiejar
import pathlib
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from helper import REDIRECT_URI, Refused

FOLDER = pathlib.Path(__file__).parent / "certified"
WHO = {"subject": "alice", "user": "alice", "name": "alice Example", "groups": ["staff", "ops"]}
SECRET = "a secret: +%&=\n"


class Certified:
    def __init__(self, authority, alg):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.issuer = f"https://localhost:{port}"
        self.process = subprocess.Popen(["node", "provider.mjs", str(port), authority.certificate("good"), alg], cwd=FOLDER,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line == "ready\n":
                return
        pytest.fail("".join(said))

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def certified(request, authority):
    if not (FOLDER / "node_modules").is_dir() or not shutil.which("node"):
        pytest.skip("no oidc-provider here: tests/install test")
    provider = Certified(authority, request.param)
    yield provider
    provider.end()


class Form(html.parser.HTMLParser):
    """The first form of a page: where it goes and what it says."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action", "")
        elif tag == "input" and attributes.get("name"):
            self.fields.setdefault(attributes["name"], attributes.get("value") or "")


class Back(Exception):
    """The provider sent the browser back to the command."""


class Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, fp, code, message, headers, url):
        if url.startswith(REDIRECT_URI):
            raise Back(urllib.parse.urlsplit(url).query)
        return super().redirect_request(request, fp, code, message, headers, url)


class Browser:
    def __init__(self, authority):
        context = ssl.create_default_context(cafile=authority.path)
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), Redirects(), urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def open(self, url, fields=None):
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        with self.opener.open(urllib.request.Request(url, data), timeout=10) as reply:
            return reply.geturl(), reply.read().decode()

    def go(self, url, **answers):
        """Fills in one form after the other until there is none. The last page, or what Back brought."""
        try:
            url, page = self.open(url)
            for _ in range(10):
                form = Form(page)
                if form.action is None:
                    return page
                fields = {**form.fields, **{name: value for name, value in answers.items() if name in form.fields}}
                url, page = self.open(urllib.parse.urljoin(url, form.action), fields)
        except Back as back:
            return str(back)
        raise AssertionError(f"forms without end: {page}")


@pytest.fixture
def configured(make_helper, certified, authority):
    helper = make_helper()
    helper.configure(certified, scopes="openid;profile;groups")
    helper.configure(certified, "secret", client_id="tessera-secret", scopes="openid;profile;groups",
                     client_secret_file=helper.secret(SECRET))
    (helper.providers / "secret.conf").rename(helper.folder / "secret.conf")  # one issuer, one file
    client = helper.start().connect()
    yield helper, client, Browser(authority)
    client.close()


def use_the_secret(helper):
    (helper.providers / "corp.conf").unlink()
    (helper.folder / "secret.conf").rename(helper.providers / "secret.conf")
    return "secret"


@pytest.mark.parametrize("secret", [False, True])
def test_device_flow_with_a_certified_provider(configured, certified, secret):
    helper, client, browser = configured
    name = use_the_secret(helper) if secret else "corp"
    assert client.check(name) == (True, "")
    flow, shown = client.start_device(name)
    assert shown["interval"] == 5
    assert client.wait(flow, 0) == ("pending", {})
    browser.go(shown["uri_complete"], login="alice", password="x")
    assert client.wait(flow) == ("approved", {"issuer": certified.issuer, **WHO})


@pytest.mark.parametrize("secret", [False, True])
def test_code_flow_with_a_certified_provider(configured, certified, secret):
    helper, client, browser = configured
    flow, url = client.start_code(use_the_secret(helper) if secret else "corp")
    query = browser.go(url, login="alice", password="x")
    assert client.redirect(flow, query) == ("approved", {"issuer": certified.issuer, **WHO})


def test_O6_a_code_is_good_once_and_in_its_own_flow(configured):
    _, client, browser = configured
    flow, url = client.start_code()
    brought = dict(urllib.parse.parse_qsl(browser.go(url, login="alice", password="x")))
    other, other_url = client.start_code()
    state = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(other_url).query))["state"]
    stolen = urllib.parse.urlencode({**brought, "state": state})
    assert client.redirect(other, stolen) == ("failed", {"reason": "provider-error"})  # PKCE
    with pytest.raises(Refused, match="NotFound"):
        client.redirect(other, stolen)


def test_O4_a_human_who_says_no(configured):
    _, client, browser = configured
    flow, shown = client.start_device()
    _, page = browser.open(shown["uri_complete"])
    form = Form(page)
    browser.open(urllib.parse.urljoin(shown["uri"], form.action), {**form.fields, "abort": "yes"})
    assert client.wait(flow) == ("denied", {"reason": "denied"})
