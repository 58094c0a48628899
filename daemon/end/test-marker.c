/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/end/marker.h"

#define A9 "aaaaaaaaa"
#define A63 A9 A9 A9 A9 A9 A9 A9

static const struct {
        const char *name;
        int result;
        const char *session;
        uid_t uid;
} table[] = {
        { "session-1", 0, "1", (uid_t) -1 },
        { "session-c12", 0, "c12", (uid_t) -1 },
        { "session-" A63, 0, A63, (uid_t) -1 },
        { "user-1000", 0, "", 1000 },
        { "user-4294967294", 0, "", 4294967294 },
        { "session-", -EINVAL, NULL, 0 },
        { "session-" A63 "a", -EINVAL, NULL, 0 },
        { "session-1/2", -EINVAL, NULL, 0 },
        { "session-../../x", -EINVAL, NULL, 0 },
        { "session-1 ", -EINVAL, NULL, 0 },
        { "session-1\n", -EINVAL, NULL, 0 },
        { "session--1", -EINVAL, NULL, 0 },
        { "session-\303\244", -EINVAL, NULL, 0 },
        { "Session-1", -EINVAL, NULL, 0 },
        { "session-1.new", -EINVAL, NULL, 0 },
        { "user-", -EINVAL, NULL, 0 },
        { "user-0", -EPERM, NULL, 0 },
        { "user-999", -EPERM, NULL, 0 },
        { "user-0000000000", -EPERM, NULL, 0 },
        { "user-4294967295", -EINVAL, NULL, 0 },
        { "user-4294967296", -EINVAL, NULL, 0 },
        { "user-4294968296", -EINVAL, NULL, 0 },
        { "user-9999999999", -EINVAL, NULL, 0 },
        { "user-00000001000", -EINVAL, NULL, 0 },
        { "user-+1000", -EINVAL, NULL, 0 },
        { "user--1000", -EINVAL, NULL, 0 },
        { "user-1000x", -EINVAL, NULL, 0 },
        { "user- 1000", -EINVAL, NULL, 0 },
        { "user-alice", -EINVAL, NULL, 0 },
        { "", -EINVAL, NULL, 0 },
        { ".", -EINVAL, NULL, 0 },
        { "1", -EINVAL, NULL, 0 },
};

int main(void) {
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
                Marker marker = { .session = "untouched", .uid = 7 };
                int r = marker_parse(table[i].name, &marker);
                if (r != table[i].result)
                        fprintf(stderr, "\"%s\": is %i, should be %i\n", table[i].name, r, table[i].result);
                assert(r == table[i].result);
                assert(strcmp(marker.session, r == 0 ? table[i].session : "untouched") == 0);
                assert(marker.uid == (r == 0 ? table[i].uid : 7));
        }
        return 0;
}
