/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The devices that this machine is, one file each: $XDG_STATE_HOME/tessera/devices/USER@HOST, where
 * user and host are what `ssh -G` makes of them; USER@[HOST]:PORT when the port is not 22.
 *
 *         {"version":1,"user","host","port","audience","device","name","seed","counter",
 *          "machine_id","created","in_flight":[[counter,time,pid,start],…]}
 *
 * and "key":"secret-service" in place of the seed where that has it; "fleet":true where the audience is
 * not the host's own name: then the device may be other hosts', too (device-alias.h).
 *
 * A file is the user's own and 0600, or it is not read. One that is damaged, or that came from
 * another machine with a copied home, is told of and never replaced by itself: a device that acts
 * from two machines looks like a thief to its host, and is revoked.
 *
 * Files are written durably (file_write_atomic()): after a crash there is the old one or the new one.
 * Below pending/ lies a registration that the host has not acknowledged. It is used where there is no
 * other: when only the acknowledgement was lost, the device works.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/refresh-token.h"
#include "common/wire.h"

#define DEVICE_HOST_MAX 255
#define DEVICE_MACHINE_ID_LENGTH 32
#define DEVICE_FILE_MAX 16384    /* bytes of a file, or of a key line */
#define DEVICE_IN_FLIGHT_MAX 64  /* refresh tokens on their way at a time */
#define DEVICE_IN_FLIGHT_TIME 120 /* s after which one has arrived or never will: sshd's LoginGraceTime */
/* Further apart than this, the slower of two tokens could fall out of the host's window of 1,024. */
#define DEVICE_SPREAD_MAX (1024 - DEVICE_IN_FLIGHT_MAX)

enum {
        _DEVICE_E_SUCCESS = 0,
        DEVICE_E_NONE,       /* there is no such device here */
        DEVICE_E_UNTRUSTED,  /* a file or folder that others could read or change, or a link */
        DEVICE_E_DAMAGED,    /* not what we write */
        DEVICE_E_COPIED,     /* it was made on another machine */
        DEVICE_E_NO_MACHINE, /* this machine has no id */
        DEVICE_E_ANSWERED,   /* this process was given a token already */
        DEVICE_E_BUSY,       /* too many logins at a time */
        DEVICE_E_LOCKED,     /* another process held the lock all the time */
        DEVICE_E_EXHAUSTED,  /* no counter is left */
        DEVICE_E_NO_SERVICE, /* its key is in the Secret Service, and there is none (secret-service.h) */
        DEVICE_E_LOCKED_KEY, /* the Secret Service did not give or take the key */
        DEVICE_E_NO_KEY,     /* the Secret Service has no such key */
        _DEVICE_E_MAX,
};

/* One line for people, without a full stop; a negative errno too. @ret_hint (may be NULL) says what to do, or is NULL. */
const char *device_strerror(int r, const char **ret_hint);

/* A login on this machine: the process that a token was made for. */
typedef struct DeviceOwner {
        int64_t pid;
        uint64_t start; /* in clock ticks since boot (proc(5), field 22) */
} DeviceOwner;

typedef struct DeviceTaken {
        uint32_t counter;
        int64_t time; /* Unix seconds */
        DeviceOwner owner;
} DeviceTaken;

typedef struct DeviceFile {
        char user[WIRE_USER_MAX + 1];
        char host[DEVICE_HOST_MAX + 1]; /* lower case */
        uint16_t port;
        char audience[REFRESH_AUDIENCE_MAX + 1];
        bool fleet; /* the audience is the name of a fleet */
        char device[WIRE_DEVICE_ID_LENGTH + 1];
        char name[WIRE_DEVICE_NAME_MAX + 1];
        char machine_id[DEVICE_MACHINE_ID_LENGTH + 1];
        bool in_service; /* the key lies in the Secret Service; seed is not read, nor written */
        unsigned char seed[REFRESH_SEED_SIZE];
        uint32_t counter; /* the last that was taken; 0 before the first */
        int64_t created;
        bool pending; /* where it was read from */
        DeviceTaken in_flight[DEVICE_IN_FLIGHT_MAX];
        size_t n_in_flight;
} DeviceFile;

void device_file_wipe(DeviceFile *file);

#define _cleanup_device_file_ __attribute__((__cleanup__(device_file_wipe)))

/* The file's name; false where user or host cannot have one. @ret has room for DEVICE_FILE_NAME_MAX. */
#define DEVICE_FILE_NAME_MAX (WIRE_USER_MAX + DEVICE_HOST_MAX + 16)
bool device_file_name(const char *user, const char *host, uint16_t port, char ret[DEVICE_FILE_NAME_MAX]);

/* Reads the one of exactly this user, host and port. 0, DEVICE_E_* or a negative errno. */
int device_file_read(const char *user, const char *host, uint16_t port, DeviceFile *ret);

/* Writes it, as @file->pending says, for this machine (@file->machine_id is set). */
int device_file_write(DeviceFile *file);

/* Removes it here, pending or not; the host is not told. DEVICE_E_NONE where there was none. */
int device_file_remove(const char *user, const char *host, uint16_t port);

/* Removes a registration under way and lets the one that counts be. */
int device_file_remove_pending(const DeviceFile *file);

/* The lock that everybody holds who changes the file, for at most @seconds of waiting. */
int device_file_lock(const char *user, const char *host, uint16_t port, int seconds, int *ret_fd);

/* Calls @found for the name of each file, in no order; stops at a result other than 0, and returns it. */
int device_file_each(int (*found)(const char *name, void *data), void *data);

/* Reads a file by its name, for lists. */
int device_file_read_name(const char *name, DeviceFile *ret);

/* A new device, its key and nothing else set. false where there is no randomness. */
bool device_file_new_key(DeviceFile *file);

/*
 * The one line of JSON that `tessera device add` prints on the host for a robot, and `tessera login
 * USER@HOST --device` reads: a file without machine_id, counter and in_flight, where host, port and
 * created may be missing too. DEVICE_E_DAMAGED for anything else; user, host and port are not set
 * from it, but @ret->user must be what it says, so the caller sets them before. A host that is not the
 * audience says that this is a fleet's.
 */
int device_file_parse_key(const char *text, size_t size, DeviceFile *ret);

/* This machine's id: 32 hex digits of @path, which is DEVICE_MACHINE_ID_PATH but in tests. */
#define DEVICE_MACHINE_ID_PATH "/etc/machine-id"
int device_machine_id(const char *path, char ret[DEVICE_MACHINE_ID_LENGTH + 1]);
