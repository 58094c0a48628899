/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stddef.h>
#include <string.h>

#include "common/service.h"

static const struct {
        const char *name;
        const char *fallback;
} invoker_services[] = {
        { "sudo", NULL },
        { "sudo-i", "sudo" },
        { "su", NULL },
        { "su-l", "su" },
};

#define N_INVOKER_SERVICES (sizeof(invoker_services) / sizeof(invoker_services[0]))

bool service_is_invoker(const char *service) {
        for (size_t i = 0; i < N_INVOKER_SERVICES; i++)
                if (strcmp(service, invoker_services[i].name) == 0)
                        return true;
        return false;
}

const char *service_fallback(const char *service) {
        for (size_t i = 0; i < N_INVOKER_SERVICES; i++)
                if (strcmp(service, invoker_services[i].name) == 0)
                        return invoker_services[i].fallback;
        return NULL;
}
