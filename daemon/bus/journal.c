/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "common/name.h"
#include "daemon/bus/journal.h"

/* What the user and the network chose is cut and cleaned: no line breaks, no terminal's escapes. */
#define FIELD_SIZE 256
#define MESSAGE_SIZE 1024
#define N_FIELDS_MAX 16

typedef struct Record {
        GLogField fields[N_FIELDS_MAX];
        char texts[N_FIELDS_MAX][FIELD_SIZE];
        size_t n;
} Record;

static void record_add(Record *record, const char *key, const char *value) {
        char *text = record->texts[record->n];

        if (!value || !value[0])
                return;
        name_clean(value, text, FIELD_SIZE);
        record->fields[record->n++] = (GLogField) { .key = key, .value = text, .length = -1 };
}

static void journal_emit(const AuditSink *sink, const AuditEvent *event) {
        char message[MESSAGE_SIZE];
        Record record = { .n = 0 };

        if (event->message)
                name_clean(event->message, message, sizeof(message));
        else
                (void) g_snprintf(message, sizeof(message), "%s%s%s", event->event, event->reason ? ": " : "",
                                  event->reason ? event->reason : "");
        record.fields[record.n++] = (GLogField) { .key = "MESSAGE", .value = message, .length = -1 };
        record_add(&record, "PRIORITY", "5");
        record_add(&record, "SYSLOG_IDENTIFIER", "tesserad");
        record_add(&record, "TESSERA_EVENT", event->event);
        record_add(&record, "TESSERA_USER", event->user);
        record_add(&record, "TESSERA_SESSION", event->session);
        record_add(&record, "TESSERA_SERVICE", event->service);
        record_add(&record, "TESSERA_RHOST", event->rhost);
        record_add(&record, "TESSERA_REASON", event->reason);
        record_add(&record, "TESSERA_BY", event->by);
        g_log_structured_array(G_LOG_LEVEL_MESSAGE, record.fields, record.n);
}

const AuditSink journal_sink = { .emit = journal_emit };

static const char *field_text(const GLogField *field) {
        /* Ours, and all that g_warning() and its like make, are strings. */
        return field->length == -1 ? field->value : "";
}

static void write_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields) {
        g_autoptr(GString) line = g_string_new(NULL);
        const char *message = "";

        for (gsize i = 0; i < n_fields; i++)
                if (g_str_equal(fields[i].key, "MESSAGE"))
                        message = field_text(&fields[i]);
                else if (g_str_has_prefix(fields[i].key, "TESSERA_"))
                        g_string_append_printf(line, " %s=%s", fields[i].key, field_text(&fields[i]));
        g_string_prepend(line, message);
        /* The number is systemd's, for a stderr that is a pipe to the journal. */
        g_string_prepend(line, level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL) ? "<3>" :
                               level & G_LOG_LEVEL_WARNING ? "<4>" :
                               level & G_LOG_LEVEL_MESSAGE ? "<5>" : "<6>");
        g_string_append_c(line, '\n');
        (void) fwrite(line->str, 1, line->len, stderr);
}

static GLogWriterOutput journal_write(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data) {
        bool to_journal = GPOINTER_TO_INT(data);

        if (level & G_LOG_LEVEL_DEBUG)
                return G_LOG_WRITER_HANDLED;
        if (to_journal && g_log_writer_journald(level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
                return G_LOG_WRITER_HANDLED;
        write_line(level, fields, n_fields);
        return G_LOG_WRITER_HANDLED;
}

void journal_init(void) {
        g_log_set_writer_func(journal_write, GINT_TO_POINTER(g_log_writer_is_journald(STDERR_FILENO)), NULL);
}
