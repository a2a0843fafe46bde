/* SPDX-License-Identifier: MIT */
/* What a value looks like, whatever setting it belongs to. */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/* Whether a header can carry the value: to JavaScript, a header's bytes are Latin-1. */
bool setting_value_fits_header(struct span value);

/* Whether the value begins with scheme:// (RFC 3986, section 3.1). */
bool setting_value_is_uri(const char *value);

/* Whether the value is the URI of a PostgreSQL database, in one of the two forms that libpq knows.
 */
bool setting_value_is_postgresql(const char *value);

/* Whether the value may be an address of a database that only lacks the form of a URI: libpq's
 * keywords, or a URI in quotes or behind a blank. Such a value may hold a password. */
bool setting_value_is_nearly_uri(const char *value);

/* What is wrong with the name of a schema, or with the name that people give a relay; for behind
 * "is not ". NULL: nothing. */
const char *setting_value_schema_fault(const char *value);
const char *setting_value_name_fault(const char *value);

/* Whether the value is a word that is meant as a switch, such as no, false or off, or is no word at
 * all. Blanks and quotes around the word do not count: docker's --env-file leaves them there. */
bool setting_value_is_switch(const char *value);

/* What is odd about a secret that fits a header, for the log. NULL: nothing. */
const char *setting_value_doubt(struct span secret);
