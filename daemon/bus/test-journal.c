/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/bus/journal.h"

/* What the sink writes to stderr for @event. */
static char *emitted(const AuditEvent *event) {
        char text[8192];
        int pipe_fds[2], saved = dup(STDERR_FILENO);
        ssize_t n;

        assert(saved >= 0 && pipe(pipe_fds) == 0);
        assert(dup2(pipe_fds[1], STDERR_FILENO) == STDERR_FILENO);
        journal_sink.emit(&journal_sink, event);
        assert(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
        (void) close(saved);
        (void) close(pipe_fds[1]);
        n = read(pipe_fds[0], text, sizeof(text) - 1);
        assert(n > 0);
        (void) close(pipe_fds[0]);
        return g_strndup(text, (gsize) n);
}

static void test_A6_one_line_with_fields(void) {
        g_autofree char *line = emitted(&(AuditEvent) { .event = "refused", .user = "alice", .service = "sudo",
                                                        .reason = "role-missing", .message = "no", .by = "carol" });

        assert(g_str_equal(line, "<5>no TESSERA_EVENT=refused TESSERA_USER=alice TESSERA_SERVICE=sudo "
                                 "TESSERA_REASON=role-missing TESSERA_BY=carol\n"));
}

static void test_S8_no_event_makes_two_lines(void) {
        g_autofree char *line = emitted(&(AuditEvent) { .event = "refused", .user = "a\nb", .rhost = "\033[2J\r",
                                                        .reason = "x", .message = "two\nlines \xc2\x9b \xff" });

        assert(strchr(line, '\n') == line + strlen(line) - 1);
        assert(!strchr(line, '\r') && !strchr(line, '\033') && !strstr(line, "\xc2\x9b"));
        assert(g_utf8_validate(line, -1, NULL));
}

static void test_long_texts_are_cut(void) {
        g_autofree char *host = g_strnfill(100000, 'h');
        g_autofree char *line = emitted(&(AuditEvent) { .event = "refused", .rhost = host, .message = host });

        assert(strlen(line) < 2000);
}

int main(void) {
        journal_init();
        test_A6_one_line_with_fields();
        test_S8_no_event_makes_two_lines();
        test_long_texts_are_cut();
        return 0;
}
