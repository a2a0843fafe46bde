/* SPDX-License-Identifier: MIT */
/* The answers to requests. The texts are the router's wherever the router has one. */
#include "handlers/reply.h"

#include "base/json.h"

#define JSON "application/json"
#define TEXT "text/plain; charset=UTF-8"

static const struct reply_head reply_heads[REPLY_COUNT_] = {
    [REPLY_DELIVERED] = {"delivered", 200, JSON, NULL, NULL, "{\"success\":true}"},
    [REPLY_QUEUED] = {"queued", 202, JSON, NULL, NULL, "{\"success\":true,\"queued\":true}"},
    [REPLY_QUEUED_AFTER] = {"queued", 202, JSON, NULL, NULL, NULL},
    [REPLY_RESULTS] = {"results", 200, JSON, NULL, NULL, NULL},
    [REPLY_RESULTS_QUEUED] = {"results", 202, JSON, NULL, NULL, NULL},
    [REPLY_UNAUTHORIZED] = {"unauthorized", 401, JSON, NULL, NULL, "{\"error\":\"Unauthorized\"}"},
    [REPLY_FAILED] = {"failed", 500, JSON, NULL, NULL, NULL},
    [REPLY_UNAVAILABLE] = {"unavailable", 503, JSON, "Retry-After", "5", NULL},
    [REPLY_BAD_REQUEST] = {"malformed", 400, JSON, NULL, NULL, NULL},
    [REPLY_TOO_LARGE] = {"too large", 413, JSON, NULL, NULL, NULL},
    [REPLY_TOO_MANY] = {"too large", 413, JSON, NULL, NULL, NULL},
    /* Accept-Encoding says what would be taken: RFC 9110, section 15.5.16. */
    [REPLY_ENCODED] = {"encoded", 415, JSON, "Accept-Encoding", "identity", NULL},
    [REPLY_HEADERS_TOO_LARGE] = {"too large", 431, JSON, NULL, NULL,
                                 "{\"error\":\"The headers are too large\"}"},
    [REPLY_NOT_FOUND] = {"not found", 404, TEXT, NULL, NULL, "404 Not Found"},
    [REPLY_NOT_ALLOWED_GET] = {"not allowed", 405, JSON, "Allow", "GET, HEAD",
                               "{\"error\":\"Method Not Allowed\"}"},
    [REPLY_NOT_ALLOWED_POST] = {"not allowed", 405, JSON, "Allow", "POST",
                                "{\"error\":\"Method Not Allowed\"}"},
    [REPLY_CODING_UNKNOWN] = {"unknown coding", 501, JSON, NULL, NULL,
                              "{\"error\":\"The only transfer coding known here is chunked\"}"},
    [REPLY_HEALTHY] = {"healthy", 200, TEXT, NULL, NULL, "ok\n"},
    [REPLY_NOT_READY] = {"not ready", 503, JSON, NULL, NULL, NULL},
    [REPLY_METRICS] = {"metrics", 200, "text/plain; version=0.0.4; charset=utf-8", NULL, NULL,
                       NULL},
    [REPLY_STATUS] = {"status", 200, JSON, NULL, NULL, NULL},
};

const struct reply_head *reply_head(enum reply reply)
{
    return &reply_heads[reply];
}

bool reply_is_page(enum reply reply)
{
    return reply == REPLY_METRICS || reply == REPLY_STATUS || reply == REPLY_RESULTS ||
           reply == REPLY_RESULTS_QUEUED;
}

int reply_body(enum reply reply, struct span message, struct buf *out)
{
    if (reply_is_page(reply))
        return buf_append_span(out, message);
    int r = buf_append_span(out, reply == REPLY_QUEUED_AFTER
                                     ? SPAN("{\"success\":true,\"queued\":true,\"error\":")
                                     : SPAN("{\"error\":"));

    if (r == 0)
        r = json_quote(message, out);
    return r ? r : buf_append_char(out, '}');
}
