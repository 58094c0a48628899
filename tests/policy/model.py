# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The rules of policy.conf a second time, from what is promised of them and not from the code.

A role is held by name, by "*", by a group's gid, by an assignment, or because a role that includes
it is held; a cap takes away what it does not name. A service lets in who holds one of its roles, and
asks again whose login is too old or was not by one of its methods. sudo-i follows sudo and su-l su.
What is unknown is a no.
"""

import dataclasses
import re

FOLLOWS = {"sudo-i": "sudo", "su-l": "su"}
AGELESS = ("sshd", "login")
DEFAULT_AGE = 900
UNSET = 2**32 - 1
METHOD = re.compile(r"pwd|oidc:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
UNITS = {"d": 86400, "h": 3600, "min": 60, "s": 1}
KEYS = {"role": {"users", "groups", "includes"}, "service": {"roles", "max-age", "methods"}}

NO, UNKNOWN, YES = range(3)
MISSING, ERROR = "missing", "error"  # what NSS says of a group that has no gid for us


class Invalid(Exception):
    pass


@dataclasses.dataclass
class Section:
    kind: str
    name: str
    file: str
    line: int
    values: dict = dataclasses.field(default_factory=dict)
    lines: dict = dataclasses.field(default_factory=dict)

    def items(self, key):
        return re.split(r"\s*[;,]\s*|\s+", self.values[key]) if key in self.values else []


@dataclasses.dataclass
class User:
    name: str
    uid: int
    gids: list
    grants: list
    cap: list | None  # None: no cap


@dataclasses.dataclass
class Login:
    auth_time: int
    method: str | None


def seconds(text):
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(d|h|min|s)", text))


class Policy:
    def __init__(self, files, gids):
        """files: (name, text); gids: what NSS says now, a gid, MISSING or ERROR by the group's name."""
        self.roles, self.services = {}, {}
        for file, text in files:
            self.read(file, text)
        self.check()
        self.gids = {name: gid for name, gid in gids.items() if isinstance(gid, int)}
        self.givers = {name: self.above(name) for name in self.roles}

    # Reading

    def read(self, file, text):
        section = None
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            heading = re.fullmatch(r"\[(role|service):([\w.-]+)\]", line)
            if heading:
                section = Section(*heading.groups(), file, number)
                table = self.roles if section.kind == "role" else self.services
                if table.setdefault(section.name, section) is not section:
                    raise Invalid(f"{section.kind} {section.name} twice")
                continue
            key, value = (part.strip() for part in line.split("=", 1))
            if key not in KEYS[section.kind] or key in section.values:
                raise Invalid(f"key {key}")
            section.values[key], section.lines[key] = value, number

    def check(self):
        for role in self.roles.values():
            if "*" in role.items("users") and len(role.items("users")) > 1:
                raise Invalid(f"* beside users of {role.name}")
            if any(other not in self.roles for other in role.items("includes")):
                raise Invalid(f"{role.name} includes an unknown role")
        for service in self.services.values():
            if not service.items("roles") or any(role not in self.roles for role in service.items("roles")):
                raise Invalid(f"roles of {service.name}")
            if any(not METHOD.fullmatch(method) for method in service.items("methods")):
                raise Invalid(f"methods of {service.name}")
        for name in self.roles:
            if any(name in self.below(other) for other in self.roles[name].items("includes")):
                raise Invalid(f"{name} includes itself")

    def below(self, name):
        """The role and all that its holders hold with it."""
        found, todo = set(), [name]
        while todo:
            role = todo.pop()
            if role not in found:
                found.add(role)
                todo += self.roles[role].items("includes")
        return found

    def above(self, name):
        return {other for other in self.roles if name in self.below(other)}

    # Holding

    def held_itself(self, user, name, nss):
        role = self.roles[name]
        if {"*", user.name} & set(role.items("users")) or name in user.grants:
            return YES
        answers = [NO]
        for group in role.items("groups"):
            gid = self.gids[group] if group in self.gids else nss.get(group, MISSING)
            if gid == ERROR:
                answers.append(UNKNOWN)
            elif gid != MISSING and gid in user.gids:
                answers.append(YES)
        return max(answers)

    def held(self, user, name, nss, capped=True):
        if not user.name or user.uid == UNSET:
            return NO
        if capped and user.cap is not None and name not in user.cap:
            return NO
        return max(self.held_itself(user, giver, nss) for giver in self.givers[name])

    def roles_of(self, user, nss):
        return sorted(name for name in self.roles if self.held(user, name, nss) == YES)

    # Deciding

    def ruling(self, service):
        return self.services.get(service) or self.services.get(FOLLOWS.get(service))

    def max_age(self, service):
        section = self.ruling(service)
        if section and "max-age" in section.values:
            return seconds(section.values["max-age"])
        return 0 if service in AGELESS else DEFAULT_AGE

    def decide(self, user, login, service, now, nss):
        """(verdict, reason)"""
        section = self.ruling(service)
        if not section:
            return "deny", "unknown-service"
        held = max(self.held(user, role, nss) for role in section.items("roles"))
        if held != YES:
            return "deny", "lookup-failed" if held == UNKNOWN else "role-missing"
        if not login:
            return "step-up", "no-session"
        age = self.max_age(service)
        if age and not (0 < login.auth_time <= now and now - login.auth_time <= age):
            return "step-up", "stale"
        methods = section.items("methods")
        if methods and login.method not in methods:
            return "step-up", "method"
        return "allow", "ok"
