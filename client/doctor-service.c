/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/doctor-service.h"

/* Not ours to tell here: a file that cannot be read is told by the checks of that service. */
static bool read_state(const Doctor *doctor, const ServiceSpec *spec, ServiceState *ret) {
        g_autofree char *ignored = NULL;

        return service_state_read(spec, doctor->root, ret, &ignored);
}

bool doctor_has_service(const Doctor *doctor, const ServiceSpec *spec) {
        g_auto(ServiceState) state = { 0 };

        return spec && read_state(doctor, spec, &state) && (state.enabled || state.partly);
}

bool doctor_any_service(const Doctor *doctor) {
        for (const ServiceSpec *spec = service_specs; spec->name; spec++)
                if (doctor_has_service(doctor, spec))
                        return true;
        return false;
}

char *doctor_breakglass(const Doctor *doctor, const ServiceSpec *spec) {
        g_auto(ServiceState) state = { 0 };

        return read_state(doctor, spec, &state) ? g_steal_pointer(&state.breakglass) : NULL;
}

/* Where @name itself has none: the group of the others, who chose one for the host. */
static char *find_breakglass(const Doctor *doctor, const char *name) {
        const ServiceSpec *named = service_spec_by_name(name);
        char *group = named ? doctor_breakglass(doctor, named) : NULL;

        if (named && doctor_has_service(doctor, named))
                return group;
        for (const ServiceSpec *spec = service_specs; spec->name && !group; spec++)
                group = doctor_breakglass(doctor, spec);
        return group;
}

char *doctor_enable(const Doctor *doctor, const char *name) {
        g_autofree char *group = find_breakglass(doctor, name);

        return g_strdup_printf("tessera service enable %s%s%s", name, group ? " --breakglass " : "",
                               group ? group : "");
}
