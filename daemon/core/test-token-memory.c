/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * S3: what is wiped is really gone. A worker signs and verifies a token; then all writable memory
 * of the process is searched for the token's signature, of which a masked copy only is kept.
 */

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/core/test-forge.h"
#include "daemon/core/token.h"

#define MASK 0x5a
#define WINDOW (1U << 20)

static bool matches(const unsigned char *at, const unsigned char *masked, size_t size) {
        for (size_t i = 0; i < size; i++)
                if ((at[i] ^ MASK) != masked[i])
                        return false;
        return true;
}

static unsigned count_in(const unsigned char *memory, size_t size, const unsigned char *masked, size_t masked_size) {
        unsigned found = 0;

        for (size_t i = 0; i + masked_size <= size; i++)
                found += (memory[i] ^ MASK) == masked[0] && matches(memory + i, masked, masked_size);
        return found;
}

/* How often the unmasked bytes stand in this process's writable memory. */
static unsigned count_in_memory(const unsigned char *masked, size_t masked_size) {
        _cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
        _cleanup_close_ int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        unsigned char *window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        unsigned found = 0;
        char line[512];

        assert(maps && memory >= 0 && window != MAP_FAILED);
        while (fgets(line, sizeof(line), maps)) {
                unsigned long first, last;
                char mode[5];

                assert(sscanf(line, "%lx-%lx %4s", &first, &last, mode) == 3);
                if (mode[0] != 'r' || mode[1] != 'w')
                        continue;
                for (unsigned long at = first; at < last; at += WINDOW - 256) { /* windows overlap */
                        ssize_t n;
                        if (at >= (unsigned long) window && at < (unsigned long) window + WINDOW)
                                break;
                        n = pread(memory, window, MIN(WINDOW, last - at), (off_t) at);
                        if (n > 0)
                                found += count_in(window, (size_t) n, masked, masked_size);
                }
        }
        assert(munmap(window, WINDOW) == 0);
        return found;
}

typedef struct Work {
        const KeyRing *keys;
        unsigned char masked[43], masked_mac[32]; /* the signature as text and as bytes */
        GMutex lock;
        GCond turn;
        bool done, end;
} Work;

static __attribute__((noinline)) void use_a_token(Work *work) {
        TokenClaims *read = NULL;
        char *token;
        size_t size;

        token = forge_good_token(work->keys);
        size = strlen(token);
        assert(token_verify(work->keys, "web1", "web1", 1000, token, size, &read) == TOKEN_VALID);
        token_claims_free(read);
        for (size_t i = 0; i < sizeof(work->masked); i++)
                work->masked[i] = (unsigned char) token[size - sizeof(work->masked) + i] ^ MASK;
        assert(sodium_base642bin(work->masked_mac, sizeof(work->masked_mac), token + size - sizeof(work->masked),
                                 sizeof(work->masked), NULL, NULL, NULL,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0);
        for (size_t i = 0; i < sizeof(work->masked_mac); i++)
                work->masked_mac[i] ^= MASK;
        token_free(token);
}

/* As the daemon's workers do: one call, then idle, with the stack below as the call left it. */
static gpointer run_worker(gpointer data) {
        Work *work = data;

        use_a_token(work);
        g_mutex_lock(&work->lock);
        work->done = true;
        g_cond_broadcast(&work->turn);
        while (!work->end)
                g_cond_wait(&work->turn, &work->lock);
        g_mutex_unlock(&work->lock);
        return NULL;
}

static void test_S3_no_signature_stays_on_heap_or_stack(const KeyRing *keys) {
        Work work = { .keys = keys };
        GThread *thread = g_thread_new("worker", run_worker, &work);

        g_mutex_lock(&work.lock);
        while (!work.done)
                g_cond_wait(&work.turn, &work.lock);
        g_mutex_unlock(&work.lock);
        assert(count_in_memory(work.masked, sizeof(work.masked)) == 0);
        assert(count_in_memory(work.masked_mac, sizeof(work.masked_mac)) == 0);
        g_mutex_lock(&work.lock);
        work.end = true;
        g_cond_broadcast(&work.turn);
        g_mutex_unlock(&work.lock);
        g_thread_join(thread);
}

/* The search itself: it finds what is there. */
static void test_the_search_finds(void) {
        static const char text[] = "a text that is to be found once, on the heap";
        unsigned char masked[43];
        char *copy = g_strdup(text);

        for (size_t i = 0; i < sizeof(masked); i++)
                masked[i] = (unsigned char) text[i] ^ MASK;
        assert(count_in_memory(masked, sizeof(masked)) >= 1);
        g_free(copy);
        assert(count_in_memory(masked, sizeof(masked)) == 0);
}

int main(int argc, char **argv) {
        g_autoptr(KeyRing) keys = NULL;

        /* The allocator must not do the wiping for us. */
        if (getenv("MALLOC_PERTURB_")) {
                assert(unsetenv("MALLOC_PERTURB_") == 0);
                (void) execv("/proc/self/exe", argv);
        }
        keys = forge_key_ring();
        test_the_search_finds();
        test_S3_no_signature_stays_on_heap_or_stack(keys);
        return 0;
}
