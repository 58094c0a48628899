# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The AppArmor profile allows what the daemon opens: there need be no AppArmor in this kernel to see that.

strace writes down each file that tesserad opens from its start to its end, with people logging in in
between; every one must match a rule of the profile as apparmor_parser reads it, with the access asked for.
"""

import os
import re
import shutil
import subprocess

import pytest
from daemon import ALICE, PASSWORD, ROOT, secret, wait_for

PROFILE = ROOT / "policy/apparmor/usr.libexec.tesserad"
OPENED = re.compile(r'^\d+ +openat\([^,<]*(?:<[^>]*>)?, "[^"]*", ([A-Z_|]+)[^=]*\) = \d+<([^>]*)>', re.M)
VARIABLES = {"@{PROC}": "/proc", "@{pids}": "[0-9]*", "@{pid}": "[0-9]*", "@{tid}": "[0-9]*",
             "@{multiarch}": "*-linux-gnu*", "@{etc_ro}": "/etc", "@{etc_rw}": "/etc", "@{run}": "/run",
             "@{sys}": "/sys", "@{HOME}": "/root"}


def pattern(glob):
    """AppArmor's globs: * and ? stop at a slash, ** does not, {a,b} is either."""
    for name, value in VARIABLES.items():
        glob = glob.replace(name, value)
    result, depth = "", 0
    for part in re.findall(r"\*\*|\[[^]]*\]|.", glob):
        if part in "{}":
            depth += 1 if part == "{" else -1
        result += {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|" if depth else ","}.get(
            part, part if part.startswith("[") else re.escape(part))
    return re.compile(result + r"\Z")


def rules():
    """(regex, access) of each file rule, those of the abstractions too."""
    text = subprocess.run(["apparmor_parser", "-p", "--skip-kernel-load", PROFILE], capture_output=True, text=True,
                          check=True).stdout
    found = re.findall(r'(?m)^\s*(?:owner\s+)?"?([/@][^\s"]*)"?\s+([rwakmlixPpUuCc]+),', text)
    return [(pattern(glob), access) for glob, access in found]


def trace(host):
    """Puts strace beside the daemon, which keeps its place as our child (-D)."""
    plain = host.command
    host.command = lambda *more: ["strace", "-D", "-f", "-y", "-e", "trace=openat",
                                  "-o", str(host.folder / "state/trace"), *map(str, plain(*more))]


def home(path, host):
    """Where the file lies on a host with the package installed."""
    for ours, theirs in (("etc", "/etc/tessera"), ("state", "/var/lib/tessera"), ("run", "/run/tessera")):
        path = path.replace(f"{host.folder}/{ours}", theirs)
    return path


def needed(flags):
    return {"O_RDONLY": "r", "O_WRONLY": "w", "O_RDWR": "rw"}[flags.split("|")[0]]


@pytest.mark.skipif(not shutil.which("apparmor_parser"), reason="no apparmor_parser")
def test_the_profile_allows_what_the_daemon_opens(make_host):
    host = make_host(uid=0, fence=False)  # nobody else reads the memory of a process that may not be dumped
    trace(host)
    host.start_bus()
    host.start()
    host.add("alice")
    host.as_uid(ALICE, "Sessions.StepUp", "h", ("secret", PASSWORD))
    host.root().call("Login.Authenticate", "ssa{sv}h", "alice", "sshd", {"rhost": "192.0.2.1"}, secret(PASSWORD))
    host.call("Daemon.Check")
    host.reload()
    host.stop()
    written = host.folder / "state/trace"
    wait_for(lambda: "+++ exited with 0 +++" in written.read_text().splitlines()[-1])  # strace ends behind the daemon
    allowed = rules()
    opened = {(home(path, host) + "/" * ("O_DIRECTORY" in flags or os.path.isdir(path)), needed(flags))
              for flags, path in OPENED.findall(written.read_text())}
    assert any(path == "/var/lib/tessera/tessera.db" for path, _ in opened), opened
    refused = {(path, access) for path, access in opened
               if not any(set(access) <= set(given) and glob.match(path) for glob, given in allowed)}
    # What only this test has: its own nss_wrapper, and its notification socket's folder.
    assert {(path, access) for path, access in refused
            if not path.startswith(str(host.folder)) and "nss_wrapper" not in path} == set()
