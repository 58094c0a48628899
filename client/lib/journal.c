/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "client/lib/journal.h"
#include "common/cleanup.h"
#include "common/wire.h"

#define UNIT "tesserad.service"
#define TEXT_SIZE 256 /* as the daemon cuts them */
#define MESSAGE_SIZE 1024

static void cleanup_journal(sd_journal **journal) {
        sd_journal_close(*journal); /* accepts NULL */
}

#define _cleanup_journal_ __attribute__((__cleanup__(cleanup_journal)))

/* sd_journal_open() is content with reading nothing. */
static int check_access(void) {
        static const char *const folders[] = { "/var/log/journal", "/run/log/journal" };
        char id[SD_ID128_STRING_MAX], path[128];
        sd_id128_t machine;
        bool found = false;
        int r;

        r = sd_id128_get_machine(&machine);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s/system.journal", folders[i],
                                sd_id128_to_string(machine, id));
                if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
                        return 0;
                found = found || errno == EACCES;
        }
        return found ? JOURNAL_E_DENIED : JOURNAL_E_NONE;
}

static int add_match(sd_journal *journal, const char *field, const char *value) {
        char match[TEXT_SIZE + 64];
        int n;

        n = snprintf(match, sizeof(match), "%s=%s", field, value);
        if (n < 0 || (size_t) n >= sizeof(match))
                return -ENAMETOOLONG;
        return sd_journal_add_match(journal, match, (size_t) n);
}

/* The daemon's account: a daemon that does not run as the unit is believed too. */
static int add_account(sd_journal *journal) {
        char buffer[4096], uid[16];
        struct passwd entry, *found = NULL;
        int r;

        r = getpwnam_r(WIRE_DAEMON_USER, &entry, buffer, sizeof(buffer), &found);
        if (r != 0)
                return -r;
        if (!found)
                return 0;
        r = sd_journal_add_disjunction(journal);
        if (r < 0)
                return r;
        (void) snprintf(uid, sizeof(uid), "%u", (unsigned) found->pw_uid);
        return add_match(journal, "_UID", uid);
}

/* (unit or account) and user: names with an underscore in front are journald's own word. */
static int add_matches(sd_journal *journal, const JournalFilter *filter) {
        int r;

        r = add_match(journal, "_SYSTEMD_UNIT", UNIT);
        if (r >= 0)
                r = add_account(journal);
        if (r < 0 || !filter->user)
                return r;
        r = sd_journal_add_conjunction(journal);
        return r < 0 ? r : add_match(journal, "TESSERA_USER", filter->user);
}

static void get_text(sd_journal *journal, const char *field, char *buffer, size_t size) {
        size_t prefix = strlen(field) + 1, length;
        const void *data;

        buffer[0] = '\0';
        if (sd_journal_get_data(journal, field, &data, &length) < 0 || length < prefix)
                return;
        length -= prefix;
        if (length > size - 1)
                length = size - 1;
        memcpy(buffer, (const char *) data + prefix, length);
        buffer[length] = '\0';
}

static int read_entry(sd_journal *journal, const JournalFilter *filter, JournalEach each, void *userdata) {
        char event[TEXT_SIZE], user[TEXT_SIZE], session[TEXT_SIZE], service[TEXT_SIZE], rhost[TEXT_SIZE],
                reason[TEXT_SIZE], by[TEXT_SIZE], message[MESSAGE_SIZE];
        uint64_t usec;
        int r;

        get_text(journal, "TESSERA_EVENT", event, sizeof(event));
        if (event[0] == '\0')
                return 0; /* the daemon's other lines */
        r = sd_journal_get_realtime_usec(journal, &usec);
        if (r < 0)
                return r;
        if ((int64_t) (usec / 1000000) < filter->since)
                return 0;
        get_text(journal, "TESSERA_USER", user, sizeof(user));
        get_text(journal, "TESSERA_SESSION", session, sizeof(session));
        get_text(journal, "TESSERA_SERVICE", service, sizeof(service));
        get_text(journal, "TESSERA_RHOST", rhost, sizeof(rhost));
        get_text(journal, "TESSERA_REASON", reason, sizeof(reason));
        get_text(journal, "TESSERA_BY", by, sizeof(by));
        get_text(journal, "MESSAGE", message, sizeof(message));
        return each(&(JournalEvent) { .time = (int64_t) (usec / 1000000), .event = event, .user = user,
                                      .session = session, .service = service, .rhost = rhost, .reason = reason,
                                      .by = by, .message = message }, userdata);
}

int journal_read(const JournalFilter *filter, JournalEach each, void *userdata) {
        _cleanup_journal_ sd_journal *journal = NULL;
        int r;

        r = check_access();
        if (r != 0)
                return r;
        /* Users' own journals hold what users log. */
        r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = add_matches(journal, filter);
        if (r >= 0)
                r = filter->since > 0 ? sd_journal_seek_realtime_usec(journal, (uint64_t) filter->since * 1000000) :
                                        sd_journal_seek_head(journal);
        if (r < 0)
                return r;
        while ((r = sd_journal_next(journal)) > 0) {
                r = read_entry(journal, filter, each, userdata);
                if (r != 0)
                        return r;
        }
        return r;
}
