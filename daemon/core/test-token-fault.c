/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What comes of a token or a ticket while the libraries under it run out of memory, one call after another. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/test-fault.h"
#include "daemon/core/test-forge-ticket.h"
#include "daemon/core/ticket-claims.h"

#define NOW 1700000000

/*
 * libjwt 1.10.2 forgets r where it finds no memory for s, and s where it finds none for r
 * (jwt_verify_sha_pem): a BIGNUM and its words, public ones, in the four allocations that the two take.
 */
#define LIBJWT_LEAK 2
#define LIBJWT_LEAKS 4

static KeyRing *keys;
static Trust *trust;

static TicketClaims ticket_claims(void) {
        static const char *const methods[] = { "pwd", NULL }, *const roles[] = { "admin", "everyone", NULL };

        return (TicketClaims) {
                .issuer = (char *) "web1",
                .subject = (char *) "alice",
                .audience = (char *) "web2",
                .issued_at = NOW,
                .expires = NOW + 60,
                .jti = "AAECAwQFBgcICQoLDA0ODw",
                .session = "000102030405060708090a0b0c0d0e0f",
                .session_ends = NOW + 3600,
                .auth_time = NOW - 200,
                .methods = (char **) methods,
                .roles = (char **) roles,
        };
}

static char *make_ticket(const char *audience, int64_t issued_at) {
        TicketClaims claims = ticket_claims();
        char *ticket = NULL;

        claims.audience = (char *) audience;
        claims.issued_at = issued_at;
        claims.expires = issued_at + 60;
        assert(ticket_sign(key_ring_signing(keys, KEY_TICKET), &claims, &ticket) == 0);
        return ticket;
}

/* The last character but one of the signature is another. */
static char *forge(const char *text) {
        char *forged = g_strdup(text);
        char *at = forged + strlen(forged) - 2;

        *at = *at == 'A' ? 'B' : 'A';
        return forged;
}

static TokenReason verify_ticket(const char *text) {
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host = NULL;
        TokenReason reason = ticket_verify(trust, "web2", NOW, text, strlen(text), &claims, &host);

        assert((reason == TOKEN_VALID) == (claims != NULL) && (reason == TOKEN_VALID) == (host != NULL));
        if (claims) { /* the right one */
                g_autofree char *is = ticket_claims_to_json(claims), *was = NULL;
                TicketClaims meant = ticket_claims();

                was = ticket_claims_to_json(&meant);
                assert(!is || !was || strcmp(is, was) == 0);
        }
        return reason;
}

/* Whether it is charged as a guess. */
static TokenReason tell_genuine(const char *text) {
        return ticket_is_genuine(trust, text, strlen(text)) ? TOKEN_VALID : TOKEN_INVALID;
}

static TokenReason verify_token(const char *text) {
        g_autoptr(TokenClaims) claims = NULL;
        TokenReason reason = token_verify(keys, "web1", "web1", 1000, text, strlen(text), &claims);

        assert((reason == TOKEN_VALID) == (claims != NULL));
        assert(!claims || strcmp(claims->subject, "alice") == 0);
        return reason;
}

typedef TokenReason (*Verify)(const char *);

/* How many calls there are, where none fails. */
static size_t count_calls(Verify verify, const char *text, TokenReason truth) {
        size_t count, failed;

        fault_nth(0);
        g_assert_cmpint(verify(text), ==, truth);
        count = fault_end(&failed);
        assert(failed == 0);
        return count;
}

/* All of the last ones, where the verdict is near; of the thousands before, with which a PEM is read, a few. */
static size_t next(size_t nth, size_t count) {
        return nth + (getenv("TESSERA_SOAK") || nth + 200 > count ? 1 : 13);
}

static TokenReason suffer(Verify verify, const char *text, size_t nth) {
        TokenReason reason;
        size_t failed;

        fault_nth(nth);
        reason = verify(text);
        (void) fault_end(&failed);
        assert(failed == 1);
        return reason;
}

/* The blocks that stay of such a failure each time it comes; what libcrypto keeps for later, it keeps once. */
static size_t leak_of(Verify verify, const char *text, size_t nth) {
        size_t before;

        (void) suffer(verify, text, nth);
        before = fault_blocks();
        (void) suffer(verify, text, nth);
        return fault_blocks() - before;
}

/* @verify says @truth of @text, or refuses it where a call fails; and says @truth afterwards. Returns how often it refused. */
static size_t sweep(Verify verify, const char *text, TokenReason truth) {
        size_t count = count_calls(verify, text, truth), blocks = fault_blocks(), refused = 0, leaks = 0;

        for (size_t nth = 1; nth <= count; nth = next(nth, count)) {
                TokenReason reason = suffer(verify, text, nth);

                assert(reason == truth || reason == TOKEN_INVALID);
                refused += reason != truth;
                if (fault_blocks() != blocks) {
                        size_t leak = leak_of(verify, text, nth);

                        assert(leak == 0 || leak == LIBJWT_LEAK);
                        leaks += leak > 0;
                        blocks = fault_blocks();
                }
                g_assert_cmpint(verify(text), ==, truth);
        }
        assert(leaks <= LIBJWT_LEAKS);
        printf("of %zu calls: refused %zu times, libjwt forgot a number %zu times\n", count, refused, leaks);
        return refused;
}

static void test_F14_a_ticket_is_refused_or_judged_rightly(void) {
        char *good = make_ticket("web2", NOW), *old = make_ticket("web2", NOW - 100), *other = make_ticket("web3", NOW);
        g_autofree char *forged = forge(good);

        assert(sweep(verify_ticket, good, TOKEN_VALID) > 20);
        assert(sweep(verify_ticket, old, TOKEN_EXPIRED) > 20);
        assert(sweep(verify_ticket, other, TOKEN_WRONG_AUDIENCE) > 20);
        (void) sweep(verify_ticket, forged, TOKEN_INVALID);
        assert(sweep(tell_genuine, good, TOKEN_VALID) > 20);
        (void) sweep(tell_genuine, forged, TOKEN_INVALID);
        good = token_free(good);
        old = token_free(old);
        other = token_free(other);
}

static void test_F14_a_token_is_refused_or_judged_rightly(void) {
        char *good = forge_good_token(keys);

        assert(sweep(verify_token, good, TOKEN_VALID) > 5);
        good = token_free(good);
}

static int sign_once(size_t nth, size_t *ret_count, size_t *ret_failed) {
        TicketClaims claims = ticket_claims();
        char *ticket = NULL;
        int r;

        fault_nth(nth);
        r = ticket_sign(key_ring_signing(keys, KEY_TICKET), &claims, &ticket);
        *ret_count = fault_end(ret_failed);
        assert((r == 0) == (ticket != NULL));
        if (ticket)
                g_assert_cmpint(verify_ticket(ticket), ==, TOKEN_VALID);
        ticket = token_free(ticket);
        return r;
}

static void test_F14_a_ticket_is_made_whole_or_not_at_all(void) {
        size_t count, failed, refused = 0, blocks, so_far;

        g_assert_cmpint(sign_once(0, &count, &failed), ==, 0);
        blocks = fault_blocks();
        for (size_t nth = 1; nth + 20 <= count; nth = next(nth, count)) { /* now and then one takes a few less */
                refused += sign_once(nth, &so_far, &failed) < 0;
                assert(failed == 1);
                g_assert_cmpuint(fault_blocks(), ==, blocks);
        }
        g_assert_cmpint(sign_once(0, &so_far, &failed), ==, 0);
        printf("of %zu calls: none made %zu times\n", count, refused);
        assert(refused > 20);
}

int main(void) {
        fault_install();
        assert(sodium_init() >= 0);
        keys = forge_ticket_ring("t1", FORGE_SECRET_A);
        trust = forge_trust("web1", keys);
        test_F14_a_ticket_is_refused_or_judged_rightly();
        test_F14_a_token_is_refused_or_judged_rightly();
        test_F14_a_ticket_is_made_whole_or_not_at_all();
        trust_unref(trust);
        key_ring_unref(keys);
        return 0;
}
