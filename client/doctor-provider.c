/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* tessera doctor: do identity providers answer, as the daemon sees them? */

#include <string.h>

#include "client/doctor-ask.h"

/* "NAME", or "NAME: what is wrong". */
static void look_at_provider(Doctor *doctor, const char *said) {
        if (strchr(said, ':'))
                doctor_fail(doctor, "tessera policy check; systemctl status tessera-oidc.socket; "
                            "journalctl -u tessera-oidc.service", "nobody can sign in at %s", said);
        else
                doctor_ok(doctor, "%s answers", said);
}

static void look_at_providers(Doctor *doctor) {
        const ClientDict *dict = doctor_ask_check(doctor);
        const char *const *providers;

        if (!dict) {
                doctor_skip(doctor, "identity providers: %s", doctor->unsaid);
                return;
        }
        providers = client_dict_get_strings(dict, "providers");
        if (!providers[0])
                doctor_ok(doctor, "there is no identity provider");
        for (size_t i = 0; providers[i]; i++)
                look_at_provider(doctor, providers[i]);
}

const DoctorCheck doctor_provider_checks[] = {
        { "providers", look_at_providers },
        { NULL },
};
