/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The nth malloc() of all fails while a token or a ticket is judged, whoever wanted it: jansson, libjwt,
 * libcrypto or GLib. Each in a process of its own, that does of the daemon's beginning what concerns
 * memory. It judges rightly, or refuses and judges rightly the next time, or GLib ends it; nothing else.
 *
 * Not for sanitizers, which bring a malloc() of their own. With TESSERA_SOAK every n has its turn.
 */

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/core/claims.h"
#include "daemon/core/test-forge-ticket.h"
#include "policy/conf.h"

#define NOW 1700000000
/* 14 characters: with its quotes it is as long as the buffer that jansson begins with. */
#define HOST "web1.tests.org"

/* How a process ends that was not ended. */
enum { RIGHT, WRONG, LASTING, NONE_FAILED };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);

static struct {
        size_t count, nth;
} fault;

/* What the processes share: made by the first of them, because whoever makes a ticket wakes libcrypto. */
static struct {
        char jwks[4096], ticket[1024], token[1024];
} *shared;

static bool fails(void) {
        return fault.nth > 0 && ++fault.count == fault.nth;
}

__attribute__((visibility("default"))) void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

static void begin(size_t nth) {
        fault.count = 0;
        fault.nth = nth;
}

/* Was there an nth? */
static bool end(void) {
        bool failed = fault.nth > 0 && fault.count >= fault.nth;

        fault.nth = 0;
        return failed;
}

static void need_memory(void) {
        claims_need_memory();
        assert(es256_need_memory());
        es256_load_less();
        assert(sodium_init() >= 0);
}

static void prepare(void) {
        g_autoptr(KeyRing) keys = forge_ticket_ring("t1", FORGE_SECRET_A);
        g_autofree char *jwks = key_ring_export(keys);
        TicketClaims claims = {
                .issuer = (char *) HOST,
                .subject = (char *) "alice",
                .audience = (char *) "web2",
                .issued_at = NOW,
                .expires = NOW + 60,
                .jti = "AAECAwQFBgcICQoLDA0ODw",
                .session = "000102030405060708090a0b0c0d0e0f",
                .session_ends = NOW + 3600,
        };
        TokenClaims token_claims = {
                .issuer = (char *) HOST,
                .subject = (char *) "alice",
                .audience = (char *) HOST,
                .issued_at = NOW,
                .expires = NOW + 900,
                .jti = "AAECAwQF",
                .session = "000102030405060708090a0b0c0d0e0f",
        };
        char *ticket = NULL, *token = NULL;

        assert(ticket_sign(key_ring_signing(keys, KEY_TICKET), &claims, &ticket) == 0);
        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &token_claims, &token) == 0);
        (void) g_strlcpy(shared->jwks, jwks, sizeof(shared->jwks));
        (void) g_strlcpy(shared->ticket, ticket, sizeof(shared->ticket));
        (void) g_strlcpy(shared->token, token, sizeof(shared->token));
        ticket = token_free(ticket);
        token = token_free(token);
}

static Trust *read_trust(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GPtrArray *files = g_ptr_array_new();

        g_ptr_array_add(files, forge_trust_file(HOST, shared->jwks));
        return trust_new(files, mistakes);
}

/* The claims are the right ones wherever there are any. */
static bool judge_ticket(const Trust *trust) {
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host = NULL;

        if (ticket_verify(trust, "web2", NOW, shared->ticket, strlen(shared->ticket), &claims, &host) != TOKEN_VALID)
                return false;
        if (strcmp(claims->issuer, HOST) != 0 || strcmp(claims->subject, "alice") != 0)
                _exit(WRONG);
        return true;
}

static bool judge_token(const KeyRing *keys) {
        g_autoptr(TokenClaims) claims = NULL;

        if (token_verify(keys, HOST, HOST, NOW, shared->token, strlen(shared->token), &claims) != TOKEN_VALID)
                return false;
        if (strcmp(claims->issuer, HOST) != 0 || strcmp(claims->subject, "alice") != 0)
                _exit(WRONG);
        return true;
}

/* From the very first that libcrypto does to the verdict. */
static int suffer_cold_ticket(size_t nth) {
        g_autoptr(Trust) trust = NULL;
        bool failed;

        begin(nth);
        trust = read_trust();
        if (trust)
                (void) judge_ticket(trust);
        failed = end();
        if (!trust)
                trust = read_trust();
        if (!trust || !judge_ticket(trust))
                return LASTING;
        return failed ? RIGHT : NONE_FAILED;
}

static int suffer_token(size_t nth) {
        g_autoptr(KeyRing) keys = forge_ticket_ring("t1", FORGE_SECRET_A);
        bool failed;

        begin(nth);
        (void) judge_token(keys);
        failed = end();
        if (!judge_token(keys))
                return LASTING;
        return failed ? RIGHT : NONE_FAILED;
}

/* What jansson reads is what stands there, the last character that fits its buffer included. */
static int suffer_json(size_t nth) {
        static const char text[] = "[\"" HOST "\",\"abcdefghijklmnopqrstuvwxyz-0123456789\"]";
        json_t *json;
        char *again = NULL;
        bool failed, same;

        begin(nth);
        json = json_loadb(text, strlen(text), 0, NULL);
        failed = end();
        if (json)
                again = json_dumps(json, JSON_COMPACT);
        same = !json || g_strcmp0(again, text) == 0;
        json_decref(json);
        free(again);
        if (!same)
                return WRONG;
        return failed ? RIGHT : NONE_FAILED;
}

/* What became of a process that ended, having left @last on stderr. */
static int outcome_of(int status, const char *last) {
        bool by_glib = WIFSIGNALED(status) && (WTERMSIG(status) == SIGABRT || WTERMSIG(status) == SIGTRAP) &&
                       strstr(last, "failed to allocate");

        if (by_glib)
                return RIGHT;
        if (WIFEXITED(status) && WEXITSTATUS(status) <= NONE_FAILED)
                return WEXITSTATUS(status);
        fprintf(stderr, "a process ended with status 0x%x: %s\n", (unsigned) status, last);
        return WRONG;
}

static int in_a_process(int (*suffer)(size_t), size_t nth) {
        char last[512] = "";
        size_t size = 0;
        ssize_t got;
        int ends[2], status;
        pid_t pid;

        assert(pipe2(ends, O_CLOEXEC) == 0);
        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                assert(setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 }) == 0 && dup2(ends[1], STDERR_FILENO) >= 0);
                need_memory();
                _exit(suffer(nth));
        }
        assert(close(ends[1]) == 0);
        while ((got = read(ends[0], last + size, sizeof(last) - 1 - size)) > 0)
                size += (size_t) got;
        assert(close(ends[0]) == 0 && waitpid(pid, &status, 0) == pid);
        return outcome_of(status, last);
}

/* Each @step-th of the allocations. */
static void sweep(const char *what, int (*suffer)(size_t), size_t step) {
        size_t nth = 1, wrong = 0;
        int outcome;

        if (getenv("TESSERA_SOAK"))
                step = 1;
        for (; (outcome = in_a_process(suffer, nth)) != NONE_FAILED; nth += step) {
                if (outcome != RIGHT)
                        fprintf(stderr, "%s: malloc %zu: %s\n", what, nth,
                                outcome == LASTING ? "nothing works any more" : "wrong");
                wrong += outcome != RIGHT;
        }
        printf("%s: %zu of %zu allocations failed\n", what, (nth - 1) / step, nth - 1);
        assert(nth > 1 && wrong == 0);
}

static int do_prepare(size_t nth) {
        prepare();
        return RIGHT;
}

static void test_F14_json_is_what_stands_there(void) {
        sweep("JSON", suffer_json, 1);
}

static void test_F14_a_token_is_refused_or_judged_rightly(void) {
        sweep("a token", suffer_token, 7);
}

/* Waking libcrypto is a few thousand of them, reading a PEM as many. */
static void test_F14_the_first_ticket_is_refused_or_judged_rightly(void) {
        sweep("the first ticket", suffer_cold_ticket, 13);
}

int main(void) {
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert(shared != MAP_FAILED && in_a_process(do_prepare, 0) == RIGHT);
        test_F14_json_is_what_stands_there();
        test_F14_a_token_is_refused_or_judged_rightly();
        test_F14_the_first_ticket_is_refused_or_judged_rightly();
        return 0;
}
