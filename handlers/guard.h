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

/* What a request brought of the header. */
struct guard_secret {
    int count;         /* how often it was there */
    struct span value; /* of the last one, as sent */
};

enum { GUARD_REFUSED = 1 };

/* 0: who shows that may pass; GUARD_REFUSED; or an -errno, and nobody can say. */
int guard_pass(enum guard guard, struct service *service, const struct guard_secret *secret);
