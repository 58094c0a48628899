#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors

"""The dependency table, enforced: which folder may include what.

The build runs this over every C file of the product; one include too many fails it. Tests beside
their source may also use what the line "tests" allows. Print the table with --table.
"""

import pathlib
import re
import sys

# folder: (project folders it may include from, external headers it may include)
GLIB = r"glib(\.h|-unix\.h|/.*)"
LIBC = (r"(arpa|linux|net|netinet|sys)/.*|assert\.h|ctype\.h|dirent\.h|endian\.h|errno\.h|fcntl\.h|fnmatch\.h|getopt\.h|glob\.h"
        r"|grp\.h|inttypes\.h|langinfo\.h|limits\.h|locale\.h|netdb\.h|poll\.h|pthread\.h|pwd\.h|sched\.h|shadow\.h|signal\.h"
        r"|spawn\.h|stdarg\.h|stdbool\.h|stddef\.h|stdint\.h|stdio\.h|stdlib\.h|string\.h|strings\.h|syslog\.h"
        r"|termios\.h|time\.h|unistd\.h|utmp\.h|wchar\.h|wctype\.h")
TABLE = {
    "common": ([], [r"sodium\.h"]),
    "policy": (["common"], [GLIB]),
    "daemon/core": (["common", "policy"], [GLIB, r"sodium\.h"]),
    "daemon/store": (["common"], [GLIB]),
    "daemon/bus": (["common", "policy", "daemon/core"], [GLIB, r"gio/.*"]),
    "daemon/oidc": (["common", "policy"], [GLIB, r"gio/.*", r"sodium\.h"]),
    "daemon/end": (["common", "client/lib"], []),
    "client/lib": (["common"], [r"systemd/.*"]),
    "client": (["common", "policy", "client/lib"], [GLIB, r"jansson\.h"]),
    "pam": (["common", "client/lib"], [r"security/.*"]),
}
# A header of a folder that another may not use as a whole.
HEADERS = {
    "daemon/store": ["daemon/core/device-window.h", "daemon/core/types.h"],
    "daemon/core": ["daemon/store/adopt.h", "daemon/store/feed.h", "daemon/store/store.h"],
}
# A library is included in one place.
FILES = {
    "daemon/core/es256.c": [r"openssl/.*"],
    "client/device-key.c": [r"sodium\.h"],
    "daemon/core/jws.c": [r"jwt\.h"],
    "daemon/core/claims.c": [r"jansson\.h"],
    "daemon/core/jwks.c": [r"jansson\.h"],
    "daemon/core/ticket-claims.c": [r"jansson\.h"],
    "daemon/core/token-claims.c": [r"jansson\.h"],
    "daemon/core/test-es256.c": [r"openssl/crypto\.h"],
    "daemon/core/test-fault.c": [r"jwt\.h", r"openssl/.*"],
    "daemon/core/test-forge-ticket.c": [r"openssl/.*"],
    "daemon/core/test-key.c": [r"openssl/crypto\.h"],
    "daemon/core/test-token-gate.c": [r"jwt\.h"],
    "daemon/core/test-token-timing.c": [r"math\.h"],
    "common/wipe-free.c": [r"malloc\.h"],
    "daemon/oidc/http.c": [r"curl/curl\.h"],
    "daemon/oidc/id-token.c": [r"cjose/cjose\.h"],
    "daemon/oidc/jwks.c": [r"cjose/cjose\.h"],
    "daemon/oidc/strict-json.h": [r"jansson\.h"],
    "daemon/oidc/test-id-token.c": [r"cjose/cjose\.h"],
    "daemon/store/redis-reply.c": [r"hiredis/hiredis\.h"],
    "daemon/store/redis-stream.c": [r"gio/.*"],
    "daemon/store/sqlite-db.c": [r"sqlite3\.h"],
    "client/device-file.c": [r"sodium\.h"],
    "client/device-text.c": [r"malloc\.h"],
    "pam/sudo-group.c": [r"sudo_plugin\.h"],
    "client/sign-in-qr.c": [r"qrencode\.h"],
    "client/secret-service.c": [r"dlfcn\.h"],
    "daemon/bus/main.c": [r"malloc\.h", r"sodium\.h"],
    "daemon/bus/run.c": [r"malloc\.h"],
}
# main wires everything.
MAIN = {"daemon/bus/main.c", "daemon/bus/offline.c", "daemon/bus/setup-store.c", "daemon/bus/setup-store.h", "daemon/bus/setup.c"}


def folder_of(path):
    return str(pathlib.PurePath(path).parent)


def allowed(path, include, quoted):
    folder = folder_of(path)
    projects, externals = TABLE[folder]
    is_test = pathlib.PurePath(path).name.startswith("test-")
    if quoted:
        target = folder_of(include)
        if target == folder or target in projects or include in HEADERS.get(folder, []):
            return True
        return (path in MAIN or is_test) and target.split("/")[0] == folder.split("/")[0]
    patterns = [LIBC, *externals, *FILES.get(path, [])]
    if is_test:
        patterns += [r"sodium\.h", r"jansson\.h", r"sqlite3\.h", GLIB]
    return any(re.fullmatch(pattern, include) for pattern in patterns)


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = []
    for source in sorted([*root.rglob("*.c"), *root.rglob("*.h")]):
        path = source.relative_to(root).as_posix()
        if folder_of(path) not in TABLE:
            if path.split("/")[0] in ("common", "policy", "daemon", "client", "pam"):
                wrong.append(f"{path}: a folder without a row in the table")
            continue
        for number, line in enumerate(source.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match and not allowed(path, match[2], match[1] == '"'):
                wrong.append(f"{path}:{number}: {folder_of(path)} may not include {match[2]}")
    print("\n".join(wrong), file=sys.stderr)
    if wrong:
        return 1
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text("checked\n")
    return 0


sys.exit(main())
