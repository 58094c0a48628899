# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""tessera login --browser at the company's login page, by a real browser on the host, and what else comes back."""

import re
import threading
import urllib.parse

import pytest
from browser import look_at_page, use_scheme
from conftest import PASSWORDS
from company import read_code
from test_sessions import current

DONE = "You are signed in as alice on web1. You can close this page and go back to the terminal."
LINK = re.compile(r"https://login\.example/auth\?\S+")


class Waiting:
    """The command in a login of alice's, waiting for the browser."""

    def __init__(self, shell):
        self.shell = shell
        shell.start("tessera login --browser")
        shell.expect("Go on only if you began this yourself, just now.")
        self.link = LINK.search(shell.child.before)[0]
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.link).query))["redirect_uri"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/callback", back)
        self.port = urllib.parse.urlsplit(back).port

    def end(self):
        return self.shell.finish()


@pytest.fixture
def shell(company):
    use_scheme(company.person.browser, "light")
    with company.web1.shell("alice", PASSWORDS["alice"]) as shell:
        yield shell


def methods(shell):
    return current(shell)["methods"]


def changed(url, **parameters):
    """The same address with other parameters in its query; None: without it."""
    parts = urllib.parse.urlsplit(url)
    query = {**dict(urllib.parse.parse_qsl(parts.query)), **parameters}
    return parts._replace(query=urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})).geturl()


def test_the_page_says_that_it_is_done(company, shell):
    waiting = Waiting(shell)
    company.person.visit(waiting.link, "alice")
    look_at_page(company.person.browser, "host-done", "Signed in", DONE)
    assert company.person.browser.complaints() == []  # its policy threw nothing away
    output, status = waiting.end()
    assert status == 0 and "signed in; session" in output
    assert methods(shell) == ["pwd", "oidc:corp"]
    assert shell.run("sudo -n id -u") == ("0\n", 0)
    company.nothing_is_left()


def test_O3_the_page_says_that_it_was_somebody_else(company, shell):
    waiting = Waiting(shell)
    company.person.visit(waiting.link, "mallory")
    look_at_page(company.person.browser, "host-refused", "Not signed in",
                 "You are not signed in on web1: your identity at corp is not linked to alice")
    output, status = waiting.end()
    assert status == 3 and "not linked" in output
    assert methods(shell) == ["pwd"]
    company.nothing_is_left()


@pytest.mark.parametrize("parameters", [{"state": "0" * 43}, {"state": None}, {"iss": "https://evil.example"}, {"iss": None},
                                        {"code": "0" * 43}, {"code": None}],
                         ids=lambda p: "-".join(f"{'no' if v is None else 'wrong'}-{k}" for k, v in p.items()))
def test_O6_what_comes_back_changed_is_refused(company, shell, parameters):
    """The browser of the right person, who approved it, and one parameter of the answer is another (RFC 9207: iss)."""
    waiting = Waiting(shell)
    with company.person.meddling(lambda url: changed(url, **parameters)):
        page = company.person.visit(waiting.link, "alice")
    assert "Not signed in" in page, page
    assert waiting.end()[1] == 3
    assert methods(shell) == ["pwd"]
    company.nothing_is_left()


def test_O6_a_code_is_good_for_the_flow_that_it_was_given_to(company, shell):
    """One that was used, and one that never was, of another sign-in of the same person's."""
    codes = []

    def keep(url):
        codes.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["code"])
        return url

    waiting = Waiting(shell)
    with company.person.meddling(keep):
        company.person.visit(waiting.link, "alice")
    assert waiting.end()[1] == 0
    waiting = Waiting(shell)
    with company.person.meddling(lambda url: changed(keep(url), code="0" * 43)):
        company.person.visit(waiting.link, "alice")
    assert waiting.end()[1] == 3
    with company.web1.shell("alice", PASSWORDS["alice"]) as other:
        for code in codes:
            waiting = Waiting(other)
            with company.person.meddling(lambda url: changed(url, code=code)):
                assert "Not signed in" in company.person.visit(waiting.link, "alice")
            assert waiting.end()[1] == 3
        assert methods(other) == ["pwd"]


def get(company, port, host, path="/callback?code=4711&state=xyz"):
    """By another program than a browser: the status and the page."""
    text = company.web1.sh(f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n' >&3; "
                           "timeout 10 cat <&3").stdout
    return int(text.split()[1]), text


def test_a_second_hit_is_told_that_it_is_late(company, shell):
    """While the first is at the provider, which takes its time."""
    waiting = Waiting(shell)
    found = []

    def hold(url):
        company.login.signal("STOP")
        threading.Timer(1, lambda: found.append(get(company, waiting.port, f"127.0.0.1:{waiting.port}"))).start()
        threading.Timer(3, lambda: company.login.signal("CONT")).start()
        return url

    with company.person.meddling(hold):
        company.person.visit(waiting.link, "alice")
    assert waiting.end()[1] == 0
    company.web1.wait(lambda: found, what="an answer to the second")
    assert found[0][0] == 410 and "This link has been used" in found[0][1]
    assert DONE.split(".")[0] in company.person.text()
    assert company.web1.sh(f"exec 3<>/dev/tcp/127.0.0.1/{waiting.port}", check=False).returncode != 0


def test_a_foreign_host_header_is_shown_nothing(company, shell):
    """A page of evil.example's whose name means this machine by now; the command goes on waiting."""
    company.web1.sh("grep -q evil.example /etc/hosts || echo '127.0.0.1 evil.example' >> /etc/hosts")
    waiting = Waiting(shell)
    browser = company.person.browser
    for host in ("evil.example", "localhost"):
        browser.open(f"http://{host}:{waiting.port}/callback?code=4711&state=xyz")
        assert "This is not the page you are looking for" in company.person.text()
    for host in ("evil.example", "127.0.0.1", f"127.0.0.1:{waiting.port + 1}", f"[::1]:{waiting.port}"):
        assert get(company, waiting.port, host)[0] == 400
    company.person.visit(waiting.link, "alice")
    assert waiting.end()[1] == 0


def test_with_a_code_in_a_login(company, shell):
    shell.start("tessera login --device-code")
    link, code = read_code(shell.child, "they would be signed in as you.")[1:]
    company.person.approve(link, code, "alice")
    output, status = shell.finish(timeout=60)
    assert status == 0 and "signed in; session" in output
    assert methods(shell) == ["pwd", "oidc:corp"]
