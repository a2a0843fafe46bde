/* SPDX-License-Identifier: MIT */
/*
 * libcurl's options, each for a reason, and the four callbacks of a transfer.
 *
 * The trap that matters most: when a kept connection dies before the first byte of an answer,
 * libcurl sends the request again on a new one, up to five times, POSTs too, and has no option
 * against it. But Convex may have run the mutation already. CURLOPT_PREREQFUNCTION is called before
 * each sending; the second call of one transfer aborts it. No call at all is the proof that nothing
 * was sent. CURLINFO_REQUEST_SIZE and CURLINFO_SIZE_UPLOAD_T prove nothing.
 */
#include "convex/exchange.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/error.h"
#include "convex/transport.h"

enum {
    EXCHANGE_CONNECT_MS_MAX = 10 * 1000,
    /* Proxies close idle connections after 60 s or more: never send into one about to be closed. */
    EXCHANGE_IDLE_S = 45,
    /* So that a changed DNS answer is followed even under load. */
    EXCHANGE_LIFETIME_S = 10 * 60,
    /* After a failure, too: libcurl would go to the dead address for a minute. */
    EXCHANGE_ADDRESS_S = 5,
    EXCHANGE_KEEPALIVE_S = 30,
    EXCHANGE_RETRY_AFTER_S_MAX = 24 * 60 * 60,
};

/* ---- what goes out ---- */

static int exchange_count_send(void *ctx, char *to, char *from, int to_port, int from_port)
{
    struct exchange *exchange = ctx;

    (void)to, (void)from, (void)to_port, (void)from_port;
    return ++exchange->sends == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* Feeds a large body from where it lies. */
static size_t exchange_give_body(char *to, size_t size, size_t count, void *ctx)
{
    struct exchange *exchange = ctx;
    size_t room = size * count;
    size_t given = 0;

    for (size_t i = 0; i < EXCHANGE_PARTS; i++) {
        struct span *part = &exchange->parts[i];
        size_t len = part->len < room - given ? part->len : room - given;
        if (len == 0)
            continue;
        memcpy(to + given, part->at, len);
        *part = (struct span){part->at + len, part->len - len};
        given += len;
    }
    return given;
}

/* ---- what comes back ---- */

/* Seconds or a date (RFC 9110, 10.2.3); -1 when it is neither. */
static int64_t exchange_retry_after_ms(struct span value)
{
    char text[64];
    char *end;

    if (value.len == 0 || value.len >= sizeof(text))
        return -1;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';

    long long seconds = strtoll(text, &end, 10);
    if (*end) {
        time_t date = curl_getdate(text, NULL);
        if (date == -1)
            return -1;
        seconds = (long long)date - (long long)time(NULL);
        if (seconds < 0)
            seconds = 0;
    }
    if (seconds < 0)
        return -1;
    return (seconds < EXCHANGE_RETRY_AFTER_S_MAX ? seconds : EXCHANGE_RETRY_AFTER_S_MAX) * 1000;
}

static size_t exchange_take_head(char *line, size_t size, size_t count, void *ctx)
{
    static const struct span retry_after = {"retry-after:", 12};
    struct exchange *exchange = ctx;
    struct span text = {line, size * count};

    if (text.len > EXCHANGE_HEAD_BYTES_MAX - exchange->head_bytes)
        return 0;
    exchange->head_bytes += text.len;
    if (span_starts(text, SPAN("HTTP/")))
        exchange->head_is_whole = false;
    else if (span_trim(text).len == 0)
        exchange->head_is_whole = true;
    if (text.len > retry_after.len && strncasecmp(line, retry_after.at, retry_after.len) == 0) {
        struct span value = {line + retry_after.len, text.len - retry_after.len};
        exchange->retry_after_ms = exchange_retry_after_ms(span_trim(value));
    }
    return text.len;
}

static size_t exchange_take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct exchange *exchange = ctx;
    size_t len = size * count;

    exchange->too_long = len > EXCHANGE_ANSWER_BYTES_MAX - exchange->body.len;
    if (exchange->too_long || buf_append(&exchange->body, bytes, len) < 0)
        return 0;
    return len;
}

/* ---- setting up ---- */

int exchange_headers_new(const struct transport_options *options, struct curl_slist **headers)
{
    char client[64], agent[64];
    const char *lines[] = {
        "Content-Type: application/json",
        "Accept-Encoding: identity",
        client,
        agent,     /* libcurl formats that of CURLOPT_USERAGENT twice a request */
        "Accept:", /* none: it says nothing */
        /* Else libcurl asks first, and waits for a second, when a body is larger than 1 MiB. */
        "Expect:",
    };
    struct curl_slist *list = NULL;

    (void)snprintf(client, sizeof(client), "Convex-Client: convex-relay-%s", options->version);
    (void)snprintf(agent, sizeof(agent), "User-Agent: convex-relay/%s", options->version);
    for (size_t i = 0; i < array_len(lines); i++) {
        struct curl_slist *longer = curl_slist_append(list, lines[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return error_origin(-ENOMEM);
        }
        list = longer;
    }
    *headers = list;
    return 0;
}

static int exchange_set_url(struct exchange *exchange, const char *convex_url, const char *path)
{
    cleanup(buf_done) struct buf url = BUF_NULL;
    size_t len = strlen(convex_url);

    while (len > 0 && convex_url[len - 1] == '/')
        len--;
    if (buf_append(&url, convex_url, len) < 0 || buf_append_span(&url, span_of(path)) < 0 ||
        !buf_string(&url))
        return -ENOMEM;
    return curl_easy_setopt(exchange->easy, CURLOPT_URL, url.at) == CURLE_OK ? 0 : -ENOMEM;
}

/*
 * Without this, Debian's libcurl reads the whole CA bundle again for each connection (20 ms): its
 * store is kept only where no CA directory is set, and Debian compiles one in. Where no CA file is
 * compiled in, the directory is all there is, and stays.
 */
static bool exchange_trust(CURL *easy, const char *ca_file)
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

static bool exchange_set_limits(CURL *easy, int64_t timeout_ms)
{
    long total_ms = timeout_ms < LONG_MAX ? (long)timeout_ms : LONG_MAX;
    long connect_ms = total_ms < EXCHANGE_CONNECT_MS_MAX ? total_ms : EXCHANGE_CONNECT_MS_MAX;
    const struct {
        CURLoption option;
        long value;
    } limits[] = {
        {CURLOPT_NOSIGNAL, 1}, /* signals belong to the program */
        {CURLOPT_TIMEOUT_MS, total_ms},
        {CURLOPT_CONNECTTIMEOUT_MS, connect_ms},
        {CURLOPT_QUICK_EXIT, 1}, /* never wait for a resolver's thread */
        {CURLOPT_MAXAGE_CONN, EXCHANGE_IDLE_S},
        {CURLOPT_MAXLIFETIME_CONN, EXCHANGE_LIFETIME_S},
        {CURLOPT_DNS_CACHE_TIMEOUT, EXCHANGE_ADDRESS_S},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_TCP_KEEPIDLE, EXCHANGE_KEEPALIVE_S},
        {CURLOPT_TCP_KEEPINTVL, EXCHANGE_KEEPALIVE_S},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
        {CURLOPT_POST, 1},
    };
    bool fine = true;

    for (size_t i = 0; i < array_len(limits); i++)
        fine = fine && curl_easy_setopt(easy, limits[i].option, limits[i].value) == CURLE_OK;
    return fine;
}

static bool exchange_set_callbacks(struct exchange *exchange)
{
    CURL *easy = exchange->easy;

    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, exchange_count_send) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, exchange_give_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, exchange_take_head) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, exchange_take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error) == CURLE_OK;
}

int exchange_init(struct exchange *exchange, const struct transport_options *options,
                  const char *path, const struct curl_slist *headers)
{
    *exchange = (struct exchange){.easy = curl_easy_init(), .headers = headers};
    if (!exchange->easy)
        return error_origin(-ENOMEM);

    /* PROXY: libcurl would take one from the environment. */
    if (exchange_set_url(exchange, options->convex_url, path) < 0 ||
        curl_easy_setopt(exchange->easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
        curl_easy_setopt(exchange->easy, CURLOPT_PROXY, "") != CURLE_OK ||
        !exchange_set_limits(exchange->easy, options->timeout_ms) ||
        !exchange_trust(exchange->easy, options->ca_file) || !exchange_set_callbacks(exchange)) {
        exchange_done(exchange);
        return error_origin(-ENOMEM);
    }
    return 0;
}

int exchange_init_like(struct exchange *exchange, const struct exchange *like)
{
    *exchange = (struct exchange){
        .easy = curl_easy_duphandle(like->easy),
        .headers = like->headers,
    };
    if (!exchange->easy)
        return error_origin(-ENOMEM);
    if (!exchange_set_callbacks(exchange)) {
        exchange_done(exchange);
        return error_origin(-ENOMEM);
    }
    return 0;
}

void exchange_done(struct exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    buf_done(&exchange->own_lines);
    buf_done(&exchange->gathered);
    buf_done(&exchange->body);
    *exchange = (struct exchange){0};
}

int exchange_authorization(const char *deploy_key, struct buf *line)
{
    struct buf made = BUF_NULL;

    /* A line end would begin a header of its own; Convex refuses what is not ASCII. */
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

/* ---- one transfer ---- */

/* Puts the lines that are this call's own before those that every call has. */
static int exchange_link_headers(struct exchange *exchange, const char *authorization,
                                 const char *request_id, struct curl_slist **list)
{
    struct buf *lines = &exchange->own_lines;
    int r = 0;

    lines->len = 0;
    if (authorization)
        r = buf_append(lines, authorization, strlen(authorization) + 1);
    size_t id_at = lines->len;
    if (request_id && r == 0)
        r = buf_printf(lines, "Convex-Request-Id: %s", request_id);
    if (r < 0 || !buf_string(lines))
        return error_origin(-ENOMEM);

    /* libcurl reads the list and leaves it alone, though its type does not say so. */
    *list = (struct curl_slist *)(uintptr_t)exchange->headers;
    if (request_id) {
        exchange->own_headers[0] = (struct curl_slist){lines->at + id_at, *list};
        *list = &exchange->own_headers[0];
    }
    if (authorization) {
        exchange->own_headers[1] = (struct curl_slist){lines->at, *list};
        *list = &exchange->own_headers[1];
    }
    return 0;
}

/* A small body is copied together, so that it leaves with the head in one send. */
static int exchange_gather(struct exchange *exchange)
{
    exchange->gathered.len = 0;
    for (size_t i = 0; i < EXCHANGE_PARTS; i++) {
        if (buf_append_span(&exchange->gathered, exchange->parts[i]) < 0)
            return error_origin(-ENOMEM);
    }
    return 0;
}

static void exchange_forget(struct exchange *exchange)
{
    exchange->error[0] = '\0';
    exchange->sends = 0;
    exchange->body.len = 0;
    exchange->head_bytes = 0;
    exchange->head_is_whole = false;
    exchange->retry_after_ms = -1;
    exchange->too_long = false;
}

int exchange_prepare(struct exchange *exchange, const struct span parts[EXCHANGE_PARTS],
                     const char *authorization, const char *request_id)
{
    struct curl_slist *list = NULL;
    size_t len = 0;
    int r;

    exchange_forget(exchange);
    for (size_t i = 0; i < EXCHANGE_PARTS; i++) {
        exchange->parts[i] = parts[i];
        len += parts[i].len;
    }
    bool small = len < EXCHANGE_GATHER_BYTES;
    r = small ? exchange_gather(exchange) : 0;
    if (r == 0)
        r = exchange_link_headers(exchange, authorization, request_id, &list);
    if (r < 0)
        return r;

    /* Without POSTFIELDS libcurl asks exchange_give_body. */
    const char *fields = small ? buf_span(&exchange->gathered).at : NULL;
    if (curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS, fields) != CURLE_OK ||
        curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len) !=
            CURLE_OK ||
        curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, list) != CURLE_OK)
        return error_origin(-ENOMEM);
    return 0;
}

/* libcurl is content with a head that ends in the middle. A 1xx is not an answer yet. */
static bool exchange_has_head(const struct exchange *exchange, long status)
{
    return exchange->head_is_whole && status >= 200;
}

static enum answer_kind exchange_kind(const struct exchange *exchange, bool whole)
{
    if (whole)
        return ANSWER_HTTP;
    if (exchange->too_long)
        return ANSWER_TOO_LONG;
    return exchange->sends == 0 ? ANSWER_NOT_SENT : ANSWER_LOST;
}

static const char *exchange_why(const struct exchange *exchange, CURLcode result)
{
    if (exchange->too_long)
        return "the answer is longer than 1 MiB";
    if (exchange->sends > 1 || result == CURLE_OK)
        return "the connection was closed before the answer was whole";
    return exchange->error[0] ? exchange->error : curl_easy_strerror(result);
}

void exchange_read(const struct exchange *exchange, CURLcode result, struct answer *answer)
{
    long status = 0;
    bool whole;

    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    whole = result == CURLE_OK && exchange_has_head(exchange, status);
    *answer = (struct answer){
        .kind = exchange_kind(exchange, whole),
        .retry_after_ms = exchange->retry_after_ms,
        .why = whole ? NULL : exchange_why(exchange, result),
    };
    if (whole)
        answer->body = buf_span(&exchange->body);
    if (exchange_has_head(exchange, status))
        answer->status = (int)status;
}
