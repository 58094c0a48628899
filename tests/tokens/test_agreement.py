#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A second implementation of access tokens, from docs/tokens.md and Python's own library alone.

It makes tokens, good and broken in many ways, decides about each, and asks the daemon's code, which
must say the same: test_agreement.py JUDGE.
"""

import base64
import collections
import hashlib
import hmac
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

NOW = 1700000000
HOST = "web1.example.org"
KID = "k1"
SECRET = bytes(range(32))
HEADER = b'{"alg":"HS256","kid":"k1","typ":"JWT"}'

# RFC 7515, appendix A.1 and A.3: right signatures, and no tokens of ours.
RFC7515 = [
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode(text):
    """The bytes, or None where @text is not the one spelling of any."""
    if not re.fullmatch(rb"[A-Za-z0-9_-]+", text) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    return data if encode(data) == text else None


def sign(head, secret=SECRET):
    return head + b"." + encode(hmac.new(secret, head, hashlib.sha256).digest())


def write(claims):
    return json.dumps(claims, sort_keys=True, separators=(",", ":")).encode()


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError
    return dict(pairs)


def is_list_of(value, pattern):
    return isinstance(value, list) and bool(value) and all(is_text(item, pattern) for item in value)


def is_text(value, pattern):
    return isinstance(value, str) and bool(re.fullmatch(pattern, value, re.ASCII))


WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"
NAME = r"(?![0-9]+\Z)[A-Za-z0-9_][A-Za-z0-9_.@-]{0,30}[A-Za-z0-9_.@$-]?"
HOST_NAME = r"[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?"


def is_id(value, size):
    data = decode(value.encode()) if is_text(value, r"[\x21-\x7e]+") else None
    return data is not None and len(data) == size


def is_sound(claims):
    required, optional = {"iss", "aud", "sub", "iat", "exp", "jti", "sid"}, {"auth_time", "amr", "roles"}
    if not isinstance(claims, dict) or not required <= set(claims) <= required | optional:
        return False
    if any(type(claims[name]) is not int for name in ("iat", "exp", "auth_time") if name in claims):
        return False
    return (is_text(claims["iss"], HOST_NAME) and is_text(claims["aud"], HOST_NAME) and is_text(claims["sub"], NAME)
            and is_id(claims["jti"], 6) and is_id(claims["sid"], 16)
            and claims["iat"] >= 1 and 1 <= claims["exp"] - claims["iat"] <= 900
            and 1 <= claims.get("auth_time", 1) <= claims["iat"]
            and ("amr" not in claims or is_list_of(claims["amr"], f"(oidc:)?{WORD}"))
            and ("roles" not in claims or is_list_of(claims["roles"], WORD)))


def judge(token, now):
    if not token:
        return "missing"
    segments = token.split(b".")
    if len(token) > 511 or len(segments) != 3 or any(decode(segment) is None for segment in segments):
        return "invalid"
    if decode(segments[0]) != HEADER or sign(b".".join(segments[:2])) != token:
        return "invalid"
    payload = decode(segments[1])
    try:
        claims = json.loads(payload.decode(), object_pairs_hook=no_duplicates)
    except ValueError:
        return "invalid"
    if not is_sound(claims) or write(claims) != payload or claims["iss"] != HOST or claims["iat"] > now:
        return "invalid"
    if claims["aud"] != HOST:
        return "wrong-audience"
    return "expired" if claims["exp"] <= now else "valid"


def good_claims(rng):
    issued = NOW - rng.randrange(0, 1000)
    claims = {"iss": HOST, "aud": HOST, "sub": rng.choice(["alice", "bob", "a.b-c_d", "host$", "x@corp"]),
              "iat": issued, "exp": issued + rng.randrange(1, 901), "jti": encode(rng.randbytes(6)).decode(),
              "sid": encode(rng.randbytes(16)).decode()}
    if rng.random() < 0.7:
        claims["auth_time"] = issued - rng.randrange(0, 5000)
    if rng.random() < 0.7:
        claims["amr"] = rng.sample(["pwd", "tok", "pop", "oidc:corp"], rng.randrange(1, 4))
    if rng.random() < 0.5:
        claims["roles"] = rng.sample(["admin", "operator", "everyone"], rng.randrange(1, 4))
    return claims


ODD = [None, True, False, 0, -1, 1, 900, NOW, NOW + 1, NOW + 900, 2**63 - 1, 2**63, 1.5, float(NOW), "", "alice", "-rf",
       "1000", HOST, "web2.example.org", "WEB1", HOST + "/", [], [""], ["pwd"], [HOST], [1], {}, {"a": 1}, "a\u0000b",
       "\u00e4", "a\"b", "AAECAwQF", "AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODx", str(NOW), ["a"] * 3, "x" * 33]


def odd_payload(rng):
    claims = good_claims(rng)
    name = rng.choice([*claims, "auth_time", "amr", "roles", "nbf", "crit", ""])
    how = rng.randrange(6)
    if how == 0:
        claims.pop(name, None)
    elif how <= 2:
        claims[name] = rng.choice(ODD)
    text = write(claims)
    if how == 3:
        text = json.dumps(dict(rng.sample(list(claims.items()), len(claims))), separators=(",", ":")).encode()
    elif how == 4:
        text = text[:-1] + b"," + json.dumps(rng.choice(list(claims))).encode() + b":" + json.dumps(
            rng.choice(ODD)).encode() + b"}"
    elif how == 5:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice([b" ", b"\n", b"\\u0061", b"\x00", b"0", b",", b"}", b".0", b"e0", b"\xff"]) + text[at:]
    return text


def odd_header(rng):
    header = HEADER
    for _ in range(rng.randrange(1, 3)):
        old, new = rng.choice([(b"HS256", b"none"), (b"HS256", b"hs256"), (b"HS256", b"ES256"), (b"k1", b"k2"),
                               (b"k1", b""), (b"JWT", b"at+jwt"), (b"JWT", b"jwt"), (b",", b", "), (b"{", b'{"crit":[],'),
                               (b"}", b',"b64":false}'), (b'"alg"', b'"alg":"none","alg"'), (b"}", b"}\n")])
        header = header.replace(old, new)
    return header


def odd_text(rng, token):
    how, at = rng.randrange(6), rng.randrange(len(token))
    if how == 0:
        return token[:at] + bytes([token[at] ^ (1 << rng.randrange(8))]) + token[at + 1:]
    if how == 1:
        return token[:at] + rng.choice([b"=", b".", b" ", b"\n", b"+", b"/", b"A", b"\x00"]) + token[at:]
    if how == 2:
        return token[:at]
    if how == 3:
        return token + rng.choice([b"=", b"==", b".", b"\n", b"A", b".AAAA", b"\x00", b"A" * 600])
    if how == 4:
        segments = token.split(b".")
        rng.shuffle(segments)
        return b".".join(segments)
    return token[:-1] + bytes([rng.choice(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")])


def make(rng):
    kind = rng.randrange(5)
    payload = odd_payload(rng) if kind == 1 else write(good_claims(rng))
    header = odd_header(rng) if kind == 2 else HEADER
    secret = rng.choice([b"", bytes(32), SECRET[:31], SECRET[::-1], b"secret"]) if kind == 3 else SECRET
    token = sign(encode(header) + b"." + encode(payload), secret)
    return odd_text(rng, token) if kind == 4 else token


def ask(program, cases):
    with tempfile.TemporaryDirectory() as folder:
        key = pathlib.Path(folder, KID)
        key.touch(mode=0o600)
        key.write_text("tessera-key 1\nuse=token\nalg=HS256\nstate=signing\ncreated=1\n"
                       f"secret={encode(SECRET).decode()}\n")
        lines = "".join(f"{now} {token.hex()}\n" for token, now in cases)
        return subprocess.run([program, folder, HOST, HOST], input=lines, capture_output=True, text=True,
                              check=True).stdout.split()


def test_J23_two_implementations_agree(program):
    seed = int(os.environ.get("TESSERA_SEED", "1"))
    rng = random.Random(seed)
    cases = [(b"", NOW), *((token.encode(), NOW) for token in RFC7515)]
    cases += [(make(rng), NOW + rng.choice([0, 0, 0, -1, 500, 899, 900])) for _ in range(20000)]
    answers = ask(program, cases)
    assert len(answers) == len(cases)
    for (token, now), answer in zip(cases, answers):
        assert answer == judge(token, now), (seed, token, now, answer, judge(token, now))
    counts = collections.Counter(answers)
    print(f"seed {seed}: {dict(counts)}")
    assert all(counts[reason] >= 20 for reason in ("valid", "expired", "invalid", "wrong-audience")), counts


if __name__ == "__main__":
    test_J23_two_implementations_agree(sys.argv[1])
