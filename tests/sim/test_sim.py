# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A day of attack on one account: what reaches the check, and whom it keeps out.

The numbers are those of docs/throttle.md, whose picture is drawn from the same program."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["TESSERA_BUILD"])
GUESSES_MAX = 100  # in a row: NIST SP 800-63B, 5.2.2


@pytest.fixture(scope="module")
def days():
    """(attack, defence) → guesses, and how many of the user's own logins were refused, by way."""
    lines = subprocess.run([BUILD / "tests/sim/throttle-sim"], check=True, capture_output=True, text=True).stdout
    print(lines)
    table = {}
    for line in lines.splitlines():
        attack, defence, *numbers = line.split("\t")
        guesses, known, known_no, device, device_no, console, console_no = map(int, numbers)
        assert min(known, device, console) > 0  # else nobody could be refused
        table[attack, defence] = {"guesses": guesses, "known": known_no, "device": device_no, "console": console_no}
    return table


@pytest.mark.parametrize("attack", ["one-host", "10000-hosts", "slow-botnet"])
def test_T2_T3_strangers_get_few_guesses_and_keep_nobody_out(days, attack):
    day = days[attack, "tessera"]
    assert 0 < day["guesses"] <= GUESSES_MAX
    assert (day["known"], day["device"], day["console"]) == (0, 0, 0)


def test_T2_the_users_own_host_gets_few_guesses_and_keeps_no_device_out(days):
    day = days["own-host", "tessera"]
    assert 0 < day["guesses"] <= GUESSES_MAX
    assert (day["device"], day["console"]) == (0, 0)


@pytest.mark.parametrize("peer,attack,guesses,keeps_out", [
    ("pam_faillock", "one-host", 3 * 144, True),  # three in each ten minutes, and the user is locked out
    ("fail2ban", "10000-hosts", 864_000, False),  # no host fails often enough to be seen
    ("fail2ban", "one-host", 5 * 144, False),
    ("PerSourcePenalties", "10000-hosts", 864_000, False),
    ("PerSourcePenalties", "one-host", 17_280, False),
])
def test_the_models_do_what_the_manuals_say(days, peer, attack, guesses, keeps_out):
    day = days[attack, peer]
    assert day["guesses"] == guesses
    assert (day["known"] > 0) == keeps_out


def test_the_picture_in_the_docs_is_of_today():
    drawn = subprocess.run([ROOT / "tests/sim/plot", BUILD], check=True, capture_output=True).stdout
    assert drawn == (ROOT / "docs/throttle.svg").read_bytes(), "draw it anew: tests/sim/plot BUILD > docs/throttle.svg"
