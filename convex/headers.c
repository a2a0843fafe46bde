/* SPDX-License-Identifier: MIT */
/* Single header lines, written and read. */
#include "convex/headers.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/error.h"

/* Convex sends no Retry-After (crates/ has no such header): one comes from a proxy, and may be out
 * of date when Convex is back. A try every few minutes costs nobody much. */
enum { HEADERS_RETRY_AFTER_S_MAX = 5 * 60, HEADERS_TEXT_BYTES = 64 };

int headers_authorization(const char *deploy_key, struct buf *line)
{
    struct buf made = BUF_NULL;

    /* A line end would begin another header; Convex refuses what is not ASCII. */
    for (const char *c = deploy_key; c && *c; c++) {
        if (*c < ' ' || *c > '~')
            return error_origin(-EINVAL);
    }
    if (deploy_key &&
        (buf_printf(&made, "Authorization: Convex %s", deploy_key) < 0 || !buf_string(&made))) {
        buf_done(&made);
        return error_origin(-ENOMEM);
    }
    buf_done(line);
    *line = made;
    return 0;
}

/* Copies the value, and ends the copy with a NUL. False: the value is too long, or empty. */
static bool headers_text(struct span value, char text[HEADERS_TEXT_BYTES])
{
    if (value.len == 0 || value.len >= HEADERS_TEXT_BYTES)
        return false;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    return true;
}

int64_t headers_date_ms(struct span value)
{
    char text[HEADERS_TEXT_BYTES];
    time_t date = headers_text(value, text) ? curl_getdate(text, NULL) : -1;

    return date < 0 ? -1 : (int64_t)date * 1000;
}

int64_t headers_retry_after_ms(struct span value)
{
    char text[HEADERS_TEXT_BYTES];
    char *end;

    if (!headers_text(value, text))
        return -1;

    long long seconds = strtoll(text, &end, 10);
    if (*end) {
        int64_t date_ms = headers_date_ms(value);
        if (date_ms < 0)
            return -1;
        seconds = (long long)date_ms / 1000 - (long long)time(NULL);
        if (seconds < 0)
            seconds = 0;
    }
    if (seconds < 0)
        return -1;
    return (seconds < HEADERS_RETRY_AFTER_S_MAX ? seconds : HEADERS_RETRY_AFTER_S_MAX) * 1000;
}

#define HEADERS_COMPRESSED(how)                                                                    \
    "the answer is compressed (" how "), though it was asked for as it is: see to what stands "    \
    "before Convex"

const char *headers_compressed(struct span value)
{
    static const struct {
        const char *coding;
        const char *text;
    } codings[] = {
        {"", NULL},
        {"identity", NULL},
        {"gzip", HEADERS_COMPRESSED("gzip")},
        {"x-gzip", HEADERS_COMPRESSED("gzip")},
        {"deflate", HEADERS_COMPRESSED("deflate")},
        {"br", HEADERS_COMPRESSED("br")},
        {"zstd", HEADERS_COMPRESSED("zstd")},
        {"compress", HEADERS_COMPRESSED("compress")},
    };

    for (size_t i = 0; i < array_len(codings); i++) {
        if (strlen(codings[i].coding) == value.len &&
            strncasecmp(codings[i].coding, value.at, value.len) == 0)
            return codings[i].text;
    }
    return HEADERS_COMPRESSED("Content-Encoding is another");
}
