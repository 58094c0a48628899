/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Tickets: whatever is presented, "valid" is said of nothing but the one spelling of the claims that
 * come out. The first byte of an input says what the rest is:
 *
 *         0  a text as it came over the wire
 *         1  a payload under the right header, rightly signed: what stands behind the signature
 *         2  a header, a line break and a payload, rightly signed: what stands behind the header
 *         3  numbers that choose claims, which are signed; then changes to the ticket
 */

#undef NDEBUG
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-fault.h"
#include "daemon/core/test-forge-ticket.h"
#include "daemon/core/ticket-claims.h"

#define NOW 1700000000
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"t1\",\"typ\":\"JWT\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Keys that every run has, so that inputs keep their meaning. */
static struct {
        KeyRing *keys;
        Trust *trust;
} world;

/* Says what ticket_verify() says, and insists on the one spelling where that is "valid". */
static TokenReason look(const char *text, size_t size, size_t *ret_failed) {
        g_autofree char *exact = g_memdup2(text, size); /* a sanitizer sees a read past the end */
        g_autofree char *json = NULL, *payload = NULL, *head = NULL;
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host = NULL;
        TokenReason reason;

        reason = ticket_verify(world.trust, "web2", NOW, exact, size, &claims, &host);
        (void) fault_end(ret_failed);
        assert((reason == TOKEN_VALID) == (claims != NULL) && (reason == TOKEN_VALID) == (host != NULL));
        if (!claims)
                return reason;
        assert(size <= TICKET_SIZE_MAX && ticket_is_like(world.trust, exact, size));
        assert(strcmp(claims->issuer, "web1") == 0 && strcmp(claims->audience, "web2") == 0);
        json = ticket_claims_to_json(claims);
        payload = forge_base64url(json, strlen(json));
        head = g_strconcat(((const TrustKey *) host->keys->pdata[0])->header, ".", payload, ".", NULL);
        assert(size == strlen(head) + 86 && memcmp(head, text, strlen(head)) == 0);
        for (char **role = claims->roles; role && *role; role++)
                assert(ticket_allows_role(claims, *role));
        return reason;
}

/* The verdict; and whatever fails on the way there, it is that one or a refusal. */
static TokenReason check(const char *text, size_t size) {
        TokenReason first, reason;
        size_t failed;

        fault_seldom(fault_seed_of(text, size));
        first = look(text, size, &failed);
        if (failed == 0)
                return first;
        reason = look(text, size, &failed);
        assert(first == reason || first == TOKEN_INVALID);
        return reason;
}

/* The ticket that says @claims, or NULL; whatever fails on the way, none comes out that is not whole. */
static char *sign(const TicketClaims *claims, uint64_t seed) {
        const Key *key = key_ring_signing(world.keys, KEY_TICKET);
        char *first = NULL, *ticket = NULL;
        size_t failed;
        int r;

        fault_seldom(seed);
        r = ticket_sign(key, claims, &first);
        (void) fault_end(&failed);
        assert((r == 0) == (first != NULL));
        if (failed == 0)
                return first;
        r = ticket_sign(key, claims, &ticket);
        assert(!first || (r == 0 && strncmp(first, ticket, (size_t) (strrchr(ticket, '.') - ticket)) == 0));
        (void) token_free(first);
        return ticket;
}

static unsigned take(const uint8_t **data, size_t *size) {
        if (*size == 0)
                return 0;
        (*size)--;
        return *(*data)++;
}

static void check_header(const uint8_t *data, size_t size) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t header_size = end ? (size_t) (end - data) : size;
        g_autofree char *header = g_strndup((const char *) data, header_size), *ticket = NULL;

        ticket = forge_ticket(FORGE_SECRET_A, header, end ? end + 1 : data, end ? size - header_size - 1 : 0);
        (void) check(ticket, strlen(ticket));
}

static char **take_words(const uint8_t **data, size_t *size) {
        static const char *const words[] = { "pwd", "tok", "oidc:corp", "admin", "operator", "a\"b", "" };
        g_autoptr(GStrvBuilder) list = g_strv_builder_new();

        for (unsigned n = take(data, size) % 64; n > 0; n--) {
                unsigned which = take(data, size);
                g_autofree char *word = which < 16 ? g_strdup(words[which % G_N_ELEMENTS(words)])
                                                   : g_strdup_printf("role-%u-%.*s", n, (int) (which % 50),
                                                                     "01234567890123456789012345678901234567890123456789");
                g_strv_builder_add(list, word);
        }
        return g_strv_builder_end(list);
}

/* Changes of a signed ticket: none may leave it valid, but the one that changes nothing. */
static void check_changes(const char *ticket, const uint8_t *data, size_t size) {
        g_autofree char *changed = g_strdup(ticket);
        size_t length = strlen(ticket);

        while (size > 0) {
                size_t high = take(&data, &size), at = (high * 256 + take(&data, &size)) % length;

                changed[at] = (char) (changed[at] ^ (int) take(&data, &size));
        }
        if (memcmp(changed, ticket, length) != 0)
                assert(check(changed, length) != TOKEN_VALID);
        assert(check(ticket, length - 1) != TOKEN_VALID);
}

static void check_claims(const uint8_t *data, size_t size) {
        g_autofree char *subject = g_strnfill(take(&data, &size) % 35, 'u');
        g_auto(GStrv) methods = take_words(&data, &size), roles = take_words(&data, &size);
        TicketClaims claims = {
                .issuer = (char *) "web1",
                .subject = subject,
                .audience = (char *) "web2",
                .jti = "AAECAwQFBgcICQoLDA0ODw",
                .session = "000102030405060708090a0b0c0d0e0f",
                .methods = methods,
                .roles = roles,
        };
        uint64_t seed = fault_seed_of(data, size);
        char *ticket;

        claims.issued_at = NOW + 5 - (int64_t) take(&data, &size) % 80;
        claims.expires = claims.issued_at + (int64_t) take(&data, &size) % 64;
        claims.session_ends = claims.expires - 1 + (int64_t) take(&data, &size);
        claims.auth_time = claims.issued_at - (int64_t) take(&data, &size) + 1;
        ticket = sign(&claims, seed);
        if (!ticket) {
                assert(!ticket_claims_are_sound(&claims));
                return;
        }
        assert(strlen(ticket) <= TICKET_SIZE_MAX);
        assert(check(ticket, strlen(ticket)) == (claims.expires + TICKET_LEEWAY > NOW ? TOKEN_VALID : TOKEN_EXPIRED));
        check_changes(ticket, data, size);
        ticket = token_free(ticket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *ticket = NULL;

        if (!world.keys) {
                fault_install();
                world.keys = forge_ticket_ring("t1", FORGE_SECRET_A);
                world.trust = forge_trust("web1", world.keys);
        }
        switch (take(&data, &size) % 4) {
        case 0:
                (void) check((const char *) data, size);
                break;
        case 1:
                ticket = forge_ticket(FORGE_SECRET_A, HEADER, data, size);
                (void) check(ticket, strlen(ticket));
                break;
        case 2:
                check_header(data, size);
                break;
        default:
                check_claims(data, size);
        }
        return 0;
}
