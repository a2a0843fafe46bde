/* SPDX-License-Identifier: MIT */
/* What answers say that are cut, or broken off, at every place. */
#include "convex/beginning.h"

#include "tests/unit/lib/rows.h"

#include "base/json.h"
#include "base/json_scan.h"

enum end { LOST, CUT };

#define SUCCESS "{\"status\":\"success\"}"
#define ERROR(message) "{\"status\":\"error\",\"errorMessage\":\"" message "\"}"

struct row {
    const char *name;
    struct span body;
    struct span says; /* at == NULL: it does not decide, and stays */
    int status;
    enum end end;
};

static struct row rows[] = {
    {"success", TEXT("{\"status\":\"success\",\"value\":\"v"), TEXT(SUCCESS), 200, LOST},
    {"success, cut", TEXT("{\"status\":\"success\",\"value\":[1,{"), TEXT(SUCCESS), 200, CUT},
    {"success whose value is whole, cut in the log lines",
     TEXT("{\"status\":\"success\",\"value\":[null, {\"error\":\"no\"}],\"logLines\":[\"x"),
     TEXT("{\"status\":\"success\",\"value\":[null, {\"error\":\"no\"}]}"), 200, CUT},
    {"success whose value may go on", TEXT("{\"status\":\"success\",\"value\":12"), TEXT(SUCCESS),
     200, LOST},
    {"success and no more", TEXT("{\"status\":\"success\""), TEXT(SUCCESS), 200, LOST},
    {"success with 560", TEXT("{\"status\":\"success\","), TEXT(SUCCESS), 560, LOST},
    {"a byte order mark", TEXT("\xEF\xBB\xBF{\"status\":\"success\","), TEXT(SUCCESS), 200, LOST},
    {"printed for people", TEXT(" {\n  \"status\": \"success\",\n  \"value\": \""), TEXT(SUCCESS),
     200, CUT},
    {"written in escapes", TEXT("{\"st\\u0061tus\":\"succ\\u0065ss\","), TEXT(SUCCESS), 200, LOST},
    {"status second", TEXT("{\"logLines\":[],\"status\":\"success\",\"value\":"), TEXT(SUCCESS),
     200, CUT},
    {"not UTF-8 in the value", TEXT("{\"status\":\"success\",\"value\":\"\xFF\xFE"), TEXT(SUCCESS),
     200, CUT},
    {"half a word", TEXT("{\"status\":\"succ"), {0}, 200, LOST},
    {"a word without its end", TEXT("{\"status\":\"success"), {0}, 200, CUT},
    {"status inside of the value", TEXT("{\"value\":{\"status\":\"success\"},\"x"), {0}, 200, CUT},
    {"status in an array", TEXT("[{\"status\":\"success\"},"), {0}, 200, CUT},
    {"another status", TEXT("{\"status\":\"fine\",\"value\":\""), {0}, 200, CUT},
    {"no JSON behind it", TEXT("{\"status\":\"success\",value"), {0}, 200, CUT},
    {"a page", TEXT("<html>"), {0}, 200, CUT},
    {"nothing", TEXT(""), {0}, 200, LOST},
    /* errors */
    {"an error that is all there", TEXT("{\"status\":\"error\",\"errorMessage\":\"no\",\"errorD"),
     TEXT(ERROR("no")), 200, LOST},
    {"its message broken off", TEXT("{\"status\":\"error\",\"errorMessage\":\"no"), {0}, 200, LOST},
    {"its message cut", TEXT("{\"status\":\"error\",\"errorMessage\":\"no"), TEXT(ERROR("no")), 200,
     CUT},
    {"cut before a message", TEXT("{\"status\":\"error\",\"errorMessage\":"), {0}, 200, CUT},
    {"cut as a message begins", TEXT("{\"status\":\"error\",\"errorMessage\":\""), TEXT(ERROR("")),
     200, CUT},
    {"cut in another member", TEXT("{\"status\":\"error\",\"errorData\":\"x"), {0}, 200, CUT},
    {"cut in another key", TEXT("{\"status\":\"error\",\"errorMessage"), {0}, 200, CUT},
    {"cut in an escape", TEXT("{\"status\":\"error\",\"errorMessage\":\"n\\"), TEXT(ERROR("n")),
     200, CUT},
    {"cut in a code", TEXT("{\"status\":\"error\",\"errorMessage\":\"n\\u00e"), TEXT(ERROR("n")),
     200, CUT},
    {"cut in a pair of codes", TEXT("{\"status\":\"error\",\"errorMessage\":\"n\\ud83d\\ude0"),
     TEXT(ERROR("n")), 200, CUT},
    {"cut between two codes", TEXT("{\"status\":\"error\",\"errorMessage\":\"n\\uD83D"),
     TEXT(ERROR("n")), 200, CUT},
    {"cut in a character", TEXT("{\"status\":\"error\",\"errorMessage\":\"n\xF0\x9F\x98"),
     TEXT(ERROR("n")), 200, CUT},
    {"cut behind a character", TEXT("{\"status\":\"error\",\"errorMessage\":\"\xF0\x9F\x98\x80"),
     TEXT(ERROR("\xF0\x9F\x98\x80")), 200, CUT},
    {"cut behind a code", TEXT("{\"status\":\"error\",\"errorMessage\":\"\\ud83d\\ude00"),
     TEXT(ERROR("\\ud83d\\ude00")), 200, CUT},
    {"not UTF-8 in the message", TEXT("{\"status\":\"error\",\"errorMessage\":\"a\xFFz\xE2\x82"),
     TEXT(ERROR("a\xEF\xBF\xBDz")), 200, CUT},
    /* refusals: by status, with as much of the text as there is */
    {"a refusal, cut", TEXT("<html>\xE2\x82"), TEXT("<html>"), 502, CUT},
    {"a refusal, cut behind a character", TEXT("\xE2\x82\xAC"), TEXT("\xE2\x82\xAC"), 403, CUT},
    {"a refusal, broken off", TEXT("{\"code\":\"x"), {0}, 503, LOST},
    {"success under a status of errors", TEXT("{\"status\":\"success\","), {0}, 500, LOST},
};

static void beginning_is_judged(void **state)
{
    const struct row *row = *state;
    cleanup(buf_done) struct buf body = BUF_NULL;

    assert_int_equal(buf_append_span(&body, row->body), 0);
    assert_int_equal(beginning_decides(row->status, row->end == CUT, &body), row->says.at != NULL);
    assert_same_text(buf_span(&body), row->says.at ? row->says : row->body);
}

/* ---- every place ---- */

static const struct span error_text =
    TEXT("{\"status\" : \"error\",\"errorMessage\":\"a \\\"q\\\" \\\\ "
         "\\ud83d\\ude00\xF0\x9F\x98\x80\\n\xC3\xA9.\","
         "\"errorData\":{\"errorMessage\":[\"no\"]},\"logLines\":[\"\"]}");
static const struct span error_message =
    TEXT("a \"q\" \\ \xF0\x9F\x98\x80\xF0\x9F\x98\x80\n\xC3\xA9.");

static void any_part_of_a_message_is_whole_text(void **state)
{
    size_t longest = 0;

    (void)state;
    for (size_t len = 0; len < error_text.len; len++) {
        cleanup(buf_done) struct buf body = BUF_NULL, message = BUF_NULL;
        assert_int_equal(buf_append(&body, error_text.at, len), 0);
        if (!beginning_decides(200, true, &body)) {
            assert_int_equal(longest, 0);
            continue;
        }
        assert_int_equal(json_check(buf_span(&body)), JSON_FINE);
        assert_int_equal(json_decode(json_find(buf_span(&body), SPAN("errorMessage")), &message),
                         0);
        assert_true(span_starts(error_message, buf_span(&message)));
        assert_true(message.len >= longest);
        longest = message.len;
    }
    assert_int_equal(longest, error_message.len);
}

static void broken_off_it_counts_only_whole(void **state)
{
    const char *behind = (const char *)memmem(error_text.at, error_text.len, "\xC3\xA9.\"", 4) + 4;

    (void)state;
    for (size_t len = 0; len < error_text.len; len++) {
        cleanup(buf_done) struct buf body = BUF_NULL;
        assert_int_equal(buf_append(&body, error_text.at, len), 0);
        assert_int_equal(beginning_decides(200, false, &body), error_text.at + len >= behind);
    }
}

int main(void)
{
    static const struct CMUnitTest plain_tests[] = {
        cmocka_unit_test(any_part_of_a_message_is_whole_text),
        cmocka_unit_test(broken_off_it_counts_only_whole),
    };
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(rows)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)rows_add(tests, array_len(plain_tests), rows, beginning_is_judged);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
