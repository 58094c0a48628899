# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""What a stranger at ssh's prompt learns of a name by Enter alone: nothing."""

import statistics

import pytest
from conftest import forgive
from company import Knock

ROUNDS = 9
USERS = {
    "alice": "linked", "bob": "linked to nobody", "dora": "disabled", "erin": "awaits the provider",
    "carol": "has an account, and is unknown to tessera", "robot": "an account of the system's", "nosuch": "has no account",
}


@pytest.fixture(scope="module")
def people(shared_company):
    web1 = shared_company.web1
    web1.sh("useradd -m -s /bin/bash dora; useradd -m -s /bin/bash erin; useradd -r -m -s /bin/bash -u 990 robot")
    web1.sh("tessera user add dora --provider corp; tessera user disable dora; tessera user add erin --provider corp")
    return shared_company


def plain(knock, user):
    """The text without what differs between any two sign-ins."""
    return knock.text.replace(knock.code, "CODE").replace(user, "USER")


def test_O1_the_same_text_in_the_same_time_for_every_name(people, rng):
    texts, seconds = set(), {user: [] for user in USERS}
    for _ in range(ROUNDS):
        forgive(people.web1)
        with Knock(people.web1, "alice"):  # the provider is looked up anew
            pass
        for user in rng.sample(list(USERS), len(USERS)):
            with Knock(people.web1, user) as knock:
                texts.add(plain(knock, user))
                seconds[user].append(knock.seconds)
    assert len(texts) == 1, texts
    medians = {user: statistics.median(values) for user, values in seconds.items()}
    print(medians)
    # An answer that is no link came within 2 ms before, or after PAM's delay of two seconds.
    usual = statistics.median(medians.values())
    assert all(abs(median - usual) < max(0.5 * usual, 0.05) for median in medians.values()), medians


@pytest.mark.parametrize("user", [user for user in USERS if user != "alice"])
def test_A3_O3_whoever_approves_it_nobody_gets_in_as_them(people, user):
    """Not linked, and approved by alice, who is somebody else here: the same words for each."""
    reason = "disabled" if user == "dora" else "provider-other-account"
    before = people.log(reason)
    forgive(people.web1)
    with Knock(people.web1, user) as knock:
        people.person.approve(knock.link, knock.code, "alice")
        knock.enter()
        said, _ = knock.refused(15)
    assert said.replace(user, "USER") == "USER@127.0.0.1: Permission denied (publickey,password,keyboard-interactive)."
    # Whom tessera does not know is named nowhere, as it may be a password that was typed too early.
    named = user if user in ("bob", "dora", "erin") else "an unknown user"
    assert people.log(reason)[len(before):].startswith(f"refused: {named}, sshd, from 127.0.0.1: {reason}")
