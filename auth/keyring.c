/* SPDX-License-Identifier: MIT */
/*
 * The keyring: the secrets that are accepted, kept only as HMAC-SHA-256 under a key made at start.
 *
 * Nobody outside knows that key, so the time of a comparison of digests tells nothing about the
 * secret. The time of the hash depends on the presented secret alone. Without a previous secret a
 * random digest takes its place, so that both cases run the same instructions; a secret meets that
 * digest with a chance of 2^-256.
 *
 * HMAC is fetched once, since in OpenSSL 3 the lookup costs several times what the hash does.
 */
#include "auth/keyring.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/error.h"
#include "base/log.h"

enum { KEYRING_DIGEST_LEN = 32, KEYRING_KEY_LEN = 32 };

struct keyring {
    EVP_MAC *mac;
    EVP_MAC_CTX *ctx; /* holds the key, and is used again for each hash */
    unsigned char current[KEYRING_DIGEST_LEN];
    unsigned char previous[KEYRING_DIGEST_LEN];
};

/* Logs OpenSSL's error, and empties the queue of errors for later calls. */
static int keyring_failed(const char *what)
{
    char reason[256];

    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    ERR_clear_error();
    log_error("OpenSSL failed", "call", what, "reason", reason);
    return -EIO;
}

static int keyring_hash(struct keyring *keyring, struct span secret,
                        unsigned char digest[KEYRING_DIGEST_LEN])
{
    const unsigned char *bytes = (const unsigned char *)(secret.at ? secret.at : "");
    size_t len = 0;

    /* Without a key argument the key from keyring_start() is used again. */
    if (!EVP_MAC_init(keyring->ctx, NULL, 0, NULL) ||
        !EVP_MAC_update(keyring->ctx, bytes, secret.len) ||
        !EVP_MAC_final(keyring->ctx, digest, &len, KEYRING_DIGEST_LEN))
        return keyring_failed("EVP_MAC");
    return 0;
}

static int keyring_start(struct keyring *keyring)
{
    unsigned char key[KEYRING_KEY_LEN];
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    keyring->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!keyring->mac)
        return keyring_failed("EVP_MAC_fetch");
    keyring->ctx = EVP_MAC_CTX_new(keyring->mac);
    if (!keyring->ctx)
        return keyring_failed("EVP_MAC_CTX_new");
    if (RAND_bytes(key, sizeof(key)) != 1)
        return keyring_failed("RAND_bytes");
    int ok = EVP_MAC_init(keyring->ctx, key, sizeof(key), params);
    OPENSSL_cleanse(key, sizeof(key));
    return ok ? 0 : keyring_failed("EVP_MAC_init");
}

static int keyring_set_previous(struct keyring *keyring, const char *previous)
{
    if (previous)
        return keyring_hash(keyring, span_of(previous), keyring->previous);
    if (RAND_bytes(keyring->previous, sizeof(keyring->previous)) != 1)
        return keyring_failed("RAND_bytes");
    return 0;
}

static bool keyring_usable(const char *secret)
{
    return *secret && strlen(secret) <= KEYRING_SECRET_MAX;
}

int keyring_new(const char *current, const char *previous, struct keyring **keyring)
{
    if (!keyring_usable(current) || (previous && !keyring_usable(previous)))
        return KEYRING_INVALID;

    cleanup(keyring_freep) struct keyring *made = calloc(1, sizeof(*made));
    if (!made)
        return error_origin(-ENOMEM);
    int r = keyring_start(made);
    if (r)
        return r;
    r = keyring_hash(made, span_of(current), made->current);
    if (r)
        return r;
    r = keyring_set_previous(made, previous);
    if (r)
        return r;
    *keyring = take(made);
    return 0;
}

struct keyring *keyring_free(struct keyring *keyring)
{
    if (!keyring)
        return NULL;
    EVP_MAC_CTX_free(keyring->ctx); /* wipes the key */
    EVP_MAC_free(keyring->mac);
    OPENSSL_cleanse(keyring, sizeof(*keyring));
    free(keyring);
    return NULL;
}

int keyring_check(struct keyring *keyring, struct span presented)
{
    unsigned char digest[KEYRING_DIGEST_LEN];

    if (presented.len > KEYRING_SECRET_MAX)
        return KEYRING_NONE;
    /* A missing secret is hashed as an empty one, which keyring_new() accepts from nobody. */
    int r = keyring_hash(keyring, presented, digest);
    if (r)
        return r;

    int current = CRYPTO_memcmp(digest, keyring->current, sizeof(digest)) == 0;
    int previous = CRYPTO_memcmp(digest, keyring->previous, sizeof(digest)) == 0;

    /* Arithmetic instead of branches. If both are the same secret, the current one counts. */
    return current * KEYRING_CURRENT + (previous & ~current) * KEYRING_PREVIOUS;
}
