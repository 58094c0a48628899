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
        [AUTHORIZE_ADMIN] = "admin",
        [AUTHORIZE_USERS] = "users",
        [AUTHORIZE_ROOT_OR_SELF] = "root-or-self",
        [AUTHORIZE_ADMIN_OR_SELF] = "admin-or-self",
        [AUTHORIZE_ANYBODY] = "anybody",
};

/* What may be called by whom, written a second time: a change of the table has to be meant. */
static const char golden[] =
        "Daemon.Check admin\n"
        "Daemon.LookAtStore root\n"
        "Daemon.AdoptStore root\n"
        "Login.Authenticate root-or-self\n"
        "Login.Check root\n"
        "Login.Authorize root-or-self\n"
        "Login.HasRole root\n"
        "Login.OpenSession root\n"
        "Login.CloseSession root\n"
        "Login.ChangePassword root\n"
        "Sessions.GetCurrent anybody\n"
        "Sessions.List admin-or-self\n"
        "Sessions.Show admin-or-self\n"
        "Sessions.Revoke admin-or-self\n"
        "Sessions.Logout anybody\n"
        "Sessions.StepUp users\n"
        "Sessions.StartSignIn users\n"
        "Sessions.FinishSignIn users\n"
        "Tokens.Print anybody\n"
        "Tokens.Verify anybody\n"
        "Tokens.Refresh root-or-self\n"
        "Devices.List admin-or-self\n"
        "Devices.Add admin-or-self\n"
        "Devices.Revoke admin-or-self\n"
        "Monitor.Subscribe anybody\n"
        "Monitor.Unsubscribe anybody\n"
        "Users.List admin\n"
        "Users.Show admin\n"
        "Users.Add admin\n"
        "Users.SetEnabled admin\n"
        "Users.Remove admin\n"
        "Users.Link admin\n"
        "Users.Unlink admin\n"
        "Users.SetPassword admin-or-self\n"
        "Roles.List anybody\n"
        "Roles.Show anybody\n"
        "Roles.Grant admin\n"
        "Roles.Revoke admin\n"
        "Policy.Explain admin-or-self\n"
        "Policy.Show anybody\n"
        "Keys.List admin\n"
        "Keys.Export admin\n"
        "Keys.Prepare admin\n"
        "Keys.Rotate admin\n"
        "Keys.Rename admin\n"
        "Trust.List anybody\n"
        "Throttle.List admin\n"
        "Throttle.Reset admin\n";

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

/* Without a login found no administrator would be one. */
static void test_whoever_may_administer_is_looked_up(void) {
        const Method *method;

        for (size_t i = 0; (method = authorize_at(i)); i++)
                assert((method->who != AUTHORIZE_ADMIN && method->who != AUTHORIZE_ADMIN_OR_SELF) ||
                       method->of_login != CALLER_DEPTH_NONE);
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
        assert(authorize_uid(authorize_find("org.tessera.Tessera1.Login", "Check"), 0));
        assert(!authorize_uid(authorize_find("org.tessera.Tessera1.Login", "Check"), 1000));
        /* Who administers core says, of the login; it has to be found for that. */
        assert(authorize_uid(authorize_find("org.tessera.Tessera1.Users", "Add"), 1000));
        assert(!authorize_uid(authorize_find("org.tessera.Tessera1.Sessions", "StepUp"), 0));
        assert(authorize_uid(authorize_find("org.tessera.Tessera1.Sessions", "StepUp"), 1000));
}

int main(void) {
        test_B3_every_method_of_the_interface_has_a_row();
        test_whoever_may_administer_is_looked_up();
        test_B3_no_row_no_call();
        test_B2_an_unset_uid_may_nothing();
        test_B3_root_and_others();
        return 0;
}
