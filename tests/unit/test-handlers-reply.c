/* SPDX-License-Identifier: MIT */
/* What the relay says to a sender. */
#include "handlers/reply.h"

#include <string.h>

#include "base/util.h"
#include "tests/unit/lib/rows.h"

struct reply_row {
    const char *name;
    enum reply reply;
    struct reply_head head;
};

static const char json[] = "application/json";
static const char text[] = "text/plain; charset=UTF-8";
static const char wrong_method[] = "{\"error\":\"Method Not Allowed\"}";

static struct reply_row head_rows[] = {
    {"delivered", REPLY_DELIVERED, {"delivered", 200, json, NULL, NULL, "{\"success\":true}"}},
    {"unauthorized",
     REPLY_UNAUTHORIZED,
     {"unauthorized", 401, json, NULL, NULL, "{\"error\":\"Unauthorized\"}"}},
    {"failed", REPLY_FAILED, {"failed", 500, json, NULL, NULL, NULL}},
    {"unavailable", REPLY_UNAVAILABLE, {"unavailable", 503, json, "Retry-After", "5", NULL}},
    {"bad request", REPLY_BAD_REQUEST, {"malformed", 400, json, NULL, NULL, NULL}},
    {"too large", REPLY_TOO_LARGE, {"too large", 413, json, NULL, NULL, NULL}},
    {"results", REPLY_RESULTS, {"results", 200, json, NULL, NULL, NULL}},
    {"results queued", REPLY_RESULTS_QUEUED, {"results", 202, json, NULL, NULL, NULL}},
    {"too many", REPLY_TOO_MANY, {"too large", 413, json, NULL, NULL, NULL}},
    {"encoded", REPLY_ENCODED, {"encoded", 415, json, "Accept-Encoding", "identity", NULL}},
    {"headers too large",
     REPLY_HEADERS_TOO_LARGE,
     {"too large", 431, json, NULL, NULL, "{\"error\":\"The headers are too large\"}"}},
    {"not found", REPLY_NOT_FOUND, {"not found", 404, text, NULL, NULL, "404 Not Found"}},
    {"only GET",
     REPLY_NOT_ALLOWED_GET,
     {"not allowed", 405, json, "Allow", "GET, HEAD", wrong_method}},
    {"only POST",
     REPLY_NOT_ALLOWED_POST,
     {"not allowed", 405, json, "Allow", "POST", wrong_method}},
    {"coding unknown",
     REPLY_CODING_UNKNOWN,
     {"unknown coding", 501, json, NULL, NULL,
      "{\"error\":\"The only transfer coding known here is chunked\"}"}},
    {"healthy", REPLY_HEALTHY, {"healthy", 200, text, NULL, NULL, "ok\n"}},
    {"not ready", REPLY_NOT_READY, {"not ready", 503, json, NULL, NULL, NULL}},
};

static void assert_same_string(const char *is, const char *should)
{
    if (should)
        assert_string_equal(is, should);
    else
        assert_null(is);
}

static void test_head(void **state)
{
    const struct reply_row *row = *state;
    const struct reply_head *head = reply_head(row->reply);

    assert_string_equal(head->name, row->head.name);
    assert_int_equal(head->status, row->head.status);
    assert_same_string(head->content_type, row->head.content_type);
    assert_same_string(head->header, row->head.header);
    assert_same_string(head->value, row->head.value);
    assert_same_string(head->body, row->head.body);
}

/* A new reply without a line in the table would be sent as status 0. */
static void test_every_reply_has_a_head(void **state)
{
    (void)state;
    for (int reply = 0; reply < REPLY_COUNT_; reply++) {
        const struct reply_head *head = reply_head((enum reply)reply);
        assert_non_null(head->name);
        assert_in_range(head->status, 200, 599);
        assert_non_null(head->content_type);
        assert_int_equal(head->header == NULL, head->value == NULL);
    }
}

struct body_row {
    const char *name;
    struct span message;
    const char *body; /* as JSON.stringify({error: message}) has it on Node 20 */
};

static struct body_row body_rows[] = {
    {"plain", TEXT("fetch failed"), "{\"error\":\"fetch failed\"}"},
    {"empty", TEXT(""), "{\"error\":\"\"}"},
    {"quotes", TEXT("a\"b\\c/d"), "{\"error\":\"a\\\"b\\\\c/d\"}"},
    {"lines", TEXT("a\nb\r\tc"), "{\"error\":\"a\\nb\\r\\tc\"}"},
    {"controls", TEXT("\0\1\b\f\x1F\x7F"), "{\"error\":\"\\u0000\\u0001\\b\\f\\u001f\x7F\"}"},
    {"beyond ASCII", TEXT("\xC3\xA9 \xF0\x9F\x98\x80"),
     "{\"error\":\"\xC3\xA9 \xF0\x9F\x98\x80\"}"},
    {"line separators", TEXT("\xE2\x80\xA8\xE2\x80\xA9"),
     "{\"error\":\"\xE2\x80\xA8\xE2\x80\xA9\"}"},
    {"half a pair", TEXT("\xED\xA0\x80x"), "{\"error\":\"\\ud800x\"}"},
};

static void test_body(void **state)
{
    const struct body_row *row = *state;
    cleanup(buf_done) struct buf body = BUF_NULL;

    assert_int_equal(reply_body(REPLY_FAILED, row->message, &body), 0);
    assert_same_text(buf_span(&body), span_of(row->body));
}

int main(void)
{
    static struct CMUnitTest tests[1 + array_len(head_rows) + array_len(body_rows)] = {
        cmocka_unit_test(test_every_reply_has_a_head),
    };
    size_t len = rows_add(tests, 1, head_rows, test_head);

    rows_add(tests, len, body_rows, test_body);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
