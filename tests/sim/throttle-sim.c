/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * A day of attack on one account, in seconds: tessera's own ledger with a clock that we move, beside
 * models of others. Prints one line for each attack and defence (tabs between):
 *
 *     ATTACK DEFENCE guesses KNOWN-LOGINS REFUSED DEVICE-LOGINS REFUSED CONSOLE-LOGINS REFUSED
 *
 * guesses: wrong answers of the attacker's that reached the check. With --curve ATTACK, instead, the
 * guesses so far of each defence, one line for each ten minutes: for the plot.
 */

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-fake-clock.h"
#include "daemon/core/throttle.h"
#include "tests/sim/defence.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define ALICE 1000
#define HOME "192.0.2.1"

/* tessera */

typedef struct Tessera {
        FakeClock clock;
        Throttle *throttle;
} Tessera;

static const ThrottleSettings settings = THROTTLE_SETTINGS_DEFAULT;

static void *tessera_begin(void) {
        Tessera *tessera = g_new0(Tessera, 1);

        tessera->clock = (FakeClock) FAKE_CLOCK_INIT;
        tessera->throttle = throttle_new(&tessera->clock.clock, NULL, NULL);
        return tessera;
}

static bool tessera_try(void *state, const Try *try) {
        const ThrottleAttempt attempt = {
                .uid = ALICE,
                .rhost = try->host,
                .known_host = try->way == WAY_KNOWN || try->way == WAY_DEVICE,
                .client = try->way == WAY_DEVICE ? "device laptop" : NULL,
        };
        Tessera *tessera = state;
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        tessera->clock.running = 1000000 + try->now;
        tessera->clock.wall = 1700000000 + try->now / 1000;
        if (throttle_charge(tessera->throttle, &settings, &attempt, &charge, &refusal) != 0)
                return false;
        if (!try->right) {
                throttle_failed(tessera->throttle, &charge);
                return true;
        }
        throttle_succeeded(tessera->throttle, &charge);
        if (try->way != WAY_STRANGER)
                throttle_reopen(tessera->throttle, &settings, ALICE);
        return true;
}

static void tessera_end(void *state) {
        Tessera *tessera = state;

        throttle_free(tessera->throttle);
        g_free(tessera);
}

static const Defence tessera = { "tessera", tessera_begin, tessera_try, tessera_end };

static const Defence *const defences[] = { &tessera, &pam_faillock, &fail2ban, &per_source_penalties };

/* Attacks */

typedef struct Attack {
        const char *name;
        int64_t every; /* ms between two guesses */
        unsigned hosts; /* that take turns; 0: from the user's own */
} Attack;

static const Attack attacks[] = {
        { "one-host", SECOND / 10, 1 },
        { "10000-hosts", SECOND / 10, 10000 },
        { "slow-botnet", MINUTE, 10000 },
        { "own-host", SECOND, 0 },
};

/* The user's day: every so often a login, of which one in ten has a slip of the finger before it. */
typedef struct Habit {
        Way way;
        int64_t every, first;
        const char *host;
} Habit;

static const Habit habits[] = {
        { WAY_KNOWN, 40 * MINUTE, 7 * MINUTE + 130, HOME },
        { WAY_DEVICE, 15 * MINUTE, 3 * MINUTE + 270, HOME },
        { WAY_CONSOLE, 4 * HOUR, 1 * HOUR + 410, NULL },
};

typedef struct Day {
        const Defence *defence;
        void *state;
        const Attack *attack;
        uint64_t guesses, tried;
        uint64_t logins[_WAY_MAX], refused[_WAY_MAX];
        uint64_t slips;
} Day;

static void guess(Day *day, int64_t now) {
        char host[32] = HOME;
        Try try = { .now = now, .way = WAY_KNOWN, .host = host };

        if (day->attack->hosts > 0) {
                unsigned n = (unsigned) (day->tried % day->attack->hosts);

                (void) g_snprintf(host, sizeof(host), "198.18.%u.%u", n / 256, n % 256);
                try.way = WAY_STRANGER;
        }
        day->tried++;
        day->guesses += day->defence->try(day->state, &try);
}

/* Somebody who is refused tries no more, and comes again at the next time. */
static void log_in(Day *day, const Habit *habit, int64_t now) {
        Try try = { .now = now, .way = habit->way, .host = habit->host };

        day->logins[habit->way]++;
        if (day->logins[habit->way] % 10 == 0) {
                (void) day->defence->try(day->state, &try);
                try.now += 5;
        }
        try.right = true;
        day->refused[habit->way] += !day->defence->try(day->state, &try);
}

/* From @from on, until before @to. */
static void play(Day *day, int64_t from, int64_t to) {
        for (int64_t now = from; now < to; now += 10) {
                if (now % day->attack->every == 0)
                        guess(day, now);
                for (size_t i = 0; i < G_N_ELEMENTS(habits); i++)
                        if (now >= habits[i].first && (now - habits[i].first) % habits[i].every == 0)
                                log_in(day, &habits[i], now);
        }
}

static Day begin(const Attack *attack, const Defence *defence) {
        return (Day) { .defence = defence, .state = defence->begin(), .attack = attack };
}

static void print_day(const Attack *attack, const Defence *defence) {
        static const Way ways[] = { WAY_KNOWN, WAY_DEVICE, WAY_CONSOLE };
        Day day = begin(attack, defence);

        play(&day, 0, DAY);
        (void) printf("%s\t%s\t%" G_GUINT64_FORMAT, attack->name, defence->name, day.guesses);
        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
                (void) printf("\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT, day.logins[ways[i]], day.refused[ways[i]]);
        (void) printf("\n");
        defence->end(day.state);
}

static void print_curve(const Attack *attack) {
        Day days[G_N_ELEMENTS(defences)];

        (void) printf("hours");
        for (size_t i = 0; i < G_N_ELEMENTS(defences); i++) {
                days[i] = begin(attack, defences[i]);
                (void) printf("\t%s", defences[i]->name);
        }
        (void) printf("\n");
        for (int64_t from = 0; from < DAY; from += 10 * MINUTE) {
                (void) printf("%.3f", (double) (from + 10 * MINUTE) / (double) HOUR);
                for (size_t i = 0; i < G_N_ELEMENTS(defences); i++) {
                        play(&days[i], from, from + 10 * MINUTE);
                        (void) printf("\t%" G_GUINT64_FORMAT, days[i].guesses);
                }
                (void) printf("\n");
        }
        for (size_t i = 0; i < G_N_ELEMENTS(defences); i++)
                defences[i]->end(days[i].state);
}

int main(int argc, char **argv) {
        bool curve = argc == 3 && strcmp(argv[1], "--curve") == 0;

        if (argc != 1 && !curve) {
                (void) fprintf(stderr, "usage: throttle-sim [--curve ATTACK]\n");
                return 2;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(attacks); i++)
                if (curve && strcmp(argv[2], attacks[i].name) == 0)
                        print_curve(&attacks[i]);
                else if (!curve)
                        for (size_t j = 0; j < G_N_ELEMENTS(defences); j++)
                                print_day(&attacks[i], defences[j]);
        return 0;
}
