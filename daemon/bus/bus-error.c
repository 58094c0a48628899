/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <glib.h>

#include "common/wire.h"
#include "daemon/bus/bus-error.h"
#include "daemon/core/core.h"

#define JOURNAL "see \"journalctl -u tesserad\""
#define NO_ANSWER "the store does not answer"
#define NO_ANSWER_REMEDY "is its server running, and may this host reach it? tessera doctor says more"

/*
 * What the store, be it a file or a server, could not do. That the caller's own words are wrong it never says, so each is
 * an outage: nobody is let in and nobody called unknown.
 */
static const struct {
        int r;
        const char *thing, *remedy;
} outages[] = {
        { -ECONNREFUSED, NO_ANSWER, NO_ANSWER_REMEDY },
        { -ECONNRESET,   NO_ANSWER, NO_ANSWER_REMEDY },
        { -ECONNABORTED, NO_ANSWER, NO_ANSWER_REMEDY },
        { -EPIPE,        NO_ANSWER, NO_ANSWER_REMEDY },
        { -ETIMEDOUT,    NO_ANSWER, NO_ANSWER_REMEDY },
        { -EHOSTUNREACH, NO_ANSWER, NO_ANSWER_REMEDY },
        { -ENETUNREACH,  NO_ANSWER, NO_ANSWER_REMEDY },
        { -EAFNOSUPPORT, NO_ANSWER, NO_ANSWER_REMEDY },
        { -ENXIO,        "the store's server is not found by its name", "look at url= in [store] of tessera.conf, and at DNS" },
        { -EKEYREJECTED, "no TLS with the store's server that could be trusted", "look at its certificate, ca-file= and "
                         "client-cert=; tessera doctor says more" },
        { -EACCES,       "the daemon may not use the store", "look at its password and ACL, or the rights of its file; " JOURNAL },
        { -EPERM,        "the daemon may not use the store", "look at the rights of its file, or of the network; " JOURNAL },
        { -ENOSPC,       "the store is full", "make room on its disk, or in its memory (maxmemory)" },
        { -EDQUOT,       "the store is full", "make room on its disk (a quota is used up)" },
        { -EROFS,        "the store cannot be written", "its disk is read-only, or its server is a replica; tessera doctor "
                         "says more" },
        { -EHOSTDOWN,    "the store is busy, or still loading what it holds", "try again" },
        { -EIO,          "the store cannot read or write what it holds", "look at its disk and its log; " JOURNAL },
        { -EUCLEAN,      "what the store holds is damaged", "tessera doctor says where; put a copy back" },
        { -EBADMSG,      "what the store holds is damaged", "tessera doctor says where; put a copy back" },
        { -EPROTO,       "what answers as the store speaks another language", "is it a Redis, and of the same version of "
                         "tessera as this host? tessera doctor says more" },
        { -ESTALE,       "the store lost what it held, or is another one than this host knows",
                         "put a copy back, or believe it as it is: tessera store adopt" },
        { -ENODATA,      "the store lost this user", "put a newer copy back, add him again, or believe it as it is: tessera "
                         "store adopt" },
};

static bool find_outage(int r, size_t *ret) {
        for (size_t i = 0; i < G_N_ELEMENTS(outages); i++)
                if (outages[i].r == r) {
                        *ret = i;
                        return true;
                }
        return false;
}

static const char *error_of_failure(int r, const char **ret_message) {
        switch (r) {
        case -EAGAIN:
        case -EBUSY:     /* also strangers who crowd at the throttle: they must not open break-glass */
        case -ECANCELED: /* it is stopping */
                *ret_message = "the daemon is busy; try again";
                return WIRE_ERROR_BUSY;
        default:
                *ret_message = "the daemon failed; " JOURNAL;
                return WIRE_ERROR_INTERNAL;
        }
}

static const char *error_of(int r, const char **ret_message) {
        switch (r) {
        case CORE_E_INVALID:
                *ret_message = "an argument is not what it must be";
                return WIRE_ERROR_INVALID;
        case CORE_E_DENIED:
                *ret_message = "that is not yours to do; as root it may work";
                return WIRE_ERROR_DENIED;
        case CORE_E_STALE:
                *ret_message = "that needs a fresher sign-in; \"tessera login\" renews it";
                return WIRE_ERROR_STALE;
        case CORE_E_NOT_FOUND:
                *ret_message = "there is no such thing; list what there is";
                return WIRE_ERROR_NOT_FOUND;
        case CORE_E_AMBIGUOUS:
                *ret_message = "more than one begins with that; give more digits";
                return WIRE_ERROR_AMBIGUOUS;
        case CORE_E_EXISTS:
                *ret_message = "that exists already";
                return WIRE_ERROR_EXISTS;
        case CORE_E_NOT_SIGNED_IN:
                *ret_message = "this login has no live session; \"tessera login\" opens one";
                return WIRE_ERROR_NOT_SIGNED_IN;
        case CORE_E_CREDENTIAL:
                *ret_message = "that password is not right, or cannot be tried now";
                return WIRE_ERROR_CREDENTIAL;
        case CORE_E_PASSWORD:
                *ret_message = "the new password is too short, or could not be typed; choose another";
                return WIRE_ERROR_INVALID;
        case CORE_E_THROTTLED:
                *ret_message = "too many calls that failed or changed something; wait a little";
                return WIRE_ERROR_THROTTLED;
        case CORE_E_BUSY:
                *ret_message = "the daemon is busy; try again";
                return WIRE_ERROR_BUSY;
        case CORE_E_NOT_PREPARED:
                *ret_message = "there is no next key; make one (tessera key prepare), let trusted hosts know it, then "
                               "rotate";
                return WIRE_ERROR_NOT_PREPARED;
        case CORE_E_ACCOUNT:
                *ret_message = "there is no Unix account of that name with a uid of 1000 or more";
                return WIRE_ERROR_NOT_FOUND;
        default:
                return error_of_failure(r, ret_message);
        }
}

const char *bus_error_name(int r) {
        const char *message;
        size_t i;

        return find_outage(r, &i) ? WIRE_ERROR_STORE : error_of(r, &message);
}

bool bus_error_is_outage(int r) {
        size_t i;

        return find_outage(r, &i);
}

char *bus_error_message(int r, const char *problem) {
        const char *message;
        size_t i;

        if (!find_outage(r, &i)) {
                (void) error_of(r, &message);
                return g_strdup(message);
        }
        if (problem)
                return g_strdup_printf("%s: %s; %s", outages[i].thing, problem, outages[i].remedy);
        return g_strdup_printf("%s; %s", outages[i].thing, outages[i].remedy);
}
