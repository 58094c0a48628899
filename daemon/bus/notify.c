/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "common/cleanup.h"
#include "daemon/bus/notify.h"

void notify_init(Notify *notify) {
        notify->path = g_strdup(g_getenv("NOTIFY_SOCKET"));
        g_unsetenv("NOTIFY_SOCKET");
}

void notify_deinit(Notify *notify) {
        g_clear_pointer(&notify->path, g_free);
}

static void notify_send(const Notify *notify, const char *text) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        size_t size;

        if (!notify->path)
                return;
        size = strlen(notify->path);
        if (size == 0 || size >= sizeof(address.sun_path))
                return;
        memcpy(address.sun_path, notify->path, size);
        if (address.sun_path[0] == '@') /* an abstract address begins with a NUL */
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        /* Best effort: who does not listen must not stop us. */
        (void) sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *) &address,
                      (socklen_t) (offsetof(struct sockaddr_un, sun_path) + size));
}

void notify_ready(const Notify *notify, const char *status) {
        g_autofree char *text = g_strdup_printf("READY=1\nSTATUS=%s\n", status);

        notify_send(notify, text);
}

void notify_reloading(const Notify *notify) {
        g_autofree char *text = NULL;
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        text = g_strdup_printf("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT "\n",
                               (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000);
        notify_send(notify, text);
}

void notify_stopping(const Notify *notify) {
        notify_send(notify, "STOPPING=1\nSTATUS=finishing what is under way\n");
}
