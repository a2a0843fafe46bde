/* SPDX-License-Identifier: MIT */
/* Whom we believe: a bundle of certificates in PEM form, as libcurl and OpenSSL will read it. */
#pragma once

#include "base/span.h"

enum {
    BUNDLE_EMPTY = 1, /* it holds no certificate */
    BUNDLE_BROKEN,    /* it holds something that cannot be read, and none of it would be believed */
};

/* 0 and how many certificates there are; or an outcome. */
int bundle_count(struct span pem, int *count);
