/* SPDX-License-Identifier: MIT */
/*
 * The keyring: the secrets that are accepted, kept only as HMAC-SHA-256 under a key made at start.
 *
 * The presented secret is hashed and compared with every accepted one, without an early exit. So
 * the time of a check tells neither how much of the secret was right nor which one it was.
 */
#pragma once

#include "base/span.h"
#include "base/util.h"

struct keyring;

enum keyring_match { KEYRING_NONE, KEYRING_CURRENT, KEYRING_PREVIOUS };

enum {
    KEYRING_MATCHES = KEYRING_PREVIOUS + 1, /* how many values enum keyring_match has */
    KEYRING_SECRET_MAX = 512, /* bytes; a longer presented secret is wrong without being hashed */
    KEYRING_INVALID = 1,
};

/* previous may be NULL. KEYRING_INVALID: a secret is empty or longer than KEYRING_SECRET_MAX. Or an
 * -errno. */
int keyring_new(const char *current, const char *previous, struct keyring **keyring);

/* Wipes the key and the digests. Takes NULL. */
struct keyring *keyring_free(struct keyring *keyring);
CLEANUP_POINTER(struct keyring, keyring_free);

/* Returns which secret was presented, an enum keyring_match; or an -errno: none can be told now.
 * presented.at == NULL: none was sent. Not for two threads at once. */
int keyring_check(struct keyring *keyring, struct span presented);
