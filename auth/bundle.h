/* SPDX-License-Identifier: MIT */
/* A bundle of certificates in PEM form, read as libcurl and OpenSSL will read it. */
#pragma once

#include "base/span.h"

enum {
    BUNDLE_EMPTY = 1, /* the bundle holds no certificate */
    BUNDLE_BROKEN,    /* a part cannot be read, so that libcurl would trust no part */
};

/* Counts the certificates. 0 and *count; or an outcome, and *count is untouched. */
int bundle_count(struct span pem, int *count);
