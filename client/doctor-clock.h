/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

#include "client/doctor.h"

/* @built: when the program was made, Unix seconds; 0: not known. @synchronised: by the kernel's word. */
void doctor_clock_judge(Doctor *doctor, int64_t built, bool synchronised);
