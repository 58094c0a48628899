/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The daemon's events in the journal of this host. Anybody may log whatever fields he likes, TESSERA_EVENT
 * too: what counts is what journald itself says of who logged, the unit or the daemon's account.
 */

#include <stdint.h>

enum {
        _JOURNAL_E_SUCCESS = 0,
        JOURNAL_E_DENIED, /* the caller may not read it */
        JOURNAL_E_NONE,   /* this host keeps none */
};

typedef struct JournalFilter {
        const char *user;   /* NULL: everybody */
        int64_t since;      /* Unix seconds; 0: from the beginning */
} JournalFilter;

/* An event; texts that are unset are "". They are not cleaned, cut, and good during the call. */
typedef struct JournalEvent {
        int64_t time; /* Unix seconds: when journald got it */
        const char *event, *user, *session, *service, *rhost, *reason, *by, *message;
} JournalEvent;

/* Anything but 0 ends the reading and is what journal_read() returns. */
typedef int (*JournalEach)(const JournalEvent *event, void *userdata);

/* Calls @each for every event, oldest first. 0, JOURNAL_E_*, or a negative errno. */
int journal_read(const JournalFilter *filter, JournalEach each, void *userdata);
