# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Keys and ID tokens, right ones and others: by hand, so that nothing stands in the way of a wrong one."""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class RsaKey:
    alg = "RS256"

    def __init__(self, kid, bits=2048):
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def sign(self, data):
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256", "n": number(numbers.n), "e": number(numbers.e)}

    def public_pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM,
                                                  serialization.PublicFormat.SubjectPublicKeyInfo)


class EcKey:
    alg = "ES256"

    def __init__(self, kid):
        self.kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    def sign(self, data):
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "x": number(numbers.x, 32), "y": number(numbers.y, 32)}


def compact(header, payload, sign):
    """A JWS of header and payload (dict, or text as it is), signed by sign(bytes)."""
    parts = [b64(part if isinstance(part, str) else json.dumps(part)) for part in (header, payload)]
    text = ".".join(parts)
    return f"{text}.{b64(sign(text.encode()))}"


def signed(key, payload, **header):
    return compact({"alg": key.alg, "kid": key.kid, "typ": "JWT", **header}, payload, key.sign)


def hmac_signer(secret):
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def at_hash(token):
    return b64(hashlib.sha256(token.encode()).digest()[:16])


def claims(issuer, **changes):
    """What an ID token for client "tessera" says; a change to None takes the claim away."""
    now = int(time.time())
    whole = {"iss": issuer, "sub": "sub-4711", "aud": "tessera", "iat": now, "exp": now + 300,
             "preferred_username": "alice", "groups": ["staff", "ops"], "name": "Alice Ä.", **changes}
    return {name: value for name, value in whole.items() if value is not None}
