# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A provider that does what none should: every row ends in a refusal, in time, with the helper whole."""

import json
import threading
import time

import pytest

import tokens
from helper import Refused
from provider import ACCESS_TOKEN, METADATA, Provider, Reply, error, plain_listener
from test_flows import begin_code

DEADLINE = 10  # seconds, of one request
MIB = 1024


def expect(client, provider, reason):
    """A code flow, which never waits for anybody, is refused for that."""
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query) == ("failed", {"reason": reason})


def expect_start(client, reason):
    with pytest.raises(Refused) as caught:
        client.start_device()
    assert (caught.value.name, caught.value.message.split(":")[0]) == ("Provider", reason)


# ID tokens


def at(offset):
    """A time, counted from when it is used."""
    return lambda: int(time.time()) + offset


def with_claims(**changes):
    def make(provider):
        values = {name: value() if callable(value) else value for name, value in changes.items()}
        return tokens.signed(provider.key, provider.claims(**values))
    return make


def with_header(**changes):
    """A change to None takes the member away."""
    def make(provider):
        header = {"alg": provider.key.alg, "kid": provider.key.kid, "typ": "JWT", **changes}
        header = {name: value for name, value in header.items() if value is not None}
        return tokens.compact(header, provider.claims(), provider.key.sign)
    return make


def hs256_with_the_public_key(provider):
    provider.key = tokens.RsaKey("key-1")
    header = {"alg": "HS256", "kid": "key-1", "typ": "JWT"}
    return tokens.compact(header, provider.claims(), tokens.hmac_signer(provider.key.public_pem()))


def es256_header_on_an_rsa_key(provider):
    provider.key = tokens.RsaKey("key-1")
    return tokens.compact({"alg": "ES256", "kid": "key-1"}, provider.claims(), provider.key.sign)


def with_another_key(provider):
    return tokens.signed(tokens.EcKey("key-1"), provider.claims())


def with_a_changed_payload(provider):
    header, _, signature = tokens.signed(provider.key, provider.claims()).split(".")
    return ".".join((header, tokens.b64(json.dumps(provider.claims(sub="root"))), signature))


def with_text(change):
    return lambda provider: change(tokens.signed(provider.key, provider.claims()))


def with_signature(change):
    return lambda provider: tokens.compact({"alg": "ES256", "kid": "key-1"}, provider.claims(),
                                           lambda data: change(provider.key.sign(data)))


def twice(member):
    def make(provider):
        text = json.dumps(provider.claims())
        return tokens.compact({"alg": "ES256", "kid": "key-1"}, text[:-1] + f', "{member}": "x"}}', provider.key.sign)
    return make


def with_payload(text):
    return lambda provider: tokens.compact({"alg": "ES256", "kid": "key-1"}, text, provider.key.sign)


HOUR = 3600


@pytest.mark.parametrize("make, reason", [
    # Whose, and for whom
    (with_claims(iss="https://evil.example"), "issuer"),
    (with_claims(iss=None), "issuer"),
    (with_claims(iss=7), "issuer"),
    (lambda provider: with_claims(iss=provider.issuer + "/")(provider), "issuer"),
    (lambda provider: with_claims(iss=provider.issuer.upper())(provider), "issuer"),
    (with_claims(aud="another"), "audience"),
    (with_claims(aud=None), "audience"),
    (with_claims(aud=[]), "audience"),
    (with_claims(aud=["another", "third"]), "audience"),
    (with_claims(aud=["tessera", 7], azp="tessera"), "audience"),
    (with_claims(aud={"tessera": 1}), "audience"),
    (with_claims(aud=["tessera", "another"]), "azp"),
    (with_claims(aud=["tessera", "another"], azp="another"), "azp"),
    (with_claims(azp="another"), "azp"),
    (with_claims(azp=7), "azp"),
    # When
    (with_claims(exp=at(-HOUR)), "token-expired"),
    (with_claims(exp=at(-200)), "token-expired"),
    (with_claims(exp=None), "claims"),
    (with_claims(exp=str(int(time.time()) + HOUR)), "claims"),
    (with_claims(exp=time.time() + HOUR + 0.5), "claims"),
    (with_claims(iat=None), "claims"),
    (with_claims(iat=at(HOUR)), "issued"),
    (with_claims(iat=at(-HOUR)), "issued"),
    (with_claims(nbf=at(HOUR)), "issued"),
    (with_claims(nbf="x"), "claims"),
    # For this very login
    (with_claims(nonce=None), "nonce"),
    (with_claims(nonce="another"), "nonce"),
    (with_claims(nonce=["x"]), "nonce"),
    (with_claims(at_hash="another"), "at-hash"),
    (with_claims(at_hash=7), "at-hash"),
    (with_claims(at_hash=tokens.at_hash("another")), "at-hash"),
    # Who
    (with_claims(sub=None), "claims"),
    (with_claims(sub=""), "claims"),
    (with_claims(sub=4711), "claims"),
    (with_claims(sub="x" * 256), "claims"),
    (with_claims(sub="a\nb"), "claims"),
    (with_claims(sub="\u00e4"), "claims"),
    (with_claims(preferred_username=["alice"]), "claims"),
    (with_claims(preferred_username="a\nb"), "claims"),
    (with_claims(preferred_username=""), "claims"),
    (with_claims(groups={"ops": 1}), "claims"),
    (with_claims(groups=["ops", 7]), "claims"),
    (with_claims(groups=["o\u001bps"]), "claims"),
    (with_claims(groups=["x"] * 1025), "claims"),
    (twice("sub"), "not-json"),
    (twice("groups"), "not-json"),
    (with_payload("[]"), "not-json"),
    (with_payload("{}x"), "not-json"),
    (with_payload('{"iss":"\\u0000"}'), "not-json"),
    # Signed by whom, and how
    (lambda provider: tokens.compact({"alg": "none", "kid": "key-1"}, provider.claims(), lambda data: b""), "token-format"),
    (lambda provider: tokens.compact({"alg": "none", "kid": "key-1"}, provider.claims(), lambda data: b"x"), "algorithm"),
    (with_header(alg="es256"), "algorithm"),
    (with_header(alg="RS512"), "algorithm"),
    (with_header(alg="PS256"), "algorithm"),
    (with_header(alg=None), "algorithm"),
    (with_header(alg=["ES256"]), "algorithm"),
    (with_header(alg="RS256"), "kid"),
    (hs256_with_the_public_key, "algorithm"),
    (es256_header_on_an_rsa_key, "kid"),
    (with_another_key, "signature"),
    (with_a_changed_payload, "signature"),
    (with_header(kid="another"), "kid"),
    (with_header(kid=7), "token-format"),
    (with_header(crit=["exp"]), "token-format"),
    (with_header(b64=False), "token-format"),
    (with_text(lambda text: text + "."), "token-format"),
    (with_text(lambda text: text.rsplit(".", 1)[0]), "token-format"),
    (with_text(lambda text: text + "=="), "token-format"),
    (with_text(lambda text: text.replace(".", "..", 1)), "token-format"),
    (with_text(lambda text: " " + text), "token-format"),
    (with_text(lambda text: text + "A"), "signature"),  # cjose 0.6.2 lets it pass
    (with_text(lambda text: text + "AAAA"), "signature"),
    (with_signature(lambda signature: signature[:-3]), "signature"),
    (with_signature(lambda signature: bytes(64)), "signature"),
    (lambda provider: "x", "token-format"),
    (lambda provider: tokens.signed(provider.key, provider.claims(x="x" * 16000)), "answer"),
])
def test_O6_an_id_token_that_is_wrong_in_one_way(client, provider, make, reason):
    provider.answers["/token"] = lambda request: provider.tokens(make(provider))
    expect(client, provider, reason)


@pytest.mark.parametrize("make", [
    with_claims(aud=["tessera"]), with_claims(aud=["tessera", "another"], azp="tessera"), with_claims(azp="tessera"),
    with_claims(exp=at(-60)), with_claims(iat=at(60)), with_claims(nbf=at(60)), with_claims(preferred_username=None),
    with_claims(groups=None), with_claims(groups="ops"), with_claims(name="a\nb"), with_header(kid=None),
    lambda provider: with_claims(at_hash=tokens.at_hash(ACCESS_TOKEN))(provider),
])
def test_an_id_token_that_is_right(client, provider, make):
    provider.answers["/token"] = lambda request: provider.tokens(make(provider))
    flow, query = begin_code(client, provider)
    state, result = client.redirect(flow, query)
    assert state == "approved" and result["subject"] == "sub-4711", result


def test_O7_a_user_claim_that_is_missing_is_nobody(client, provider):
    provider.answers["/token"] = lambda request: provider.tokens(with_claims(
        preferred_username=None, email="alice@example.org", upn="alice", sub="alice")(provider))
    flow, query = begin_code(client, provider)
    state, result = client.redirect(flow, query)
    assert state == "approved" and "user" not in result and "alice@example.org" not in str(result)


def test_O6_a_nonce_that_nobody_sent(client, provider):
    provider.nonce = "from another login"
    flow, _ = client.start_device()
    assert client.wait(flow) == ("failed", {"reason": "nonce"})


@pytest.mark.parametrize("changes", [
    {"id_token": 7}, {"access_token": None}, {"access_token": ""}, {"token_type": "mac"}, {"token_type": None},
    {"access_token": ["x"]}, {"error": "access_denied"},
], ids=str)
def test_O4_tokens_that_are_none(client, provider, changes):
    provider.answers["/token"] = lambda request: {**provider.tokens(), **changes}
    expect(client, provider, "status" if "error" in changes else "answer")


# Keys


def test_O6_rsa_and_ec_and_no_others(client, provider):
    ours, rsa = provider.key, tokens.RsaKey("rsa")
    secret = b"0123456789abcdef0123456789abcdef"
    provider.answers["/jwks"] = {"keys": [
        {"kty": "oct", "kid": "oct", "alg": "HS256", "k": tokens.b64(secret)},
        {"kty": "oct", "kid": "ec-as-oct", "alg": "ES256", "k": tokens.b64(secret)},
        {"kty": "OKP", "kid": "okp", "crv": "Ed25519", "x": tokens.b64(secret)}, {"kty": 7}, 7, ours.jwk(), rsa.jwk()]}
    for key in (ours, rsa):
        provider.answers["/token"] = lambda request, key=key: provider.tokens(tokens.signed(key, provider.claims()))
        flow, query = begin_code(client, provider)
        assert client.redirect(flow, query)[0] == "approved"
    for kid, alg, reason in (("oct", "HS256", "algorithm"), ("oct", "ES256", "kid"), ("ec-as-oct", "ES256", "kid"),
                             ("okp", "ES256", "kid"), ("rsa", "ES256", "kid"), ("key-1", "RS256", "kid")):
        provider.answers["/token"] = lambda request, kid=kid, alg=alg: provider.tokens(tokens.compact(
            {"alg": alg, "kid": kid}, provider.claims(), tokens.hmac_signer(secret)))
        expect(client, provider, reason)


def weak_rsa(provider):
    provider.key = tokens.RsaKey("key-1", bits=1024)
    return provider.key.jwk()


@pytest.mark.parametrize("change", [
    lambda provider: {**provider.key.jwk(), "use": "enc"},
    lambda provider: {**provider.key.jwk(), "alg": "ES512"},
    lambda provider: {**provider.key.jwk(), "crv": "P-384"},
    lambda provider: {**provider.key.jwk(), "x": tokens.b64(b"\1" * 32)},
    lambda provider: {**provider.key.jwk(), "y": "", "kid": "key-1"},
    lambda provider: {**provider.key.jwk(), "d": tokens.b64(b"\1" * 32)},
    lambda provider: {**provider.key.jwk(), "kid": 7},
    weak_rsa,
])
def test_O6_a_key_that_does_not_count(client, provider, change):
    provider.answers["/jwks"] = {"keys": [change(provider)]}
    expect(client, provider, "kid")


@pytest.mark.parametrize("answer, reason", [
    (lambda provider: {"keys": [provider.key.jwk(), provider.key.jwk()]}, "keys"),
    (lambda provider: {"keys": [{**provider.key.jwk(), "kid": f"k{i}"} for i in range(65)]}, "keys"),
    (lambda provider: {"keys": {}}, "keys"), (lambda provider: {}, "keys"),
    (lambda provider: Reply(200, b"[]"), "not-json"),
    (lambda provider: Reply(200, b'{"keys":[],"keys":[]}'), "not-json"),
    (lambda provider: Reply(200, b'{"keys":[]'), "not-json"),
    (lambda provider: Reply(200, b'{"keys":[]}\0'), "not-json"),
    (lambda provider: Reply(500, b"{}"), "status"),
    (lambda provider: Reply(200, b"<html>", "text/html"), "content-type"),
    (lambda provider: Reply(200, b"[" * 200000), "not-json"),
])
def test_O6_keys_that_are_none(client, provider, answer, reason):
    provider.answers["/jwks"] = answer(provider)
    expect(client, provider, reason)


def test_O6_two_keys_without_a_name_are_nobodys_guess(client, provider):
    keys = [tokens.EcKey("a"), provider.key]
    provider.answers["/jwks"] = {"keys": [{**key.jwk(), "kid": f"{i}"} for i, key in enumerate(keys)]}
    provider.answers["/token"] = lambda request: provider.tokens(tokens.compact(
        {"alg": "ES256"}, provider.claims(), provider.key.sign))
    expect(client, provider, "kid")


def test_O6_unknown_keys_make_it_ask_once_a_minute(client, provider):
    """jwks flood: whoever makes tokens names a new key in each."""
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query)[0] == "approved" and provider.count("/jwks") == 1
    for i in range(30):
        provider.answers["/token"] = lambda request, i=i: provider.tokens(
            tokens.signed(provider.key, provider.claims(), kid=f"flood-{i}"))
        expect(client, provider, "kid")
    assert provider.count("/jwks") == 1  # less than a minute ago


def test_a_new_key_is_found_after_a_minute(make_helper, provider):
    helper = make_helper()
    if helper.sanitized:
        pytest.skip("libfaketime and the sanitizers do not go together")
    helper.configure(provider)
    clock = helper.folder / "clock"
    clock.write_text("+0s")
    clock.chmod(0o644)
    helper.start(environment={"LD_PRELOAD": "libnss_wrapper.so:/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
                              "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"})
    client = helper.connect()
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query)[0] == "approved"
    provider.key = tokens.EcKey("key-2")
    expect(client, provider, "kid")
    clock.write_text("+61s")
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query)[0] == "approved" and provider.count("/jwks") == 2
    for _ in range(5):
        provider.answers["/token"] = lambda request: provider.tokens(
            tokens.signed(provider.key, provider.claims(), kid="another"))
        expect(client, provider, "kid")
    assert provider.count("/jwks") == 2
    client.close()


# Discovery


@pytest.mark.parametrize("change, reason", [
    (lambda provider: provider.metadata(issuer="https://evil.example"), "metadata-issuer"),
    (lambda provider: provider.metadata(issuer=provider.issuer + "/"), "metadata-issuer"),
    (lambda provider: provider.metadata(issuer=None), "metadata-issuer"),
    (lambda provider: provider.metadata(token_endpoint="http://example.org/token"), "endpoint"),
    (lambda provider: provider.metadata(token_endpoint=provider.issuer.replace("https", "http")), "endpoint"),
    (lambda provider: provider.metadata(jwks_uri="http://127.0.0.1:1/"), "endpoint"),
    (lambda provider: provider.metadata(jwks_uri="file:///etc/passwd"), "endpoint"),
    (lambda provider: provider.metadata(device_authorization_endpoint="ftp://example.org/"), "endpoint"),
    (lambda provider: provider.metadata(authorization_endpoint="https://a@b/"), "endpoint"),
    (lambda provider: provider.metadata(device_authorization_endpoint=7), "endpoint"),
    (lambda provider: provider.metadata(device_authorization_endpoint=None), "endpoint"),
    (lambda provider: provider.metadata(jwks_uri=None), "metadata"),
    (lambda provider: provider.metadata(token_endpoint=None), "metadata"),
    (lambda provider: Reply(200, b'{"issuer":"a","issuer":"a"}'), "not-json"),
    (lambda provider: Reply(404, b"{}"), "status"),
])
def test_O5_O6_a_provider_that_is_not_what_its_file_says(client, provider, change, reason):
    provider.answers[METADATA] = change(provider)
    expect_start(client, reason)


# HTTP


def slow_bytes(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(200):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.25)


def slow_header(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for i in range(200):
        request.wfile.write(b"X: y\r\n")
        request.wfile.flush()
        time.sleep(0.25)


def nothing(request):
    time.sleep(30)


def truncated(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"keys\":")


def endless_header(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for i in range(100000):
        request.wfile.write(b"X-%d: %s\r\n" % (i, b"y" * 1000))


def endless_body(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(10000):
        request.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")


def many_hundreds(request):
    for _ in range(100000):
        request.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def no_http(request):
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


HUGE = b'{"x":"' + b"x" * 10 * 1024 * 1024 + b'"}'
HTTP_ROWS = [
    (Reply(200, HUGE), "too-large", 5),
    (Reply(500, HUGE), "too-large", 5),
    (endless_body, "too-large", 5),
    (endless_header, "too-large", 5),
    (Reply(200, b"{}", headers={f"X-{i}": "y" * 1000 for i in range(80)}), "too-large", 2),
    (many_hundreds, "too-large", 5),
    (Reply(302, b"", headers={"Location": "/token"}), "status", 2),
    (Reply(307, b"", headers={"Location": "https://evil.example/"}), "status", 2),
    (Reply(301, b"{}", headers={"Location": "file:///etc/passwd"}), "status", 2),
    (slow_bytes, "timeout", DEADLINE + 2),
    (slow_header, "timeout", DEADLINE + 2),
    (nothing, "timeout", DEADLINE + 2),
    (truncated, "unreachable", 2),
    (no_http, "unreachable", 2),
    (lambda request: None, "unreachable", 2),
    (Reply(200, b"<html>Welcome to the hotel's network</html>", "text/html"), "content-type", 2),
    (Reply(200, b"{}", ""), "content-type", 2),
    (Reply(200, b"{}", "application/jsonp"), "content-type", 2),
    (Reply(200, b'{"access_token":"', "application/json; charset=utf-8"), "not-json", 2),
    (Reply(200, b"\xff\xfe{}"), "not-json", 2),
    (Reply(200, b""), "not-json", 2),
    (Reply(204, b""), "status", 2),
    (Reply(500, b"{}"), "status", 2),
    (Reply(503, b"", headers={"Retry-After": "1"}), "status", 2),
]


@pytest.mark.parametrize("answer, reason, seconds", HTTP_ROWS)
def test_O4_an_answer_that_is_none(helper, client, provider, answer, reason, seconds):
    before = helper.memory()
    provider.answers["/token"] = answer
    flow, query = begin_code(client, provider)
    began = time.monotonic()
    assert client.redirect(flow, query) == ("failed", {"reason": reason})
    assert time.monotonic() - began < seconds
    assert provider.count("/token") <= 2  # libcurl may repeat once what a kept connection swallowed
    provider.answers["/token"] = lambda request: provider.tokens()
    flow, query = begin_code(client, provider)
    assert client.redirect(flow, query)[0] == "approved"
    assert helper.sanitized or helper.memory() - before < 4 * MIB


def test_O4_slow_answers_hold_up_nobody(helper, client, provider, make_provider):
    other = make_provider()
    helper.configure(other, "other")
    provider.answers[METADATA] = nothing
    waiting = [threading.Thread(target=lambda: pytest.raises(Refused, client.start_device)) for _ in range(20)]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert helper.connect().check("other") == (True, "")
    assert time.monotonic() - began < 2
    for thread in waiting:
        thread.join()
    assert provider.count(METADATA) == 1  # one request for all who wait


def test_O4_a_storm_of_hostile_answers_leaves_nothing_behind(helper, client, provider):
    quick = [row[0] for row in HTTP_ROWS if row[2] < DEADLINE]
    sizes = []
    for _ in range(4):
        for answer in quick:
            provider.answers["/token"] = answer
            flow, query = begin_code(client, provider)
            assert client.redirect(flow, query)[0] == "failed"
        sizes.append(helper.memory())
    assert helper.alive() and (helper.sanitized or sizes[-1] - sizes[0] < 2 * MIB), sizes


def test_no_proxy_and_no_key_log_of_the_environment(make_helper, provider):
    helper = make_helper()
    helper.configure(provider)
    proxy = "http://127.0.0.1:1/"
    keys = helper.run / "keys"
    helper.start(environment={"https_proxy": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "SSLKEYLOGFILE": str(keys)})
    client = helper.connect()
    assert client.check() == (True, "")
    assert not keys.exists()
    client.close()


# TLS


@pytest.mark.parametrize("kind", ["wrong-host", "name-in-subject-only", "expired", "not-yet", "self-signed", "other-authority",
                                  "anonymous", "old"])
def test_O5_a_certificate_that_does_not_count(helper, client, make_provider, kind):
    bad = make_provider(kind)
    helper.configure(bad)
    expect_start(client, "tls")
    assert client.check()[1].startswith("tls: ")
    assert bad.seen == []


def test_O5_the_tests_authority_is_not_the_systems(helper, client, provider):
    helper.configure(provider, ca_file=None)
    expect_start(client, "tls")
    helper.configure(provider, ca_file="/nonexistent")
    expect_start(client, "ca-file")


def test_O5_an_authority_that_others_can_write_is_none(helper, client, provider):
    ours = helper.folder / "ours.pem"
    ours.write_bytes(helper.authority.path.read_bytes())
    ours.chmod(0o666)
    helper.configure(provider, ca_file=ours)
    expect_start(client, "ca-file")
    ours.chmod(0o644)
    assert client.check() == (True, "")


def test_O5_plain_http_on_the_port_of_https(helper, client, provider):
    with plain_listener() as listener:
        provider.issuer = f"https://localhost:{listener.getsockname()[1]}"
        helper.configure(provider)
        expect_start(client, "tls")


def test_O5_nobody_there(helper, client, provider):
    for issuer in ("https://localhost:1", "https://no-such-host.invalid"):
        provider.issuer = issuer
        helper.configure(provider)
        expect_start(client, "unreachable")


def test_O5_plain_http_only_to_a_loopback_address_by_its_file(helper, client):
    plain = Provider(host="127.0.0.1")
    helper.configure(plain, ca_file=None)
    with pytest.raises(Refused, match="Configuration"):
        client.start_device()
    helper.configure(plain, ca_file=None, allow_insecure_loopback="yes")
    flow, _ = client.start_device()
    assert client.wait(flow)[0] == "approved"
    plain.end()


def test_O4_an_error_of_the_device_endpoint(client, provider):
    provider.answers["/device"] = error("invalid_client", 401)
    with pytest.raises(Refused, match="^Provider: provider-error: invalid_client$"):
        client.start_device()
    provider.answers["/device"] = error("<script>", 400)
    with pytest.raises(Refused, match="^Provider: provider-error: an error that is not known$"):
        client.start_device()
