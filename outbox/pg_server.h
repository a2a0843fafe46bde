/* SPDX-License-Identifier: MIT */
/* What answers in PostgreSQL's protocol: others do, too. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/* Whether that server will do. version: what version() says; number: server_version_num. 0;
 * STORE_REFUSED, and *why has grown by one line; or an -errno. */
int pg_server_judge(const char *version, int64_t number, struct buf *why);
