/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What a good ticket is, and how much fits into it. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-forge-ticket.h"
#include "daemon/core/ticket.h"

#define NOW 1700000000
#define HOST64 "host-0123456789-0123456789-0123456789-0123456789.example-123.org"
#define USER32 "user-0123456789-0123456789-12345"

static KeyRing *keys;
static Trust *trust;

static TicketClaims good_claims(void) {
        return (TicketClaims) {
                .issuer = (char *) "web1",
                .subject = (char *) "alice",
                .audience = (char *) "web2",
                .issued_at = NOW,
                .expires = NOW + 60,
                .jti = "AAECAwQFBgcICQoLDA0ODw",
                .session = "000102030405060708090a0b0c0d0e0f",
                .session_ends = NOW + 3600,
                .auth_time = NOW - 60,
        };
}

static char *sign(const TicketClaims *claims) {
        char *ticket = NULL;
        int r = ticket_sign(key_ring_signing(keys, KEY_TICKET), claims, &ticket);

        g_assert_cmpint(r, ==, 0);
        g_assert_cmpuint(strlen(ticket), <=, TICKET_SIZE_MAX);
        return ticket;
}

static TokenReason verify_by(const Trust *by, const char *audience, int64_t now, const char *ticket, TicketClaims **ret,
                             const TrustHost **ret_host) {
        size_t size = strlen(ticket);
        g_autofree char *exact = g_memdup2(ticket, size); /* it need not end in a NUL */

        return ticket_verify(by, audience, now, exact, size, ret, ret_host);
}

static TokenReason verify(const char *audience, int64_t now, const char *ticket) {
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host = NULL;
        TokenReason reason = verify_by(trust, audience, now, ticket, &claims, &host);

        assert((reason == TOKEN_VALID) == (claims != NULL) && (reason == TOKEN_VALID) == (host != NULL));
        return reason;
}

static TicketClaims *read_back(const char *ticket, const char *audience) {
        TicketClaims *claims = NULL;
        const TrustHost *host = NULL;

        g_assert_cmpint(verify_by(trust, audience, NOW, ticket, &claims, &host), ==, TOKEN_VALID);
        g_assert_cmpstr(host->file->name, ==, claims->issuer);
        return claims;
}

/* The payload of @ticket as text. */
static char *payload_of(const char *ticket) {
        const char *from = strchr(ticket, '.') + 1, *to = strrchr(ticket, '.');
        char *json = g_malloc0((size_t) (to - from) + 1);

        assert(sodium_base642bin((unsigned char *) json, (size_t) (to - from), from, (size_t) (to - from), NULL, NULL, NULL,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0);
        return json;
}

static void test_J23_the_layout_is_the_documented_one(void) {
        const char *const roles[] = { "admin", "everyone", NULL }, *const methods[] = { "pwd", NULL };
        static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"t1\",\"typ\":\"JWT\"}";
        g_autofree char *head = forge_base64url(header, strlen(header)), *json = NULL;
        TicketClaims claims = good_claims();
        g_autoptr(TicketClaims) read = NULL;
        char *ticket;

        claims.roles = (char **) roles;
        claims.methods = (char **) methods;
        ticket = sign(&claims);
        assert(g_str_has_prefix(ticket, head) && ticket[strlen(head)] == '.');
        json = payload_of(ticket);
        g_assert_cmpstr(json, ==,
                        "{\"amr\":[\"pwd\"],\"aud\":\"web2\",\"auth_time\":1699999940,\"exp\":1700000060,"
                        "\"iat\":1700000000,\"iss\":\"web1\",\"jti\":\"AAECAwQFBgcICQoLDA0ODw\","
                        "\"roles\":[\"admin\",\"everyone\"],\"sess_exp\":1700003600,"
                        "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}");
        read = read_back(ticket, "web2");
        g_assert_cmpstr(read->subject, ==, "alice");
        g_assert_cmpstr(read->jti, ==, claims.jti);
        g_assert_cmpstr(read->session, ==, claims.session);
        assert(read->session_ends == claims.session_ends && read->auth_time == claims.auth_time);
        assert(ticket_allows_role(read, "admin") && ticket_allows_role(read, "everyone"));
        assert(!ticket_allows_role(read, "operator") && !ticket_allows_role(read, "") && !ticket_allows_role(read, "adm"));
        ticket = token_free(ticket);
}

/* A payload made by hand, signed by another's code, is what ours would have made. */
static void test_J23_what_others_make_is_understood(void) {
        static const char payload[] = "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\","
                                      "\"jti\":\"AAECAwQFBgcICQoLDA0ODw\",\"sess_exp\":1700000060,"
                                      "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}";
        g_autofree char *ticket = forge_ticket(FORGE_SECRET_A, "{\"alg\":\"ES256\",\"kid\":\"t1\",\"typ\":\"JWT\"}",
                                               payload, strlen(payload));
        g_autoptr(TicketClaims) claims = read_back(ticket, "web2");

        assert(claims->auth_time == 0 && !claims->methods && !claims->roles && claims->n_digests == 0);
        assert(!ticket_allows_role(claims, "everyone"));
}

static char **many_roles(unsigned n, size_t length) {
        g_autoptr(GStrvBuilder) list = g_strv_builder_new();

        for (unsigned i = 0; i < n; i++) {
                g_autofree char *name = g_strdup_printf("role-%03u-%s", i, "0123456789012345678901234567890123456789012345678901234");
                name[length] = '\0';
                g_strv_builder_add(list, name);
        }
        return g_strv_builder_end(list);
}

static unsigned count_allowed(const TicketClaims *claims, char *const *roles) {
        unsigned n = 0;

        for (; *roles; roles++)
                n += ticket_allows_role(claims, *roles);
        return n;
}

static void test_the_longest_names_and_40_roles_fit(void) {
        static const char *const methods[] = { "oidc:provider-0123456789-0123456789-0123456789-0123456789-01234567890", NULL };
        g_auto(GStrv) roles = many_roles(40, 64);
        g_autoptr(KeyRing) ring = forge_ticket_ring("abcd", FORGE_SECRET_A);
        g_autoptr(Trust) by = forge_trust(HOST64, ring);
        g_autoptr(TicketClaims) read = NULL;
        TicketClaims claims = good_claims();
        const TrustHost *host = NULL;
        char *ticket = NULL;

        g_assert_cmpuint(strlen(HOST64), ==, 64);
        g_assert_cmpuint(strlen(USER32), ==, 32);
        g_assert_cmpuint(strlen(roles[0]), ==, 64);
        g_assert_cmpuint(strlen(methods[0]), ==, strlen("oidc:") + 64);
        claims.issuer = claims.audience = (char *) HOST64;
        claims.subject = (char *) USER32;
        claims.roles = roles;
        claims.methods = (char **) methods;
        assert(ticket_sign(key_ring_signing(ring, KEY_TICKET), &claims, &ticket) == 0);
        g_assert_cmpuint(strlen(ticket), <=, 1022);
        assert(verify_by(by, HOST64, NOW, ticket, &read, &host) == TOKEN_VALID);
        assert(!read->roles && read->n_digests == 40 && count_allowed(read, roles) == 40);
        assert(!ticket_allows_role(read, "everyone") && !ticket_allows_role(read, "role-041"));
        g_assert_cmpstr(read->methods[0], ==, methods[0]);
        ticket = token_free(ticket);
}

static void test_names_stand_as_long_as_they_fit(void) {
        for (unsigned n = 1; n <= 60; n++) {
                g_auto(GStrv) roles = many_roles(n, 12);
                TicketClaims claims = good_claims();
                g_autoptr(TicketClaims) read = NULL;
                char *ticket;

                claims.roles = roles;
                ticket = sign(&claims);
                read = read_back(ticket, "web2");
                assert((read->roles != NULL) == (read->n_digests == 0));
                assert((n > 20 || read->roles) && (n < 40 || !read->roles));
                g_assert_cmpuint(count_allowed(read, roles), ==, n);
                ticket = token_free(ticket);
        }
}

/* Fewer roles, never other ones; and of the methods the latest, which decisions look at. */
static void test_what_does_not_fit_is_left_out(void) {
        const char *const methods[] = { "oidc:first", "pop", "pwd", NULL };
        g_auto(GStrv) roles = many_roles(3000, 10);
        g_auto(GStrv) others = many_roles(3000, 9);
        TicketClaims claims = good_claims();
        g_autoptr(TicketClaims) read = NULL;
        char *ticket;

        claims.roles = roles;
        claims.methods = (char **) methods;
        ticket = sign(&claims);
        g_assert_cmpuint(strlen(ticket), >, 1022 - 10);
        read = read_back(ticket, "web2");
        assert(read->n_digests > 80 && count_allowed(read, roles) == read->n_digests);
        assert(count_allowed(read, others) == 0);
        assert(g_strv_length(read->methods) == 1 && g_str_equal(read->methods[0], "pwd"));
        ticket = token_free(ticket);
}

static void test_J12_clocks_may_differ_by_five_seconds(void) {
        TicketClaims claims = good_claims();
        char *ticket = sign(&claims);

        assert(verify("web2", NOW, ticket) == TOKEN_VALID && verify("web2", NOW + 59, ticket) == TOKEN_VALID);
        assert(verify("web2", NOW - 5, ticket) == TOKEN_VALID && verify("web2", NOW - 6, ticket) == TOKEN_INVALID);
        assert(verify("web2", NOW + 64, ticket) == TOKEN_VALID && verify("web2", NOW + 65, ticket) == TOKEN_EXPIRED);
        ticket = token_free(ticket);
}

static void test_J13_it_is_for_one_host(void) {
        static const char *const others[] = { "web1", "web", "web22", "WEB2", "web2.", "" };
        TicketClaims claims = good_claims();
        char *ticket = sign(&claims);

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                assert(verify(others[i], NOW, ticket) == TOKEN_WRONG_AUDIENCE);
        assert(verify("web3", NOW + 100, ticket) == TOKEN_WRONG_AUDIENCE); /* a fresh one would not help */
        ticket = token_free(ticket);
}

/* The other signature of the same bytes: the same ticket, which is why the jti names it. */
static void test_J8_J17_a_twin_is_the_same_ticket(void) {
        static const unsigned char n[32] = {
                0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        };
        TicketClaims claims = good_claims();
        char *ticket = sign(&claims), *end = strrchr(ticket, '.');
        g_autofree char *head = g_strndup(ticket, (size_t) (end - ticket)), *twin = NULL, *text = NULL;
        g_autoptr(TicketClaims) one = read_back(ticket, "web2"), two = NULL;
        unsigned char signature[64];
        int borrow = 0;

        assert(sodium_base642bin(signature, sizeof(signature), end + 1, strlen(end + 1), NULL, NULL, NULL,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0);
        for (size_t i = 32; i-- > 0;) {
                int digit = n[i] - signature[32 + i] - borrow;

                borrow = digit < 0;
                signature[32 + i] = (unsigned char) digit;
        }
        text = forge_base64url(signature, sizeof(signature));
        twin = g_strconcat(head, ".", text, NULL);
        assert(strcmp(twin, ticket) != 0);
        two = read_back(twin, "web2");
        g_assert_cmpstr(one->jti, ==, two->jti);
        ticket = token_free(ticket);
}

static void test_J7_hosts_with_keys_of_one_kid(void) {
        g_autoptr(KeyRing) other = forge_ticket_ring("t1", FORGE_SECRET_B);
        g_autofree char *jwks = key_ring_export(keys), *other_jwks = key_ring_export(other);
        g_autoptr(GPtrArray) files = g_ptr_array_new(), mistakes = g_ptr_array_new();
        g_autoptr(Trust) both = NULL;
        TicketClaims claims = good_claims();
        const TrustHost *host = NULL;
        char *ticket = sign(&claims), *theirs = NULL, *as_ours = NULL;
        TicketClaims *read = NULL;

        g_ptr_array_add(files, forge_trust_file("web0", other_jwks));
        g_ptr_array_add(files, forge_trust_file("web1", jwks));
        both = trust_new(g_ptr_array_ref(files), mistakes);
        assert(both);
        assert(verify_by(both, "web2", NOW, ticket, &read, &host) == TOKEN_VALID);
        g_assert_cmpstr(host->file->name, ==, "web1");
        read = ticket_claims_free(read);
        /* Each for itself: web0's key does not speak for web1. */
        assert(ticket_sign(key_ring_signing(other, KEY_TICKET), &claims, &as_ours) == 0);
        assert(verify_by(both, "web2", NOW, as_ours, &read, &host) == TOKEN_INVALID && !read);
        claims.issuer = (char *) "web0";
        assert(ticket_sign(key_ring_signing(other, KEY_TICKET), &claims, &theirs) == 0);
        assert(verify_by(both, "web2", NOW, theirs, &read, &host) == TOKEN_VALID);
        g_assert_cmpstr(host->file->name, ==, "web0");
        read = ticket_claims_free(read);
        ticket = token_free(ticket);
        theirs = token_free(theirs);
        as_ours = token_free(as_ours);
        for (guint i = 0; i < files->len; i++)
                (void) trust_file_free(files->pdata[i]);
}

static void test_what_is_never_tried_as_a_password(void) {
        g_autoptr(Trust) nobody = trust_new_empty();
        TicketClaims claims = good_claims();
        char *ticket = sign(&claims);
        size_t header = strcspn(ticket, ".");

        assert(ticket_is_like(trust, ticket, strlen(ticket)) && ticket_is_like(trust, ticket, header + 1));
        assert(!ticket_is_like(trust, ticket, header) && !ticket_is_like(trust, "", 0) && !ticket_is_like(trust, ".", 1));
        assert(!ticket_is_like(trust, ticket + 1, strlen(ticket) - 1));
        assert(!ticket_is_like(nobody, ticket, strlen(ticket)));
        assert(verify_by(nobody, "web2", NOW, ticket, NULL, NULL) == TOKEN_INVALID);
        ticket = token_free(ticket);
}

static void test_ids_are_random(void) {
        char one[TICKET_ID_SIZE], two[TICKET_ID_SIZE];

        ticket_new_id(&clock_system, one);
        ticket_new_id(&clock_system, two);
        assert(strlen(one) == 22 && strcmp(one, two) != 0);
}

static void test_J21_what_cannot_be_signed(void) {
        static const char *const bad_role[] = { "a\"b", NULL }, *const bad_method[] = { "", NULL };
        static uint32_t twice[] = { 5, 5 }, falling[] = { 6, 5 };
        TicketClaims rows[16];
        size_t n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                rows[i] = good_claims();
        rows[n++].issuer = (char *) "Web1";
        rows[n++].audience = (char *) "web2/";
        rows[n++].subject = (char *) "alice\",\"sub\":\"root";
        rows[n++].subject = (char *) "";
        rows[n++].expires = NOW;
        rows[n++].expires = NOW + 61;
        rows[n++].session_ends = NOW + 59; /* a ticket that outlives its session */
        rows[n++].auth_time = NOW + 1;
        rows[n++].auth_time = -1;
        rows[n++].roles = (char **) bad_role;
        rows[n++].methods = (char **) bad_method;
        rows[n++].jti[21] = 'x'; /* bits left over */
        rows[n++].jti[5] = '\0';
        rows[n++].session[3] = 'X';
        rows[n].digests = twice;
        rows[n++].n_digests = 2;
        rows[n].digests = falling;
        rows[n++].n_digests = 2;
        assert(n == G_N_ELEMENTS(rows));
        for (size_t i = 0; i < n; i++) {
                char *ticket = NULL;

                if (ticket_sign(key_ring_signing(keys, KEY_TICKET), &rows[i], &ticket) != -EINVAL)
                        fprintf(stderr, "row %zu\n", i);
                assert(ticket_sign(key_ring_signing(keys, KEY_TICKET), &rows[i], &ticket) == -EINVAL && !ticket);
        }
}

int main(void) {
        assert(sodium_init() >= 0);
        keys = forge_ticket_ring("t1", FORGE_SECRET_A);
        trust = forge_trust("web1", keys);
        test_J23_the_layout_is_the_documented_one();
        test_J23_what_others_make_is_understood();
        test_the_longest_names_and_40_roles_fit();
        test_names_stand_as_long_as_they_fit();
        test_what_does_not_fit_is_left_out();
        test_J12_clocks_may_differ_by_five_seconds();
        test_J13_it_is_for_one_host();
        test_J8_J17_a_twin_is_the_same_ticket();
        test_J7_hosts_with_keys_of_one_kid();
        test_what_is_never_tried_as_a_password();
        test_ids_are_random();
        test_J21_what_cannot_be_signed();
        trust = trust_unref(trust);
        keys = key_ring_unref(keys);
        return 0;
}
