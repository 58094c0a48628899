#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Adds up the JUnit files of a run: names what failed, closes with "N passed, N failed"."""

import pathlib
import sys
import xml.etree.ElementTree


def main():
    broken = int(sys.argv[2])
    passed, failed, skipped = 0, broken, 0
    for path in sorted(pathlib.Path(sys.argv[3]).glob("*.xml")):
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"failed: {path.stem}: {case.get('classname', '')} {case.get('name')}")
            elif case.find("skipped") is not None:
                skipped += 1
                print(f"skipped: {path.stem}: {case.get('classname', '')} {case.get('name')}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


sys.exit(main())
