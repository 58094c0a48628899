#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

"""test-exposure.py SYSTEMD-ANALYZE UNIT THRESHOLD: fails when the unit's exposure is above THRESHOLD / 10.

The unit is judged as it is, without the machine: its programs need not be installed, so a copy
starts /bin/true instead.
"""

import pathlib
import re
import subprocess
import sys
import tempfile


def test_F12_exposure(analyze, unit, threshold):
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(re.sub(r"(?m)^ExecStart=.*", "ExecStart=/bin/true", unit.read_text()))
        command = [analyze, "security", "--no-pager", "--offline=yes", f"--threshold={threshold}", copy]
        return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(test_F12_exposure(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]))
