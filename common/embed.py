#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

"""embed.py OUTPUT NAME=FILE...: writes a C header that has each file as a string constant NAME."""

import json
import pathlib
import sys

with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write("/* Made from the files themselves at each build. */\n#pragma once\n")
    for argument in sys.argv[2:]:
        name, _, path = argument.partition("=")
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
        out.write(f"\n#define {name} \\\n" + " \\\n".join(f"        {json.dumps(line, ensure_ascii=False)}" for line in lines) + "\n")
