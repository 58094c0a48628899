/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/wire.h"
#include "daemon/bus/bus-error.h"
#include "daemon/core/core.h"

static const char *error_of_outage(int r, const char **ret_message) {
        switch (r) {
        case -EAGAIN:
        case -EBUSY:
        case -ETIMEDOUT:
                *ret_message = "the daemon is busy; try again";
                return WIRE_ERROR_BUSY;
        case -EIO:
        case -ENOSPC:
        case -EDQUOT:
        case -EROFS:
        case -EACCES:
        case -EPERM:
        case -EBADMSG:
        case -EUCLEAN:
        case -ESTALE: /* a fleet's store that lost what it held */
                *ret_message = "the database cannot be used; see \"journalctl -u tesserad\"";
                return WIRE_ERROR_STORE;
        default:
                *ret_message = "the daemon failed; see \"journalctl -u tesserad\"";
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
                return error_of_outage(r, ret_message);
        }
}

const char *bus_error_name(int r) {
        const char *message;

        return error_of(r, &message);
}

const char *bus_error_message(int r) {
        const char *message;

        (void) error_of(r, &message);
        return message;
}
