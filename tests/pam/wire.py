# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""D-Bus' wire format, as much as a daemon that misbehaves on purpose needs of it.

Our own, because a library would refuse to send most of what the module must survive. Little
endian only; that is what the other side speaks here.
"""

import struct

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = range(1, 10)
ALIGN = {"y": 1, "b": 4, "n": 2, "q": 2, "i": 4, "u": 4, "h": 4, "x": 8, "t": 8, "d": 8, "s": 4, "o": 4, "g": 1,
         "v": 1, "a": 4, "(": 8, "{": 8}
FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "h": "I", "x": "q", "t": "Q", "d": "d"}


def split(signature):
    """The complete types of a signature."""
    types, i = [], 0
    while i < len(signature):
        j = i
        while signature[j] == "a":
            j += 1
        if signature[j] in "({":
            depth = 0
            while True:
                depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[j], 0)
                j += 1
                if depth == 0:
                    break
        else:
            j += 1
        types.append(signature[i:j])
        i = j
    return types


class Writer:
    def __init__(self):
        self.data = bytearray()

    def pad(self, n):
        while len(self.data) % n:
            self.data.append(0)

    def write(self, kind, value):
        self.pad(ALIGN[kind[0]])
        if kind[0] in FIXED:
            self.data += struct.pack("<" + FIXED[kind], value)
        elif kind[0] in "so":
            text = value if isinstance(value, bytes) else value.encode()
            self.data += struct.pack("<I", len(text)) + text + b"\0"
        elif kind[0] == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif kind[0] == "v":
            inner, content = value
            self.write("g", inner)
            self.write(inner, content)
        elif kind[0] == "a":
            self.array(kind[1:], value)
        else:
            for inner, content in zip(split(kind[1:-1]), value):
                self.write(inner, content)

    def array(self, kind, values):
        start = len(self.data)
        self.data += b"\0\0\0\0"
        self.pad(ALIGN[kind[0]])
        begin = len(self.data)
        for value in values.items() if isinstance(values, dict) else values:
            self.write(kind, value)
        struct.pack_into("<I", self.data, start, len(self.data) - begin)


class Reader:
    def __init__(self, data, offset=0):
        self.data, self.offset = data, offset

    def align(self, n):
        self.offset += -self.offset % n

    def take(self, n):
        self.offset += n
        return self.data[self.offset - n:self.offset]

    def read(self, kind):
        self.align(ALIGN[kind[0]])
        if kind[0] in FIXED:
            code = "<" + FIXED[kind]
            return struct.unpack(code, self.take(struct.calcsize(code)))[0]
        if kind[0] in "so":
            return self.take(self.read("u") + 1)[:-1].decode()
        if kind[0] == "g":
            return self.take(self.read("y") + 1)[:-1].decode()
        if kind[0] == "v":
            return self.read(self.read("g"))
        if kind[0] == "a":
            return self.array(kind[1:])
        return [self.read(inner) for inner in split(kind[1:-1])]

    def array(self, kind):
        size = self.read("u")
        self.align(ALIGN[kind[0]])
        end, values = self.offset + size, []
        while self.offset < end:
            values.append(self.read(kind))
        return dict(values) if kind[0] == "{" else values


def message(kind, serial, fields, signature="", values=(), body=None, fds=0):
    """The bytes of a message; @body, raw bytes, in place of @values."""
    writer = Writer()
    for inner, value in zip(split(signature), values):
        writer.write(inner, value)
    body = bytes(writer.data) if body is None else body
    fields = dict(fields)
    if signature:
        fields[SIGNATURE] = ("g", signature)
    if fds:
        fields[UNIX_FDS] = ("u", fds)
    head = Writer()
    for value in (ord("l"), kind, 1 if kind in (RETURN, ERROR, SIGNAL) else 0, 1):
        head.write("y", value)
    head.write("u", len(body))
    head.write("u", serial)
    head.write("a(yv)", list(fields.items()))
    head.pad(8)
    return bytes(head.data) + body


def parse(data):
    """(message, bytes used), or (None, 0) while more must come. Members: kind, serial, fields, values."""
    if len(data) < 16:
        return None, 0
    body_size, serial, fields_size = struct.unpack_from("<III", data, 4)
    header = 16 + fields_size + -(16 + fields_size) % 8
    if len(data) < header + body_size:
        return None, 0
    fields = dict(Reader(data, 12).read("a(yv)"))
    reader = Reader(data[header:header + body_size])
    values = [reader.read(kind) for kind in split(fields.get(SIGNATURE, ""))]
    return {"kind": data[1], "serial": serial, "fields": fields, "values": values}, header + body_size
