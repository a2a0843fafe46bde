/* SPDX-License-Identifier: MIT */
/*
 * A bundle of certificates in PEM form.
 *
 * libcurl gives its file to X509_STORE_load_file(), which reads the whole file or, where one part
 * is wrong, nothing. That function uses PEM_X509_INFO_read_bio(), and so does this file.
 */
#include "auth/bundle.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* A bundle may hold an encrypted key, and OpenSSL would ask the terminal for its passphrase. */
static int bundle_no_passphrase(char *passphrase, int size, int rwflag, void *ctx)
{
    (void)passphrase, (void)size, (void)rwflag, (void)ctx;
    return 0;
}

static int bundle_read(BIO *bio, int *count)
{
    STACK_OF(X509_INFO) *infos = PEM_X509_INFO_read_bio(bio, NULL, bundle_no_passphrase, NULL);
    int n = 0;

    if (!infos)
        return BUNDLE_BROKEN;
    for (int i = 0; i < sk_X509_INFO_num(infos); i++)
        n += sk_X509_INFO_value(infos, i)->x509 != NULL;
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    if (n == 0)
        return BUNDLE_EMPTY;
    *count = n;
    return 0;
}

int bundle_count(struct span pem, int *count)
{
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
    int r = bio ? bundle_read(bio, count) : BUNDLE_BROKEN;

    BIO_free(bio);
    ERR_clear_error();
    return r;
}
