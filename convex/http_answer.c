/* SPDX-License-Identifier: MIT */
/*
 * Lenient where a doubt costs nothing (a bare LF in the head, unknown headers), strict where a
 * doubt could shift the end of the answer: what stands after a wrong end would be taken for the
 * answer to the next request. An answer whose end is certain is read even where its framing is odd,
 * but the connection is not used again.
 */
#include "convex/http_answer.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "convex/headers.h"

enum {
    HTTP_ANSWER_CHUNK_LINE_BYTES_MAX = 256, /* extensions included */
    HTTP_ANSWER_CHUNK_DIGITS_MAX = 15,
    HTTP_ANSWER_LENGTH_DIGITS_MAX = 18,
    HTTP_ANSWER_STATUS_LINE_BYTES = 12, /* HTTP/1.1 200 */
};

static int http_answer_break(struct http_answer *answer, const char *why)
{
    answer->why = why;
    return HTTP_ANSWER_BROKEN;
}

/* ---- the head ---- */

static void http_answer_begin_head(struct http_answer *answer)
{
    answer->state = HTTP_ANSWER_AT_STATUS;
    answer->retry_after_ms = -1;
    answer->compressed = NULL;
    answer->date = SPAN_NULL;
    answer->has_length = false;
    answer->chunked = false;
    answer->closes = false;
}

/* The reason phrase may be missing, and the blank before it, too. */
static int http_answer_take_status(struct http_answer *answer, struct span line)
{
    const char *at = line.at;

    if (line.len < HTTP_ANSWER_STATUS_LINE_BYTES || !span_starts(line, SPAN("HTTP/1.")) ||
        (at[7] != '0' && at[7] != '1') || at[8] != ' ' || at[9] < '1' || at[9] > '9' ||
        !isdigit((unsigned char)at[10]) || !isdigit((unsigned char)at[11]) ||
        (line.len > HTTP_ANSWER_STATUS_LINE_BYTES && at[HTTP_ANSWER_STATUS_LINE_BYTES] != ' '))
        return http_answer_break(answer, "the answer is not HTTP/1.1");
    answer->head_status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
    answer->closes = at[7] == '0';
    answer->state = HTTP_ANSWER_AT_HEADER;
    return 0;
}

static int http_answer_take_length(struct http_answer *answer, struct span value)
{
    uint64_t length = 0;
    bool fine = value.len > 0 && value.len <= HTTP_ANSWER_LENGTH_DIGITS_MAX;

    for (size_t i = 0; fine && i < value.len; i++) {
        fine = isdigit((unsigned char)value.at[i]);
        length = length * 10 + (uint64_t)(value.at[i] - '0');
    }
    if (!fine || (answer->has_length && answer->length != length))
        return http_answer_break(answer, "the answer's Content-Length makes no sense");
    answer->length = length;
    answer->has_length = true;
    return 0;
}

static bool http_answer_is_word(struct span is, struct span word)
{
    return is.len == word.len && strncasecmp(is.at, word.at, word.len) == 0;
}

static bool http_answer_lists(struct span list, struct span word)
{
    while (list.len > 0) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.at) : list.len;
        if (http_answer_is_word(span_trim((struct span){list.at, len}), word))
            return true;
        len += comma != NULL;
        list = (struct span){list.at + len, list.len - len};
    }
    return false;
}

static void http_answer_take_date(struct http_answer *answer, struct span value)
{
    if (value.len > sizeof(answer->date_bytes))
        return;
    memcpy(answer->date_bytes, value.at, value.len);
    answer->date = (struct span){answer->date_bytes, value.len};
}

static int http_answer_take_header(struct http_answer *answer, struct span line)
{
    const char *colon = memchr(line.at, ':', line.len);
    struct span name = {line.at, colon ? (size_t)(colon - line.at) : 0};

    /* A blank before the name continues the line above; one before the colon is read in two ways.
     */
    if (name.len == 0 || memchr(" \t", *name.at, 2) || memchr(" \t", colon[-1], 2))
        return http_answer_break(answer, "a header line of the answer makes no sense");

    struct span value = span_trim((struct span){colon + 1, line.len - name.len - 1});
    if (http_answer_is_word(name, SPAN("content-length")))
        return http_answer_take_length(answer, value);
    if (http_answer_is_word(name, SPAN("transfer-encoding"))) {
        if (answer->chunked || !http_answer_is_word(value, SPAN("chunked")))
            return http_answer_break(answer, "the answer's Transfer-Encoding is unknown");
        answer->chunked = true;
    } else if (http_answer_is_word(name, SPAN("connection"))) {
        answer->closes = answer->closes || http_answer_lists(value, SPAN("close"));
    } else if (http_answer_is_word(name, SPAN("date"))) {
        http_answer_take_date(answer, value);
    } else if (http_answer_is_word(name, SPAN("retry-after"))) {
        answer->retry_after_ms = headers_retry_after_ms(value);
    } else if (http_answer_is_word(name, SPAN("content-encoding")) && !answer->compressed) {
        answer->compressed = headers_compressed(value);
    }
    return 0;
}

static int http_answer_end_head(struct http_answer *answer)
{
    /* RFC 9112, section 6.3: such an answer ends with its head, whatever the headers say. */
    bool bodiless = answer->head_status == 204 || answer->head_status == 304;

    if (answer->head_status < 200) {
        if (answer->head_status == 101)
            return http_answer_break(answer, "the answer changes the protocol");
        http_answer_begin_head(answer);
        return 0;
    }
    answer->status = answer->head_status;
    answer->left = answer->has_length ? answer->length : 0;
    /* Where headers contradict each other, the sender may see another end than the relay does. */
    answer->keeps = !answer->closes && !(answer->chunked && (answer->has_length || bodiless)) &&
                    !(bodiless && answer->left > 0);
    if (bodiless) {
        answer->state = HTTP_ANSWER_AT_END;
    } else if (answer->chunked) {
        answer->state = HTTP_ANSWER_AT_CHUNK;
    } else if (answer->has_length) {
        answer->state = answer->left > 0 ? HTTP_ANSWER_IN_BODY : HTTP_ANSWER_AT_END;
    } else {
        answer->state = HTTP_ANSWER_UNTIL_END;
        answer->keeps = false;
    }
    return 0;
}

/* ---- lines ---- */

static int http_answer_take_chunk_size(struct http_answer *answer, struct span line)
{
    size_t digits = 0;
    uint64_t size = 0;

    for (; digits < line.len && isxdigit((unsigned char)line.at[digits]); digits++) {
        int c = tolower((unsigned char)line.at[digits]);
        size = size * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (digits == 0 || digits > HTTP_ANSWER_CHUNK_DIGITS_MAX ||
        (digits < line.len && !memchr("; \t", line.at[digits], 3)))
        return http_answer_break(answer, "a chunk of the answer has no size");
    answer->left = size;
    answer->state = size > 0 ? HTTP_ANSWER_IN_CHUNK : HTTP_ANSWER_AT_TRAILER;
    return 0;
}

static int http_answer_read_line(struct http_answer *answer, struct span line)
{
    bool framed =
        answer->state == HTTP_ANSWER_AT_CHUNK || answer->state == HTTP_ANSWER_AT_CHUNK_END;
    bool crlf = line.len > 0 && line.at[line.len - 1] == '\r';

    line.len -= crlf;
    if ((framed && !crlf) || memchr(line.at, '\0', line.len) || memchr(line.at, '\r', line.len))
        return http_answer_break(answer, "a line of the answer makes no sense");
    if (answer->state == HTTP_ANSWER_AT_STATUS)
        return http_answer_take_status(answer, line);
    if (answer->state == HTTP_ANSWER_AT_HEADER)
        return line.len > 0 ? http_answer_take_header(answer, line) : http_answer_end_head(answer);
    if (answer->state == HTTP_ANSWER_AT_CHUNK)
        return http_answer_take_chunk_size(answer, line);
    if (answer->state == HTTP_ANSWER_AT_CHUNK_END && line.len > 0)
        return http_answer_break(answer, "a chunk of the answer is longer than its size");

    if (answer->state == HTTP_ANSWER_AT_CHUNK_END)
        answer->state = HTTP_ANSWER_AT_CHUNK;
    else if (line.len == 0) /* the end of the trailer */
        answer->state = HTTP_ANSWER_AT_END;
    return 0;
}

/* Counts bytes of a line. False: the line goes past its bound. Head and trailer share one bound;
 * for a line of a chunk the count begins anew. */
static bool http_answer_count_line(struct http_answer *answer, size_t len)
{
    if (answer->state == HTTP_ANSWER_AT_CHUNK || answer->state == HTTP_ANSWER_AT_CHUNK_END)
        return answer->line.len + len <= HTTP_ANSWER_CHUNK_LINE_BYTES_MAX;
    answer->head_bytes += len;
    return answer->head_bytes <= ANSWER_HEAD_BYTES_MAX;
}

/* Takes the bytes that belong to the line at hand, and reads the line once it is whole. */
static int http_answer_take_line(struct http_answer *answer, struct span *bytes)
{
    const char *end = memchr(bytes->at, '\n', bytes->len);
    struct span line = {bytes->at, end ? (size_t)(end - bytes->at) : bytes->len};
    size_t len = line.len + (end != NULL);

    *bytes = (struct span){bytes->at + len, bytes->len - len};
    if (!http_answer_count_line(answer, len))
        return http_answer_break(answer, "the answer's head is too long");
    if (!end || answer->line.len > 0) {
        if (buf_append_span(&answer->line, line) < 0)
            return -ENOMEM;
        line = buf_span(&answer->line);
    }
    if (!end)
        return 0;
    int r = http_answer_read_line(answer, line);
    answer->line.len = 0;
    return r;
}

/* ---- the body ---- */

static int http_answer_keep(struct http_answer *answer, const char *bytes, size_t len)
{
    size_t room = answer->compressed ? 0 : ANSWER_KEPT_BYTES_MAX - answer->body.len;

    answer->body_bytes += len;
    if (buf_append(&answer->body, bytes, len < room ? len : room) < 0)
        return -ENOMEM;
    if (answer->body_bytes <= ANSWER_BYTES_MAX)
        return 0;
    answer->why = "the answer is longer than 256 MiB";
    return HTTP_ANSWER_ENDLESS;
}

static int http_answer_take_body(struct http_answer *answer, struct span *bytes)
{
    bool counted = answer->state != HTTP_ANSWER_UNTIL_END;
    size_t len = counted && answer->left < bytes->len ? (size_t)answer->left : bytes->len;
    int r = http_answer_keep(answer, bytes->at, len);

    if (r)
        return r;
    *bytes = (struct span){bytes->at + len, bytes->len - len};
    if (!counted)
        return 0;
    answer->left -= len;
    if (answer->left == 0)
        answer->state =
            answer->state == HTTP_ANSWER_IN_CHUNK ? HTTP_ANSWER_AT_CHUNK_END : HTTP_ANSWER_AT_END;
    return 0;
}

/* ---- the whole ---- */

void http_answer_reset(struct http_answer *answer)
{
    answer->status = 0;
    answer->body.len = 0;
    answer->body_bytes = 0;
    answer->keeps = false;
    answer->why = NULL;
    answer->line.len = 0;
    answer->head_bytes = 0;
    http_answer_begin_head(answer);
}

void http_answer_done(struct http_answer *answer)
{
    buf_done(&answer->body);
    buf_done(&answer->line);
}

int http_answer_take(struct http_answer *answer, struct span bytes)
{
    while (bytes.len > 0 && answer->state != HTTP_ANSWER_AT_END) {
        int r = answer->state < HTTP_ANSWER_IN_CHUNK ? http_answer_take_line(answer, &bytes)
                                                     : http_answer_take_body(answer, &bytes);
        if (r)
            return r;
    }
    if (answer->state != HTTP_ANSWER_AT_END)
        return 0;
    /* Bytes that nobody asked for would be taken for the next answer's beginning. */
    if (bytes.len > 0)
        answer->keeps = false;
    return HTTP_ANSWER_WHOLE;
}

int http_answer_end(struct http_answer *answer)
{
    if (answer->state == HTTP_ANSWER_UNTIL_END || answer->state == HTTP_ANSWER_AT_END)
        return HTTP_ANSWER_WHOLE;
    return http_answer_break(answer, "the connection was closed before the answer was whole");
}
