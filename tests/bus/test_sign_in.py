# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Sign-in at an identity provider, as PAM and the command ask for it, with a helper that says what the test wants."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from daemon import ALICE, BOB, CAROL, NOBODY, POLICY, Refused, in_child, secret, stop, wait_for

OIDC_ERROR = "org.tessera.Oidc1.Error."
FLOW = "f" * 31 + "0"
ISSUER = "https://login.corp.example"
PROVIDER = f"[provider:corp]\nissuer={ISSUER}\nclient-id=tessera\n"
POLICY_CORP = POLICY.replace("[service:sshd]\nroles=everyone\n", "[service:sshd]\nroles=everyone\nmethods=pwd;oidc:corp\n")
AUTHENTICATE = "Login.Authenticate"
DEVICE = {"uri": "https://login.corp.example/device", "uri_complete": "https://login.corp.example/device?c=WDJB-MJHT",
          "user_code": "WDJB-MJHT"}
REDIRECT = "http://127.0.0.1:49152/callback"


def text_of(value):
    """A GVariant's text."""
    if isinstance(value, dict):
        return "@a{sv} {" + ", ".join(f"'{k}': <{text_of(v)}>" for k, v in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"uint32 {value}"
    if isinstance(value, list):
        return "@as [" + ", ".join(text_of(v) for v in value) + "]"
    return "'" + value + "'"


class Helper:
    """tessera-oidc's place."""

    def __init__(self, host, uid=0):
        self.folder = host.folder / "oidc"
        self.folder.mkdir(exist_ok=True)
        os.chown(self.folder, uid, uid)
        self.folder.chmod(0o777)  # a test says what is answered as whoever it is
        self.answers = {}
        self.device()
        self.end("pending")
        self.answer("StartCode", "(ss)", FLOW, "https://login.corp.example/authorize?state=x")
        self.answer("Cancel", "()")
        self.answer("Check", "(bs)", True, "")
        (self.folder / "calls").touch()
        os.chown(self.folder / "calls", uid, uid)
        (self.folder / "ready").unlink(missing_ok=True)
        script = pathlib.Path(__file__).parent / "fake_oidc.py"
        self.process = subprocess.Popen([sys.executable, script, self.folder], user=uid, group=uid, extra_groups=[])
        host.spawned.append(self.process)
        wait_for(lambda: (self.folder / "ready").exists())

    def write(self):
        path = self.folder / "answers.new"
        path.write_text(json.dumps(self.answers))
        path.rename(self.folder / "answers.json")

    def answer(self, method, kind, *values):
        inner = ", ".join(text_of(v) for v in values)
        self.answers[method] = {"type": kind, "reply": f"({inner}{',' if len(values) == 1 else ''})"}
        self.write()

    def refuse(self, method, name, message):
        self.answers[method] = {"error": OIDC_ERROR + name, "message": message}
        self.write()

    def be_silent(self, method):
        self.answers[method] = {"silence": True}
        self.write()

    def device(self, **other):
        self.answer("StartDevice", "(sa{sv})", FLOW, {**DEVICE, "expires_in": 900, "interval": 5, **other})

    def end(self, state, **result):
        for method in ("Wait", "Redirect"):
            self.answer(method, "(sa{sv})", state, result)

    def approve(self, subject, user="", **other):
        self.end("approved", issuer=ISSUER, subject=subject, **({"user": user} if user else {}), **other)

    def calls(self, method=None):
        lines = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return [line[1:] for line in lines if line[0] == method] if method else lines

    def stop(self):
        stop(self.process, signal.SIGKILL)


@pytest.fixture
def corp(host):
    """Alice is the subject 1 of corp, which sshd offers."""
    folder = host.folder / "etc/providers.d"
    folder.mkdir()
    folder.chmod(0o755)
    host.write("providers.d/corp.conf", PROVIDER)
    host.write("policy.conf", POLICY_CORP)
    host.reload()
    host.helper = Helper(host)
    assert host.call("Users.Link", "sss", "alice", "corp", "1") is True
    return host


def enter(client, user="alice", service="sshd", **context):
    return client.call(AUTHENTICATE, "ssa{sv}h", user, service, {"rhost": "192.0.2.1", **context}, secret(""))


def begin(client, user="alice", service="sshd"):
    verdict, result = enter(client, user, service)
    assert verdict == "pending", (verdict, result)
    return result["flow"]


def sign_in(host, user="alice"):
    """Begun, approved and asked for, by one process of root's: the verdict and result."""
    def run():
        client = host.root()
        flow = begin(client, user)
        return enter(client, user, flow=flow)
    return in_child(run)


def test_P7_a_login_by_device_flow(corp):
    def log_in():
        client = corp.root()
        verdict, shown = enter(client)
        flow = shown.pop("flow")
        assert verdict == "pending" and len(flow) == 32 and flow != FLOW
        assert shown == {"provider": "corp", "host": corp.root().get("Host"), "uri": DEVICE["uri"], "expires-in": 900,
                         "uri-complete": DEVICE["uri_complete"], "user-code": DEVICE["user_code"]}
        for hurry in (False,) * 20 + (True,) * 3:
            assert enter(client, flow=flow, hurry=hurry) == ["pending", {"flow": flow}]
        with pytest.raises(Refused):  # that is no session
            client.call("Login.CloseSession", "s", "x")
        assert client.call("Login.OpenSession", "ssa{sv}", "alice", "sshd", {"rhost": "192.0.2.1", "session": flow})[0] == "deny"
        corp.helper.approve("1")
        verdict, result = enter(client, flow=flow)
        assert verdict == "allow" and set(result) == {"session"}
        assert enter(client, flow=flow)[0] == "deny"
        assert client.call("Login.OpenSession", "ssa{sv}", "alice", "sshd",
                           {"rhost": "192.0.2.1", "session": result["session"]})[0] == "allow"
        return result["session"]

    session = corp.call("Sessions.Show", "s", in_child(log_in, login=ALICE))[0]
    assert session["methods"] == ["oidc:corp"] and session["auth_time"] > 0 and session["user"] == "alice"
    assert corp.helper.calls("StartDevice") == [["corp"]]
    assert all(call == [FLOW, 0] for call in corp.helper.calls("Wait"))
    assert "WDJB" not in corp.text() and FLOW not in corp.text()


@pytest.mark.parametrize("user, subject, claim", [("bob", "1", "bob"), ("alice", "2", "alice"), ("bob", "2", "bob"),
                                                  ("alice", "", "alice")])
def test_O3_who_approves_is_nobody_else(corp, user, subject, claim):
    corp.helper.approve(subject, claim)
    assert sign_in(corp, user) == ["deny", {"reason": "credential"}]


@pytest.mark.parametrize("state", ["denied", "expired", "failed", "Approved", "allow", "", "pending "])
def test_O4_every_other_word_is_a_no(corp, state):
    corp.helper.end(state, issuer=ISSUER, subject="1", reason="x")
    assert sign_in(corp) == ["deny", {"reason": "credential"}]


@pytest.mark.parametrize("what", [{"uri": "http://evil.example/"}, {"user_code": "X\\nPassword: "}, {"user_code": ""},
                                  {"uri": "https://a/" + "x" * 2048}, {"expires_in": "soon"}])
def test_what_could_be_no_link_is_not_shown(corp, what):
    corp.helper.device(**what)
    assert in_child(lambda: enter(corp.root())) == ["deny", {"reason": "credential"}]


def test_O3_another_process_with_the_handle(corp):
    corp.helper.approve("1")

    def run():
        client = corp.root()
        flow = begin(client)
        others = [in_child(lambda: enter(corp.root(), flow=flow)[0]),
                  enter(client, "bob", flow=flow)[0], enter(client, service="login", flow=flow)[0]]
        return others, enter(client, flow=flow)[0]

    others, own = in_child(run)
    assert others == ["deny"] * 3 and own == "allow"


def test_R15_disabled_while_it_was_pending(corp):
    def run():
        client = corp.root()
        flow = begin(client)
        corp.call("Users.SetEnabled", "sb", "alice", False)
        corp.call("Users.SetEnabled", "sb", "alice", True)
        corp.helper.approve("1")
        return enter(client, flow=flow)[0]

    assert in_child(run) == "deny"
    assert corp.helper.calls("Cancel") == [[FLOW]]


def test_without_a_helper_a_password_works(corp):
    corp.helper.stop()
    assert in_child(lambda: enter(corp.root())) == ["deny", {"reason": "credential"}]
    assert corp.log_in("alice")
    (corp.helper.folder / "socket").unlink()
    assert in_child(lambda: enter(corp.root())) == ["deny", {"reason": "credential"}]
    with pytest.raises(Refused) as refused:
        corp.as_uid(ALICE, "Sessions.StartSignIn", "a{sv}", {})
    assert refused.value.name == "WrongCredential" and "your password works" in refused.value.message


def test_a_helper_that_begins_anew_has_forgotten(corp):
    def run():
        client = corp.root()
        flow = begin(client)
        corp.helper.refuse("Wait", "NotFound", "there is no such flow")
        return enter(client, flow=flow)[0]

    assert in_child(run) == "deny"


def test_what_anybody_else_listens_on_is_not_believed(corp):
    """Who could put a socket there says who he likes: the kernel says who listens."""
    corp.helper.stop()
    (corp.helper.folder / "socket").unlink()
    corp.helper = Helper(corp, uid=NOBODY)
    corp.helper.approve("1")
    assert in_child(lambda: enter(corp.root())) == ["deny", {"reason": "credential"}]
    assert corp.helper.calls() == []
    assert "is not tessera-oidc's" in corp.text()
    os.chown(corp.helper.folder / "socket", 0, 0)  # and whose the file is does not make it his
    assert in_child(lambda: enter(corp.root())) == ["deny", {"reason": "credential"}]
    assert corp.helper.calls() == []


def test_a_provider_that_says_no_is_an_outage(corp):
    corp.helper.refuse("StartDevice", "Provider", "connect: refused")
    for _ in range(30):  # and costs nothing
        assert in_child(lambda: enter(corp.root())) == ["deny", {"reason": "credential"}]
    assert corp.log_in("alice")
    assert "connect: refused" in corp.text()


def test_R14_a_helper_that_hangs_holds_nobody_up(corp):
    corp.helper.be_silent("StartDevice")
    pids = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            try:
                enter(corp.root(timeout=40))
            finally:
                os._exit(0)
        pids.append(child)
    wait_for(lambda: len(corp.helper.calls("StartDevice")) == 4)
    began = time.monotonic()
    assert corp.log_in("bob")
    assert time.monotonic() - began < 3
    for pid in pids:
        os.waitpid(pid, 0)
    assert len(corp.helper.calls("StartDevice")) == 4 and corp.alive()


# The command


def finish(client, flow, query="", **options):
    return client.call("Sessions.FinishSignIn", "sha{sv}", flow, secret(query), options)


def test_step_up_by_code_flow(corp):
    def run():
        client = corp.bus()
        flow, shown = client.call("Sessions.StartSignIn", "a{sv}", {"provider": "corp", "redirect_uri": REDIRECT})
        assert shown == {"provider": "corp", "host": client.get("Host"), "expires-in": 600,
                         "uri": "https://login.corp.example/authorize?state=x"}
        corp.helper.approve("1")
        verdict, result = finish(client, flow, "code=4711&state=x")
        return verdict, client.call("Sessions.GetCurrent")

    verdict, session = in_child(run, uid=ALICE, login=ALICE)
    assert verdict == "allow" and session["methods"] == ["oidc:corp"] and session["service"] == "tessera"
    assert corp.helper.calls("StartCode") == [["corp", REDIRECT]]
    assert corp.helper.calls("Redirect") == [[FLOW, "code=4711&state=x", 0xF]]  # all four seals
    assert "4711" not in corp.text()


def test_polling_costs_nothing(corp):
    """Far more often than a user may call what changes something."""
    def run():
        client = corp.bus()
        flow, shown = client.call("Sessions.StartSignIn", "a{sv}", {})
        assert shown["user-code"] == "WDJB-MJHT"
        for _ in range(150):
            assert finish(client, flow) == ["pending", {"flow": flow}]
        corp.helper.approve("1")
        return finish(client, flow, hurry=True)[0]

    assert in_child(run, uid=ALICE, login=ALICE) == "allow"


def test_what_does_not_begin(corp):
    for options, name in (({"provider": "other"}, "NotFound"), ({"what": "x"}, "InvalidArgument"),
                          ({"redirect_uri": "x" * 257}, "InvalidArgument")):
        with pytest.raises(Refused) as refused:
            corp.as_uid(ALICE, "Sessions.StartSignIn", "a{sv}", options)
        assert refused.value.name == name
    with pytest.raises(Refused) as refused:
        corp.as_uid(CAROL, "Sessions.StartSignIn", "a{sv}", {})
    assert refused.value.name == "AccessDenied"
    with pytest.raises(Refused):  # root has no login of its own
        corp.call("Sessions.StartSignIn", "a{sv}", {})
    assert corp.helper.calls("StartDevice") == []
    assert corp.as_uid(BOB, "Sessions.FinishSignIn", "sha{sv}", "0" * 32, ("secret", ""), {})[0] == "deny"
    corp.write("policy.conf", POLICY_CORP + "\n[service:tessera]\nroles=everyone\nmethods=oidc:corp\n")
    corp.reload()
    assert corp.as_uid(ALICE, "Sessions.StepUp", "h", ("secret", "")) == ["deny", {"reason": "credential"}]
    assert corp.helper.calls("StartDevice") == []


def test_an_identified_user_is_told_why(corp):
    def run():
        client = corp.bus()
        flow, _ = client.call("Sessions.StartSignIn", "a{sv}", {})
        corp.helper.approve("2", "bob")
        return finish(client, flow)

    verdict, result = in_child(run, uid=BOB, login=BOB)
    assert verdict == "deny" and "tessera user link bob --provider corp" in result["message"]


def test_a_process_that_is_gone_leaves_nothing_running(corp):
    in_child(lambda: begin(corp.root()))
    wait_for(lambda: corp.helper.calls("Cancel") == [[FLOW]], timeout=15)


# Administration


def test_users_and_their_identities(corp):
    def shown(user):
        found = corp.call("Users.Show", "s", user)
        return found["identities"], found["awaits"], found["password"]

    assert corp.call("Users.Add", "sha{sv}", "carol", secret(""), {"provider": "corp"}) == ""
    assert shown("carol") == ([], "corp", False)
    corp.helper.approve("7", "carol")
    assert sign_in(corp, "carol")[0] == "allow"
    assert shown("carol") == (["corp: 7"], "", False)
    assert [user["identities"] for user in corp.call("Users.List")] == [["corp: 1"], [], ["corp: 7"]]
    assert corp.call("Users.Link", "sss", "carol", "corp", "7") is False
    for arguments, name in ((("bob", "corp", "7"), "Exists"), (("carol", "corp", "8"), "Exists"),
                            (("bob", "other", "7"), "NotFound"), (("dave", "corp", "9"), "NotFound"),
                            (("bob", "corp", ""), "InvalidArgument"), (("bob", "corp", "x" * 256), "InvalidArgument")):
        with pytest.raises(Refused) as refused:
            corp.call("Users.Link", "sss", *arguments)
        assert refused.value.name == name, arguments
    assert corp.call("Users.Unlink", "ss", "carol", "corp") is True
    assert corp.call("Users.Unlink", "ss", "carol", "corp") is False
    assert sign_in(corp, "carol")[0] == "deny"
    for password, options, name in (("", {}, "InvalidArgument"), ("", {"provider": "other"}, "NotFound")):
        with pytest.raises(Refused) as refused:
            corp.call("Users.Add", "sha{sv}", "dave", secret(password), options)
        assert refused.value.name == name


def test_identities_outlive_a_restart(corp):
    corp.restart()
    corp.helper.approve("1")
    assert sign_in(corp)[0] == "allow"


def test_create(corp):
    corp.helper.approve("7", "carol")
    assert sign_in(corp, "carol")[0] == "deny"
    corp.write("providers.d/corp.conf", PROVIDER + "create=yes\n")
    corp.reload()
    corp.helper.approve("7", "carol")
    assert sign_in(corp, "carol")[0] == "allow"
    assert corp.call("Users.Show", "s", "carol")["identities"] == ["corp: 7"]
    corp.helper.approve("8", "messagebus")
    assert sign_in(corp, "messagebus")[0] == "deny"
    assert in_child(lambda: enter(corp.root(), "root")[0]) == "not-ours"


@pytest.mark.parametrize("user", ["alice", "bob", "carol", "messagebus"])
def test_O1_enter_alone_tells_nobody_who_is_enrolled(corp, user):
    """carol and messagebus have an account, and are not."""
    verdict, shown = in_child(lambda: enter(corp.root(), user))
    assert verdict == "pending" and shown["user-code"] == "WDJB-MJHT"
    corp.helper.approve("2", user)
    assert sign_in(corp, user) == ["deny", {"reason": "credential"}]


def test_files_of_providers(corp):
    """A mistake at a reload leaves what was; at a start it stops the daemon. A method of none is a warning."""
    corp.write("providers.d/corp.conf", "[provider:corp]\n")
    corp.reload()
    assert "the old configuration stays" in corp.status
    corp.helper.approve("1")
    assert sign_in(corp)[0] == "allow"
    corp.stop()
    process = corp.spawn()
    assert process.wait(timeout=20) != 0
    (corp.folder / "etc/providers.d/corp.conf").unlink()
    corp.start()
    assert 'the provider "corp", which no file in providers.d describes' in corp.text()
    assert in_child(lambda: enter(corp.root())) == ["deny", {"reason": "credential"}]


def test_doctor_hears_of_each_provider(corp):
    assert corp.call("Daemon.Check")["providers"] == ["corp"]
    corp.helper.answer("Check", "(bs)", False, "metadata: no keys")
    assert corp.call("Daemon.Check")["providers"] == ["corp: metadata: no keys"]
    corp.helper.be_silent("Check")
    began = time.monotonic()
    assert corp.call("Daemon.Check")["providers"] == ["corp: tessera-oidc cannot say: Connection timed out"]
    assert time.monotonic() - began < 9
    corp.helper.stop()
    assert "does not answer" in corp.call("Daemon.Check")["providers"][0]
