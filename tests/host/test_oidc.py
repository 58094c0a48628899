# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The network helper as it is installed: who reaches it, what it runs as, and that its sandbox lets it work."""

import re

import pytest

ASK = """
import sys
from gi.repository import Gio, GLib
bus = Gio.DBusConnection.new_for_address_sync("unix:path=/run/tessera-oidc/socket",
                                              Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
print(bus.call_sync(None, "/org/tessera/Oidc1", "org.tessera.Oidc1", "Check", GLib.Variant("(s)", (sys.argv[1],)), None, 0,
                    30000, None).unpack())
"""
# A provider in the clear, on this machine: all that Check asks for.
PROVIDER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        own = "http://127.0.0.1:8080"
        body = json.dumps({"issuer": own, "token_endpoint": own, "jwks_uri": own + "/jwks", "authorization_endpoint": own}
                          if "well-known" in self.path else {"keys": [{"kty": "EC", "crv": "P-256", "kid": "a",
                          "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                          "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""
LOCAL = """[provider:local]
issuer=http://127.0.0.1:8080
client-id=tessera
client-secret-file=/etc/tessera/local.secret
allow-insecure-loopback=yes
"""


@pytest.fixture
def provider(host):
    host.sh("cat > /var/tmp/provider.py", input=PROVIDER)
    host.sh("cat > /var/tmp/ask.py", input=ASK)
    host.sh("cat > /etc/tessera/providers.d/local.conf", input=LOCAL)
    host.sh("umask 077; cat > /etc/tessera/local.secret", input="a secret\n")
    host.sh("chgrp tessera-oidc /etc/tessera/local.secret; chmod 0640 /etc/tessera/local.secret")
    host.sh("systemd-run --quiet --unit=provider python3 /var/tmp/provider.py")
    host.wait("ss -Hltn 'sport = :8080' | grep -q .", 20)
    yield
    host.sh("systemctl stop provider; systemctl reset-failed provider 2> /dev/null; rm /etc/tessera/providers.d/local.conf")


def ask(host, user, name="local"):
    return host.sh(f"setpriv --reuid={user} --regid={user} --clear-groups python3 /var/tmp/ask.py {name}", check=False)


def test_it_is_started_by_its_socket_and_works_in_its_sandbox(host, provider):
    assert host.sh("stat -c '%a %U' /run/tessera-oidc/socket").stdout == "600 tessera\n"
    assert host.sh("systemctl is-active tessera-oidc.service", check=False).stdout == "inactive\n"
    assert ask(host, "tessera").stdout == "(True, '')\n"
    pid = host.sh("systemctl show -p MainPID --value tessera-oidc.service").stdout.strip()
    status = host.read(f"/proc/{pid}/status")
    uid = host.sh("id -u tessera-oidc").stdout.strip()
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", status, re.M)
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{field}:\t0+$", status, re.M), field
    assert re.search(r"^Seccomp:\t2$", status, re.M)
    limits = host.read(f"/proc/{pid}/limits")
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M)
    if re.search(r"^Max locked memory +unlimited", limits, re.M):  # where whoever runs the tests may lock that much
        assert int(re.search(r"VmLck:\s+(\d+)", status)[1]) > 1024  # nothing of it is swapped
    rated = host.sh("systemd-analyze security --no-pager tessera-oidc.service").stdout
    assert float(re.search(r"Overall exposure level for .*: ([\d.]+)", rated)[1]) <= 1.5, rated


def test_nobody_but_tesserad_is_answered(host, provider):
    for user in ("root", "tessera-oidc", "alice", "nobody"):
        assert "True" not in ask(host, user).stdout, user
    assert ask(host, "tessera").stdout == "(True, '')\n"
    assert "uid 0 was refused" in host.journal("-u", "tessera-oidc")


def test_it_reads_no_secret_of_the_daemons(host, provider):
    host.sh("systemctl start tesserad.service")
    assert ask(host, "tessera").stdout == "(True, '')\n"
    pid = host.sh("systemctl show -p MainPID --value tessera-oidc.service").stdout.strip()
    for path in ("/var/lib/tessera", "/run/tessera", "/home"):
        seen = host.sh(f"nsenter -t {pid} -m ls -A {path}", check=False)
        assert seen.stdout == "", (path, seen.stdout)
    host.sh("chmod 0644 /etc/tessera/local.secret")
    assert "client-secret: " in ask(host, "tessera").stdout
    host.sh("chmod 0640 /etc/tessera/local.secret")


def test_one_that_cannot_start_is_tried_again_for_as_long_as_it_takes(host, provider):
    """More often than systemd's limit, which would give up the socket, too."""
    folder = "/run/systemd/system/tessera-oidc.service.d"
    host.sh(f"mkdir -p {folder}; printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' > {folder}/50-broken.conf")
    host.sh("systemctl daemon-reload; systemctl stop tessera-oidc.service; systemctl start --no-block tessera-oidc.service")
    try:
        host.wait('[ "$(systemctl show -P NRestarts tessera-oidc.service)" -gt 6 ]', 40)
        assert host.sh("systemctl is-active tessera-oidc.socket", check=False).stdout == "active\n"
    finally:
        host.sh(f"rm -r {folder}; systemctl daemon-reload")
    host.wait("systemctl is-active tessera-oidc.service", 10)
    assert ask(host, "tessera").stdout == "(True, '')\n", host.journal("-u", "provider")
