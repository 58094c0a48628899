# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

import pathlib
import sys

# Behind our own folder: both have a conftest.
sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "bus"))

SWEPT = {}  # where: how many faults, for the last lines


def pytest_terminal_summary(terminalreporter):
    for where, counts in SWEPT.items():
        terminalreporter.write_line(f"injected {sum(counts):,} faults in {where}: none let anybody in")
