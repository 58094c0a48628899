/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include "daemon/bus/admission.h"

static void test_one_uid_has_its_share_and_no_more(void) {
        Admission *admission = admission_new();

        for (int i = 0; i < ADMISSION_PER_UID; i++)
                assert(admission_enter(admission, 1000));
        assert(!admission_enter(admission, 1000));
        assert(admission_enter(admission, 1001));
        assert(admission_under_way(admission) == ADMISSION_PER_UID + 1);
        admission_leave(admission, 1000);
        assert(admission_enter(admission, 1000));
        assert(!admission_enter(admission, 1000));
        (void) admission_free(admission);
}

static void test_others_never_stand_in_roots_way(void) {
        Admission *admission = admission_new();
        int n = 0;

        for (uid_t uid = 1000; uid < 2000; uid++)
                for (int i = 0; i < ADMISSION_PER_UID; i++)
                        n += admission_enter(admission, uid);
        assert(n == ADMISSION_MAX);
        for (int i = 0; i < 128; i++)
                assert(admission_enter(admission, 0));
        (void) admission_free(admission);
}

static void test_what_left_is_forgotten(void) {
        Admission *admission = admission_new();

        for (uid_t uid = 0; uid < 10000; uid++) {
                assert(admission_enter(admission, uid));
                admission_leave(admission, uid);
        }
        assert(admission_under_way(admission) == 0);
        (void) admission_free(admission);
}

int main(void) {
        test_one_uid_has_its_share_and_no_more();
        test_others_never_stand_in_roots_way();
        test_what_left_is_forgotten();
        return 0;
}
