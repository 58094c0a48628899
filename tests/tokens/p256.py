# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""ES256 (ECDSA on P-256 with SHA-256) in Python's own numbers, from FIPS 186-4. Not for secrets: it leaks time."""

import hashlib

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def double(point):
    """In Jacobian coordinates (X/Z², Y/Z³), as below; None is infinity."""
    if point is None:
        return None
    x, y, z = point
    yy = y * y % P
    s = 4 * x * yy % P
    m = 3 * (x - z * z) * (x + z * z) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def add(one, other):
    if one is None or other is None:
        return one or other
    (x1, y1, z1), (x2, y2, z2) = one, other
    u1, u2 = x1 * z2 * z2 % P, x2 * z1 * z1 % P
    s1, s2 = y1 * z2 * z2 * z2 % P, y2 * z1 * z1 * z1 % P
    if u1 == u2:
        return double(one) if s1 == s2 else None
    h, r = (u2 - u1) % P, (s2 - s1) % P
    hh = h * h % P
    x3 = (r * r - hh * h - 2 * u1 * hh) % P
    return x3, (r * (u1 * hh - x3) - s1 * hh * h) % P, h * z1 * z2 % P


def multiply(number, point):
    total, power = None, (*point, 1)
    while number:
        if number & 1:
            total = add(total, power)
        power = double(power)
        number >>= 1
    return total


def affine(point):
    x, y, z = point
    inverse = pow(z, -1, P)
    return x * inverse * inverse % P, y * inverse**3 % P


def is_on_curve(point):
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x**3 - 3 * x + B)) % P == 0


def digest(data):
    return int.from_bytes(hashlib.sha256(data).digest(), "big")


def sign(secret, data, nonce):
    r = affine(multiply(nonce, G))[0] % N
    s = pow(nonce, -1, N) * (digest(data) + r * secret) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(public, data, signature):
    if len(signature) != 64:
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    point = add(multiply(digest(data) * inverse % N, G), multiply(r * inverse % N, public))
    return point is not None and affine(point)[0] % N == r
