# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Keys, refresh tokens and tickets made by openssl: in another hand than the product's."""

import base64
import json
import pathlib
import struct
import subprocess
import tempfile

ED25519_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410: and then the seed


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


def public_key(seed):
    return encode(openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", stdin=ED25519_PKCS8 + seed)[-32:])


def sign(key, text, *options):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "key").write_bytes(key)
        (pathlib.Path(folder) / "text").write_bytes(text)
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", f"{folder}/key", "-in", f"{folder}/text", *options)


def make(seed, device, counter, audience):
    """The token of that counter; device as the daemon tells it, in hex."""
    name = bytes.fromhex(device) + struct.pack(">I", counter)
    message = b"tessera-ts1\0" + name + struct.pack(">H", len(audience)) + audience.encode()
    return "ts1_" + encode(name + sign(ED25519_PKCS8 + seed, message, "-keyform", "DER"))


class TicketKey:
    """Another host's; jwk is what it would export."""

    def __init__(self, kid):
        self.kid = kid
        self.pem = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout")
        point = openssl("ec", "-pubout", "-outform", "DER", stdin=self.pem)[-64:]
        self.jwk = {"kid": kid, "kty": "EC", "crv": "P-256", "x": encode(point[:32]), "y": encode(point[32:]),
                    "alg": "ES256", "use": "sig"}

    def ticket(self, **claims):
        header = {"alg": "ES256", "kid": self.kid, "typ": "JWT"}
        parts = [encode(json.dumps(part, separators=(",", ":"), sort_keys=True).encode()) for part in (header, claims)]
        return ".".join([*parts, encode(plain(sign(self.pem, ".".join(parts).encode(), "-digest", "sha256")))])


def plain(der):
    """An ECDSA signature as JWS has it: r and s of 32 bytes each, out of a SEQUENCE of two INTEGERs."""
    r_size = der[3]
    r, s = der[4:4 + r_size], der[6 + r_size:]
    return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in (r, s))
