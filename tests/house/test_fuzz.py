#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""No fuzz target is forgotten, nor runs for less than what was promised: test_fuzz.py SOURCE_ROOT.

8,192 inputs each in every run of the tests, and 600 seconds before a release.
"""

import pathlib
import re
import sys


def test_F13_each_target_has_its_budget(root=pathlib.Path(__file__).resolve().parent.parent.parent):
    folder = root / "tests/fuzz"
    targets = {path.stem.removeprefix("fuzz-") for path in folder.glob("fuzz-*.c")}
    built = set(re.findall(r"^\s+'(\w+)': \{ 'needs'", (folder / "meson.build").read_text(), re.M))
    assert len(targets) >= 5 and targets == built, targets ^ built
    for target in targets:
        assert any((folder / "corpus" / target).iterdir()), f"{target} has no corpus"
    budget = re.search(r'tests/fuzz/run "\$out/fuzz" "\$\{TESSERA_FUZZ_RUNS:-(\w+)\}"', (root / "tests/run").read_text())
    assert budget and int(budget[1]) >= 8192, "tests/run"
    assert re.search(r"steps=\(.*\bfuzz\b", (root / "tests/run").read_text()), "tests/run leaves the step out"
    soak = re.search(r"TESSERA_FUZZ_RUNS=time:\$\{TESSERA_FUZZ_SECONDS:-(\d+)\}", (root / "tests/soak").read_text())
    assert soak and int(soak[1]) >= 600, "tests/soak"


if __name__ == "__main__":
    try:
        test_F13_each_target_has_its_budget(pathlib.Path(sys.argv[1]))
    except AssertionError as error:
        sys.exit(str(error))
