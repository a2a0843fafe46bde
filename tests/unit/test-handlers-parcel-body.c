/* SPDX-License-Identifier: MIT */
/* The form of a parcel's body, and the events that its records become. */
#include "handlers/parcel_body.h"

#include "base/json.h"
#include "handlers/parcel.h"
#include "handlers/request.h"
#include "handlers/routes.h"
#include "handlers/unpacking.h"
#include "tests/unit/lib/rows.h"

/* Feeds the body in two parts, the second at another place. */
static int read_body(struct parcel_body *found, struct span text, size_t first, struct buf *body,
                     struct buf *why)
{
    cleanup(buf_done) struct buf part = BUF_NULL;

    if (first > text.len)
        first = text.len;
    assert_int_equal(buf_append(&part, text.at, first), 0);
    parcel_body_feed(found, buf_span(&part));
    assert_int_equal(buf_append_span(body, text), 0);
    parcel_body_feed(found, buf_span(body));
    return parcel_body_end(found, buf_span(body), why);
}

/* ---- refused ---- */

struct bad_row {
    const char *name;
    struct span body;
    struct span why;
};

#define HEAD "{\"model\":\"users\",\"records\":["

static struct bad_row bad_rows[] = {
    {"empty", TEXT(""), TEXT("The body is empty: a JSON object is expected")},
    {"array", TEXT("[{}]"), TEXT("The body must be a JSON object")},
    {"string", TEXT("\"records\""), TEXT("The body must be a JSON object")},
    {"no records", TEXT("{\"model\":\"users\"}"),
     TEXT("records is missing: an array of objects is expected")},
    {"records within data", TEXT("{\"data\":{\"records\":[{}]}}"),
     TEXT("records is missing: an array of objects is expected")},
    {"records null", TEXT("{\"records\":null}"), TEXT("records must be an array of objects")},
    {"records object", TEXT("{\"records\":{\"0\":{}}}"),
     TEXT("records must be an array of objects")},
    {"the last records count", TEXT("{\"records\":[{}],\"records\":5}"),
     TEXT("records must be an array of objects")},
    {"first is null", TEXT(HEAD "null]}"), TEXT("records[0]: a JSON object is expected")},
    {"second is an array", TEXT(HEAD "{},[]]}"), TEXT("records[1]: a JSON object is expected")},
    {"third is text", TEXT(HEAD "{},{}, \"{}\" ]}"), TEXT("records[2]: a JSON object is expected")},
    {"cut within a record", TEXT(HEAD "{},{\"data\":"),
     TEXT("records[1]: The body is not JSON: it ends too early, after 39 bytes")},
    {"cut behind records", TEXT(HEAD "{}]"),
     TEXT("The body is not JSON: it ends too early, after 31 bytes")},
    {"no JSON in a record", TEXT(HEAD "{},{},{\"data\":{a:1}}]}"),
     TEXT("records[2]: The body is not JSON: unexpected a at byte 43")},
    {"no comma between", TEXT(HEAD "{} {}]}"),
     TEXT("records[1]: The body is not JSON: unexpected { at byte 31")},
    {"no JSON before records", TEXT("{\"model\":users}"),
     TEXT("The body is not JSON: unexpected u at byte 9")},
    {"no JSON in another array", TEXT("{\"others\":[{},x]}"),
     TEXT("The body is not JSON: unexpected x at byte 14")},
    {"number too large", TEXT(HEAD "{\"data\":{\"n\":1e999}}]}"),
     TEXT("records[0]: The number that ends at byte 46 is too large for a double")},
    {"no UTF-8", TEXT(HEAD "{},{\"data\":{\"n\":\"\xff\"}}]}"),
     TEXT("records[1]: The body is not valid UTF-8 at byte 45")},
    {"one too many", TEXT(HEAD X1000(X10("{},")) "{}]}"),
     TEXT("There are 10001 records: 10000 are taken at most")},
    {"too many, and bad", TEXT(HEAD X1000(X10("5,")) "{}]}"),
     TEXT("There are 10001 records: 10000 are taken at most")},
    {"model too long for so many",
     TEXT("{\"model\":\"" X1024("x") "\",\"records\":[" X1000(X8("{},")) "{}]}"),
     TEXT("model and operation are too long for 8001 records")},
};

static void test_bad(void **state)
{
    const struct bad_row *row = *state;

    for (size_t first = 0; first < 64; first++) {
        cleanup(parcel_body_freep) struct parcel_body *found = parcel_body_new();
        cleanup(buf_done) struct buf body = BUF_NULL;
        cleanup(buf_done) struct buf why = BUF_NULL;
        bool many = strstr(row->name, "many") != NULL;
        assert_int_equal(read_body(found, row->body, first, &body, &why),
                         many ? PARCEL_BODY_TOO_MANY : PARCEL_BODY_REFUSED);
        assert_same_text(buf_span(&why), row->why);
        if (row->body.len > 1000)
            break;
    }
}

/* ---- taken ---- */

struct good_row {
    const char *name;
    struct span body;
    const char *events; /* their bodies, one a line */
};

static struct good_row good_rows[] = {
    {"all members",
     TEXT("{\"model\":\"users\",\"operation\":\"set\",\"records\":[{\"data\":{\"a\":1},\"hiveId\":"
          "\"h\",\"operation\":\"add\"}]}"),
     "{\"model\":\"users\",\"operation\":\"add\",\"data\":{\"a\":1},\"hiveId\":\"h\"}\n"},
    {"another order, with blanks",
     TEXT(" {\"records\" : [ {\"hiveId\" : 5 ,\"data\": { \"a\" : 1.50 } } , { } ]\n,\"model\" : "
          "\"use\\u0072s\" }"),
     "{\"model\":\"use\\u0072s\",\"data\":{ \"a\" : 1.50 },\"hiveId\":5}\n"
     "{\"model\":\"use\\u0072s\"}\n"},
    {"operation of the parcel",
     TEXT("{\"operation\":\"remove\",\"records\":[{},{\"operation\":"
          "null},{\"operation\":\"set\"}]}"),
     "{\"operation\":\"remove\"}\n{\"operation\":\"remove\"}\n{\"operation\":\"set\"}\n"},
    {"nothing but records", TEXT("{\"records\":[{}]}"), "{}\n"},
    {"a model in a record does not count", TEXT(HEAD "{\"model\":\"posts\",\"data\":null}]}"),
     "{\"model\":\"users\",\"data\":null}\n"},
    {"members that are repeated",
     TEXT("{\"model\":1,\"records\":[5],\"model\":\"a\",\"records\":[{\"data\":1,\"data\":2}],"
          "\"others\":[[],7]}"),
     "{\"model\":\"a\",\"data\":2}\n"},
    {"odd values stay as they came",
     TEXT(HEAD "{\"data\":{\"n\":9007199254740993,\"s\":\"\\ud800\\u0000\xf0\x9f\x98\x80\"}}]}"),
     "{\"model\":\"users\",\"data\":{\"n\":9007199254740993,\"s\":\"\\ud800\\u0000"
     "\xf0\x9f\x98\x80\"}}\n"},
    {"none", TEXT("{\"records\":[]}"), ""},
    {"byte order mark", TEXT("\xef\xbb\xbf{\"records\":[{}]}"), "{}\n"},
};

static bool same_place(struct span a, struct event *of_a, struct span b, struct event *of_b)
{
    if (!a.at || !b.at)
        return !a.at && !b.at;
    return a.len == b.len && a.at - of_a->body.at == b.at - of_b->body.at;
}

/* The event is the same as if its body had come alone. */
static void assert_as_alone(struct event *event)
{
    struct envelope envelope;
    cleanup(event_done) struct event alone = {0};
    cleanup(buf_done) struct buf body = BUF_NULL;
    cleanup(buf_done) struct buf why = BUF_NULL;

    assert_int_equal(buf_append_span(&body, buf_span(&event->body)), 0);
    envelope_init(&envelope);
    envelope_feed(&envelope, buf_span(&body));
    assert_int_equal(envelope_end(&envelope, &body, &alone, &why), 0);
    assert_true(same_place(event->data, event, alone.data, &alone));
    assert_true(same_place(event->hive_id, event, alone.hive_id, &alone));
    assert_true(same_place(event->blade_id, event, alone.blade_id, &alone));
    assert_true(same_place(event->bad_key, event, alone.bad_key, &alone));
    assert_true(same_place(event->hive_id_bad_key, event, alone.hive_id_bad_key, &alone));
    assert_true(span_same(event->model, alone.model));
    assert_true(span_same(event->record, alone.record));
    assert_int_equal(event->remove, alone.remove);
    assert_int_equal(event->null_members, alone.null_members);
}

static struct routes *some_routes(void)
{
    static struct routes *routes;
    cleanup(buf_done) struct buf why = BUF_NULL;

    if (!routes)
        assert_int_equal(routes_load(NULL, &routes, &why), 0);
    return routes;
}

static void ignore_reply(struct request *request, enum reply reply, struct span message)
{
    (void)request, (void)reply, (void)message;
}

/* Unpacks with steps of so many bytes, and writes the events' bodies to *bodies. */
static void unpack(struct span text, size_t step, struct buf *bodies)
{
    struct parcel_body *found = parcel_body_new();
    struct request request = {.reply = ignore_reply};
    struct parcels parcels = {0};
    cleanup(buf_done) struct buf body = BUF_NULL;
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r;

    assert_int_equal(read_body(found, text, 7, &body, &why), 0);
    struct unpacking *unpacking = unpacking_new(&request, &body, found);
    assert_int_equal(unpacking_begin(unpacking, &parcels, some_routes()), 0);
    assert_int_equal(parcels.events, found->len);
    do {
        size_t budget = step;
        r = unpacking_step(unpacking, &budget);
        assert_true(budget <= step);
    } while (r == UNPACKING_GOES_ON);
    assert_int_equal(r, 0);
    struct parcel *parcel = unpacking->parcel;
    for (size_t i = 0; i < parcel->len; i++) {
        struct event *event = &parcel->items[i].event;
        assert_as_alone(event);
        assert_int_equal(buf_append_span(bodies, buf_span(&event->body)), 0);
        assert_int_equal(buf_append_char(bodies, '\n'), 0);
    }
    unpacking_free(unpacking);
    parcel_refuse(parcel, SPAN("x"));
    parcel_release(parcel);
    assert_int_equal(parcels.events, 0);
}

static void test_good(void **state)
{
    const struct good_row *row = *state;
    static const size_t steps[] = {1, 2, 3, 10, 100, 1000000};

    for (size_t i = 0; i < array_len(steps); i++) {
        cleanup(buf_done) struct buf bodies = BUF_NULL;
        unpack(row->body, steps[i], &bodies);
        assert_same_text(buf_span(&bodies), span_of(row->events));
    }
}

/* ---- odd ones ---- */

static struct good_row odd_rows[] = {
    {"odd: keys that no mutation takes",
     TEXT(HEAD "{\"hiveId\":{\"$y\":1},\"data\":{\"a\":{\"$x\":1},"
               "\"bladeId\":\"b\",\"__proto__\":1}}]}"),
     NULL},
    {"odd: keys of a member that is repeated",
     TEXT(HEAD "{\"data\":{\"$x\":1,\"bladeId\":1},\"data\":{\"bladeId\":\"\"}}]}"), NULL},
    {"odd: nulls", TEXT(HEAD "{\"data\":{\"a\":null},\"hiveId\":null}]}"), NULL},
    {"odd: ids",
     TEXT(HEAD "{\"hiveId\":\"\",\"data\":{\"bladeId\":7}},{\"data\":{\"bladeId\":null}"
               "}]}"),
     NULL},
};

static void test_odd(void **state)
{
    const struct good_row *row = *state;
    cleanup(buf_done) struct buf bodies = BUF_NULL;

    unpack(row->body, 5, &bodies);
}

int main(void)
{
    static struct CMUnitTest
        tests[array_len(bad_rows) + array_len(good_rows) + array_len(odd_rows)];
    size_t len = rows_add(tests, 0, bad_rows, test_bad);

    len = rows_add(tests, len, good_rows, test_good);
    rows_add(tests, len, odd_rows, test_odd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    routes_unref(some_routes());
    return failed;
}
