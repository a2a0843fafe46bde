/* SPDX-License-Identifier: MIT */
/*
 * The four callbacks of a transfer, and what its end means.
 *
 * The trap that matters most: when a kept connection dies before the first byte of an answer,
 * libcurl sends the request again on a new one, up to five times, POSTs too, and has no option
 * against it. But Convex may have run the mutation already. CURLOPT_PREREQFUNCTION is called before
 * each sending; the second call of one transfer aborts it. No call at all is the proof that nothing
 * was sent. CURLINFO_REQUEST_SIZE and CURLINFO_SIZE_UPLOAD_T prove nothing.
 */
#include "convex/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/error.h"
#include "convex/beginning.h"
#include "convex/easy.h"
#include "convex/headers.h"
#include "convex/transport.h"

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

/* What stands behind the name and its colon; SPAN_NULL: it is another line. */
static struct span exchange_header(struct span line, struct span name)
{
    if (line.len < name.len || strncasecmp(line.at, name.at, name.len) != 0)
        return SPAN_NULL;
    return span_trim((struct span){line.at + name.len, line.len - name.len});
}

static void exchange_take_line(struct exchange *exchange, struct span line)
{
    struct span retry_after = exchange_header(line, SPAN("retry-after:"));
    struct span coding = exchange_header(line, SPAN("content-encoding:"));

    if (retry_after.at)
        exchange->retry_after_ms = headers_retry_after_ms(retry_after);
    if (coding.at && !exchange->compressed)
        exchange->compressed = headers_compressed(coding);
}

static size_t exchange_take_head(char *line, size_t size, size_t count, void *ctx)
{
    struct exchange *exchange = ctx;
    struct span text = {line, size * count};

    if (text.len > ANSWER_HEAD_BYTES_MAX - exchange->head_bytes)
        return 0;
    exchange->head_bytes += text.len;
    if (span_starts(text, SPAN("HTTP/"))) {
        exchange->head_is_whole = false;
        exchange->compressed = NULL;
    }
    if (span_trim(text).len == 0)
        exchange->head_is_whole = true;
    exchange_take_line(exchange, text);
    return text.len;
}

static size_t exchange_take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct exchange *exchange = ctx;
    size_t len = size * count;
    size_t room = exchange->compressed ? 0 : ANSWER_KEPT_BYTES_MAX - exchange->body.len;

    exchange->body_bytes += len;
    if (exchange->body_bytes > ANSWER_BYTES_MAX ||
        buf_append(&exchange->body, bytes, len < room ? len : room) < 0)
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
    *exchange = (struct exchange){.headers = headers};
    int r = easy_new(options, path, &exchange->easy);

    if (r < 0)
        return r;
    if (curl_easy_setopt(exchange->easy, CURLOPT_POST, 1L) != CURLE_OK ||
        !exchange_set_callbacks(exchange)) {
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
    exchange->body_bytes = 0;
    exchange->compressed = NULL;
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

static bool exchange_decides(struct exchange *exchange, long status)
{
    return exchange_has_head(exchange, status) && !exchange->compressed &&
           beginning_decides((int)status, exchange->body_bytes > exchange->body.len,
                             &exchange->body);
}

static void exchange_read_whole(struct exchange *exchange, struct answer *answer)
{
    answer->kind = ANSWER_HTTP;
    if (exchange->compressed && exchange->body_bytes > 0) {
        answer->kind = ANSWER_COMPRESSED;
        answer->why = exchange->compressed;
    } else if (exchange->body_bytes > exchange->body.len &&
               !exchange_decides(exchange, answer->status)) {
        answer->kind = ANSWER_TOO_LONG;
        answer->why = BEGINNING_OPEN;
    } else {
        answer->body = buf_span(&exchange->body);
    }
}

static const char *exchange_why(const struct exchange *exchange, CURLcode result)
{
    if (exchange->body_bytes > ANSWER_BYTES_MAX)
        return "the answer is longer than 256 MiB";
    if (exchange->sends > 1 || result == CURLE_OK)
        return "the connection was closed before the answer was whole";
    return exchange->error[0] ? exchange->error : curl_easy_strerror(result);
}

static void exchange_read_failure(struct exchange *exchange, CURLcode result, struct answer *answer)
{
    if (exchange_decides(exchange, answer->status)) {
        answer->kind = ANSWER_HTTP;
        answer->body = buf_span(&exchange->body);
        return;
    }
    answer->kind = exchange->sends == 0 ? ANSWER_NOT_SENT : ANSWER_LOST;
    answer->why = exchange_why(exchange, result);
}

void exchange_read(struct exchange *exchange, CURLcode result, struct answer *answer)
{
    long status = 0;

    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    *answer = (struct answer){
        .status = exchange_has_head(exchange, status) ? (int)status : 0,
        .retry_after_ms = exchange->retry_after_ms,
    };
    if (result == CURLE_OK && answer->status)
        exchange_read_whole(exchange, answer);
    else
        exchange_read_failure(exchange, result, answer);
}
