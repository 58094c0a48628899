# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""tessera-end on a real host: what the daemon can bring about with a file, and what it cannot."""

import pytest

from host import Host

END = "/run/tessera/end"


@pytest.fixture(scope="module")
def one(installed_layer):
    with Host("web1", [installed_layer]) as host:
        host.sh("useradd -m -s /bin/bash alice")
        yield host


def ask(host, name):
    """Leaves a file as the daemon does."""
    host.sh(f"setpriv --reuid=tessera --regid=tessera --clear-groups touch -- {END}/{name}")


def settled(host):
    host.wait(f"test -z \"$(ls -A {END})\"", 5, "an empty folder")


def login(host, user="alice"):
    """A shell, and logind's id of it."""
    shell = host.shell(user, None, host.key_options(user))
    output, _ = shell.run("cat /proc/self/sessionid; echo")
    return shell, output.strip()


def test_a_session_is_ended(one):
    shell, session = login(one)
    other, _ = login(one)
    with shell, other:
        ask(one, f"session-{session}")
        assert shell.ended(2)
        settled(one)
        assert not other.ended(0.5)
    assert f'ended "session-{session}"' in one.journal("-u", "tessera-end.service")


def test_a_user_is_ended_with_its_manager(one):
    first, _ = login(one)
    second, _ = login(one)
    with first, second:
        one.wait("systemctl is-active user@$(id -u alice).service")
        ask(one, "user-" + one.sh("id -u alice").stdout.strip())
        assert first.ended(2) and second.ended(2)
        settled(one)
    one.wait("! systemctl is-active user@$(id -u alice).service")


STUBBORN = "(trap '' TERM HUP INT; while :; do sleep 0.1; done) < /dev/null > /dev/null 2>&1"


def test_who_ignores_the_request_is_killed(one):
    shell, session = login(one)
    with shell:
        shell.run("{ " + STUBBORN + " & }; echo $! > /tmp/stubborn")
        one.sh("kill -0 $(cat /tmp/stubborn)")
        ask(one, f"session-{session}")
        assert shell.ended(2)
        one.wait("! kill -0 $(cat /tmp/stubborn)", 2, "the process is gone")
    shell, session = login(one)
    with shell:
        shell.run("{ systemd-run --user --scope -q bash -c 'echo $$ > /tmp/stubborn2; " +
                  STUBBORN.replace("'", "'\\''") + "' & } > /dev/null 2>&1; sleep 1")
        one.sh("kill -0 $(cat /tmp/stubborn2)")
        ask(one, "user-" + one.sh("id -u alice").stdout.strip())
        assert shell.ended(2)
        one.wait("! kill -0 $(cat /tmp/stubborn2)", 2, "what the user's manager runs is gone")


def test_system_accounts_are_not_ended(one):
    shell, session = login(one, "root")
    with shell:
        ask(one, f"session-{session}")
        ask(one, "user-0")
        settled(one)
        assert not shell.ended(1)
    journal = one.journal("-u", "tessera-end.service")
    assert f'"session-{session}" is a login of a system account' in journal
    assert '"user-0" is a login of a system account' in journal


@pytest.mark.parametrize("make", [
    "touch session-", "touch session-1.2", "touch -- -rf", "touch 'session-1\n<0>forged'", "touch user-4294968296",
    "ln -s /etc/passwd session-1", "ln -s /etc session-2", "mkdir session-3", "mkfifo session-4", "echo x > session-5",
    "touch session-99999",
])
def test_junk_is_thrown_away(one, make):
    before = one.sh("sha256sum /etc/passwd; ls /etc | wc -l").stdout
    one.sh(["setpriv", "--reuid=tessera", "--regid=tessera", "--clear-groups", "bash", "-c", f"cd {END}; {make}"])
    settled(one)
    assert one.sh("sha256sum /etc/passwd; ls /etc | wc -l").stdout == before
    assert one.sh("systemctl is-failed tessera-end.path tessera-end.service", check=False).stdout != "failed"
    assert "forged" not in one.journal("-u", "tessera-end.service", "-p", "0")


def test_many_at_once(one):
    """No limit of systemd's stops the path unit for good."""
    for i in range(30):
        ask(one, f"session-9{i:04}")
        if i % 3 == 0:
            settled(one)
    settled(one)
    assert one.sh("systemctl is-active tessera-end.path").stdout == "active\n"


def test_a_logind_that_hangs_does_not_save_the_login(one):
    shell, session = login(one)
    with shell:
        one.sh("kill -STOP $(systemctl show -P MainPID systemd-logind)")
        ask(one, f"session-{session}")
        assert not shell.ended(2)
        one.sh("kill -CONT $(systemctl show -P MainPID systemd-logind)")
        assert shell.ended(15)
        settled(one)


def test_nobody_else_can_ask(one):
    assert one.sh(f"touch {END}/session-1", user="alice", check=False).returncode != 0
    assert one.sh(f"ls {END}", user="alice", check=False).returncode != 0
