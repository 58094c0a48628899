# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Random policies as people might write them, some with a mistake, and whom to ask about."""

from model import AGELESS, DEFAULT_AGE, ERROR, MISSING, UNSET, Login, User

ROLES = ["admin", "operator", "lead", "everyone", "dba", "web-1", "backup", "night.shift"]
GROUPS = ["sudo", "ops", "staff", "corp", "later", "gone"]
SERVICES = ["sudo", "sudo-i", "su", "su-l", "sshd", "login", "cups", "tessera"]
USERS = ["alice", "bob", "carol", "dave"]
GIDS = [0, 27, 50, 1005, 70000]
DURATIONS = ["1s", "90s", "10min", "15min", "1h 30min", "24h", "7d"]
NOW = 1_800_000_000


def some(rng, items, most=3):
    return rng.sample(items, rng.randrange(min(most, len(items)) + 1))


def random_sections(rng, users=USERS):
    """[kind, name, {key: items}], whose includes go from left to right."""
    roles = rng.sample(ROLES, rng.randrange(1, len(ROLES) + 1))
    sections = []
    for at, role in enumerate(roles):
        keys = {"users": ["*"] if rng.random() < 0.15 else some(rng, users, 2), "groups": some(rng, GROUPS),
                "includes": some(rng, roles[at + 1:], 2)}
        sections.append(["role", role, keys])
    for service in rng.sample(SERVICES, rng.randrange(3, len(SERVICES) + 1)):
        keys = {"roles": rng.sample(roles, rng.randrange(1, min(3, len(roles)) + 1)),
                "max-age": [rng.choice(DURATIONS)] if rng.random() < 0.5 else [],
                "methods": ["pwd"] if rng.random() < 0.3 else []}
        sections.append(["service", service, keys])
    return sections


def spoil(rng, sections):
    """One mistake."""
    role = rng.choice([section for section in sections if section[0] == "role"])
    kind = rng.randrange(5)
    if kind == 0:
        role[2]["includes"] = [*role[2]["includes"], "nobody-defined-this"]
    elif kind == 1:
        role[2]["includes"] = [role[1]]
    elif kind == 2:
        role[2]["users"] = ["*", "alice"]
    elif kind == 3:
        sections.append([*role[:2], {}])
    else:
        sections.append(["service", "vsftpd", rng.choice([{}, {"roles": ["nobody-defined-this"]}])])


def write_section(rng, kind, name, keys):
    lines = [f"[{kind}:{name}]"]
    for key in rng.sample(list(keys), len(keys)):
        if keys[key]:
            lines += rng.choice([[], [], ["# the next"], [""]])
            lines.append(key + rng.choice(["=", " = "]) + rng.choice([";", ", ", " "]).join(keys[key]))
    return "\n".join(lines) + "\n"


def random_files(rng, sections):
    """[(name, text)]: policy.conf, and perhaps some of policy.d."""
    names = ["policy.conf", *some(rng, ["10-more.conf", "20-site.conf"])]
    texts = dict.fromkeys(names, "")
    for section in rng.sample(sections, len(sections)):
        texts[rng.choice(names)] += write_section(rng, *section) + rng.choice(["", "\n", "# more\n"])
    return list(texts.items())


def random_nss(rng):
    return {group: rng.choice([*GIDS, 27, 50, 1005, MISSING, MISSING, ERROR]) for group in GROUPS}


def random_user(rng):
    return User(rng.choice([*USERS, "eve", ""]), rng.choice([1001, 1002, 70000, UNSET] if rng.random() < 0.2 else [1001]),
                some(rng, [*GIDS, UNSET]), some(rng, [*ROLES, "wizard"], 2) if rng.random() < 0.3 else [],
                some(rng, [*ROLES, "wizard"]) if rng.random() < 0.2 else None)


def random_login(rng, age):
    """age: the service's; most logins are about that old."""
    if rng.random() < 0.1:
        return None
    ago = rng.choice([0, 1, 60, age - 1, age, age + 1, DEFAULT_AGE, 86400 * 30])
    auth_time = rng.choice([NOW - ago] * 8 + [NOW + 1, 0, -5])
    return Login(auth_time, rng.choice(["pwd", "pwd", "oidc:corp", None]))


assert all(service in SERVICES for service in AGELESS)
