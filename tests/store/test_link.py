# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""The link and a real redis-server: TLS, users, and a server that ends, hangs or is full."""

import signal
import time

import pytest

WEB = "web on >the-password ~tessera:* +@all"
NOBODY = "default off"


def test_values_of_any_size(make_redis, driver):
    link = driver(port=make_redis().port, db=3)
    assert link.say("SET a b") == "OK"
    assert link.say("GET a") == "b"
    assert link.say("GET none") == "nil"
    assert link.say("INCR n") == "1"
    assert link.say("HGET a b").startswith("-WRONGTYPE")
    assert link.say("EVAL return{1,{2,'three'},false} 0") == "1 2 three nil"
    assert len(link.say("EVAL return(string.rep('x',4194304)) 0")) == 4 << 20
    assert link.say("EVAL return(string.rep('x',16777216)) 0").startswith("Protocol error")
    assert link.say("EVAL return{string.rep('x',9)} 0") == "xxxxxxxxx"


# TLS

def test_tls_by_address_and_by_name(make_redis, driver, authority):
    redis = make_redis(authority=authority)
    for host in ("127.0.0.1", "localhost"):
        assert driver(host=host, port=redis.tls_port, tls=1, ca=authority.path).say("PING") == "PONG"


@pytest.mark.parametrize("certificate, words", [
    ("wrong-host", "it is for another host"),
    ("name-in-subject-only", "it is for another host"),
    ("expired", "it has expired"),
    ("not-yet", "it is not valid yet"),
    ("self-signed", "no authority that is trusted here has signed it"),
    ("other-authority", "no authority that is trusted here has signed it"),
])
def test_certificates_that_are_not_the_servers(make_redis, driver, authority, certificate, words):
    redis = make_redis(authority=authority, certificate=certificate)
    answer = driver(port=redis.tls_port, tls=1, ca=authority.path).say("PING")
    assert answer.startswith("Key was rejected by service") and words in answer


def test_another_authority_or_the_systems_is_not_ours(make_redis, driver, authority, other_authority):
    redis = make_redis(authority=authority)
    for settings in ({"ca": other_authority.path}, {}):
        answer = driver(port=redis.tls_port, tls=1, **settings).say("PING")
        assert "Key was rejected" in answer and "no authority that is trusted here" in answer


def test_a_resumed_session_is_checked_as_well(make_redis, driver, authority, other_authority):
    """GnuTLS does not show a certificate again where a session is resumed, and GIO resumes them by itself."""
    redis = make_redis(authority=authority)
    link = driver(port=redis.tls_port, tls=1, ca=authority.path)
    assert link.say("PING") == "PONG"
    link.link(port=redis.tls_port, tls=1, ca=other_authority.path)
    assert "no authority that is trusted here" in link.say("PING")


def test_a_certificate_of_our_own(make_redis, driver, authority):
    redis = make_redis(authority=authority, ask_certificate=True)
    pem = authority.certificate("client")
    assert driver(port=redis.tls_port, tls=1, ca=authority.path, cert=pem, key=pem).say("PING") == "PONG"
    answer = driver(port=redis.tls_port, tls=1, ca=authority.path).say("PING")
    assert answer.startswith("Key was rejected")


@pytest.mark.parametrize("settings", [{"ca": "/nowhere/ca.pem"}, {"cert": "/nowhere/a.pem", "key": "/nowhere/a.key"}])
def test_files_that_are_not_there(make_redis, driver, authority, settings):
    redis = make_redis(authority=authority)
    answer = driver(port=redis.tls_port, tls=1, **({"ca": authority.path} | settings)).say("PING")
    assert answer.startswith("Key was rejected") and "TLS cannot be set up" in answer and "/nowhere/" in answer


def test_R12_a_plain_listener_where_tls_should_be(make_redis, driver, authority):
    answer = driver(port=make_redis().port, tls=1, ca=authority.path, deadline=500000).say("PING")
    assert answer.startswith(("Key was rejected", "Connection timed out")) and "TLS" in answer


def test_tls_where_a_plain_listener_should_be(make_redis, driver, authority):
    answer = driver(port=make_redis(authority=authority).tls_port).say("PING")
    assert answer.startswith(("Connection reset", "Protocol error"))


def test_tls_1_2_suffices_and_1_1_does_not(make_redis, driver, authority):
    redis = make_redis(authority=authority, tls_protocols="TLSv1.2")
    assert driver(port=redis.tls_port, tls=1, ca=authority.path).say("PING") == "PONG"
    redis = make_redis(authority=authority, tls_protocols='"TLSv1 TLSv1.1"', tls_ciphers="ALL:@SECLEVEL=0")
    assert driver(port=redis.tls_port, tls=1, ca=authority.path).say("PING").startswith("Key was rejected")


# Users

def test_a_user_with_a_password(make_redis, driver):
    redis = make_redis(users=[WEB, NOBODY])
    assert driver(port=redis.port, user="web", password="the-password").say("PING") == "PONG"
    for settings in ({"user": "web", "password": "the-canary"}, {"user": "who", "password": "the-canary"}, {"password": "the-canary"}):
        answer = driver(port=redis.port, **settings).say("PING")
        assert answer.startswith("Permission denied") and "the server refuses user or password" in answer and "canary" not in answer
    answer = driver(port=redis.port).say("PING")
    assert answer.startswith("Permission denied") and "the server wants a password" in answer


def test_a_password_that_the_server_does_not_have(make_redis, driver):
    answer = driver(port=make_redis().port, password="the-canary").say("PING")
    assert "the server has no password for its default user" in answer and "canary" not in answer


def test_a_database_that_is_not_there(make_redis, driver):
    answer = driver(port=make_redis().port, db=99).say("PING")
    assert answer.startswith("Permission denied") and "database 99" in answer


def test_what_the_acl_forbids(make_redis, driver):
    redis = make_redis(users=["web on >the-password ~tessera:* +get +ping", NOBODY])
    link = driver(port=redis.port, user="web", password="the-password")
    assert link.say("GET other:key").startswith("Permission denied")
    assert link.say("SET tessera:a b").startswith("Permission denied")
    assert link.say("GET tessera:a") == "nil"


# Times (R12)

def until_it_answers(link, seconds=10):
    until = time.monotonic() + seconds
    while link.say("PING") != "PONG":
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("tls", [False, True])
def test_R12_killed_and_started_again(make_redis, driver, authority, tls):
    redis = make_redis(authority=authority)
    settings = {"port": redis.tls_port, "tls": 1, "ca": authority.path} if tls else {"port": redis.port}
    link = driver(**settings)
    assert link.say("PING") == "PONG"
    redis.kill()
    for _ in range(20):
        begun = time.monotonic()
        assert "PONG" not in link.say("PING")
        assert time.monotonic() - begun < 0.5
    redis.start()
    until_it_answers(link)


@pytest.mark.parametrize("tls", [False, True])
def test_R12_stopped_and_continued(make_redis, driver, authority, tls):
    redis = make_redis(authority=authority)
    settings = {"port": redis.tls_port, "tls": 1, "ca": authority.path} if tls else {"port": redis.port}
    link = driver(deadline=500000, **settings)
    fresh = driver(deadline=500000, **settings)
    assert link.say("PING") == "PONG"
    redis.signal(signal.SIGSTOP)
    for each in (link, fresh):
        begun = time.monotonic()
        assert each.say("PING").startswith("Connection timed out")
        assert 0.4 < time.monotonic() - begun < 1.5
        begun = time.monotonic()
        assert each.say("PING").startswith("Connection timed out")
        assert time.monotonic() - begun < 0.3
    redis.signal(signal.SIGCONT)
    until_it_answers(link)
    until_it_answers(fresh)


def test_R12_full(make_redis, driver):
    redis = make_redis(maxmemory="2mb", maxmemory_policy="noeviction")
    link = driver(port=redis.port)
    answers = [link.say(f"SET key{i} {'x' * 3000}") for i in range(1000)]
    assert answers[0] == "OK" and answers[-1].startswith("-OOM")
    assert link.say("GET key0") == "x" * 3000


def test_a_connection_that_the_server_closes_when_idle(make_redis, driver):
    link = driver(port=make_redis(timeout=1).port)
    for _ in range(2):
        assert link.say("PING") == "PONG"
        time.sleep(2.5)
    assert link.say("PING") == "PONG"
