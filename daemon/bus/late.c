/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sys/prctl.h>

#include "daemon/bus/late.h"

typedef struct Item {
        int64_t due;
        LateDone done;
        void *data;
} Item;

struct Late {
        GThread *thread;
        GMutex lock;
        GCond changed;
        GSequence *items; /* by due */
        bool stopped, ended;
};

static int compare(const void *a, const void *b, void *unused) {
        const Item *left = a, *right = b;

        return left->due < right->due ? -1 : left->due > right->due;
}

/* With the lock held: waits until one may go, which is then the caller's; NULL at the end. */
static Item *next(Late *late) {
        for (;;) {
                GSequenceIter *first = g_sequence_get_begin_iter(late->items);

                if (g_sequence_iter_is_end(first)) {
                        if (late->ended)
                                return NULL;
                        g_cond_wait(&late->changed, &late->lock);
                } else {
                        Item *item = g_sequence_get(first);

                        if (late->stopped || item->due <= g_get_monotonic_time()) {
                                g_sequence_remove(first);
                                return item;
                        }
                        (void) g_cond_wait_until(&late->changed, &late->lock, item->due);
                }
        }
}

static void *run(void *data) {
        Late *late = data;
        Item *item;

        (void) prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* as exactly as the kernel can; without it, by 50 µs later */
        g_mutex_lock(&late->lock);
        while ((item = next(late))) {
                g_mutex_unlock(&late->lock);
                item->done(item->data);
                g_free(item);
                g_mutex_lock(&late->lock);
        }
        g_mutex_unlock(&late->lock);
        return NULL;
}

Late *late_new(void) {
        Late *late = g_new0(Late, 1);

        g_mutex_init(&late->lock);
        g_cond_init(&late->changed);
        late->items = g_sequence_new(NULL);
        late->thread = g_thread_new("late", run, late);
        return late;
}

static void tell(Late *late, bool ended) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&late->lock);

        late->stopped = true;
        late->ended = late->ended || ended;
        g_cond_signal(&late->changed);
}

Late *late_free(Late *late) {
        if (!late)
                return NULL;
        tell(late, /* ended= */ true);
        (void) g_thread_join(late->thread);
        g_sequence_free(late->items);
        g_mutex_clear(&late->lock);
        g_cond_clear(&late->changed);
        g_free(late);
        return NULL;
}

bool late_add(Late *late, int64_t due, LateDone done, void *data) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&late->lock);
        Item *item;

        if (late->stopped)
                return false;
        item = g_new(Item, 1);
        *item = (Item) { .due = due, .done = done, .data = data };
        (void) g_sequence_insert_sorted(late->items, item, compare, NULL);
        g_cond_signal(&late->changed);
        return true;
}

void late_stop(Late *late) {
        tell(late, /* ended= */ false);
}
