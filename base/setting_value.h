/* SPDX-License-Identifier: MIT */
/* What a setting's value looks like, whatever setting it is of. */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/* Whether a header can carry it: a header's bytes are Latin-1 to JavaScript. */
bool setting_value_fits_header(struct span value);

/* scheme://, as https://www.rfc-editor.org/rfc/rfc3986 3.1 has it. */
bool setting_value_is_uri(const char *value);

/* A word that is meant as a switch, in quotes or blanks perhaps, as a file for `docker --env-file`
 * leaves them; or nothing but these. */
bool setting_value_is_switch(const char *value);

/* Why a secret that fits a header may not be what is meant, for the log. NULL: nothing is odd. */
const char *setting_value_doubt(struct span secret);
