# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The command without a daemon: exit codes, what goes where, and that no secret is an argument."""

import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def run(build):
    def call(*arguments, stdin="", **options):
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([build / "client" / "tessera", *arguments], input=stdin, stderr=subprocess.PIPE,
                              text=True, timeout=30, **options)

    return call


pytestmark = pytest.mark.skipif(os.path.exists("/run/tessera/private"), reason="a daemon runs on this machine")


@pytest.mark.parametrize("arguments, hint", [
    (["sesion"], "session"),
    (["session", "lsit"], "list"),
    (["session", "revoke", "--keep-logn", "x"], "--keep-login"),
    (["statsu"], "status"),
])
def test_usage_says_what_was_meant(run, arguments, hint):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean" in done.stderr and hint in done.stderr


def test_failures_as_json(run):
    for arguments, status, code in ((["status"], 5, "unreachable"), (["bogus"], 2, "usage"),
                                    (["session", "revoke"], 2, "usage"), (["user", "list"], 5, "unreachable")):
        done = run("--json", *arguments)
        assert done.returncode == status
        assert done.stdout == ""
        error = json.loads(done.stderr)["error"]
        assert error["code"] == code
        assert error["message"]
        assert set(error) == {"code", "message", "hint"}


def test_every_command_that_asks_the_daemon_says_that_it_is_not_there(run):
    for line in ("status", "logout", "session list", "session show ab", "session revoke ab", "token print",
                 "user list", "user show bob", "user enable bob", "user disable bob", "role list",
                 "role show admin", "key list"):
        done = run(*line.split())
        assert (done.returncode, done.stdout) == (5, ""), line
        assert "systemctl status" in done.stderr
    for line in ("login", "passwd bob", "token verify"):
        assert run(*line.split(), stdin="a.b.c\nd\n").returncode == 5, line


def test_tokens_that_need_no_daemon_to_be_judged(run):
    assert run("token", "verify", stdin="").returncode == 2
    assert json.loads(run("--json", "token", "verify", stdin="\n").stdout) == {"valid": False, "reason": "missing"}
    for size in (8193, 8 << 20):
        done = run("--json", "token", "verify", stdin="a" * size)
        assert done.returncode == 1
        assert json.loads(done.stdout) == {"valid": False, "reason": "invalid"}


def test_decode_verifies_nothing_and_says_so(run):
    token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJoIiwiZXhwIjoxfQ.c2ln\n"
    assert run("token", "decode", stdin=token).stdout.startswith("nothing was verified")
    assert json.loads(run("--json", "token", "decode", stdin=token).stdout) == {
        "verified": False, "header": {"alg": "none"}, "claims": {"iss": "h", "exp": 1}}
    assert run("token", "decode", stdin="no token").returncode == 1
    assert run("token", "decode", stdin="").returncode == 2


def test_policy_check_tells_every_mistake_with_its_place(run, tmp_path):
    draft = tmp_path / "draft.conf"
    draft.write_text("[role:admin]\nuser=carol\n\n[service:sudo]\nroles=admin;ghost\nmax-age=15\n")
    done = run("policy", "check", draft)
    assert done.returncode == 1
    places = re.findall(rf"^{re.escape(str(draft))}:(\d+):(\d+): ", done.stdout, re.M)
    assert [int(line) for line, _ in places] == sorted({2, 5, 6})
    answer = json.loads(run("--json", "policy", "check", draft).stdout)
    assert not answer["valid"]
    assert all(mistake["message"] and mistake["remedy"] and mistake["column"] for mistake in answer["mistakes"])
    draft.write_text("[role:admin]\nusers=carol\n\n[service:sudo]\nroles=admin\nmax-age=15min\n")
    assert run("policy", "check", draft).returncode == 0
    assert run("policy", "check", tmp_path / "absent").returncode == 1


def test_policy_check_reads_settings_too(run, tmp_path):
    draft = tmp_path / "tessera.conf"
    draft.write_text("[session]\nidle=24\n")
    done = run("policy", "check", draft)
    assert done.returncode == 1
    assert f"{draft}:2:" in done.stdout


def test_answer_that_cannot_be_written_is_a_failure(run):
    with open("/dev/full", "w", encoding="ascii") as full:
        assert run("--help", stdout=full).returncode == 1


def test_closed_descriptors(build):
    command = f"{build}/client/tessera status <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 5


def test_no_configuration_from_the_environment(run):
    """The bus address is ours; DBUS_SYSTEM_BUS_ADDRESS would let its owner answer for the daemon."""
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent", "TESSERA_TOKEN": "x"}
    assert run("status", env=environment).returncode == 5


def test_S5_no_secret_in_arguments_or_environment():
    read = set()
    for source in [*ROOT.glob("client/*.c"), *ROOT.glob("client/lib/*.c")]:
        text = source.read_text()
        read |= set(re.findall(r"getenv\(\s*([^)]*)\)", text))
        assert not re.search(r"\benviron\b|\bsetenv\b|\bputenv\b", text), source
    assert read <= {'"NO_COLOR"', '"TERM"'}


def test_S5_arguments_are_refused_where_a_secret_would_be_one(run):
    for line in ("token verify a.b.c", "token decode a.b.c", "login hunter2", "login --password=hunter2",
                 "login --password hunter2", "user add bob hunter2", "passwd bob hunter2"):
        done = run(*line.split())
        assert done.returncode == 2, line
        assert "hunter2" not in done.stderr and "a.b.c" not in done.stderr
