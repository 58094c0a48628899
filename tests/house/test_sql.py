#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""SQL is written down, never put together: test_sql.py SOURCE_ROOT.

Statements are string literals and values are bound. What could build a statement from data at run
time is not used anywhere in the daemon.
"""

import pathlib
import re
import sys

UNUSED = re.compile(r"\bsqlite3_(exec|get_table|v?mprintf|v?snprintf|str_\w+|complete\w*|load_extension)\b")
BUILDER = re.compile(r"\b(\w*printf|g_strconcat|g_strjoinv?|g_string_\w+|strcat|strncat|stpcpy)\b")
KEYWORD = re.compile(r'"[^"]*\b(SELECT|INSERT|UPDATE|DELETE|PRAGMA|WHERE|VALUES|ORDER BY|CREATE TABLE)\b')
# A statement is prepared from a literal (or a macro made of some), or from these: a parameter of the
# functions that prepare, tables of literals, and a function that returns one of several.
PREPARE = re.compile(r"\b(?:db_query|db_run|db_run_once)\(\s*[\w>.-]+,\s*(\w+|\")")
KNOWN = re.compile(r'"|[A-Z_]+|sql|statements|pragmas|list_sql|role')


def mistakes(path):
    text = re.sub(r"/\*.*?\*/", lambda comment: re.sub(r"[^\n]", " ", comment[0]), path.read_text(), flags=re.S)
    for number, line in enumerate(text.splitlines(), 1):
        if UNUSED.search(line):
            yield f"{path}:{number}: {UNUSED.search(line)[0]} is not used here"
        if BUILDER.search(line) and KEYWORD.search(line):
            yield f"{path}:{number}: a statement is put together"
    for match in PREPARE.finditer(text):
        if not KNOWN.fullmatch(match[1]):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: prepared from {match[1]}, which is no literal"


def test_R13_statements_are_literals(root=pathlib.Path(__file__).resolve().parent.parent.parent):
    sources = [path for path in sorted((root / "daemon").rglob("*.[ch]")) if not path.name.startswith("test-")]
    assert len(sources) > 10
    found = [mistake for path in sources for mistake in mistakes(path)]
    assert not found, "\n" + "\n".join(found)


if __name__ == "__main__":
    try:
        test_R13_statements_are_literals(pathlib.Path(sys.argv[1]))
    except AssertionError as error:
        sys.exit(str(error))
