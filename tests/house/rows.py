#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

"""rows.py INTERFACE.xml authorize.c [STAMP]: every method has a row that says who may call it.

The build runs this, so that what the interface offers and nobody has thought about is not built.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree

PREFIX = "org.tessera.Tessera1."


def methods(path):
    for interface in xml.etree.ElementTree.parse(path).iter("interface"):
        for method in interface.iter("method"):
            yield f"{interface.get('name').removeprefix(PREFIX)}.{method.get('name')}"


def rows(path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    interfaces = dict(re.findall(r"^#define (\w+) WIRE_INTERFACE_(\w+)$", text, re.M))
    for word, name, who in re.findall(r'^\s*\{ (\w+),\s+"(\w+)",\s+AUTHORIZE_(\w+),', text, re.M):
        if who != "NOBODY":
            yield f"{interfaces[word].capitalize()}.{name}"


def main():
    offered, decided = list(methods(sys.argv[1])), list(rows(sys.argv[2]))
    mistakes = [f"{method} has no row in {sys.argv[2]}: say there who may call it" for method in offered
                if method not in decided]
    mistakes += [f"{row} has a row in {sys.argv[2]} and is no method of {sys.argv[1]}" for row in decided
                 if row not in offered]
    mistakes += [f"{row} has two rows in {sys.argv[2]}" for row in set(decided) if decided.count(row) > 1]
    if not offered:
        mistakes.append(f"there is no method in {sys.argv[1]}")
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    if not mistakes and len(sys.argv) > 3:
        pathlib.Path(sys.argv[3]).touch()
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
