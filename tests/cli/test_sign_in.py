# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Signing in at a provider, with a daemon that answers what we want (tests/pam/mock.py)."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

# Behind our own folder: both have a conftest.
sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "pam"))

from mock import ALLOW, DENY, FLOW, ID, WHERE, Error, Mock, Reply, verdict  # noqa: E402
from test_tty import Terminal  # noqa: E402

TESSERA = "org.tessera.Tessera1.Error."
STILL = verdict("pending", flow=FLOW)
AUTHORIZE = "https://login.example.org/authorize?response_type=code&state=xyz"
TEXT = """Sign in to web1.example.org as root, with corp.
Open this link in a browser, on any device:
    https://login.example.org/device
and enter this code there:
    WDJB-MJHT
Go on only if you began this yourself, just now. If somebody sent you the link or
the code, stop: they would be signed in as you.
"""
# The command among mounts where the daemon's socket is ours.
ENTER = """
set -e
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir /run/tessera
mount --bind "$1" /run/tessera
shift
exec "$@"
"""


def started(**more):
    where = {key.replace("_", "-"): value for key, value in (WHERE | more).items() if value is not None and key != "flow"}
    return Reply("sa{sv}", [FLOW, {key: ("u" if isinstance(value, int) else "s", value) for key, value in where.items()}])


CODE_FLOW = started(uri=AUTHORIZE, uri_complete=None, user_code=None)


class Command:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        self.processes = []

    def argv(self, *arguments):
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "enter", str(self.folder / "run"),
                str(self.build / "client/tessera"), *arguments]

    def run(self, *arguments, **options):
        return subprocess.run(self.argv(*arguments), env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, **options)

    def start(self, *arguments):
        self.processes.append(subprocess.Popen(self.argv(*arguments), env=self.environment, stdin=subprocess.DEVNULL,
                                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return self.processes[-1]


@pytest.fixture
def command(build, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs a mount namespace")
    (tmp_path / "run").mkdir()
    (tmp_path / "bin").mkdir()
    made = Command(build, tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


@pytest.fixture
def daemon(command):
    mock = Mock(str(command.folder / "run/private"))
    mock.answers.update(StartSignIn=started(), FinishSignIn=ALLOW)
    yield mock
    mock.close()


def answers(*them):
    """One after the other; the last goes on."""
    them = list(them)
    return lambda call: them.pop(0) if len(them) > 1 else them[0]


def test_O1_with_a_code(command, daemon):
    daemon.answers["FinishSignIn"] = answers(STILL, Error(TESSERA + "Busy"), ALLOW)
    done = command.run("login", "--device-code", "--provider", "corp")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"signed in; session {ID[:8]}\n", TEXT)
    start, *finish = daemon.calls
    assert (start["method"], start["values"]) == ("StartSignIn", [{"provider": "corp"}])
    assert [call["values"][0] for call in finish] == [FLOW] * 3
    assert [(call["secret"], call["seals"], call["values"][2]) for call in finish] == [(b"", 15, {})] * 3


def test_json(command, daemon):
    done = command.run("--json", "login", "--device-code")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"changed": True, "session": ID}, TEXT)
    assert daemon.calls[0]["values"] == [{}]


@pytest.mark.parametrize("answer, status, code", [
    (DENY, 3, "credential"), (verdict("deny", reason="role-missing", message="no"), 3, "role-missing"),
    (verdict("not-ours"), 3, "not-enrolled"), (verdict("step-up", reason="method"), 3, "method"),
    (verdict("approved"), 1, "version"), (verdict("pending", flow="x"), 1, "version"),
    (Error(TESSERA + "NotFound", "there is no such sign-in"), 1, "not-found"),
    (Error(TESSERA + "StoreUnavailable"), 5, "store")], ids=range(8))
def test_what_is_no_yes(command, daemon, answer, status, code):
    daemon.answers["FinishSignIn"] = answer
    done = command.run("--json", "login", "--device-code")
    assert (done.returncode, done.stdout) == (status, "")
    assert json.loads(done.stderr.removeprefix(TEXT))["error"]["code"] == code


def test_P7_nobody_approves(command, daemon):
    daemon.answers.update(StartSignIn=started(expires_in=3), FinishSignIn=STILL)
    begin = time.monotonic()
    done = command.run("--json", "login", "--device-code")
    assert (done.returncode, json.loads(done.stderr.removeprefix(TEXT))["error"]["code"]) == (1, "expired")
    assert 2.5 < time.monotonic() - begin < 8


ODD = [{"uri": None}, {"uri": "http://login.example.org/"}, {"uri": "https://a/\x1b[2J"}, {"user_code": None},
       {"user_code": "a\nb"}, {"host": "a b"}, {"provider": None}, {"uri_complete": "javascript:x"}]


@pytest.mark.parametrize("way, odd", [(way, odd) for way in ("--device-code", "--browser") for odd in ODD
                                      if (way, odd) != ("--browser", {"user_code": None})])  # a code flow has none
def test_what_cannot_be_shown_is_not(command, daemon, odd, way):
    daemon.answers["StartSignIn"] = started(**odd)
    done = command.run("--json", "login", way)
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr)["error"]["code"] == "version"
    assert daemon.methods() == ["StartSignIn"]


def test_usage(command):
    for arguments in (["--device-code", "--browser"], ["--password", "--browser"], ["--provider", "corp"],
                      ["--password", "--provider", "corp"], ["--browser", "alice@web1"], ["--device-code", "web1"],
                      ["--device-code", "--no-input"], ["--browser", "--no-input"]):
        done = command.run("login", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
    for arguments in (["link", "alice"], ["link", "alice", "--provider", "corp"], ["link", "alice", "--subject", "1"],
                      ["unlink", "alice"]):
        assert command.run("user", *arguments).returncode == 2, arguments


def test_no_daemon(command):
    assert command.run("login", "--device-code").returncode == 5
    assert command.run("login", "--browser").returncode == 5


# At a terminal


@pytest.fixture
def terminal(command):
    opened = []

    def start(*arguments, rows=60, columns=100, **environment):
        import fcntl
        import struct
        import termios
        opened.append(Terminal(["sh", "-c", 'read go; exec "$@"', "wait", *command.argv(*arguments)],
                               env=command.environment | environment))
        fcntl.ioctl(opened[-1].slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        opened[-1].type("\n")
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.mark.parametrize("options, environment, shown", [
    ({}, {}, True), ({}, {"LC_ALL": "C"}, False), ({}, {"TERM": "dumb"}, False), ({"columns": 30}, {}, False),
    ({"rows": 10}, {}, False), ({}, {"NO_COLOR": "1"}, True)], ids=range(6))
def test_qr_code_where_it_can_be_shown(terminal, daemon, options, environment, shown):
    term = terminal("login", "--device-code", **options, **environment)
    assert term.wait() == 0
    text = term.read_rest()
    assert ("\u2580" in text) == shown
    assert ("\033[38;5;16;48;5;231m" in text) == (shown and "NO_COLOR" not in environment)
    assert "WDJB-MJHT" in text


def test_something_turns_and_is_gone(terminal, daemon):
    daemon.answers["FinishSignIn"] = answers(STILL, ALLOW)
    term = terminal("login", "--device-code")
    assert term.wait() == 0
    assert re.search(r"\rWaiting for the approval / .*\r\x1b\[Ksigned in; session", term.read_rest(), re.S)


def test_interrupt_leaves(terminal, daemon):
    daemon.answers["FinishSignIn"] = STILL
    term = terminal("login", "--device-code")
    term.read_until("Waiting for the approval /")
    term.type("\x03")
    assert term.wait() == -signal.SIGINT
    assert term.attributes() == term.before


# In the browser


class Browser:
    """The command, waiting; and what one can send there."""

    def __init__(self, command, *more):
        self.process = command.start("login", "--browser", *more)
        self.shown = ""
        while "Go on only" not in self.shown:
            line = self.process.stderr.readline()
            assert line, self.shown
            self.shown += line

    def port(self, daemon):
        uri = urllib.parse.urlsplit(daemon.calls[0]["values"][0]["redirect_uri"])
        assert (uri.scheme, uri.hostname, uri.path, uri.query) == ("http", "127.0.0.1", "/callback", "")
        return uri.port

    def end(self):
        stdout, stderr = self.process.communicate(timeout=30)
        return self.process.returncode, stdout, stderr


def get(port, path="/callback?code=4711&state=xyz", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    page = response.read().decode()
    connection.close()
    return response, page


def test_in_the_browser(command, daemon):
    daemon.answers["StartSignIn"] = CODE_FLOW
    browser = Browser(command, "--provider", "corp")
    assert browser.shown == ("Sign in to web1.example.org as root, with corp.\n"
                             f"Open this link in a browser on this machine:\n    {AUTHORIZE}\n"
                             "Go on only if you began this yourself, just now.\n")
    response, page = get(browser.port(daemon))
    assert response.status == 200 and "You are signed in as <b>root</b> on <b>web1.example.org</b>" in page
    assert response.headers["Cache-Control"] == "no-store" and response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert browser.end() == (0, f"signed in; session {ID[:8]}\n", "")
    finish = daemon.calls[1]
    assert (finish["method"], finish["values"][0], finish["values"][2]) == ("FinishSignIn", FLOW, {})
    assert (finish["secret"], finish["seals"]) == (b"code=4711&state=xyz", 15)


def test_browser_json(command, daemon):
    daemon.answers["StartSignIn"] = CODE_FLOW
    browser = Browser(command, "--json")
    get(browser.port(daemon))
    status, stdout, _ = browser.end()
    assert (status, json.loads(stdout)) == (0, {"changed": True, "session": ID})


def test_O3_the_page_says_why_not(command, daemon):
    daemon.answers.update(StartSignIn=CODE_FLOW, FinishSignIn=verdict("deny", reason="credential", message="<b>not & you</b>"))
    browser = Browser(command)
    response, page = get(browser.port(daemon))
    assert response.status == 200 and "Not signed in</h1>" in page and "&lt;b&gt;not &amp; you&lt;/b&gt;." in page
    status, stdout, stderr = browser.end()
    assert (status, stdout) == (3, "") and "not & you" in stderr


def test_a_daemon_that_goes_away_is_no_yes(command, daemon):
    daemon.answers.update(StartSignIn=CODE_FLOW, FinishSignIn="hang up")
    browser = Browser(command)
    _, page = get(browser.port(daemon))
    assert "Not signed in</h1>" in page
    assert browser.end()[0] == 5


def test_what_is_not_the_browser_is_answered_and_waited_past(command, daemon):
    daemon.answers["StartSignIn"] = CODE_FLOW
    browser = Browser(command)
    port = browser.port(daemon)
    for path, headers in (("/", {}), ("/callback", {}), ("/favicon.ico", {}), ("/callback?a", {"Host": "evil.example"}),
                          ("/callback?a", {"Host": f"localhost:{port}"}), ("/callback?a", {"Content-Length": "3"}),
                          ("/callback?a", {"X": "x" * 17 * 1024}), ("/callback?a", {"Sec-Fetch-Mode": "no-cors"})):
        response, page = get(port, path, **headers)
        assert response.status == 400 and "tessera" in page, path
    assert daemon.methods() == ["StartSignIn"]
    assert get(port)[0].status == 200
    assert browser.end()[0] == 0


def test_a_second_visit_is_late(command, daemon):
    def slow(call):
        time.sleep(1)
        return ALLOW

    daemon.answers.update(StartSignIn=CODE_FLOW, FinishSignIn=slow)
    browser = Browser(command)
    port = browser.port(daemon)
    found = []
    visits = [threading.Thread(target=lambda: found.append(get(port)[0].status)) for _ in range(2)]
    for visit in visits:
        visit.start()
        time.sleep(0.3)
    for visit in visits:
        visit.join()
    assert sorted(found) == [200, 410]
    assert browser.end()[0] == 0
    assert daemon.methods().count("FinishSignIn") == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_only_this_machine_can_reach_it(command, daemon):
    daemon.answers["StartSignIn"] = CODE_FLOW
    port = Browser(command).port(daemon)
    listening = subprocess.run(["ss", "-Htln", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    assert [line.split()[3] for line in listening.splitlines()] == [f"127.0.0.1:{port}"]


def test_nobody_comes(command, daemon):
    daemon.answers["StartSignIn"] = started(uri=AUTHORIZE, expires_in=1)
    done = command.run("--json", "login", "--browser")
    assert done.returncode == 1 and '"code":"expired"' in done.stderr
    assert daemon.methods() == ["StartSignIn"]


@pytest.mark.parametrize("environment, opened", [({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "w"}, True), ({}, False)])
def test_the_desktops_opener(command, daemon, environment, opened):
    daemon.answers["StartSignIn"] = CODE_FLOW
    found = command.folder / "opened"
    (command.folder / "bin/xdg-open").write_text(f'#!/bin/sh\necho noise; echo noise >&2\nprintf "%s\\n" "$#" "$1" > {found}.new\n'
                                                 f'mv {found}.new {found}\n')
    (command.folder / "bin/xdg-open").chmod(0o755)
    command.environment |= environment
    browser = Browser(command)
    assert ("A browser opens now" in browser.shown) == opened
    assert "noise" not in browser.shown
    get(browser.port(daemon))
    assert browser.end()[0] == 0
    if opened:
        for _ in range(100):
            if found.exists():
                break
            time.sleep(0.05)
        assert found.read_text() == f"1\n{AUTHORIZE}\n"
    else:
        assert not found.exists()


def test_over_ssh_it_says_how(command, daemon):
    daemon.answers["StartSignIn"] = CODE_FLOW
    command.environment["SSH_CONNECTION"] = "192.0.2.7 1 192.0.2.8 22"
    browser = Browser(command)
    port = browser.port(daemon)
    assert f"ssh -L {port}:127.0.0.1:{port}" in browser.shown and "--device-code" in browser.shown


# Users


def test_users_and_providers(command, daemon):
    daemon.answers.update(Show=Error(TESSERA + "NotFound"), Add=Reply("s", [""]), Link=Reply("b", [1]), Unlink=Reply("b", [0]))
    done = command.run("user", "add", "carol", "--provider", "corp")
    assert (done.returncode, done.stdout) == (0, "added carol; linked at the first sign-in with corp\n")
    assert daemon.calls[-1]["values"][::2] == ["carol", {"provider": "corp"}] and daemon.calls[-1]["secret"] == b""
    done = command.run("--json", "user", "link", "carol", "--provider", "corp", "--subject", "248289761001")
    assert json.loads(done.stdout) == {"changed": True, "user": "carol", "provider": "corp"}
    assert daemon.calls[-1]["values"] == ["carol", "corp", "248289761001"]
    done = command.run("user", "unlink", "carol", "--provider", "corp")
    assert done.stdout == "carol is not linked to corp; nothing changed\n"
    assert daemon.calls[-1]["values"] == ["carol", "corp"]


def test_users_are_shown_with_their_identities(command, daemon):
    user = {"user": ("s", "carol"), "uid": ("u", 20003), "enabled": ("b", 1), "password": ("b", 0),
            "roles": ("as", ["everyone"])}
    rows = ((["corp: 4711"], "", "corp: 4711", None), ([], "corp", "(awaits corp)", "corp"), ([], "", "-", None),
            (["corp: 4711"], "club", "corp: 4711 (awaits club)", "club"))
    for identities, awaits, text, member in rows:
        entry = user | {"identities": ("as", identities), "awaits": ("s", awaits)}
        daemon.answers.update(List=Reply("aa{sv}", [[entry]]), Show=Reply("a{sv}", [entry]))
        assert command.run("user").stdout.splitlines()[1].endswith(f"everyone  {text}")
        assert f"identities  {text}\n" in command.run("user", "show", "carol").stdout
        [listed] = json.loads(command.run("--json", "user").stdout)
        assert (listed["identities"], listed["awaits"]) == (identities, member)


def test_the_doctor_says_which_provider_answers(command, daemon):
    """It asks the daemon once for all that this finds."""
    said = {"finished": ("b", True), "database": ("s", ""), "providers": ("as", ["corp", "club: metadata: no keys"])}
    daemon.answers["Check"] = Reply("a{sv}", [said])
    findings = [f for f in json.loads(command.run("--json", "doctor").stdout) if f["check"] in ("providers", "database")]
    assert [(f["state"], f["text"]) for f in findings] == [
        ("ok", "the database is whole"), ("ok", "corp answers"), ("fail", "nobody can sign in at club: metadata: no keys")]
    assert "tessera-oidc" in findings[-1]["remedy"]
    assert [call["method"] for call in daemon.calls].count("Check") == 1
    daemon.answers["Check"] = Error(TESSERA + "Busy")
    findings = [f for f in json.loads(command.run("--json", "doctor").stdout) if f["check"] == "providers"]
    assert [f["state"] for f in findings] == ["skipped"]


def test_the_doctor_does_not_mend_a_fleets_store_by_a_file_of_this_host(command, daemon):
    for shared, finished, damage, state in ((False, True, "page 7", "fail"), (True, True, "session x", "fail"),
                                            (False, False, "", "skipped"), (True, False, "", "skipped")):
        said = {"finished": ("b", finished), "database": ("s", damage), "shared": ("b", shared), "providers": ("as", [])}
        daemon.answers["Check"] = Reply("a{sv}", [said])
        [found] = [f for f in json.loads(command.run("--json", "doctor").stdout) if f["check"] == "database"]
        assert found["state"] == state and damage in found["text"]
        assert ("tessera.db" in found["text"] + (found["remedy"] or "")) != shared, found


def test_a_provider_that_takes_its_time_to_begin_is_waited_for(command, daemon):
    """The daemon waits for it twelve seconds; who gave up before would leave what has begun behind."""
    def slowly(call):
        time.sleep(11)
        return started()

    daemon.answers["StartSignIn"] = slowly
    assert command.run("login", "--device-code").returncode == 0
