# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Access tokens: one opens a login, and every way to bend one is refused, each with its reason."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from conftest import PASSWORDS, forgive

ALICE = PASSWORDS["alice"]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(host, token, *options):
    result = host.sh(["tessera", "token", "verify", "--json", *options], user="bob", input=token, check=False)
    answer = json.loads(result.stdout)
    assert answer["valid"] is (result.returncode == 0)
    return answer.get("reason", "valid"), result.returncode


@pytest.fixture
def login(host):
    with host.shell("alice", ALICE) as shell:
        yield shell


@pytest.fixture
def token(login):
    return login.run("tessera token print")[0].strip()


def test_a_token_opens_a_second_login_at_the_same_prompt(host, token):
    assert len(token) <= 511
    assert verify(host, token) == ("valid", 0)
    found = json.loads(host.ssh("alice", token, "tessera status --json").stdout)["session"]
    assert found["methods"] == ["tok"] and found["parent"]
    parent = json.loads(host.sh(["tessera", "--json", "session", "show", found["parent"]]).stdout)
    assert found["auth_time"] == parent["auth_time"] and found["ends"] <= parent["ends"]


def test_another_users_name(host, token):
    assert host.ssh("bob", token, check=False).returncode == 255
    assert host.ssh("carol", token, check=False).returncode == 255


def test_verify_says_which_role_is_missing(host, token):
    assert verify(host, token, "--role", "admin") == ("valid", 0)
    assert verify(host, token, "--role", "no-such-role") == ("role-missing", 3)
    assert verify(host, token, "--audience", "web2") == ("wrong-audience", 1)
    assert verify(host, "") == ("missing", 2)


def test_a_logged_out_parent_ends_its_tokens_but_no_live_child(host, login, token):
    with host.shell("alice", token) as child:
        assert login.run("tessera logout")[1] == 0
        assert verify(host, token) == ("revoked", 1)
        assert host.ssh("alice", token, check=False).returncode == 255
        assert child.run("tessera status")[1] == 0


def test_a_revoked_session_revokes_tokens_and_children(host, login, token):
    with host.shell("alice", token) as child:
        session = json.loads(login.run("tessera status --json")[0])["session"]["id"]
        host.sh(["tessera", "session", "revoke", session])
        assert verify(host, token) == ("revoked", 1)
        assert host.ssh("alice", token, check=False).returncode == 255
        assert login.ended(seconds=2) and child.ended(seconds=2)


def test_an_expired_token(host):
    host.write("/etc/tessera/tessera.conf", "[token]\nlifetime=5s\n")
    host.sh("systemctl reload tesserad.service")
    try:
        with host.shell("alice", ALICE) as shell:
            token = shell.run("tessera token print")[0].strip()
            assert verify(host, token) == ("valid", 0)
            time.sleep(6)
            assert verify(host, token) == ("expired", 1)
            assert host.ssh("alice", token, check=False).returncode == 255
    finally:
        host.write("/etc/tessera/tessera.conf", "")
        host.sh("systemctl reload tesserad.service")


def respelled(token):
    """The same token, spelled as a careless decoder would also read it."""
    header, payload, signature = token.split(".")
    yield "padding", f"{header}.{payload}.{signature}="
    yield "padding inside", f"{header}=.{payload}.{signature}"
    yield "a space behind", token + " "
    yield "a space inside", f"{header}. {payload}.{signature}"
    yield "a tab inside", f"{header}.\t{payload}.{signature}"
    yield "a fourth part", token + "."
    yield "two parts", f"{header}.{payload}"
    yield "no signature", f"{header}.{payload}."
    yield "junk behind a star", token + "*junk"
    for last in ALPHABET:
        if last != token[-1]:
            yield f"last character {last}", token[:-1] + last


def resigned(host, token):
    """What an insider with the key, or a confused signer, would make: the signature is right."""
    header, payload, _ = token.split(".")
    head, claims = json.loads(unb64(header)), json.loads(unb64(payload))
    text = host.sh(["cat", f"/var/lib/tessera/keys/{head['kid']}"]).stdout
    key = unb64([line.split("=", 1)[1] for line in text.splitlines() if line.startswith("secret=")][0])

    def sign(new_head, new_payload, digest=hashlib.sha256):
        head_text = new_head if isinstance(new_head, str) else json.dumps(new_head, separators=(",", ":"))
        body = new_payload if isinstance(new_payload, str) else json.dumps(new_payload, separators=(",", ":"))
        signed = f"{b64(head_text)}.{b64(body)}"
        return f"{signed}.{b64(hmac.new(key, signed.encode(), digest).digest())}"

    assert verify(host, sign(unb64(header).decode(), unb64(payload).decode())) == ("valid", 0)  # our signer is right
    body = unb64(payload).decode()
    kid = head["kid"]
    yield "alg none", f'{b64(json.dumps({"alg": "none", "kid": kid, "typ": "JWT"}))}.{payload}.'
    yield "alg None signed", sign({"alg": "None", "kid": kid, "typ": "JWT"}, body)
    yield "alg hs256", sign({"alg": "hs256", "kid": kid, "typ": "JWT"}, body)
    yield "alg HS512", sign({"alg": "HS512", "kid": kid, "typ": "JWT"}, body, hashlib.sha512)
    yield "alg RS256", sign({"alg": "RS256", "kid": kid, "typ": "JWT"}, body)
    yield "unknown crit", sign({"alg": "HS256", "crit": ["x"], "kid": kid, "typ": "JWT", "x": 1}, body)
    yield "b64 false", sign({"alg": "HS256", "b64": False, "crit": ["b64"], "kid": kid, "typ": "JWT"}, body)
    yield "a jwk", sign({"alg": "HS256", "jwk": {"kty": "oct", "k": ""}, "kid": kid, "typ": "JWT"}, body)
    yield "another kid", sign({"alg": "HS256", "kid": "../../etc/passwd", "typ": "JWT"}, body)
    yield "header in another order", sign({"typ": "JWT", "kid": kid, "alg": "HS256"}, body)
    yield "header with a space", sign(json.dumps(head), body)
    yield "duplicate claim", sign(head_text(head), body[:-1] + ',"sub":"bob"}')
    yield "escaped duplicate", sign(head_text(head), body[:-1] + ',"\\u0073ub":"bob"}')
    yield "an array", sign(head_text(head), "[" + body + "]")
    yield "a NUL", sign(head_text(head), body[:-1] + "\0}")
    for claim, value in (("exp", None), ("exp", str(claims["exp"])), ("exp", True), ("exp", 1e10), ("exp", -1),
                         ("exp", claims["exp"] + 900), ("exp", 2 ** 63 - 1), ("iat", claims["exp"]),
                         ("iat", claims["iat"] + 600), ("aud", [claims["aud"]]), ("iss", claims["iss"] + "/"),
                         ("iss", claims["iss"].upper()), ("sub", ""), ("sub", ["alice"]), ("sid", ""),
                         ("sid", 1), ("jti", None), ("nbf", claims["exp"])):
        changed = dict(claims)
        if value is None:
            del changed[claim]
        else:
            changed[claim] = value
        yield f"{claim} {value!r}", sign(head_text(head), changed)


def head_text(head):
    return json.dumps(head, separators=(",", ":"))


def test_J9_no_second_spelling_is_taken(host, token):
    for what, bent in respelled(token):
        assert verify(host, bent) == ("invalid", 1), what


def test_J1_J4_J5_J6_J7_J10_J12_J13_J14_nothing_signed_otherwise_is_taken(host, token):
    for what, bent in resigned(host, token):
        reason, code = verify(host, bent)
        assert code == 1 and reason in ("invalid", "expired", "wrong-audience"), (what, reason)


def test_every_changed_bit_is_noticed(host, token, rng):
    for place in sorted(rng.sample(range(len(token)), 40)):
        bent = token[:place] + chr(ord(token[place]) ^ (1 << rng.randrange(6))) + token[place + 1:]
        assert verify(host, bent) == ("invalid", 1), place


def test_J16_eight_mebibytes(host, token):
    before = host.sh("systemctl show -p MainPID --value tesserad").stdout
    header, payload, signature = token.split(".")
    assert verify(host, f"{header}.{payload}{'A' * (8 << 20)}.{signature}") == ("invalid", 1)
    assert host.sh("systemctl show -p MainPID --value tesserad").stdout == before


def test_bent_tokens_open_no_login(host, token):
    for what, bent in [*list(respelled(token))[:9], *list(resigned(host, token))[:8]]:
        if "\0" in bent or "\t" in bent or bent.endswith(" "):
            continue
        forgive(host)
        assert host.ssh("alice", bent, check=False).returncode == 255, what
    host.ssh("alice", token)


def test_J18_a_bad_copy_first_does_not_spoil_the_good_one(host, token):
    verify(host, token[:-2] + ("AA" if token[-2:] != "AA" else "BA"))
    host.ssh("alice", token)
    assert verify(host, token) == ("valid", 0)


def test_decode_is_offline_and_says_so(host, token):
    host.sh("systemctl stop tesserad.socket tesserad.service")
    try:
        result = host.sh("tessera token decode --json", user="bob", input=token)
        assert json.loads(result.stdout)["claims"]["sub"] == "alice" or "alice" in result.stdout
    finally:
        host.sh("systemctl start tesserad.socket")


def test_a_token_of_the_wrong_length_was_probably_cut(host, token):
    cut = (token * 3)[:511]
    assert host.ssh("alice", cut, check=False).returncode == 255
    assert "cut" in host.journal("-u", "ssh") + host.journal("-t", "sshd") + host.journal("-u", "tesserad")
