/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Who may administer: root, always; and who holds a role of [service:tessera] in a live login that
 * was signed into within its max-age, by one of its methods. Use cases ask here before they act for
 * anybody but the caller's own uid.
 */

#include "daemon/core/core.h"

/*
 * 0: the caller may. CORE_E_DENIED: not a role of [service:tessera]'s, or there is no such section.
 * CORE_E_STALE: the role is there, but the login is not fresh enough, or not by a method that counts.
 * Or a negative errno: nobody can say, which is a no.
 */
int admin_check(Core *core, const Caller *caller);
