# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""An authority of our own, and certificates that are right, or wrong in one way each."""

import datetime
import functools
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    """CA in folder/ca.pem; certificate(kind) is the path of a PEM with certificate and key."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.path = folder / "ca.pem"
        certificate = self._build("tessera test authority", self.key, authority=True)
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.path.chmod(0o644)

    def _build(self, subject, key, authority=False, issuer=None, signer=None, names=(), begins=-1, ends=2):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(_name(subject))
                   .issuer_name(_name(issuer or "tessera test authority")).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + begins * DAY).not_valid_after(now + ends * DAY)
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(signer or self.key, hashes.SHA256())

    @functools.lru_cache
    def certificate(self, kind):
        key = ec.generate_private_key(ec.SECP256R1())
        here = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        built = {
            "good": lambda: self._build("localhost", key, names=here),
            "client": lambda: self._build("tessera", key),
            "company": lambda: self._build("login.example", key, names=[x509.DNSName("login.example")]),
            "wrong-host": lambda: self._build("other.example", key, names=[x509.DNSName("other.example")]),
            "name-in-subject-only": lambda: self._build("localhost", key, names=[x509.DNSName("other.example")]),
            "expired": lambda: self._build("localhost", key, names=here, begins=-3, ends=-1),
            "not-yet": lambda: self._build("localhost", key, names=here, begins=1, ends=3),
            "self-signed": lambda: self._build("localhost", key, issuer="localhost", signer=key, names=here),
            "other-authority": lambda: self._build("localhost", key, signer=ec.generate_private_key(ec.SECP256R1()), names=here),
        }[kind]()
        path = self.folder / f"{kind}.pem"
        path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + _pem(key))
        return path

    def server_certificate(self, name, address):
        """Of a server that others know by that name and address: the path of its PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.folder / f"{name}.pem"
        built = self._build(name, key, names=(x509.DNSName(name), x509.IPAddress(address)))
        path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + _pem(key))
        return path
