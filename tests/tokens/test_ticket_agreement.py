#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A second implementation of tickets, from docs/tokens.md and Python's own library alone.

It makes tickets, good and broken in many ways, decides about each, and asks the daemon's code, which
must say the same: test_ticket_agreement.py JUDGE.
"""

import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import p256
from test_agreement import (HOST_NAME, NAME, NOW, ODD, RFC7515, WORD, decode, encode, is_id, is_list_of, is_text,
                            no_duplicates, odd_text, write)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from scale import scaled

ISSUER, AUDIENCE = "web1.example.org", "web2.example.org"
HEADER = b'{"alg":"ES256","kid":"t1","typ":"JWT"}'
SECRET, OTHER = 0x8e9b109e719098bf980487df1f5d77e9cb29606ebed2263b5f57c213df84f4b2, 12345
PUBLIC = p256.affine(p256.multiply(SECRET, p256.G))


def sign(head, rng, secret=SECRET):
    return head + b"." + encode(p256.sign(secret, head, rng.randrange(1, p256.N)))


def are_digests(value):
    data = decode(value.encode()) if is_text(value, r"[\x21-\x7e]+") else None
    if data is None or len(data) % 4:
        return False
    words = [data[at:at + 4] for at in range(0, len(data), 4)]
    return words == sorted(set(words))


def is_sound(claims):
    required = {"iss", "aud", "sub", "iat", "exp", "jti", "sid", "sess_exp"}
    optional = {"auth_time", "amr", "roles", "roles_digest"}
    if not isinstance(claims, dict) or not required <= set(claims) <= required | optional:
        return False
    if any(type(claims[name]) is not int for name in ("iat", "exp", "sess_exp", "auth_time") if name in claims):
        return False
    return (is_text(claims["iss"], HOST_NAME) and is_text(claims["aud"], HOST_NAME) and is_text(claims["sub"], NAME)
            and is_id(claims["jti"], 16) and is_id(claims["sid"], 16)
            and claims["iat"] >= 1 and 1 <= claims["exp"] - claims["iat"] <= 60
            and claims["exp"] <= claims["sess_exp"] < 2**63 and 1 <= claims.get("auth_time", 1) <= claims["iat"]
            and ("amr" not in claims or is_list_of(claims["amr"], f"(oidc:)?{WORD}"))
            and ("roles" not in claims or is_list_of(claims["roles"], WORD))
            and ("roles_digest" not in claims or ("roles" not in claims and are_digests(claims["roles_digest"]))))


def judge(ticket, now):
    if not ticket:
        return "missing"
    segments = ticket.split(b".")
    if len(ticket) > 1022 or len(segments) != 3 or any(decode(segment) is None for segment in segments):
        return "invalid"
    if decode(segments[0]) != HEADER or not p256.verify(PUBLIC, b".".join(segments[:2]), decode(segments[2])):
        return "invalid"
    payload = decode(segments[1])
    try:
        claims = json.loads(payload.decode(), object_pairs_hook=no_duplicates)
    except ValueError:
        return "invalid"
    if not is_sound(claims) or write(claims) != payload or claims["iss"] != ISSUER or claims["iat"] > now + 5:
        return "invalid"
    if claims["aud"] != AUDIENCE:
        return "wrong-audience"
    return "expired" if claims["exp"] + 5 <= now else "valid"


def good_claims(rng):
    issued = NOW - rng.randrange(-5, 50)
    claims = {"iss": ISSUER, "aud": rng.choice([AUDIENCE] * 9 + ["web3.example.org"]), "sub": rng.choice(["alice", "bob", "a.b-c_d", "host$", "x@corp"]),
              "iat": issued, "exp": issued + rng.randrange(1, 61), "jti": encode(rng.randbytes(16)).decode(),
              "sid": encode(rng.randbytes(16)).decode()}
    claims["sess_exp"] = claims["exp"] + rng.choice([0, 1, 3600])
    if rng.random() < 0.7:
        claims["auth_time"] = issued - rng.randrange(0, 5000)
    if rng.random() < 0.7:
        claims["amr"] = rng.sample(["pwd", "tok", "pop", "oidc:corp"], rng.randrange(1, 4))
    kind = rng.randrange(3)
    if kind == 1:
        claims["roles"] = rng.sample(["admin", "operator", "everyone"], rng.randrange(1, 4))
    elif kind == 2:
        words = sorted({rng.randbytes(4) for _ in range(rng.randrange(1, 41))})
        claims["roles_digest"] = encode(b"".join(words)).decode()
    return claims


def odd_payload(rng):
    claims = good_claims(rng)
    name = rng.choice([*claims, "auth_time", "amr", "roles", "roles_digest", "nbf", ""])
    how = rng.randrange(5)
    if how == 0:
        claims.pop(name, None)
    elif how <= 2:
        claims[name] = rng.choice([*ODD, AUDIENCE, "web3", NOW + 60, 2**63 - 1, "AAAAAQAAAAI", "AAAAAgAAAAE", "AAAA"])
    elif how == 3:
        return json.dumps(dict(rng.sample(list(claims.items()), len(claims))), separators=(",", ":")).encode()
    text = write(claims)
    if how == 4:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice([b" ", b"\n", b"\\u0061", b"\x00", b"0", b",", b"}", b".0", b"\xff"]) + text[at:]
    return text


def odd_header(rng):
    old, new = rng.choice([(b"ES256", b"none"), (b"ES256", b"es256"), (b"ES256", b"HS256"), (b"t1", b"t2"), (b"t1", b""),
                           (b"JWT", b"at+jwt"), (b",", b", "), (b"{", b'{"crit":[],'), (b'"alg"', b'"alg":"none","alg"')])
    return HEADER.replace(old, new)


def odd_signature(rng, ticket):
    """Other numbers and other forms in place of the signature."""
    head, _, text = ticket.rpartition(b".")
    signature = decode(text)
    r, s = signature[:32], signature[32:]
    twin = (p256.N - int.from_bytes(s, "big")).to_bytes(32, "big")
    edge = rng.choice([0, 1, p256.N - 1, p256.N, p256.N + 1, 2**256 - 1]).to_bytes(32, "big")
    return head + b"." + encode(rng.choice([r + twin, r + twin, edge + s, r + edge, edge + edge, s + r, signature + b"\0",
                                            signature[:63], b"\0" + r + b"\0" + s, b"0D\2 " + r + b"\2 " + s, bytes(64)]))


def make(rng):
    kind = rng.randrange(7)
    payload = odd_payload(rng) if kind in (1, 2) else write(good_claims(rng))
    head = encode(odd_header(rng) if kind == 3 else HEADER) + b"." + encode(payload)
    ticket = sign(head, rng, OTHER if kind == 4 else SECRET)
    if kind == 5:
        return odd_text(rng, ticket)
    return odd_signature(rng, ticket) if kind == 6 else ticket


def ask(program, cases):
    x, y = (encode(number.to_bytes(32, "big")).decode() for number in PUBLIC)
    key = json.dumps({"kty": "EC", "crv": "P-256", "kid": "t1", "x": x, "y": y}, separators=(",", ":"))
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as trust:
        trust.write(f'[host:{ISSUER}]\nusers=*\nroles=*\nkeys={{"keys":[{key}]}}\n')
        trust.flush()
        lines = "".join(f"{now} {ticket.hex()}\n" for ticket, now in cases)
        return subprocess.run([program, "--tickets", trust.name, AUDIENCE], input=lines, capture_output=True, text=True,
                              check=True).stdout.split()


def test_J23_two_implementations_agree_on_tickets(program):
    seed = int(os.environ.get("TESSERA_SEED", "1"))
    rng = random.Random(seed)
    head, _, signature = RFC7515[1].rpartition(".")
    assert p256.is_on_curve(PUBLIC) and p256.verify(PUBLIC, head.encode(), decode(signature.encode()))
    cases = [(b"", NOW), *((token.encode(), NOW) for token in RFC7515)]
    cases += [(make(rng), NOW + rng.choice([0, 0, 0, -10, 30, 64, 65])) for _ in range(scaled(10000))]
    answers = ask(program, cases)
    assert len(answers) == len(cases)
    for (ticket, now), answer in zip(cases, answers):
        assert answer == judge(ticket, now), (seed, ticket, now, answer, judge(ticket, now))
    counts = collections.Counter(answers)
    print(f"seed {seed}: {dict(counts)}")
    assert all(counts[reason] >= 5 for reason in ("valid", "expired", "invalid", "wrong-audience")), counts


if __name__ == "__main__":
    test_J23_two_implementations_agree_on_tickets(sys.argv[1])
