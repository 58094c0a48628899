# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A device as a client keeps it: an id, a private key and a counter. From docs/refresh-tokens.md alone."""

import base64
import os
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Device:
    def __init__(self, audience, name="laptop"):
        self.audience = audience
        self.name = name
        self.bytes = os.urandom(16)
        self.id = self.bytes.hex()
        self.key = Ed25519PrivateKey.generate()
        self.counter = 0

    @property
    def public_key(self):
        return encode(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def token(self, counter):
        audience = self.audience.encode()
        body = self.bytes + struct.pack(">I", counter)
        signed = b"tessera-ts1\0" + body + struct.pack(">H", len(audience)) + audience
        return "ts1_" + encode(body + self.key.sign(signed))

    def next(self):
        self.counter += 1
        return self.token(self.counter)
