/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "daemon/bus/authorize.h"
#include "daemon/bus/interface.h"

static const char *const who_names[_AUTHORIZE_WHO_MAX] = {
        [AUTHORIZE_NOBODY] = "nobody",
        [AUTHORIZE_ROOT] = "root",
        [AUTHORIZE_USERS] = "users",
        [AUTHORIZE_ROOT_OR_SELF] = "root-or-self",
        [AUTHORIZE_ANYBODY] = "anybody",
};

/* What may be called by whom, written a second time: a change of the table has to be meant. */
static const char golden[] =
        "Daemon.Check root\n"
        "Login.Authenticate root-or-self\n"
        "Login.Check root\n"
        "Login.Authorize root-or-self\n"
        "Login.HasRole root\n"
        "Login.OpenSession root\n"
        "Login.CloseSession root\n"
        "Login.ChangePassword root\n"
        "Sessions.GetCurrent anybody\n"
        "Sessions.List root-or-self\n"
        "Sessions.Show root-or-self\n"
        "Sessions.Revoke root-or-self\n"
        "Sessions.Logout anybody\n"
        "Sessions.StepUp users\n"
        "Tokens.Print anybody\n"
        "Tokens.Verify anybody\n"
        "Tokens.Refresh root-or-self\n"
        "Devices.List root-or-self\n"
        "Devices.Add root-or-self\n"
        "Devices.Revoke root-or-self\n"
        "Monitor.Subscribe anybody\n"
        "Monitor.Unsubscribe anybody\n"
        "Users.List root\n"
        "Users.Show root\n"
        "Users.Add root\n"
        "Users.SetEnabled root\n"
        "Users.Remove root\n"
        "Users.SetPassword root-or-self\n"
        "Roles.List anybody\n"
        "Roles.Show anybody\n"
        "Roles.Grant root\n"
        "Roles.Revoke root\n"
        "Policy.Explain root-or-self\n"
        "Policy.Show anybody\n"
        "Keys.List root\n"
        "Keys.Export root\n"
        "Keys.Prepare root\n"
        "Keys.Rotate root\n"
        "Keys.Rename root\n"
        "Trust.List anybody\n";

static void test_B3_every_method_of_the_interface_has_a_row(void) {
        g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(INTERFACE_XML, NULL);
        g_autoptr(GString) table = g_string_new(NULL);
        size_t n = 0;

        assert(node);
        for (size_t i = 0; node->interfaces[i]; i++) {
                const GDBusInterfaceInfo *interface = node->interfaces[i];

                for (size_t j = 0; interface->methods && interface->methods[j]; j++, n++) {
                        const Method *method = authorize_find(interface->name, interface->methods[j]->name);

                        assert(method && method->handle && method->who != AUTHORIZE_NOBODY);
                        g_string_append_printf(table, "%s.%s %s\n",
                                               interface->name + strlen("org.tessera.Tessera1."), method->name,
                                               who_names[method->who]);
                }
        }
        /* And no row is left over, which something else than the interface could reach. */
        assert(authorize_at(n - 1) && !authorize_at(n));
        if (!g_str_equal(table->str, golden)) {
                (void) fprintf(stderr, "the table is:\n%s", table->str);
                assert(false);
        }
}

static void test_B3_no_row_no_call(void) {
        assert(!authorize_find("org.tessera.Tessera1.Users", "Destroy"));
        assert(!authorize_find("org.tessera.Tessera1.Login", "List"));
        assert(!authorize_find("", ""));
        assert(!authorize_uid(&(Method) { .name = "zeroed" }, 0));
}

static void test_B2_an_unset_uid_may_nothing(void) {
        const Method *method;

        for (size_t i = 0; (method = authorize_at(i)); i++)
                assert(!authorize_uid(method, UID_UNSET));
}

static void test_B3_root_and_others(void) {
        assert(authorize_uid(authorize_find("org.tessera.Tessera1.Users", "Add"), 0));
        assert(!authorize_uid(authorize_find("org.tessera.Tessera1.Users", "Add"), 1000));
        assert(!authorize_uid(authorize_find("org.tessera.Tessera1.Sessions", "StepUp"), 0));
        assert(authorize_uid(authorize_find("org.tessera.Tessera1.Sessions", "StepUp"), 1000));
}

int main(void) {
        test_B3_every_method_of_the_interface_has_a_row();
        test_B3_no_row_no_call();
        test_B2_an_unset_uid_may_nothing();
        test_B3_root_and_others();
        return 0;
}
