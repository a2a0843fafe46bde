/* SPDX-License-Identifier: MIT */
/* Parcels: results by place, and the one answer that is made of them. */
#include "handlers/parcel.h"

#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"
#include "handlers/request.h"
#include "tests/unit/lib/rows.h"

static struct parcels all;
static int answers;
static enum reply answer;
static struct buf text;

static void note_reply(struct request *request, enum reply reply, struct span message)
{
    (void)request;
    answers++;
    answer = reply;
    text.len = 0;
    assert_int_equal(buf_append_span(&text, message), 0);
}

static struct request request = {.reply = note_reply};

struct row {
    const char *name;
    const char *replies; /* a letter for each place; see reply_of() */
    enum reply answer;
    const char *text;
};

static enum reply reply_of(char letter)
{
    switch (letter) {
    case 'd':
        return REPLY_DELIVERED;
    case 'q':
        return REPLY_QUEUED;
    case 'a':
        return REPLY_QUEUED_AFTER;
    case 'f':
        return REPLY_FAILED;
    default:
        return REPLY_UNAVAILABLE;
    }
}

static struct row rows[] = {
    {"none", "", REPLY_RESULTS,
     "{\"success\":true,\"successful\":0,\"failed\":0,\"total\":0,\"results\":[]}"},
    {"one", "d", REPLY_RESULTS,
     "{\"success\":true,\"successful\":1,\"failed\":0,\"total\":1,\"results\":[{\"success\":true}]"
     "}"},
    {"failed alone is no failed request", "f", REPLY_RESULTS,
     "{\"success\":true,\"successful\":0,\"failed\":1,\"total\":1,\"results\":[{\"error\":\"why "
     "\\\"0\\\"\"}]}"},
    {"each", "dqfaf", REPLY_RESULTS,
     "{\"success\":true,\"successful\":3,\"failed\":2,\"total\":5,\"results\":[{\"success\":true},"
     "{\"success\":true,\"queued\":true},{\"error\":\"why \\\"2\\\"\"},"
     "{\"success\":true,\"queued\":true},{\"error\":\"why \\\"4\\\"\"}]}"},
    {"queued", "qa", REPLY_RESULTS_QUEUED,
     "{\"success\":true,\"successful\":2,\"failed\":0,\"total\":2,\"results\":["
     "{\"success\":true,\"queued\":true},{\"success\":true,\"queued\":true}]}"},
    {"queued or failed", "qf", REPLY_RESULTS,
     "{\"success\":true,\"successful\":1,\"failed\":1,\"total\":2,\"results\":["
     "{\"success\":true,\"queued\":true},{\"error\":\"why \\\"1\\\"\"}]}"},
    {"none was taken", "uuu", REPLY_UNAVAILABLE, "why \"0\""},
    {"one was not taken", "du", REPLY_RESULTS,
     "{\"success\":true,\"successful\":1,\"failed\":1,\"total\":2,\"results\":[{\"success\":true},"
     "{\"error\":\"why \\\"1\\\"\"}]}"},
};

static void say(struct parcel *parcel, const char *replies, size_t place)
{
    char why[32];

    (void)snprintf(why, sizeof(why), "why \"%zu\"", place);
    parcel_reply(parcel, place, reply_of(replies[place]), span_of(why));
}

/* The results come in another order: each rotation of the places. */
static void test_row(void **state)
{
    const struct row *row = *state;
    size_t len = strlen(row->replies);

    for (size_t first = 0; first <= len; first++) {
        struct parcel *parcel = parcel_new(&all, &request, len);
        bool refused = row->answer == REPLY_UNAVAILABLE;
        answers = 0;
        for (size_t i = 0; i < len; i++)
            say(parcel, row->replies, refused ? i : (first + i) % len);
        assert_int_equal(answers, 0);
        parcel_release(parcel);
        assert_int_equal(answers, 1);
        assert_int_equal(answer, row->answer);
        assert_same_text(buf_span(&text), span_of(row->text));
        assert_int_equal(all.events + all.text_bytes, 0);
    }
}

static void test_leaves_with_the_last_result(void **state)
{
    (void)state;
    struct parcel *parcel = parcel_new(&all, &request, 2);

    answers = 0;
    parcel_reply(parcel, 1, REPLY_DELIVERED, SPAN_NULL);
    parcel_release(parcel);
    assert_int_equal(answers, 0);
    assert_int_equal(all.events, 2);
    parcel_reply(parcel, 0, REPLY_QUEUED, SPAN_NULL);
    assert_int_equal(answers, 1);
}

static void test_unrouted(void **state)
{
    (void)state;
    struct parcel *parcel = parcel_new(&all, &request, 2);

    parcel->unrouted = true;
    assert_int_equal(buf_append_span(&parcel->model, SPAN("a\"b")), 0);
    parcel_reply(parcel, 0, REPLY_DELIVERED, SPAN("x"));
    parcel_reply(parcel, 1, REPLY_DELIVERED, SPAN("x"));
    parcel_release(parcel);
    assert_int_equal(answer, REPLY_RESULTS);
    assert_same_text(buf_span(&text),
                     SPAN("{\"success\":true,\"successful\":0,\"failed\":2,\"total\":2,"
                          "\"results\":[{\"error\":\"No route for model a\\\"b\"},"
                          "{\"error\":\"No route for model a\\\"b\"}]}"));
}

/* What Convex says at length is bounded over all parcels, cut between characters. */
static void test_long_errors(void **state)
{
    (void)state;
    enum { LEN = 1000, LONG = 20000 };
    static char why[LONG + 1];
    struct parcel *parcels[2] = {parcel_new(&all, &request, LEN), parcel_new(&all, &request, LEN)};

    for (size_t i = 0; i + 2 <= LONG; i += 2)
        memcpy(why + i, "\xc3\xa9", 2);
    why[0] = 'x';
    why[1] = 'y';
    for (size_t i = 0; i < 2 * (size_t)LEN; i++)
        parcel_reply(parcels[i / LEN], i % LEN, REPLY_FAILED, span_of(why));
    assert_true(all.text_bytes > 3 * 1024 * 1024);
    assert_true(all.text_bytes < 5 * 1024 * 1024);
    for (int i = 0; i < 2; i++) {
        parcel_release(parcels[i]);
        assert_int_equal(answer, REPLY_RESULTS);
        assert_int_equal(json_check(buf_span(&text)), JSON_FINE);
    }
    assert_int_equal(all.events + all.text_bytes, 0);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rows) + 3] = {
        cmocka_unit_test(test_leaves_with_the_last_result),
        cmocka_unit_test(test_unrouted),
        cmocka_unit_test(test_long_errors),
    };

    rows_add(tests, 3, rows, test_row);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&text);
    return failed;
}
