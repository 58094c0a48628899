# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What all multi-process tests share: where the build is, how much to do, one seed."""

import os
import pathlib
import random
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from scale import SEED, SOAK  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def pytest_report_header():
    return f"seed: TESSERA_SEED={SEED}{', counts in full' if SOAK else ''}"


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
