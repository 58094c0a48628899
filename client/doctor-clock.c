/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The clock: sessions, tokens and tickets end by it, and other hosts believe what it says.
 *
 * When the program was made is a time that has certainly passed; nothing else on a host without a
 * network says that its clock stands still at 1970.
 */

#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "client/doctor-clock.h"

#define DAY (24 * 60 * 60)
#define YEARS_MAX 15 /* longer than a release is in use */
#define REMEDY "timedatectl set-ntp true"
#define CONTAINER "/run/systemd/container"

void doctor_clock_judge(Doctor *doctor, int64_t built, bool synchronised) {
        if (built > 0 && doctor->now < built - DAY)
                doctor_fail(doctor, REMEDY, "the clock says a day before this program was made: nothing ends when it "
                            "should");
        else if (built > 0 && doctor->now > built + (int64_t) YEARS_MAX * 365 * DAY)
                doctor_warn(doctor, REMEDY, "the clock says %d years after this program was made", YEARS_MAX);
        else if (!synchronised)
                doctor_warn(doctor, REMEDY, "the clock is synchronised with no other: tickets between hosts have 5 s of "
                            "grace");
        else
                doctor_ok(doctor, "the clock is synchronised");
}

static int64_t built(void) {
        struct stat st;

        return stat("/proc/self/exe", &st) == 0 ? st.st_mtim.tv_sec : 0;
}

static void look_at_clock(Doctor *doctor) {
        struct timex clock = { .modes = 0 };
        int state = adjtimex(&clock);

        /* A container has its host's clock, and may not be told how that is kept. */
        if (access(CONTAINER, F_OK) == 0 || state < 0)
                doctor_clock_judge(doctor, built(), /* synchronised= */ true);
        else
                doctor_clock_judge(doctor, built(), state != TIME_ERROR);
}

const DoctorCheck doctor_clock_checks[] = {
        { "clock", look_at_clock },
        { NULL },
};
