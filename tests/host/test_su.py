# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""su and "su -": the role and the sign-in of who calls it decide; the target's password does not."""

import contextlib
import json
import time

import pytest
from conftest import PASSWORDS, UNIX_PASSWORDS, forgive
from host import PROMPT, Host

ALICE, BOB = PASSWORDS["alice"], PASSWORDS["bob"]
POLICY = "/etc/tessera/policy.conf"
BOTH = pytest.mark.parametrize("su", ["su", "su -"])


@pytest.fixture(scope="module")
def gated(ready_layer):
    with Host("web1", ready_layer) as host:
        host.sh("tessera service enable su --yes --breakglass breakglass")
        yield host


@pytest.fixture
def host(gated):
    forgive(gated)
    return gated


@contextlib.contextmanager
def policy(host, *changes):
    """The shipped policy with these replacements (or, for one text, that behind it), for a while."""
    shipped = text = host.read(POLICY)
    for change in changes:
        text = text.replace(*change) if isinstance(change, tuple) else text + change
    assert text != shipped
    host.write(POLICY, text)
    host.sh("systemctl reload tesserad.service")
    try:
        yield
    finally:
        host.write(POLICY, shipped)
        host.sh("systemctl reload tesserad.service")


@pytest.fixture
def stale(host):
    with policy(host, ("[service:su]\nroles=admin\nmax-age=15min", "[service:su]\nroles=admin\nmax-age=1s")):
        yield host


@contextlib.contextmanager
def without_daemon(host):
    host.sh("systemctl mask --runtime --now tesserad.service tesserad.socket")
    try:
        yield
    finally:
        host.sh("systemctl unmask --runtime tesserad.service tesserad.socket; systemctl start tesserad.socket")


@BOTH
@pytest.mark.parametrize("target", ["root", "bob", "carol"])
def test_fresh_and_with_the_role_nothing_is_asked(host, su, target):
    with host.shell("alice", ALICE) as shell:
        assert shell.run(f"{su} {target} -c 'id -un'") == (f"{target}\n", 0)


@BOTH
def test_without_the_role_there_is_no_prompt_and_one_line(host, su):
    with host.shell("bob", BOB) as shell:
        output, status = shell.run(f"{su} alice -c id")
    assert status == 1 and "assword" not in output
    said = [line for line in output.splitlines() if line.startswith("tessera: ")]
    service = "su-l" if su == "su -" else "su"
    assert len(said) == 1 and said[0].startswith(f'tessera: {service} needs the role "admin"'), output
    audit = [json.loads(line) for line in
             host.journal("TESSERA_USER=bob", "TESSERA_REASON=role-missing", "-o", "json").splitlines()]
    assert audit[-1]["TESSERA_SERVICE"] == service


@BOTH
def test_P33_stale_asks_for_ones_own_password_and_never_for_the_targets(stale, su):
    with stale.shell("alice", ALICE) as shell:
        for answer, status in ((UNIX_PASSWORDS["bob"], 1), (BOB, 1), (UNIX_PASSWORDS["alice"], 1), (ALICE, 0)):
            shell.run("sleep 2.1")
            shell.start(f"{su} bob -c 'id -un'")
            shell.expect(PROMPT)
            shell.answer(answer)
            output, found = shell.finish()
            assert found == status and "assword" not in output, (answer, output)
            assert ("bob\n" in output) == (status == 0)
        assert shell.run(f"{su} carol -c 'id -un'") == ("carol\n", 0)  # renewed, for every target


@BOTH
def test_P40_an_invoker_that_tessera_does_not_know_asks_the_stack_below(host, su):
    with host.shell("carol", UNIX_PASSWORDS["carol"]) as shell:
        for answer, status in ((UNIX_PASSWORDS["bob"], 0), (BOB, 1), (UNIX_PASSWORDS["carol"], 1)):
            shell.start(f"{su} bob -c 'id -un'")
            shell.expect("Password: ")
            shell.answer(answer)
            output, found = shell.finish()
            assert found == status and ("bob\n" in output) == (status == 0), (answer, output)
            assert "oken" not in output


def test_P34_whose_shell_it_is_counts_and_not_whose_login(host):
    """alice becomes bob: bob has no role, and alice' session is not his."""
    with host.shell("alice", ALICE) as shell:
        shell.run("printf 'su -c id alice; sudo -n id -u\\n' > /tmp/as-bob; chmod 755 /tmp/as-bob")
        output, _ = shell.run("su bob -c 'sh /tmp/as-bob'")
        assert "uid=" not in output and "0\n" not in output and 'su needs the role "admin"' in output, output


def test_P18_su_l_follows_su_unless_it_has_a_section_of_its_own(host):
    with host.shell("bob", BOB) as shell:
        with policy(host, "[service:su-l]\nroles=everyone\n"):
            assert shell.run("su - carol -c 'id -un'") == ("carol\n", 0)
            assert shell.run("su carol -c 'id -un'")[1] == 1
        with policy(host, ("[service:su]\nroles=admin", "[service:su]\nroles=everyone"),
                    "[service:su-l]\nroles=admin\n"):
            assert shell.run("su - carol -c 'id -un'")[1] == 1
            assert shell.run("su carol -c 'id -un'") == ("carol\n", 0)
        with policy(host, ("[service:su]\nroles=admin", "[service:su]\nroles=everyone")):
            assert shell.run("su - carol -c 'id -un'") == ("carol\n", 0)
        with policy(host, ("[service:su]\nroles=admin\nmax-age=15min\n", "")):  # unknown: nobody
            assert shell.run("su - carol -c 'id -un'")[1] == 1


@BOTH
def test_P37_P40_with_the_daemon_down(host, su):
    """root as ever; nobody else within seconds, but who is in the break-glass group: by the target's password."""
    with host.shell("alice", ALICE) as alice, host.shell("glass", UNIX_PASSWORDS["glass"]) as glass, \
            without_daemon(host):
        assert host.sh(f"{su} alice -c 'id -un'").stdout.endswith("alice\n")
        assert host.ssh("root", None, f"{su} bob -c 'id -un'", options=host.key_options("root")).stdout.endswith("bob\n")
        start = time.monotonic()
        output, status = alice.run(f"{su} bob -c 'id -un'")
        assert status == 1 and "bob\n" not in output and "does not answer" in output
        assert time.monotonic() - start < 5
        glass.start(f"{su} bob -c 'id -un'")
        glass.expect("Password: ")
        glass.answer(UNIX_PASSWORDS["bob"])
        output, status = glass.finish()
        assert status == 0 and "bob\n" in output


def test_P6_what_lets_one_past_the_password_does_not_let_past_the_role(host):
    """auth is skipped by a line of the admin's own; account is not."""
    host.sh("groupadd wheel; usermod -aG wheel bob; usermod -aG wheel alice; "
            "sed -i 's/^# \\(auth .*pam_wheel.so trust\\)/\\1/' /etc/pam.d/su; grep -q '^auth.*trust' /etc/pam.d/su")
    try:
        with host.shell("bob", BOB) as shell:
            assert shell.run("su carol -c 'id -un'")[1] == 1
        with host.shell("alice", ALICE) as shell:
            assert shell.run("su carol -c 'id -un'") == ("carol\n", 0)
    finally:
        host.sh("sed -i 's/^auth .*pam_wheel.so trust/# &/' /etc/pam.d/su; groupdel wheel")


def test_P4_su_is_an_event_and_no_session(host):
    with host.shell("alice", ALICE) as shell:
        session = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
        shell.run("su carol -c true; su - carol -c true")
        shown = json.loads(host.sh(["tessera", "--json", "session", "show", session]).stdout)
        assert [event["service"] for event in shown["events"] if event["event"] == "used"][-2:] == ["su", "su-l"]
    sessions = json.loads(host.sh("tessera --json session list --all-users").stdout)
    assert not [one for one in sessions if one["service"].startswith("su") or one["user"] == "carol"]


def test_a_revoked_login_cannot_su(host):
    with host.shell("alice", ALICE) as shell:
        session = json.loads(shell.run("tessera status --json")[0])["session"]["id"]
        host.sh(f"tessera session revoke {session} --keep-login")
        output, status = shell.run("su bob -c 'id -un'")
        assert status == 1 and "assword" not in output and "revoked" in output


def test_A5_the_targets_account_still_has_its_say(host):
    host.sh("chage -E 0 carol")
    try:
        with host.shell("alice", ALICE) as shell:
            assert shell.run("su carol -c 'id -un'")[1] != 0
            assert shell.run("su bob -c 'id -un'") == ("bob\n", 0)
    finally:
        host.sh("chage -E -1 carol")
