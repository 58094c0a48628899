# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Signing in at the company's login page: Enter alone at ssh, a browser, Enter; and every other end of it."""

import contextlib
import json
import time

import pytest
from conftest import PASSWORDS
from company import POLICY, Knock, read_code
from host import PROMPT
from laptop import Laptop
from test_sessions import current, sessions

BY_PROVIDER = POLICY.replace("[service:sudo]\nroles=admin\n", "[service:sudo]\nroles=admin\nmethods=oidc:corp\n")
HURRY = 20  # s, from Enter on; tesserad's
DEADLINE = HURRY + 5
SOON = 15  # the provider is asked every five


def test_O1_the_prompt_says_who_where_and_for_what(company):
    with Knock(company.web1, "alice") as knock:
        assert "Sign in to web1 for sshd as alice, with corp." in knock.text
        assert knock.link == "https://login.example/device" and knock.code in knock.text
        assert "Go on only if you began this yourself" in knock.text
    # Nobody offers it: nothing begins, and Enter alone is what it was.
    with company.configured(policy=POLICY.replace("methods=pwd;oidc:corp\n", "")):
        begun = company.login.asked("POST /device/auth")
        assert company.web1.ssh("alice", "", check=False).returncode == 255
        assert company.login.asked("POST /device/auth") == begun


def test_P7_enter_a_browser_and_enter_open_the_shell(company):
    before = int(time.time())
    with company.shell("alice") as shell:
        session = current(shell)
        assert session["methods"] == ["oidc:corp"] and before <= session["auth_time"] <= time.time()
        assert session["service"] == "sshd" and session["from"] == "127.0.0.1" and session["state"] == "active"
        assert session["id"] in [row["id"] for row in sessions(company.web1, "--all-users")]
        assert "oidc:corp" in shell.run("tessera sessions")[0]
        assert shell.run("sudo -n id -u") == ("0\n", 0)  # by her role, and fresh as after a password
        token = shell.run("tessera token print")[0].strip()
        assert company.web1.ssh("alice", token, "id -un").stdout == "alice\n"
        company.web1.sh(["tessera", "session", "revoke", session["id"]])
        assert shell.ended(seconds=2)
    assert company.web1.ssh("alice", token, check=False).returncode == 255
    company.nothing_is_left()


def test_a_role_that_is_missing_stays_missing(company):
    company.web1.sh("tessera user link bob --provider corp --subject bob")
    with company.shell("bob") as shell:
        output, status = shell.run("sudo id")
        assert status == 1 and '"admin"' in output
    company.web1.sh("tessera user unlink bob --provider corp")


def test_sudo_by_the_provider_alone(company):
    """methods=oidc:corp: who came by password signs in there once, and a password is no answer."""
    with company.configured(policy=BY_PROVIDER):
        with company.web1.shell("alice", PASSWORDS["alice"]) as shell:
            assert shell.run("sudo -n id")[1] == 1
            shell.start(f"echo \"{PASSWORDS['alice']}\" | sudo -S id; true")
            assert "uid=0" not in shell.finish(timeout=60)[0]
            shell.start("sudo id -u")
            shell.expect(PROMPT)
            shell.answer("")
            text, link, code = read_code(shell.child)
            assert "Sign in to web1 for sudo as alice, with corp." in text
            company.person.approve(link, code, "alice")
            shell.answer("")
            output, status = shell.finish(timeout=60)
            assert status == 0 and output.endswith("0\n"), output
            assert current(shell)["methods"] == ["pwd", "oidc:corp"]
            assert shell.run("sudo -n id -u") == ("0\n", 0)
        with company.shell("alice") as shell:
            assert shell.run("sudo -n id -u") == ("0\n", 0)


def test_sudo_is_not_opened_by_another_account(company):
    with company.configured(policy=BY_PROVIDER), company.web1.shell("alice", PASSWORDS["alice"]) as shell:
        shell.start("sudo id")
        shell.expect(PROMPT)
        shell.answer("")
        _, link, code = read_code(shell.child)
        company.person.approve(link, code, "mallory")
        shell.answer("")
        shell.expect(PROMPT)  # sudo asks thrice
        shell.child.sendintr()  # once: a second one could meet the shell
        output, status = shell.finish(timeout=60)
        assert status != 0 and "uid=0" not in output
        assert shell.run("sudo -n id")[1] == 1
    company.nothing_is_left()


# Every other end


def denied(company, knock):
    company.person.deny(knock.link, knock.code)
    return SOON


def another_account(company, knock):
    company.person.approve(knock.link, knock.code, "mallory")
    return SOON


def never_approved(company, knock):
    return DEADLINE


def disabled_meanwhile(company, knock):
    company.web1.sh("tessera user disable alice")
    company.person.approve(knock.link, knock.code, "alice")
    company.web1.sh("tessera user enable alice")
    return SOON


@pytest.mark.parametrize("happens, reason", [
    (denied, "provider-denied"), (another_account, "provider-not-linked"), (never_approved, "provider-expired"),
    (disabled_meanwhile, "provider-unknown-flow")], ids=lambda value: getattr(value, "__name__", ""))
def test_P7_O3_O4_R15_every_other_end_is_a_no(company, happens, reason):
    with Knock(company.web1, "alice") as knock:
        most = happens(company, knock)
        knock.enter()
        said, _ = knock.refused(most)
    assert "Permission denied" in said and "corp" not in said and "provider" not in said
    assert f"alice, sshd, from 127.0.0.1: {reason}" in company.log(reason)
    company.nothing_is_left()


def test_P7_enter_too_early_waits_twenty_seconds_and_no_longer(company):
    with Knock(company.web1, "alice") as knock:
        knock.enter()
        _, seconds = knock.refused(DEADLINE)
        assert HURRY - 2 <= seconds
        # An approval that comes later opens nothing: there is nobody to open it for.
        company.person.approve(knock.link, knock.code, "alice")
    company.nothing_is_left()


def test_P7_an_approval_within_the_twenty_seconds_opens(company):
    def answer(child):
        child.expect_exact(PROMPT)
        child.sendline("")
        _, link, code = read_code(child)
        child.sendline("")
        company.person.approve(link, code, "alice")

    with company.web1.shell("alice", answer) as shell:
        assert current(shell)["methods"] == ["oidc:corp"]


def test_O4_a_code_that_nobody_typed_in_time(company):
    with company.login.quick(6), Knock(company.web1, "alice") as knock:
        time.sleep(7)
        page = company.person.visit(knock.link, "alice", knock.code, until="incorrect")
        assert "incorrect" in page
        knock.enter()
        knock.refused(SOON)
        company.nothing_is_left()


@pytest.mark.parametrize("pressed", [False, True], ids=["before-enter", "after-enter"])
def test_O1_a_client_that_goes_away(company, pressed):
    """ssh is killed in the middle: what it began is over, and an approval opens nothing for nobody."""
    with Knock(company.web1, "alice") as knock:
        if pressed:
            knock.enter()
            time.sleep(2)
        knock.leave()
    # After Enter sshd hears of it only when PAM has its answer.
    company.nothing_is_left(DEADLINE + 10 if pressed else 15)
    opened = len(sessions(company.web1, "--all-users"))
    company.person.approve(knock.link, knock.code, "alice")
    time.sleep(1)
    assert len(sessions(company.web1, "--all-users")) == opened


@pytest.mark.parametrize("way", ["gone", "frozen"])
@pytest.mark.parametrize("pressed", [False, True], ids=["before-enter", "after-enter"])
def test_O4_R15_a_provider_that_stops_in_the_middle(company, way, pressed):
    with Knock(company.web1, "alice") as knock:
        if pressed:
            knock.enter()
            time.sleep(2)
        with getattr(company.login, way)():
            if not pressed:
                knock.enter()
            knock.refused(DEADLINE)
            company.nothing_is_left()


# The other ways in


@contextlib.contextmanager
def without_helper(company):
    company.web1.sh("systemctl mask --now --runtime tessera-oidc.socket tessera-oidc.service")
    try:
        yield
    finally:
        company.web1.sh("systemctl unmask --runtime tessera-oidc.socket tessera-oidc.service; systemctl start tessera-oidc.socket")


@pytest.fixture(scope="module")
def laptop(shared_company, laptop_layer):
    host = shared_company.network.host("laptop", laptop_layer)
    made = Laptop(host)
    made.sign_in("alice@web1", PASSWORDS["alice"], "anns-laptop")
    return made


def test_with_the_provider_down_the_other_ways_in_work(company, laptop):
    web1 = company.web1
    with company.shell("alice") as shell:
        for way in (company.login.gone, company.login.frozen, lambda: without_helper(company)):
            token = shell.run("tessera token print")[0].strip()
            with way():
                began = time.monotonic()
                refused = web1.ssh("alice", "", check=False)
                assert refused.returncode == 255 and time.monotonic() - began < 20, refused.stderr
                assert web1.ssh("alice", PASSWORDS["alice"], "id -un").stdout == "alice\n"
                assert web1.ssh("alice", token, "id -un").stdout == "alice\n"
                assert laptop.login("alice@web1", command="id -un").stdout == "alice\n"
                assert shell.run("sudo -n id -u") == ("0\n", 0)
    company.nothing_is_left()


# Who is who


@pytest.fixture
def carol(company):
    """Has a Unix account, awaits the provider, and is as she was in the end."""
    company.web1.sh("tessera user add carol --provider corp")
    yield company
    company.web1.sh("tessera user remove carol --yes", check=False)


def refuse(company, user, login):
    with Knock(company.web1, user) as knock:
        company.person.approve(knock.link, knock.code, login)
        knock.enter()
        return knock.refused(SOON)[0]


def identities(company, user):
    return json.loads(company.web1.sh(["tessera", "--json", "user", "show", user]).stdout)["identities"]


def test_A3_O7_the_first_login_links_and_no_other_subject_is_it(carol):
    company = carol
    refuse(company, "carol", "bob")
    assert "provider-other-name" in company.log("provider-other-name") and identities(company, "carol") == []
    with company.shell("carol") as shell:
        assert current(shell)["methods"] == ["oidc:corp"]
        assert "carol is linked to your identity at corp from now on" in shell.greeting
    assert "carol" in json.dumps(identities(company, "carol"))
    before = identities(company, "carol")
    refuse(company, "carol", "carol#2")  # another person whom the provider calls carol by now
    assert identities(company, "carol") == before
    with company.shell("carol"):
        pass


def test_A3_create_is_for_people_and_for_no_administrator(company):
    web1 = company.web1
    web1.sh("useradd -r -m -s /bin/bash -u 990 robot; useradd -m -s /bin/bash keeper; useradd -m -s /bin/bash erin")
    provider = web1.read("/etc/tessera/providers.d/corp.conf") + "create=yes\n"
    policy = POLICY + "[role:keeper]\nusers=keeper\n[service:tessera]\nroles=keeper\n"
    with company.configured(provider=provider, policy=policy):
        for user in ("robot", "keeper"):
            refuse(company, user, user)
            assert web1.sh(["tessera", "user", "show", user], check=False).returncode != 0
        refuse(company, "erin", "mallory")
        assert web1.sh("tessera user show erin", check=False).returncode != 0
        with company.shell("erin") as shell:
            assert current(shell)["methods"] == ["oidc:corp"] and shell.run("sudo -n id")[1] == 1
    web1.sh("tessera user remove erin --yes")
    refuse(company, "erin", "erin")  # without create=yes, nobody is made


def test_O7_an_address_of_mail_is_nobody(company):
    """It is given to the next one of that name: as a user-claim it is a mistake, and the old configuration stays."""
    web1 = company.web1
    good = web1.read("/etc/tessera/providers.d/corp.conf")
    web1.write("/etc/tessera/providers.d/corp.conf", good + "user-claim=email\n")
    checked = web1.sh("tessera policy check", check=False)
    assert checked.returncode != 0 and "email" in checked.stdout + checked.stderr
    web1.sh("systemctl reload tesserad.service", check=False)
    web1.write("/etc/tessera/providers.d/corp.conf", good)
    web1.sh("systemctl reload tesserad.service")
    with company.shell("alice"):
        pass
