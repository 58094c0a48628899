# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What the benches build with, read and print."""

import os
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def build(*programs):
    """Builds these; returns the folder that they are in."""
    folder = pathlib.Path(os.environ.get("TESSERA_BUILD") or ROOT / "build/bench")
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", folder, ROOT, "-Dbuildtype=debugoptimized"], check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, *programs], check=True, stdout=subprocess.DEVNULL)
    return folder


def samples(output):
    """NAME MICROSECONDS, a line each → milliseconds by name"""
    found = {}
    for line in output.splitlines():
        name, usec = line.split()
        found.setdefault(name, []).append(float(usec) / 1000)
    return found


class Report:
    def __init__(self, unit=1, width=42):
        """@unit: of what is printed, in a millisecond"""
        self.unit, self.width = unit, width
        self.p50 = {}

    def times(self, title, found, names):
        print(f"\n{title}\n{'':{self.width + 2}}{'p50':>9}{'min':>9}{'p90':>9}")
        for key, name in names.items():
            values = sorted(value * self.unit for value in found[key])
            self.p50[key] = statistics.median(values)
            print(f"  {name:{self.width}}{self.p50[key]:9.2f}{values[0]:9.2f}{values[len(values) * 9 // 10]:9.2f}")

    def ratio(self, key, other):
        return self.p50[key] / self.p50[other]

    @staticmethod
    def goal(what, value, limit, least=False):
        met = value >= limit if least else value <= limit
        print(f"  {what:58}{value:8.3f}   {'≥' if least else '≤'} {limit:<6g}{'met' if met else 'missed'}")
