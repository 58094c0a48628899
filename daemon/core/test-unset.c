/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A record that nobody has filled in is nobody's: no uid, gid or audit session that is 0 for want of another. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "daemon/core/identity.h"
#include "daemon/core/types.h"
#include "policy/conf.h"

static void test_A2_a_new_record_is_nobodys(void) {
        g_autoptr(User) user = user_new();
        g_autoptr(Session) session = session_new();
        g_autoptr(Device) device = device_new();
        g_autoptr(Assignment) assignment = assignment_new();
        g_autoptr(Identity) identity = identity_new();

        assert(user->uid == UID_UNSET && !user->enabled && !user->password_hash);
        assert(session->uid == UID_UNSET && session->state == SESSION_PENDING);
        assert(session->audit_id == AUDIT_ID_UNSET && session->auth_time == 0);
        assert(device->uid == UID_UNSET);
        assert(assignment->uid == UID_UNSET && !assignment->role);
        assert(identity->uid == UID_UNSET && !identity->name && identity->n_groups == 0);
}

static const char policy_text[] = "[role:root]\ngroups=root\n[role:all]\nusers=*\n"
                                  "[service:sudo]\nroles=root\n[service:sshd]\nroles=all\n";

static bool may(Policy *policy, const PolicyUser *user, const char *service) {
        return policy_decide_role(policy, user, service).verdict == POLICY_ALLOW;
}

/* Zeroed, it has the uid of root and, read past its end, perhaps its group. */
static void test_A2_a_zeroed_user_holds_no_role(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Policy) policy = policy_read_text("p", policy_text, strlen(policy_text), mistakes);
        g_autoptr(Identity) identity = identity_new();
        const PolicyUser zeroed = { 0 }, unset = identity_policy_user(identity);
        const gid_t none = (gid_t) -1, zero = 0;
        PolicyUser somebody = { .name = "alice", .uid = 1000 };

        assert(policy && mistakes->len == 0);
        assert(!may(policy, &zeroed, "sudo") && !may(policy, &zeroed, "sshd"));
        assert(!may(policy, &unset, "sudo") && !may(policy, &unset, "sshd"));
        assert(may(policy, &somebody, "sshd") && !may(policy, &somebody, "sudo"));
        somebody.groups = &none;
        somebody.n_groups = 1;
        assert(!may(policy, &somebody, "sudo"));
        somebody.groups = &zero; /* who is in it is: it is a group like any */
        assert(may(policy, &somebody, "sudo"));
}

int main(void) {
        test_A2_a_new_record_is_nobodys();
        test_A2_a_zeroed_user_holds_no_role();
        return 0;
}
