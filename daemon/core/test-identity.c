/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "daemon/core/identity.h"
#include "daemon/core/types.h"

static void test_root_by_name_and_by_uid(void) {
        g_autoptr(Identity) by_name = NULL, by_uid = NULL;
        bool primary = false;

        g_assert_cmpint(identity_nss.look_up(&identity_nss, "root", UID_UNSET, &by_name), ==, 0);
        g_assert_cmpint(identity_nss.look_up(&identity_nss, NULL, 0, &by_uid), ==, 0);
        g_assert_cmpstr(by_name->name, ==, "root");
        g_assert_cmpint(by_name->uid, ==, 0);
        g_assert_cmpstr(by_uid->name, ==, "root");
        for (size_t i = 0; i < by_name->n_groups; i++)
                primary = primary || by_name->groups[i] == 0;
        assert(primary);
}

static void test_nobody_by_that_name_is_a_positive_no(void) {
        g_autoptr(Identity) identity = NULL;

        g_assert_cmpint(identity_nss.look_up(&identity_nss, "no-such-account-here", UID_UNSET, &identity), ==,
                        IDENTITY_E_NOT_FOUND);
        /* A7: the uid that means "unset" is nobody's. */
        g_assert_cmpint(identity_nss.look_up(&identity_nss, NULL, UID_UNSET, &identity), ==, IDENTITY_E_NOT_FOUND);
        assert(!identity);
}

int main(void) {
        test_root_by_name_and_by_uid();
        test_nobody_by_that_name_is_a_positive_no();
        return 0;
}
