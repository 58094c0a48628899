# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Whose role a group gives: by gid, and to nobody where that cannot be known."""

import itertools
import os

import pytest
from daemon import GROUP, PASSWD, PASSWORD, Refused, secret, wait_for


seconds = itertools.count(2_000_000_000)


def write(host, name, text):
    """nss_wrapper reads a file anew when another second stands on it."""
    path = host.folder / name
    path.write_text(text)
    now = next(seconds)
    os.utime(path, (now, now))


def may_sudo(host, user="alice"):
    """The daemon's verdict, or the name of its error."""
    try:
        return host.call("Login.Authorize", "ssa{sv}", user, "sudo", {})[0]
    except Refused as error:
        return error.name


@pytest.mark.parametrize("line, bob", [
    ("sudo:x:5000:bob", "deny"),   # a second one of that name, from a directory or by a race: the first is meant
    ("admin:x:5001:bob", "deny"),  # the name of the role
    ("SUDO:x:5002:bob", "deny"),
    ("sudo :x:5003:bob", "deny"),
    ("bobs:x:27:bob", "allow"),    # another name for the gid: the kernel knows no other difference either
])
def test_A1_a_group_counts_by_its_gid(host, line, bob):
    write(host, "group", GROUP + line + "\n")
    host.reload()
    wait_for(lambda: may_sudo(host, "bob") == bob)
    assert may_sudo(host) == "allow"


def test_A1_an_account_named_like_the_group_is_not_in_it(host):
    write(host, "passwd", PASSWD + "sudo:x:20009:20009::/nonexistent:/bin/sh\n")
    host.add("sudo")
    assert may_sudo(host, "sudo") == "deny"


def test_A1_a_group_that_is_made_anew_gives_nothing_until_the_policy_is_read_again(host):
    """Its gid may by now be anybody's."""
    write(host, "group", GROUP.replace("sudo:x:27:alice", "sudo:x:5000:bob\nother:x:27:alice"))
    wait_for(lambda: may_sudo(host, "bob") == "deny")
    host.reload()
    wait_for(lambda: may_sudo(host, "bob") == "allow")
    assert may_sudo(host) == "deny"


@pytest.mark.parametrize("name, number", [("root", 0), ("toor", 0), ("unset", 2**32 - 1)])
def test_A2_no_mapping_makes_anybody_root_or_nobody(host, name, number):
    """Further names of uid 0, and the uid that means "unset": not enrolled, and no role is theirs."""
    if name != "root":
        write(host, "passwd", PASSWD + f"{name}:x:{number}:27::/nonexistent:/bin/sh\n")
    with pytest.raises(Refused):
        host.add(name)
    assert may_sudo(host, name) in ("not-ours", "deny")
    with pytest.raises(Refused):
        host.call("Sessions.List", "a{sv}", {"user": name})
    assert host.call("Login.Authenticate", "ssa{sv}h", name, "sudo", {}, secret(PASSWORD))[0] in ("not-ours", "deny")


BROKEN = {"missing": None, "empty": "", "without its group": GROUP.replace("sudo:x:27:alice\n", ""),
          "cut": GROUP[:GROUP.index("alice")], "garbage": "\xff\0:::\n" * 50, "no gid": GROUP.replace(":27:", "::"),
          "a gid that is none": GROUP.replace(":27:", ":4294967295:")}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("reload", [False, True])
def test_P29_groups_that_cannot_be_had_are_a_no(host, how, reload):
    assert may_sudo(host) == "allow"
    if BROKEN[how] is None:
        (host.folder / "group").unlink()
    else:
        write(host, "group", BROKEN[how])
    if reload:
        host.reload()
    wait_for(lambda: may_sudo(host) != "allow")
    assert may_sudo(host) in ("deny", "Internal", "StoreUnavailable")
    write(host, "group", GROUP)
    host.restart()  # nss_wrapper reads nothing any more after a line that is none
    assert may_sudo(host) == "allow"
