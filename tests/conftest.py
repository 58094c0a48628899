# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What all multi-process tests share: where the build is, how much to do, one seed."""

import os
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEED = int(os.environ.get("TESSERA_SEED") or random.randrange(1 << 31))
SOAK = bool(os.environ.get("TESSERA_SOAK"))


def pytest_report_header():
    return f"seed: TESSERA_SEED={SEED}{', counts in full' if SOAK else ''}"


def scaled(count):
    """How often to do something: counts above 100 run at 1/20, but in tests/soak."""
    return count if SOAK or count <= 100 else max(1, count // 20)


@pytest.fixture(scope="session")
def rng():
    return random.Random(SEED)


@pytest.fixture(scope="session")
def build():
    """The meson build folder whose programs are tested."""
    folder = pathlib.Path(os.environ.get("TESSERA_BUILD") or ROOT / "build")
    if not (folder / "build.ninja").exists():
        pytest.exit(f"no build in {folder}: run tests/run, or set TESSERA_BUILD", returncode=2)
    return folder


@pytest.fixture(scope="session")
def packages():
    """The three packages, built from this tree as users get them."""
    subprocess.run([ROOT / "tests/build-packages"], check=True)
    found = sorted((ROOT / "build-deb").glob("*.deb"))
    return [deb for deb in found if "dbgsym" not in deb.name]
