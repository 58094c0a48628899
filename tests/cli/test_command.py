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

# The first vector of docs/refresh-tokens.md.
PUBLIC_KEY = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
REFRESH_TOKEN = ("ts1_AAECAwQFBgcICQoLDA0ODwAAAAFFIMZuZhzt-Yaj4C73f0DxBt_ATqaVubR43hqmXeuuQLR1J2sUqs7wccCrOMN_tgzOpu"
                 "o1MtaCaKeUfv_ummkA")

POINT = {"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
TICKET_KEY = {"kid": "k1", "kty": "EC", "crv": "P-256", **POINT}


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
    for arguments, status, code in ((["session"], 5, "unreachable"), (["bogus"], 2, "usage"),
                                    (["session", "revoke"], 2, "usage"), (["user", "list"], 5, "unreachable")):
        done = run("--json", *arguments)
        assert done.returncode == status
        assert done.stdout == ""
        error = json.loads(done.stderr)["error"]
        assert error["code"] == code
        assert error["message"]
        assert set(error) == {"code", "message", "hint"}


def test_every_command_that_asks_the_daemon_says_that_it_is_not_there(run):
    for line in ("logout", "session list", "session show ab", "session revoke ab", "token print",
                 "user list", "user show bob", "user enable bob", "user disable bob", "role list",
                 "role show admin", "role grant admin bob", "role revoke admin bob", "key list", "key export", "key prepare", "key rotate", "key rename web1",
                 "device list", "device revoke laptop", "trust list", "device add --name robot --user alice"):
        done = run(*line.split())
        assert (done.returncode, done.stdout) == (5, ""), line
        assert "systemctl status" in done.stderr
    for line in ("login", "passwd bob", "token verify"):
        assert run(*line.split(), stdin="a.b.c\nd\n").returncode == 5, line
    assert run("token", "refresh", stdin=REFRESH_TOKEN).returncode == 5
    assert run("device", "add", "--name", "laptop", "--user", "alice", stdin=PUBLIC_KEY).returncode == 5


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


def test_decode_of_a_refresh_token(run):
    done = run("token", "decode", stdin=REFRESH_TOKEN + "\n")
    assert "signature was not looked at" in done.stdout
    assert "000102030405060708090a0b0c0d0e0f" in done.stdout
    assert json.loads(run("--json", "token", "decode", stdin=REFRESH_TOKEN).stdout) == {
        "verified": False, "device": "000102030405060708090a0b0c0d0e0f", "counter": 1}
    for damaged in (REFRESH_TOKEN[:-1], REFRESH_TOKEN + "A", REFRESH_TOKEN[:-1] + "=", "ts1_"):
        done = run("token", "decode", stdin=damaged)
        assert (done.returncode, done.stdout) == (1, "")


def test_what_is_no_refresh_token_is_not_sent(run):
    """There is no daemon here: whoever asked it would get 5."""
    for text in ("hunter2", "a.b.c", "TS1_x", "x" * 9000):
        done = run("token", "refresh", stdin=text)
        assert done.returncode == 1
        assert text not in done.stderr
    assert run("token", "refresh", stdin="").returncode == 2
    assert run("token", "refresh", "--min-ttl", "soon", stdin=REFRESH_TOKEN).returncode == 2
    done = run("--json", "token", "verify", stdin=REFRESH_TOKEN)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"valid": False, "reason": "invalid"})


def test_device_add_wants_a_name_and_a_key_or_nothing(run):
    assert run("device", "add", "--user", "alice").returncode == 2
    for name in ("", "a b", "-x", "x" * 65, "ü"):
        assert run("device", "add", f"--name={name}", "--user", "alice", stdin=PUBLIC_KEY).returncode == 2, name
    for key in ("\n\n", PUBLIC_KEY[:-1], PUBLIC_KEY + "=", PUBLIC_KEY + "\n\n", PUBLIC_KEY[:-1] + "h", "hunter2",
                "x" * 9000):
        done = run("device", "add", "--name", "laptop", "--user", "alice", stdin=key)
        assert (done.returncode, done.stdout) == (2, ""), key
        assert key not in done.stderr
    assert run("device", "list", "--user", "alice", "--all-users").returncode == 2


def test_names_that_no_host_has(run):
    for line in ("key rename WEB1", "key rename -- -", "token print --audience a/b", "trust remove ../policy",
                 "trust add .. --users * --roles *"):
        assert run(*line.split()).returncode == 2, line


def test_trust_is_not_given_unsaid(run):
    keys = json.dumps({"keys": [TICKET_KEY]})
    for options in ([], ["--users", "alice"], ["--roles", "everyone"], ["--users", "", "--roles", "*"],
                    ["--users", "*,alice", "--roles", "*"], ["--users", "alice alice", "--roles", "*"],
                    ["--users", "al:ice", "--roles", "*"], ["--users", "*", "--roles", "a/b"]):
        done = run("trust", "add", "web1", *options, stdin=keys)
        assert (done.returncode, done.stdout) == (2, ""), options
    assert "nothing is trusted that was not said" in run("trust", "add", "web1", stdin=keys).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked for keys")
def test_keys_that_are_refused_before_anything_is_written(run):
    for text, word in (("no JWKS", "no JWKS"), ('{"keys":[]}', "1 to 16"), ("x" * 65537, "64 KiB"),
                       (json.dumps({"keys": [{**TICKET_KEY, "d": "hunter2"}]}), "secret"),
                       (json.dumps({"keys": [TICKET_KEY, TICKET_KEY]}), "two keys")):
        done = run("trust", "add", "web1", "--users", "*", "--roles", "*", stdin=text)
        assert (done.returncode, done.stdout) == (1, ""), text[:80]
        assert word in done.stderr and "hunter2" not in done.stderr
    assert run("trust", "add", "web1", "--users", "*", "--roles", "*", stdin="").returncode == 2
    assert not os.path.exists("/etc/tessera/trust.d/web1.conf")


def test_policy_check_reads_a_trusted_host(run, tmp_path):
    draft = tmp_path / "web1.conf"
    draft.write_text("# a draft\n[host:web1]\nuser=alice\n")
    done = run("policy", "check", draft)
    assert done.returncode == 1
    assert f"{draft}:3:" in done.stdout
    draft.write_text(f"[host:web1]\nusers=alice\nroles=everyone\nkeys={json.dumps({'keys': [TICKET_KEY]})}\n")
    assert run("policy", "check", draft).returncode == 0


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
    command = f"{build}/client/tessera session <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 5


def test_no_configuration_from_the_environment(run):
    """The bus address is ours; DBUS_SYSTEM_BUS_ADDRESS would let its owner answer for the daemon."""
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent", "TESSERA_TOKEN": "x"}
    assert run("session", env=environment).returncode == 5


def test_S5_no_secret_in_arguments_or_environment():
    read = set()
    for source in [*ROOT.glob("client/*.c"), *ROOT.glob("client/lib/*.c")]:
        text = source.read_text()
        read |= set(re.findall(r"getenv\(\s*([^)]*)\)", text))
        assert not re.search(r"\benviron\b|\bsetenv\b|\bputenv\b", text), source
    assert read <= {'"NO_COLOR"', '"TERM"', '"HOME"', '"XDG_STATE_HOME"', '"XDG_RUNTIME_DIR"', '"SSH_ASKPASS_PROMPT"',
                    '"DISPLAY"', '"WAYLAND_DISPLAY"', '"SSH_CONNECTION"', "SSH_RUN_VARIABLE"}
    # Of which the last says whom a prompt may be answered for, and is all that is written, with askpass' own.
    written = set(re.findall(r"g_environ_setenv\(\w+, (\S+),", (ROOT / "client/ssh-run.c").read_text()))
    assert written == {'"SSH_ASKPASS"', '"SSH_ASKPASS_REQUIRE"', "SSH_RUN_VARIABLE"}


def test_S5_arguments_are_refused_where_a_secret_would_be_one(run):
    for line in ("token verify a.b.c", "token decode a.b.c", "login --password=hunter2", "login web1 --device=hunter2",
                 "login web1 --device hunter2", "user add bob hunter2", "passwd bob hunter2", "token refresh a.b.c",
                 "device add hunter2 --name x", "key export hunter2"):
        done = run(*line.split())
        assert done.returncode == 2, line
        assert "hunter2" not in done.stderr and "a.b.c" not in done.stderr
