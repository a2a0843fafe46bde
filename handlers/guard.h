/* SPDX-License-Identifier: MIT */
/* Who may pass: decided from the headers alone, before any body is read. */
#pragma once

#include "base/span.h"

struct service;

enum guard {
    GUARD_NONE,
    GUARD_SECRET, /* X-Sync-Secret must hold an accepted secret */
};

#define GUARD_HEADER "X-Sync-Secret"

/* What a request brought of GUARD_HEADER. */
struct guard_secret {
    int count;         /* how often the header was there */
    struct span value; /* of the last such header, as sent */
};

enum { GUARD_REFUSED = 1 };

/* 0: the request may pass; GUARD_REFUSED; or an -errno: the secret could not be compared. */
int guard_pass(enum guard guard, struct service *service, const struct guard_secret *secret);
