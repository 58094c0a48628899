# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""
sssd with cached credentials, as a peer on the bench's host.

Its users and their passwords are the host's own, through its proxy provider; the password is answered
from its cache, as in a company that wants logins to be quick (cached_auth_timeout). Nothing of it is
installed on this machine, because its package enters itself into every PAM stack: the packages are
fetched into build/, and the throw-away host unpacks them.
"""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEBS = ROOT / "build/bench-debs"
BACKEND_STACK = "bench-sssd-backend"
CONFIG = f"""[sssd]
services = nss, pam
domains = bench
enable_files_domain = false

[domain/bench]
id_provider = proxy
proxy_lib_name = files
auth_provider = proxy
proxy_pam_target = {BACKEND_STACK}
access_provider = permit
cache_credentials = true
cached_auth_timeout = 86400
"""


def _apt(*words):
    argv = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", f"Dir::Cache::archives={DEBS}", *words]
    return subprocess.run(argv, capture_output=True, text=True)


class Unavailable(Exception):
    """Its packages cannot be had; says why."""


def fetch():
    """Its packages, and those that they need; without what this machine has."""
    (DEBS / "partial").mkdir(parents=True, exist_ok=True)
    _apt("autoclean")  # of an earlier run, and since replaced in the archive
    install = ("--no-install-recommends", "--download-only", "install", "sssd-proxy")
    result = _apt(*install)
    if result.returncode != 0:
        _apt("update")
        result = _apt(*install)
    if result.returncode != 0:
        raise Unavailable(result.stderr.strip())
    return sorted(DEBS.glob("*.deb"))


def _unpack(host, debs):
    for deb in debs:
        (host.root / "var/tmp" / deb.name).write_bytes(deb.read_bytes())
    # The other candidates keep the stacks and the look-ups that they had.
    host.sh("cp -a /etc/pam.d /etc/nsswitch.conf /run && DEBIAN_FRONTEND=noninteractive dpkg -i /var/tmp/*.deb && "
            "rm /var/tmp/*.deb && cp -a /run/pam.d/. /etc/pam.d && cp -a /run/nsswitch.conf /etc", timeout=300)


def install(host, debs, user, answer):
    """@answer: a file with @user's password, in the host. From now on a login is answered from the cache."""
    if debs:
        _unpack(host, debs)
    host.write("/etc/sssd/sssd.conf", CONFIG, mode=0o600)
    host.write(f"/etc/pam.d/{BACKEND_STACK}", "auth required pam_unix.so\naccount required pam_permit.so\n")
    host.sh("systemctl restart sssd.service")
    host.sh(f"/usr/local/lib/bench/bench-pam -n 1 -u {user} bench-sssd={answer}")
    # Whoever would still be asked behind the cache says no.
    host.write(f"/etc/pam.d/{BACKEND_STACK}", "auth required pam_deny.so\naccount required pam_deny.so\n")


def rss(host):
    """MiB, of all its processes."""
    kib = host.sh("cat /proc/[0-9]*/status 2>/dev/null | awk '/^Name:/ {ours = $2 ~ /^(sssd|proxy_child)/} "
                  "/^VmRSS:/ && ours {sum += $2} END {print sum + 0}'").stdout
    return int(kib) / 1024
