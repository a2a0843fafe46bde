/* SPDX-License-Identifier: MIT */
/* The options of a libcurl handle. */
#include "convex/easy.h"

#include <errno.h>
#include <limits.h>

#include "base/error.h"
#include "convex/transport.h"

enum {
    EASY_CONNECT_MS_MAX = 10 * 1000,
    /* How long libcurl may reuse an address; by default a dead one would be used for a minute. */
    EASY_ADDRESS_S = 5,
    EASY_KEEPALIVE_S = 30,
};

int easy_url(const struct transport_options *options, struct buf *url)
{
    struct span base = span_of(options->convex_url);

    while (base.len > 0 && base.at[base.len - 1] == '/')
        base.len--;
    if (buf_append_span(url, base) < 0 || buf_append_span(url, span_of(options->path)) < 0 ||
        !buf_string(url))
        return error_origin(-ENOMEM);
    return 0;
}

/* CURLOPT_PROXY is empty, or libcurl would take a proxy from the environment. */
static bool easy_set_address(CURL *easy, const char *url)
{
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
}

/*
 * Debian's libcurl would read the whole CA bundle again for each connection (20 ms): libcurl keeps
 * its store only where no CA directory is set, and Debian compiles one in. The directory stays
 * where no CA file is compiled in.
 */
static bool easy_trust(CURL *easy, const char *ca_file)
{
    char *system_file = NULL;
    bool fine = true;

    (void)curl_easy_getinfo(easy, CURLINFO_CAINFO, &system_file);
    if (ca_file)
        fine = fine && curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK;
    if (ca_file || system_file)
        fine = fine && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
    return fine;
}

static bool easy_set_limits(CURL *easy, int64_t timeout_ms)
{
    long total_ms = timeout_ms < LONG_MAX ? (long)timeout_ms : LONG_MAX;
    long connect_ms = total_ms < EASY_CONNECT_MS_MAX ? total_ms : EASY_CONNECT_MS_MAX;
    const struct {
        CURLoption option;
        long value;
    } limits[] = {
        {CURLOPT_NOSIGNAL, 1}, /* signals belong to the program */
        {CURLOPT_TIMEOUT_MS, total_ms},
        {CURLOPT_CONNECTTIMEOUT_MS, connect_ms},
        {CURLOPT_QUICK_EXIT, 1}, /* do not wait for a resolver's thread at the end */
        {CURLOPT_MAXAGE_CONN, EASY_IDLE_S},
        {CURLOPT_MAXLIFETIME_CONN, EASY_LIFETIME_S},
        {CURLOPT_DNS_CACHE_TIMEOUT, EASY_ADDRESS_S},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_TCP_KEEPIDLE, EASY_KEEPALIVE_S},
        {CURLOPT_TCP_KEEPINTVL, EASY_KEEPALIVE_S},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1}, /* what the TLS handshake offers (ALPN) */
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    };
    bool fine = true;

    for (size_t i = 0; i < array_len(limits); i++)
        fine = fine && curl_easy_setopt(easy, limits[i].option, limits[i].value) == CURLE_OK;
    return fine;
}

int easy_new(const struct transport_options *options, CURL **out)
{
    cleanup(buf_done) struct buf url = BUF_NULL;
    int r = easy_url(options, &url);

    if (r < 0)
        return r;
    CURL *easy = curl_easy_init();
    if (!easy || !easy_set_address(easy, url.at) || !easy_set_limits(easy, options->timeout_ms) ||
        !easy_trust(easy, options->ca_file)) {
        curl_easy_cleanup(easy);
        return error_origin(-ENOMEM);
    }
    *out = easy;
    return 0;
}
