#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

"""test-names.py TE FC IF: checkmodule sees the first alone; the others name only what stands in it."""

import pathlib
import re
import sys

module, contexts, interfaces = (pathlib.Path(path).read_text() for path in sys.argv[1:4])
declared = set(re.findall(r"(?m)^(?:type|attribute) (tessera_\w+)", module))
used = set(re.findall(r":object_r:(\w+):", contexts)) | set(re.findall(r"\b(tessera_(?:\w+_)?t|tessera_client)\b", interfaces))

assert len(re.findall(r"(?m)^/", contexts)) == len(re.findall(r"system_u:object_r:tessera_\w+_t:s0$", contexts, re.M))
assert len(declared) > 4 and used, (declared, used)
assert used <= declared, used - declared
