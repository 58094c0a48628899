/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/bus/bus-error.h"
#include "daemon/core/core.h"

static void test_every_outcome_has_an_error_of_ours(void) {
        for (int r = -4095; r < _CORE_E_MAX; r++)
                if (r != 0) {
                        g_autofree char *message = bus_error_message(r, "no such host"), *brief = bus_error_message(r, NULL);
                        bool outage = g_str_equal(bus_error_name(r), WIRE_ERROR_STORE);

                        assert(g_str_has_prefix(bus_error_name(r), WIRE_ERROR_PREFIX));
                        assert(brief[0] != '\0' && !strstr(brief, "no such host"));
                        assert(outage == bus_error_is_outage(r) && outage == (strstr(message, ": no such host; ") != NULL));
                }
}

static void test_which_error(void) {
        static const struct {
                int r;
                const char *name;
        } rows[] = {
                { CORE_E_INVALID, WIRE_ERROR_INVALID },
                { CORE_E_DENIED, WIRE_ERROR_DENIED },
                { CORE_E_STALE, WIRE_ERROR_STALE },
                { CORE_E_NOT_FOUND, WIRE_ERROR_NOT_FOUND },
                { CORE_E_AMBIGUOUS, WIRE_ERROR_AMBIGUOUS },
                { CORE_E_EXISTS, WIRE_ERROR_EXISTS },
                { CORE_E_NOT_SIGNED_IN, WIRE_ERROR_NOT_SIGNED_IN },
                { CORE_E_CREDENTIAL, WIRE_ERROR_CREDENTIAL },
                { CORE_E_PASSWORD, WIRE_ERROR_INVALID },
                { CORE_E_THROTTLED, WIRE_ERROR_THROTTLED },
                { CORE_E_BUSY, WIRE_ERROR_BUSY },
                { CORE_E_NOT_PREPARED, WIRE_ERROR_NOT_PREPARED },
                { CORE_E_ACCOUNT, WIRE_ERROR_NOT_FOUND },
                { -ENOSPC, WIRE_ERROR_STORE },
                { -EIO, WIRE_ERROR_STORE },
                { -EROFS, WIRE_ERROR_STORE },
                { -ESTALE, WIRE_ERROR_STORE },
                { -ENODATA, WIRE_ERROR_STORE },
                { -ECONNREFUSED, WIRE_ERROR_STORE },
                { -ECONNRESET, WIRE_ERROR_STORE },
                { -ETIMEDOUT, WIRE_ERROR_STORE },
                { -EHOSTUNREACH, WIRE_ERROR_STORE },
                { -ENETUNREACH, WIRE_ERROR_STORE },
                { -ENXIO, WIRE_ERROR_STORE },
                { -EKEYREJECTED, WIRE_ERROR_STORE },
                { -EACCES, WIRE_ERROR_STORE },
                { -EPERM, WIRE_ERROR_STORE },
                { -EDQUOT, WIRE_ERROR_STORE },
                { -EHOSTDOWN, WIRE_ERROR_STORE },
                { -EUCLEAN, WIRE_ERROR_STORE },
                { -EBADMSG, WIRE_ERROR_STORE },
                { -EPROTO, WIRE_ERROR_STORE },
                { -EAGAIN, WIRE_ERROR_BUSY },
                { -EBUSY, WIRE_ERROR_BUSY },
                { -ECANCELED, WIRE_ERROR_BUSY },
                { -ENOMEM, WIRE_ERROR_INTERNAL },
                { -4000, WIRE_ERROR_INTERNAL },
                { _CORE_E_MAX, WIRE_ERROR_INTERNAL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                assert(strcmp(bus_error_name(rows[i].r), rows[i].name) == 0);
}

int main(void) {
        test_every_outcome_has_an_error_of_ours();
        test_which_error();
        return 0;
}
