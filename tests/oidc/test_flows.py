# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The two flows with a provider that behaves, and every end that a flow may have."""

import base64
import hashlib
import threading
import time
import urllib.parse

import pytest

import tokens
from helper import ALICE, REDIRECT_URI, Refused, sealed
from provider import ACCESS_TOKEN, DEVICE_CODE, METADATA, Reply, error

APPROVED = {"subject": "sub-4711", "user": "alice", "groups": ["staff", "ops"], "name": "Alice Ä."}


def parameters(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def begin_code(client, provider):
    """Begins a code flow; the provider knows the nonce from now on. (flow, what the browser would bring)."""
    flow, url = client.start_code()
    asked = parameters(url)
    provider.nonce = asked["nonce"]
    return flow, "code=the-canary-code&state=" + asked["state"]


# Device flow


def test_device_flow_waits_for_the_human_and_says_who(client, provider):
    pending = error("authorization_pending")
    provider.answers["/token"] = [pending, pending, provider.answers["/token"]]
    flow, shown = client.start_device()
    assert shown == {"uri": provider.issuer + "/verify", "uri_complete": provider.issuer + "/verify?user_code=WDJB-MJHT",
                     "user_code": "WDJB-MJHT", "expires_in": 60, "interval": 1}
    assert client.wait(flow, 0) == ("pending", {})
    assert client.wait(flow, 0.2) == ("pending", {})
    assert client.wait(flow) == ("approved", {"issuer": provider.issuer, **APPROVED})
    assert provider.forms("/device") == [{"scope": "openid", "client_id": "tessera"}]
    assert provider.forms("/token") == [{"grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                                         "device_code": DEVICE_CODE, "client_id": "tessera"}] * 3


def test_approved_is_told_once(client, provider):
    flow, _ = client.start_device()
    assert client.wait(flow)[0] == "approved"
    with pytest.raises(Refused, match="NotFound"):
        client.wait(flow, 0)


def test_a_flow_that_only_began_is_never_approved(client, provider):
    provider.answers["/token"] = error("authorization_pending")
    flow, _ = client.start_device()
    states = {client.wait(flow, 0.5)[0] for _ in range(5)}
    assert states == {"pending"} and provider.count("/token") >= 1


def test_a_connection_that_closes_cancels_nothing(helper, provider):
    first, second = helper.connect(), helper.connect()
    flow, _ = first.start_device()
    threading.Thread(target=lambda: pytest.raises(Refused, first.wait, flow), daemon=True).start()
    time.sleep(0.2)
    first.close()
    assert second.wait(flow)[0] == "approved"
    second.close()


def test_a_flow_that_nobody_heard_of_is_forgotten(helper, client, provider):
    """Its caller has given up before the provider answered: nobody has its id, so nobody could cancel it."""
    def slowly(request):
        time.sleep(1)
        return provider.device(interval=1)

    provider.answers["/device"] = slowly
    other = helper.connect()
    with pytest.raises(Refused):
        other.call("StartDevice", "(s)", "corp", timeout=0.5)
    other.close()
    time.sleep(3)
    assert provider.count("/device") == 1
    assert provider.count("/token") == 0
    provider.answers["/device"] = provider.device(interval=1)
    flow, _ = client.start_device()
    time.sleep(3)
    assert provider.count("/token") > 0  # as it is with one that is heard
    client.cancel(flow)


def test_the_latest_to_wait_is_told(helper, client, provider):
    provider.answers["/token"] = [error("authorization_pending"), provider.answers["/token"]]
    other = helper.connect()
    flow, _ = client.start_device()
    told = []
    waiting = threading.Thread(target=lambda: told.append(client.wait(flow)))
    waiting.start()
    time.sleep(0.2)
    assert other.wait(flow)[0] == "approved"
    waiting.join()
    assert told == [("pending", {})]
    other.close()


def test_cancel_ends_a_flow_and_who_waits_for_it(helper, client, provider):
    provider.answers["/token"] = error("authorization_pending")
    flow, _ = client.start_device()
    other = helper.connect()
    told = []
    waiting = threading.Thread(target=lambda: told.append(other.wait(flow)))
    waiting.start()
    time.sleep(0.2)
    client.cancel(flow)
    waiting.join()
    assert told == [("failed", {"reason": "cancelled"})]
    for call in (client.cancel, client.wait):
        with pytest.raises(Refused, match="NotFound"):
            call(flow)
    asked = provider.count("/token")
    time.sleep(1.5)
    assert provider.count("/token") == asked
    other.close()


def test_O4_slow_down_makes_it_ask_less_often(client, provider):
    times = []

    def answer(request):
        times.append(time.monotonic())
        return error("slow_down") if len(times) == 1 else provider.tokens()

    provider.answers["/token"] = answer
    flow, _ = client.start_device()
    assert client.wait(flow)[0] == "approved"
    assert times[1] - times[0] >= 5.5  # 1 s by the provider's word, and 5 s more (RFC 8628, 3.5)


def test_O4_without_an_interval_it_is_five_seconds(client, provider):
    provider.answers["/device"] = provider.device()
    del provider.answers["/device"]["interval"]
    flow, shown = client.start_device()
    assert shown["interval"] == 5
    assert client.wait(flow, 4) == ("pending", {}) and provider.count("/token") == 0
    client.cancel(flow)


@pytest.mark.parametrize("answer, state, reason", [
    (error("access_denied"), "denied", "denied"),
    (error("authorization_declined"), "denied", "denied"),
    (error("expired_token"), "expired", "expired"),
    (error("invalid_grant"), "failed", "provider-error"),
    (error("something_new"), "failed", "provider-error"),
    (error("authorization_pending", 500), "failed", "status"),
    (error("authorization_pending", 200), "failed", "status"),
    (error("access_denied", 302), "failed", "status"),
    (Reply(400, b'{"error":["authorization_pending"]}'), "failed", "provider-error"),
    (Reply(400, b'{"error":"slow_down","error":"authorization_pending"}'), "failed", "not-json"),
    (Reply(400, b"{}"), "failed", "status"),
    (Reply(400, b'{"error":"authorization_pending"}', "text/html"), "failed", "content-type"),
    (Reply(503, b"<html>", "text/html"), "failed", "status"),
], ids=str)
def test_O4_each_end_of_a_device_flow_has_its_word(client, provider, answer, state, reason):
    provider.answers["/token"] = answer
    flow, _ = client.start_device()
    assert client.wait(flow) == (state, {"reason": reason})


def test_O4_a_code_that_nobody_types_expires(client, provider):
    provider.answers["/device"] = provider.device(expires_in=2)
    provider.answers["/token"] = error("authorization_pending")
    flow, _ = client.start_device()
    assert client.wait(flow) == ("expired", {"reason": "expired"})


def test_O4_a_provider_that_goes_away_in_mid_flow_is_a_no(client, provider):
    provider.answers["/token"] = error("authorization_pending")
    flow, _ = client.start_device()
    assert client.wait(flow, 0) == ("pending", {})
    provider.end()
    provider.answers["/token"] = lambda request: None  # hangs up, on a connection that was kept
    assert client.wait(flow) == ("failed", {"reason": "unreachable"})


@pytest.mark.parametrize("changes", [
    {"verification_uri": "http://example.org/"}, {"verification_uri": "javascript:alert(1)"},
    {"verification_uri_complete": "http://example.org/"}, {"user_code": "A\u202eB"}, {"user_code": "A\nB"},
    {"user_code": ""}, {"user_code": 7}, {"user_code": "x" * 65}, {"device_code": None}, {"device_code": "x" * 5000},
    {"expires_in": 0}, {"expires_in": -5}, {"expires_in": "60"}, {"interval": "1"}, {"interval": -1},
], ids=str)
def test_O4_a_device_answer_that_is_not_what_it_must_be(client, provider, changes):
    provider.answers["/device"] = provider.device(**changes)
    with pytest.raises(Refused, match="^Provider: answer: "):
        client.start_device()


def test_at_most_256_flows(client, provider):
    provider.answers["/token"] = error("authorization_pending")
    provider.answers["/device"] = provider.device(interval=60)
    flows = [client.start_device()[0] for _ in range(256)]
    assert len(set(flows)) == 256
    with pytest.raises(Refused, match="Busy"):
        client.start_device()
    with pytest.raises(Refused, match="Busy"):
        client.start_code()
    client.cancel(flows[0])
    client.start_device()


# Code flow


def test_code_flow_asks_with_pkce_and_says_who(client, provider):
    flow, url = client.start_code()
    asked = parameters(url)
    assert url.startswith(provider.issuer + "/authorize?")
    assert {**asked, "state": "", "nonce": "", "code_challenge": ""} == {
        "response_type": "code", "client_id": "tessera", "redirect_uri": REDIRECT_URI, "scope": "openid", "state": "",
        "nonce": "", "code_challenge": "", "code_challenge_method": "S256"}
    assert all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge"))
    provider.nonce = asked["nonce"]
    assert client.redirect(flow, f"code=a%2Bb+c&state={asked['state']}") == (
        "approved", {"issuer": provider.issuer, **APPROVED})
    form = provider.forms("/token")[0]
    assert form.pop("code_verifier") and form == {
        "grant_type": "authorization_code", "code": "a+b c", "redirect_uri": REDIRECT_URI, "client_id": "tessera"}


def test_the_verifier_is_the_challenges(client, provider):
    flow, url = client.start_code()
    asked = parameters(url)
    provider.nonce = asked["nonce"]
    client.redirect(flow, f"code=x&state={asked['state']}")
    verifier = provider.forms("/token")[0]["code_verifier"]
    assert tokens.b64(hashlib.sha256(verifier.encode()).digest()) == asked["code_challenge"]


def test_O6_nothing_of_one_flow_is_anothers(client, provider):
    asked = [parameters(client.start_code()[1]) for _ in range(20)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name] for one in asked}) == 20


@pytest.mark.parametrize("query, state, reason", [
    ("code=x&state=wrong", "failed", "state"),
    ("code=x", "failed", "state"),
    ("code=x&state=", "failed", "state"),
    ("code=x&state={state}x", "failed", "state"),
    ("code=x&state={state}&state={state}", "failed", "redirect"),
    ("code=x&code=y&state={state}", "failed", "redirect"),
    ("code=&state={state}", "failed", "redirect"),
    ("state={state}", "failed", "redirect"),
    ("code=%zz&state={state}", "failed", "redirect"),
    ("code=%00&state={state}", "failed", "redirect"),
    ("code=%ff&state={state}", "failed", "redirect"),
    ("code&state={state}", "failed", "redirect"),
    ("code=" + "x" * 9000 + "&state={state}", "failed", "redirect"),
    ("error=access_denied&state={state}", "denied", "denied"),
    ("error=access_denied&state=wrong", "failed", "state"),
    ("error=server_error&state={state}", "failed", "provider-error"),
    ("error=server_error&code=x&state={state}", "failed", "provider-error"),
    ("code=x&state={state}&iss=https%3A%2F%2Fevil.example", "failed", "iss"),
    ("code=x&state={state}&iss=", "failed", "iss"),
])
def test_O6_what_the_browser_brings_is_not_believed(client, provider, query, state, reason):
    flow, url = client.start_code()
    assert client.redirect(flow, query.replace("{state}", parameters(url)["state"])) == (state, {"reason": reason})
    assert provider.count("/token") == 0


def test_O6_iss_is_checked_where_it_is_promised(client, provider):
    provider.answers[METADATA] = provider.metadata(authorization_response_iss_parameter_supported=True)
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query) == ("failed", {"reason": "iss"})
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query + "&iss=" + urllib.parse.quote(provider.issuer, safe=""))[0] == "approved"


def test_O6_a_second_redirect_changes_nothing(helper, client, provider):
    slow = threading.Event()

    def answer(request):
        slow.wait(10)
        return provider.tokens()

    provider.answers["/token"] = answer
    flow, query = begin_code(client, provider)
    told = []
    other = helper.connect()
    first = threading.Thread(target=lambda: told.append(other.redirect(flow, query)))
    first.start()
    time.sleep(0.3)
    assert client.redirect(flow, query) == ("failed", {"reason": "replayed"})
    assert client.redirect(flow, "code=other&state=wrong") == ("failed", {"reason": "replayed"})
    slow.set()
    first.join()
    assert told[0][0] == "approved" and provider.count("/token") == 1
    with pytest.raises(Refused, match="NotFound"):
        client.redirect(flow, query)
    other.close()


def test_O6_a_wrong_state_uses_the_flow_up(client, provider):
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, "code=x&state=wrong") == ("failed", {"reason": "state"})
    with pytest.raises(Refused, match="NotFound"):
        client.redirect(flow, query)


def test_O6_a_replayed_code_is_the_providers_no(client, provider):
    provider.answers["/token"] = error("invalid_grant")
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query) == ("failed", {"reason": "provider-error"})


@pytest.mark.parametrize("word", ["authorization_pending", "slow_down"])
def test_O4_a_code_flow_never_asks_twice(client, provider, word):
    provider.answers["/token"] = error(word)
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query) == ("failed", {"reason": "provider-error"})
    assert provider.count("/token") == 1


@pytest.mark.parametrize("uri", [
    "https://127.0.0.1:1/", "http://localhost:1/", "http://127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
    "http://127.0.0.2:1/", "http://example.org:1/", "http://127.0.0.1:1/?a=b", "http://127.0.0.1:1/#a",
    "http://127.0.0.1:1@example.org/", "http://[::2]:1/", "", "x",
])
def test_a_browser_comes_back_to_this_machine_only(client, provider, uri):
    with pytest.raises(Refused, match="InvalidArgument"):
        client.start_code(redirect_uri=uri)
    assert client.start_code(redirect_uri="http://[::1]:8000/x")


@pytest.mark.parametrize("seals", [0, 0x7, 0xE])
def test_what_can_change_is_not_read(client, provider, seals):
    flow, _ = client.start_code()
    with pytest.raises(Refused, match="InvalidArgument"):
        client.call("Redirect", "(sh)", flow, 0, fds=[sealed("code=x", seals)])
    with pytest.raises(Refused, match="InvalidArgument"):
        client.call("Redirect", "(sh)", flow, 0, fds=[sealed("x" * 16385)])
    with pytest.raises(Refused, match="InvalidArgument"):
        client.call("Redirect", "(sh)", flow, 3)
    assert client.wait(flow, 0) == ("pending", {})


def test_a_device_flow_has_no_redirect(client, provider):
    flow, _ = client.start_device()
    with pytest.raises(Refused, match="InvalidArgument"):
        client.redirect(flow, "code=x&state=y")


# OAuth 2.0 alone


def github(helper, provider, **keys):
    helper.configure(provider, type="oauth2", user_claim="login", device_endpoint=provider.issuer + "/device",
                     authorization_endpoint=provider.issuer + "/authorize", token_endpoint=provider.issuer + "/token",
                     userinfo_endpoint=provider.issuer + "/user", **keys)
    provider.answers["/token"] = {"access_token": ACCESS_TOKEN, "token_type": "bearer", "scope": ""}
    provider.answers["/user"] = {"id": 4711, "login": "alice", "name": None, "email": "a@example.org"}


def test_oauth2_says_who_by_userinfo(helper, client, provider):
    github(helper, provider)
    done = provider.answers["/token"]
    provider.answers["/token"] = [error("authorization_pending", 200), done]
    flow, _ = client.start_device()
    assert client.wait(flow) == ("approved", {"issuer": provider.issuer, "subject": "4711", "user": "alice", "groups": []})
    assert provider.headers("/user")[0]["Authorization"] == "Bearer " + ACCESS_TOKEN
    assert provider.count(METADATA) == 0 and provider.count("/jwks") == 0


@pytest.mark.parametrize("user, reason", [
    ({"login": "alice"}, "claims"), ({"id": 0, "login": "alice"}, "claims"), ({"id": -1}, "claims"),
    ({"id": 1.5}, "claims"), ({"id": True}, "claims"), ({"id": ["1"]}, "claims"), ({"id": ""}, "claims"),
    ({"id": 1, "login": 2}, "claims"), (Reply(401, b"{}"), "status"), (Reply(200, b"[]"), "not-json"),
    (Reply(200, b'{"id":1,"id":2}'), "not-json"), (Reply(200, b'{"id":1}', "text/plain"), "content-type"),
], ids=str)
def test_O7_userinfo_that_does_not_say_who_is_a_no(helper, client, provider, user, reason):
    github(helper, provider)
    provider.answers["/user"] = user
    flow, url = client.start_code()
    assert "nonce" not in parameters(url)
    assert client.redirect(flow, "code=x&state=" + parameters(url)["state"]) == ("failed", {"reason": reason})


# The client's secret


def test_O2_codes_tokens_and_secrets_stay_out_of_the_log(helper, client, provider):
    """What may be said is said (G_MESSAGES_DEBUG=all); the fixture looks at each other test's log, too."""
    helper.configure(provider, client_secret_file=helper.secret("the-canary-secret\n"))
    client.redirect(*begin_code(client, provider))
    provider.answers["/token"] = [error("authorization_pending"), error("the-canary-error")]
    flow, _ = client.start_device()
    client.wait(flow)
    provider.answers["/device"] = error("the-canary-error")
    with pytest.raises(Refused) as caught:
        client.start_device()
    assert "canary" not in helper.text() + str(caught.value)


def test_a_secret_goes_into_the_header(helper, client, provider):
    helper.configure(provider, client_secret_file=helper.secret("the-canary s+cret\n"))
    flow, _ = client.start_device()
    assert client.wait(flow)[0] == "approved"
    wanted = "Basic " + base64.b64encode(b"tessera:the-canary%20s%2Bcret").decode()
    assert [headers["Authorization"] for headers in provider.headers("/device") + provider.headers("/token")] == [wanted] * 2
    assert "client_secret" not in provider.forms("/token")[0]


def test_a_secret_goes_into_the_form_where_nothing_else_is_taken(helper, client, provider):
    provider.answers[METADATA] = provider.metadata(token_endpoint_auth_methods_supported=["client_secret_post"])
    helper.configure(provider, client_secret_file=helper.secret("the-canary s+cret\n"))
    flow, _ = client.start_device()
    assert client.wait(flow)[0] == "approved"
    assert provider.forms("/token")[0]["client_secret"] == "the-canary s+cret"
    assert "Authorization" not in provider.headers("/token")[0]


@pytest.mark.parametrize("mode, gid, text", [
    (0o644, 991, "x"), (0o641, 991, "x"), (0o660, 991, "x"), (0o640, 20001, "x"), (0o640, 991, ""), (0o640, 991, "a\nb"),
    (0o640, 991, "x" * 2000), (0o600, 991, "x"),
])
def test_a_secret_that_others_can_read_is_refused(helper, client, provider, mode, gid, text):
    helper.configure(provider, client_secret_file=helper.secret(text, mode, gid))
    with pytest.raises(Refused, match="^Provider: client-secret: "):
        client.start_device()
    assert client.check()[0] is False
    assert provider.count("/device") == 0


def test_a_secret_of_another_group_is_refused_although_it_could_be_read(make_helper, provider):
    helper = make_helper()
    helper.configure(provider, client_secret_file=helper.secret("x", gid=ALICE))
    client = helper.start(groups=[ALICE]).connect()
    assert client.check()[1].startswith("client-secret: ")
    helper.secret("x")
    assert client.check() == (True, "")
    client.close()


# Who calls, and the files


@pytest.mark.parametrize("uid", [0, ALICE])
def test_nobody_but_tesserad_is_answered(helper, client, provider, uid):
    helper.socket.chmod(0o666)  # as if somebody had opened it
    with pytest.raises(Exception) as caught:
        helper.connect(uid).check()
    assert not isinstance(caught.value, Refused) or not caught.value.name.isalpha()
    assert f"uid {uid} was refused" in helper.text()
    assert client.check() == (True, "")


def test_a_mistake_in_a_file_is_shown(helper, client, provider):
    helper.write("[provider:corp]\nissuer=http://example.org\n")
    for call in (client.start_device, client.start_code, client.check):
        with pytest.raises(Refused, match=r"^Configuration: .*/corp\.conf:2:8: issuer .* is not https"):
            call()
    helper.configure(provider)
    for name in ("other", "", "../corp", "a b"):
        with pytest.raises(Refused, match="NotFound"):
            client.start_device(name)
    assert client.check() == (True, "")


def test_files_are_read_anew_for_each_flow(helper, client, provider, make_provider):
    other = make_provider()
    helper.configure(other, "second")
    assert client.check("second") == (True, "")
    assert client.start_device("second")[1]["uri"].startswith(other.issuer)


def test_it_ends_itself_when_there_is_nothing_to_do(make_helper, provider):
    helper = make_helper()
    helper.configure(provider)
    helper.start(idle=1)
    provider.answers["/token"] = error("authorization_pending")
    client = helper.connect()
    time.sleep(1.5)
    assert helper.alive()  # a connection
    flow, _ = client.start_device()
    client.close()
    time.sleep(1.5)
    assert helper.alive()  # a flow
    client = helper.connect()
    client.cancel(flow)
    client.close()
    assert helper.process.wait(5) == 0
