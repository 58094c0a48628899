/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * From the daemon's dictionaries to the documented JSON: the same members always, null for what is
 * unset. The commands for people read these objects too, so both show the same. Text is cleaned of
 * control characters here, once.
 */

#include <jansson.h>

#include "client/lib/call.h"

typedef enum ShapeKind {
        SHAPE_TEXT,   /* "" is null */
        SHAPE_TIME,   /* 0 is null */
        SHAPE_NUMBER,
        SHAPE_LINE,   /* of a file; 0 is null */
        SHAPE_BOOL,
        SHAPE_LIST,   /* of text; empty when missing */
        SHAPE_OBJECTS, /* a list of dictionaries; empty when missing */
} ShapeKind;

typedef struct ShapeMember ShapeMember;

struct ShapeMember {
        const char *name; /* NULL ends a table; of the dictionary's key as well */
        ShapeKind kind;
        const ShapeMember *members; /* of SHAPE_OBJECTS */
};

extern const ShapeMember shape_session[];
extern const ShapeMember shape_event[];
extern const ShapeMember shape_happening[]; /* an event of the whole host: monitor, log */
extern const ShapeMember shape_user[];
extern const ShapeMember shape_role[];
extern const ShapeMember shape_step[]; /* of an explanation */
extern const ShapeMember shape_key[];
extern const ShapeMember shape_device[];
extern const ShapeMember shape_trust[];
extern const ShapeMember shape_limit[];

/* The caller's (json_decref); NULL when memory is out. */
json_t *shape_object(const ShapeMember *members, const ClientDict *dict);
json_t *shape_array(const ShapeMember *members, ClientDict *const *dicts, size_t n);

/* {"signed_in":true,"user","host","roles","session"}; with @session NULL {"signed_in":false}. Takes @session over. */
json_t *shape_status(json_t *session);

/* {"valid":true,"user","session","audience","roles","expires",…} or, with @info NULL, {"valid":false,"reason"}. */
json_t *shape_verify(const char *reason, const ClientDict *info);

/* @text as a JSON string without control characters; null for NULL and "". */
json_t *shape_text(const char *text);

/* A JSON array of them; empty for NULL. */
json_t *shape_strings(const char *const *strings);
