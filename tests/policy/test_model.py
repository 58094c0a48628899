# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Two implementations of the rules, which must agree on thousands of policies: the C of policy/ and model.py.

Compared are policy_decide(), policy_explain() with each of its steps and the place of each, and
policy_roles_of(); the driver itself looks that policy_format() changes none of it.
"""

import collections
import pathlib
import random
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from model import ERROR, MISSING, UNKNOWN, UNSET, YES, Invalid, Login, Policy, User
from policies import NOW, SERVICES, random_files, random_login, random_nss, random_sections, random_user, spoil
from scale import SEED, scaled

POLICIES_A_RUN = 250  # of the driver
USERS_A_POLICY = 4

LAST = {
    "unknown-service": "a service without a section lets nobody in",
    "role-missing": "none of the roles that it wants is held",
    "lookup-failed": "no role that it wants is known to be held: a group cannot be looked up",
    "no-session": "there is no live session: one must sign in",
    "stale": "that is not fresh enough: one must sign in again",
    "method": "that is not a method that counts here: one must sign in again",
    "ok": "a role that it wants is held, and the sign-in is good enough",
}


class Case:
    """A policy, whom it is asked about, and what the model says."""

    def __init__(self, rng):
        sections = random_sections(rng)
        if rng.random() < 0.05:
            spoil(rng, sections)
        self.files = random_files(rng, sections)
        self.before, self.nss = random_nss(rng), random_nss(rng)
        self.questions = []  # (user, [(service, login)])
        try:
            self.policy = Policy(self.files, self.before)
        except Invalid:
            self.policy = None
            return
        for _ in range(USERS_A_POLICY):
            asks = [(service, random_login(rng, self.policy.max_age(service))) for service in [*SERVICES, "ftpd"]]
            self.questions.append((random_user(rng), asks))

    def write(self):
        yield "new"
        yield from self.write_nss(self.before)
        for name, text in self.files:
            lines = text.split("\n")[:-1]
            yield f"text\t{name}\t{len(lines)}"
            yield from lines
        yield "link"
        yield from self.write_nss(self.nss)
        for user, asks in self.questions:
            cap = "*" if user.cap is None else ",".join(user.cap) or "-"
            yield "\t".join(["user", user.name or "-", str(user.uid), ",".join(map(str, user.gids)) or "-",
                             ",".join(user.grants) or "-", cap])
            for service, login in asks:
                yield "\t".join(["ask", service, str(login.auth_time) if login else "-",
                                 login.method or "-" if login else "-", str(NOW)])

    @staticmethod
    def write_nss(nss):
        return (f"group\t{name}\t{state}" for name, state in nss.items())


def ask(driver, cases):
    text = "".join(line + "\n" for case in cases for line in case.write())
    done = subprocess.run([driver], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return iter(done.stdout.splitlines())


# Steps


class Steps:
    """What explain says of one question, looked at step by step. Each rule: a pattern, and what must then be true."""

    def __init__(self, policy, nss, user, service, login, reason):
        self.policy, self.nss, self.user, self.service, self.login, self.reason = policy, nss, user, service, login, reason
        self.section = policy.ruling(service)
        self.told = {}  # role: is it said to be held?

    def look(self, steps):
        assert steps[-1] == ("-", 0, LAST[self.reason]), "the last word"
        for file, line, text in steps[:-1]:
            rule = next((rule, match) for pattern, rule in RULES if (match := re.fullmatch(pattern, text)))
            place = rule[0](self, *rule[1].groups())
            assert (file, line) == (place or ("-", 0)), f"{text}: {file}:{line} instead of {place}"
        if self.section:
            assert set(self.section.items("roles")) <= set(self.told), "a wanted role of which nothing is told"

    def held(self, role, **options):
        return self.policy.held(self.user, role, self.nss, **options)

    def say(self, word, role):
        """holds, would hold: and it is so."""
        assert self.held(role, capped=False) == YES, f"{role} is not held"
        assert (self.held(role) == YES) == (word == "holds"), f"{word} {role}"
        if word == "holds":
            self.told[role] = True

    def section_of(self, role, key=None):
        section = self.policy.roles[role]
        return section.file, section.lines[key] if key else section.line

    def of_service(self, key=None):
        return self.section.file, self.section.lines[key] if key else self.section.line

    # Rules

    def ruled(self, service, name):
        assert service == self.service and self.section.name == name == service
        return self.of_service()

    def follows(self, service, name):
        assert service == self.service and self.section.name == name != service
        return self.of_service()

    def unruled(self, service):
        assert service == self.service and not self.section

    def wants(self, roles):
        assert re.findall(r'"([^"]+)"', roles) == self.section.items("roles")
        return self.of_service("roles")

    def by_group(self, word, role, group, gid):
        self.say(word, role)
        known = self.policy.gids.get(group, self.nss.get(group))
        assert group in self.policy.roles[role].items("groups") and int(gid) == known and known in self.user.gids
        return self.section_of(role, "groups")

    def by_name(self, word, role, name):
        self.say(word, role)
        assert name == self.user.name and name in self.policy.roles[role].items("users")
        return self.section_of(role, "users")

    def by_everybody(self, word, role):
        self.say(word, role)
        assert self.policy.roles[role].items("users") == ["*"]
        return self.section_of(role, "users")

    def by_assignment(self, word, role):
        self.say(word, role)
        assert role in self.user.grants

    def by_include(self, word, role, above):
        self.say(word, role)
        assert self.held(above, capped=False) == YES and role in self.policy.roles[above].items("includes")
        return self.section_of(above, "includes")

    def capped(self, role, cap):
        assert self.held(role, capped=False) == YES and self.held(role) != YES
        assert re.findall(r'"([^"]+)"', cap) == self.user.cap
        self.told[role] = False

    def nobody(self, role):
        assert not self.user.name or self.user.uid == UNSET
        self.told[role] = False

    def not_held(self, role, unknown, above):
        held = self.held(role, capped=False)
        assert held != YES and bool(unknown) == (held == UNKNOWN)
        assert set(re.findall(r'"([^"]+)"', above or "")) == self.policy.givers[role] - {role}
        self.told[role] = False
        return self.section_of(role)

    def no_group(self, group, role, state):
        assert group not in self.policy.gids and self.nss[group] == state
        assert group in self.policy.roles[role].items("groups")
        return self.section_of(role, "groups")

    def missing_group(self, group, role):
        return self.no_group(group, role, MISSING)

    def failing_group(self, group, role):
        return self.no_group(group, role, ERROR)

    def max_age(self, default):
        assert self.policy.max_age(self.service) > 0 and bool(default) != ("max-age" in self.section.values)
        return None if default else self.of_service("max-age")

    def ageless(self):
        assert self.policy.max_age(self.service) == 0

    def unproven(self):
        assert self.login.auth_time <= 0

    def ahead(self):
        assert self.login.auth_time > NOW

    def signed_in(self, method):
        assert 0 < self.login.auth_time <= NOW and method == (self.login.method or "?")

    def methods(self):
        assert self.section.items("methods")
        return self.of_service("methods")


QUOTED = r'"([^"]+)"'
HOLDS = f"(holds|would hold) {QUOTED}: "
RULES = [
    (f"{QUOTED} is ruled by \\[service:(.+)\\]", Steps.ruled),
    (f"{QUOTED} has no section and follows \\[service:(.+)\\]", Steps.follows),
    (r"there is no section \[service:([^]]+)\](?:, nor \[service:.+\])?", Steps.unruled),
    ("wants the role (.+)", Steps.wants),
    (HOLDS + f"in the group {QUOTED} \\(gid (\\d+)\\)", Steps.by_group),
    (HOLDS + f"{QUOTED} is one of its users", Steps.by_name),
    (HOLDS + "everybody does", Steps.by_everybody),
    (HOLDS + "assigned by root until it is taken away", Steps.by_assignment),
    (HOLDS + f"{QUOTED} includes it", Steps.by_include),
    (f"does not hold {QUOTED}: this login came by a ticket, with (no roles|at most .+)", Steps.capped),
    (f"does not hold {QUOTED}: who has no Unix account holds no role", Steps.nobody),
    (f"does not hold {QUOTED}(, as far as can be told)?: not one of its users(?:, not in the group .+)?, not assigned"
     "(?:, nor holds what includes it: (.+))?", Steps.not_held),
    (f"the group {QUOTED} of \\[role:(.+)\\] does not exist", Steps.missing_group),
    (f"the group {QUOTED} of \\[role:(.+)\\] cannot be looked up: Input/output error", Steps.failing_group),
    ("max-age is [0-9a-z ]+(, the default)?", Steps.max_age),
    ("without max-age any sign-in is fresh enough here", Steps.ageless),
    ("nobody has proven anything in this login, such as a password", Steps.unproven),
    ("signed in [0-9a-z ]+ ahead of the clock, which is never fresh", Steps.ahead),
    (f"signed in [0-9a-z ]+ ago by {QUOTED}", Steps.signed_in),
    ('wants the last sign-in to be by "pwd"', Steps.methods),
]


# The comparison


def compare(case, answers, counts):
    valid = next(answers)
    assert valid == ("valid" if case.policy else "invalid")
    counts[valid] += 1
    for user, asks in case.questions:
        assert next(answers) == ",".join(case.policy.roles_of(user, case.nss)), user
        for service, login in asks:
            decided, explained, *steps = next(answers).split("\t")
            verdict, reason = case.policy.decide(user, login, service, NOW, case.nss)
            wanted = f"{verdict} {reason} {case.policy.max_age(service)}"
            assert (decided, explained) == (wanted, wanted), (user, service, login)
            counts[reason] += 1
            looked = [(file, int(line), text) for file, line, text in (step.split(" ", 2) for step in steps)]
            try:
                Steps(case.policy, case.nss, user, service, login, reason).look(looked)
            except (AssertionError, StopIteration) as error:
                raise AssertionError(f"{user} {service} {login}: {error!r}\n" + "\n".join(map(str, looked))) from error


@pytest.fixture(scope="session")
def driver(build):
    return build / "tests/policy/policy-driver"


def test_P18_P29_two_implementations_agree(driver):
    rng, counts, left = random.Random(SEED), collections.Counter(), scaled(10000)
    while left:
        cases = [Case(rng) for _ in range(min(left, POLICIES_A_RUN))]
        answers = ask(driver, cases)
        for case in cases:
            try:
                compare(case, answers, counts)
            except AssertionError as error:
                texts = "".join(f"--- {name}\n{text}" for name, text in case.files)
                raise AssertionError(f"seed {SEED}: {error}\n{texts}{case.before}\n{case.nss}") from error
        assert next(answers, None) is None
        left -= len(cases)
    print(f"seed {SEED}: {dict(counts)}")
    assert all(counts[reason] >= 10 for reason in (*LAST, "invalid")), counts


# The model itself, by rows: what it says is what the documentation promises, whatever the code says.

TEXT = """[role:admin]
groups=sudo
users=carol
includes=operator
[role:operator]
groups=ops
[role:everyone]
users=*
[service:sshd]
roles=everyone
[service:sudo]
roles=admin, operator
max-age=15min
methods=pwd
[service:su]
roles=admin
[service:su-l]
roles=operator
max-age=1h 30min
"""

FRESH, OLD = Login(NOW - 60, "pwd"), Login(NOW - 4000, "pwd")


def user(name="bob", gids=(), grants=(), cap=None, uid=1001):
    return User(name, uid, list(gids), list(grants), cap)


@pytest.mark.parametrize("sentence,who,service,login,verdict,reason", [
    ("an admin by group may", user(gids=[27]), "sudo", FRESH, "allow", "ok"),
    ("one by name", user("carol"), "sudo", FRESH, "allow", "ok"),
    ("one by assignment", user(grants=["admin"]), "su", FRESH, "allow", "ok"),
    ("an operator is no admin", user(gids=[1005]), "su", FRESH, "deny", "role-missing"),
    ("an admin is an operator", user(gids=[27]), "su-l", OLD, "allow", "ok"),
    ("not under a cap without it", user(gids=[27], cap=["admin"]), "su-l", OLD, "deny", "role-missing"),
    ("under a cap with it", user(gids=[27], cap=["operator"]), "su-l", OLD, "allow", "ok"),
    ("sudo-i follows sudo", user(gids=[27]), "sudo-i", OLD, "step-up", "stale"),
    ("a key login is never fresh", user(gids=[27]), "sudo", Login(0, None), "step-up", "stale"),
    ("nor a time to come", user(gids=[27]), "sudo", Login(NOW + 1, "pwd"), "step-up", "stale"),
    ("another method", user(gids=[27]), "sudo", Login(NOW, "oidc:corp"), "step-up", "method"),
    ("no session", user(gids=[27]), "sudo", None, "step-up", "no-session"),
    ("no section", user("carol"), "ftpd", FRESH, "deny", "unknown-service"),
    ("ssh has no age", user(), "sshd", Login(0, None), "allow", "ok"),
    ("nobody is not everyone", user(uid=UNSET), "sshd", FRESH, "deny", "role-missing"),
])
def test_the_model_keeps_the_promises(sentence, who, service, login, verdict, reason):
    nss = {"sudo": 27, "ops": 1005}
    assert Policy([("p", TEXT)], nss).decide(who, login, service, NOW, nss) == (verdict, reason), sentence


def test_P29_the_model_takes_a_failing_lookup_for_a_no():
    policy = Policy([("p", TEXT)], {"sudo": ERROR, "ops": MISSING})
    assert policy.decide(user(gids=[27]), FRESH, "sudo", NOW, {"sudo": ERROR}) == ("deny", "lookup-failed")
    assert policy.decide(user(gids=[27]), FRESH, "sudo", NOW, {"sudo": 27}) == ("allow", "ok")
    assert policy.decide(user(gids=[27]), FRESH, "sudo", NOW, {}) == ("deny", "role-missing")
