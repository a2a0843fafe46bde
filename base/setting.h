/* SPDX-License-Identifier: MIT */
/*
 * One setting: a row of the table in config.c, and what is done with such a row.
 *
 * The value is kept in a field of a struct of the caller's (struct config): fields, below, points
 * to that struct. The field's type says how the value is kept; the rest of the row says what the
 * value may be.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

enum { SETTING_INVALID = 1 };

enum { SETTING_OFF = -1 }; /* in the field of a number that was set to off */

/* The types of a field: char *, int, int64_t, an enum. */
enum setting_type { SETTING_STRING, SETTING_INT, SETTING_INT64, SETTING_CHOICE };

struct setting {
    const char *name;
    const char *fallback; /* the default, as people would write it; NULL: none */
    const char *meaning;  /* for --help: short, so that a row fits a line of 80 columns */
    enum setting_type type;
    size_t offset;              /* of the field in the caller's struct */
    int64_t min, max;           /* of a number as written; of a secret: of its bytes */
    int64_t unit;               /* factor between the written number and the field; 0 means 1 */
    const char *const *choices; /* ends with NULL; the field gets the index */
    const char *missing;        /* set: the setting is required, and this is the complaint */
    bool secret;                /* never shown; may come from the file that NAME_FILE names */
    bool off;                   /* "off" is a value: SETTING_OFF as a number, NULL as a string */
    bool in_state;              /* the default is a file in $STATE_DIRECTORY, where that is set */
    bool database;              /* a file's name, or a database's URI, which is kept as a secret */
    const char *(*fault)(const char *value); /* what is wrong with a string; NULL: nothing is */
};

/*
 * Finds the value through lookup (getenv in the program), checks it and puts the result into the
 * setting's field. An empty value counts as none. 0; SETTING_INVALID, and *why has grown by one
 * line that names the setting and says what to mend; or an -errno. The field is untouched on
 * failure.
 */
int setting_read(const struct setting *setting, char *(*lookup)(const char *name), void *fields,
                 struct buf *why);

/* Logs a warning about a secret that looks as if more had been copied than is meant. The line names
 * the setting and shows nothing of the secret. */
void setting_warn(const struct setting *setting, char *(*lookup)(const char *name),
                  const void *fields);

/* Frees the string in the field. A secret is wiped first. */
void setting_done(const struct setting *setting, void *fields);

/* The row for --help: name, default, meaning. */
void setting_print(const struct setting *setting, FILE *out);
