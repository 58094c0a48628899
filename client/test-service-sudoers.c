/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "client/service-sudoers.h"

#define DEFAULTS(options) "{\"Defaults\": [ { \"Options\": [ { \"env_reset\": true } ] }, { \"Options\": [ " options " ] } ]}"
#define ALICES(options) "{\"Defaults\": [ { \"Binding\": [ { \"username\": \"alice\" } ], \"Options\": [ " options " ] } ]}"

static void test_whose_place_it_is(void) {
        static const struct {
                const char *json, *problem; /* NULL: ours to take */
        } rows[] = {
                { "{ }", NULL },
                { "{\"Defaults\": []}", NULL },
                { DEFAULTS("{ \"mail_badpass\": true }"), NULL },
                { DEFAULTS("{ \"group_plugin\": \"" SUDO_PLUGIN "\" }"), NULL },
                { DEFAULTS("{ \"group_plugin\": \"tessera_group.so\" }"), NULL },
                { DEFAULTS("{ \"group_plugin\": false }"), NULL },
                { DEFAULTS("{ \"group_plugin\": \"group_file.so /etc/sudo-group\" }"), "\"group_file.so /etc/sudo-group\"" },
                { DEFAULTS("{ \"requiretty\": false }, { \"group_plugin\": \"system_group.so\" }"), "\"system_group.so\"" },
                { DEFAULTS("{ \"group_plugin\": \"/opt/tessera_group.so\" }"), "\"/opt/tessera_group.so\"" },
                { DEFAULTS("{ \"group_plugin\": \"" SUDO_PLUGIN " x\" }"), "tessera_group.so x\"" },
                { DEFAULTS("{ \"group_plugin\": \"" SUDO_PLUGIN "\" }, { \"group_plugin\": \"b.so\" }"), "\"b.so\"" },
                { ALICES("{ \"group_plugin\": \"c.so\" }"), "\"c.so\"" }, /* alice would have no roles */
                { "", "cannot be read" },
                { "[]", "cannot be read" },
                { "{\"Defaults\": [ { \"Options\": [ {", "cannot be read" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *problem = NULL;
                bool ours = service_sudoers_leaves_place(rows[i].json, &problem);

                if (ours != !rows[i].problem || (problem && !strstr(problem, rows[i].problem)))
                        fprintf(stderr, "%s: %s\n", rows[i].json, problem);
                assert(ours == !rows[i].problem);
                assert(ours || strstr(problem, rows[i].problem));
        }
}

int main(void) {
        test_whose_place_it_is();
        return 0;
}
