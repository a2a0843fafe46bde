/* SPDX-License-Identifier: MIT */
/* The envelope of an event: what is read, and what is refused, in whatever pieces the body
 * arrives. */
#include "base/json.h"
#include "handlers/envelope.h"
#include "tests/unit/lib/rows.h"

struct envelope_row {
    const char *name;
    struct span body;
    struct span read; /* the event, one word a line */
};

#define READ(model, record, hive_id, data, flags)                                                  \
    TEXT("model " model "\nrecord " record "\nhiveId " hive_id "\ndata " data "\nflags" flags "\n")

static struct envelope_row envelope_rows[] = {
    {"all four",
     TEXT("{\"model\":\"users\",\"operation\":\"upsert\",\"data\":{\"a\":1},\"hiveId\":\"u1\"}"),
     READ("users", "u1", "\"u1\"", "{\"a\":1}", "")},
    {"any order", TEXT("{\"hiveId\":\"u1\",\"data\":{},\"operation\":\"x\",\"model\":\"users\"}"),
     READ("users", "u1", "\"u1\"", "{}", "")},
    {"nothing", TEXT("{}"), READ("-", "-", "-", "-", "")},
    {"others", TEXT("{\"models\":\"x\",\"Data\":{},\"\":1,\"hive\":2}"),
     READ("-", "-", "-", "-", "")},
    {"blanks", TEXT(" {\n\"model\" : \"users\" ,\t\"data\" : [ 1 ] , \"hiveId\" : 5 }\r\n"),
     READ("users", "5", "5", "[ 1 ]", "")},
    {"a byte order mark", TEXT("\xEF\xBB\xBF{\"model\":\"users\",\"hiveId\":\"u\"}"),
     READ("users", "u", "\"u\"", "-", "")},
    {"names escaped",
     TEXT("{\"\\u006dodel\":\"users\",\"d\\u0061ta\":{\"a\":1},\"hive\\u0049d\":1,"
          "\"operati\\u006fn\":\"remove\"}"),
     READ("users", "1", "1", "{\"a\":1}", " remove")},
    {"not members of members", TEXT("{\"a\":{\"model\":\"x\",\"data\":1,\"hiveId\":2}}"),
     READ("-", "-", "-", "-", "")},

    {"model: decoded", TEXT("{\"model\":\"us\\u0065rs\"}"), READ("users", "-", "-", "-", "")},
    {"model: beyond ASCII", TEXT("{\"model\":\"é\\u00e9\\ud83d\\ude00\\ud800\"}"),
     READ("éé😀\xED\xA0\x80", "-", "-", "-", "")},
    {"model: with NUL", TEXT("{\"model\":\"users\\u0000x\"}"), READ("users\0x", "-", "-", "-", "")},
    {"model: empty", TEXT("{\"model\":\"\"}"), READ("", "-", "-", "-", "")},
    {"model: a number", TEXT("{\"model\":5}"), READ("-", "-", "-", "-", "")},
    {"model: null", TEXT("{\"model\":null}"), READ("-", "-", "-", "-", "")},
    {"model: an object", TEXT("{\"model\":{\"model\":\"users\"}}"), READ("-", "-", "-", "-", "")},
    {"model: an array", TEXT("{\"model\":[\"users\"]}"), READ("-", "-", "-", "-", "")},
    {"model: repeated", TEXT("{\"model\":\"users\",\"model\":\"posts\"}"),
     READ("posts", "-", "-", "-", "")},
    {"model: repeated, no string last", TEXT("{\"model\":\"users\",\"model\":1}"),
     READ("-", "-", "-", "-", "")},
    {"model: repeated, escaped", TEXT("{\"model\":\"users\",\"mode\\u006c\":\"posts\"}"),
     READ("posts", "-", "-", "-", "")},

    {"operation: remove", TEXT("{\"operation\":\"remove\"}"), READ("-", "-", "-", "-", " remove")},
    {"operation: remove, escaped", TEXT("{\"operation\":\"\\u0072emove\"}"),
     READ("-", "-", "-", "-", " remove")},
    {"operation: Remove", TEXT("{\"operation\":\"Remove\"}"), READ("-", "-", "-", "-", "")},
    {"operation: removed", TEXT("{\"operation\":\"removed\"}"), READ("-", "-", "-", "-", "")},
    {"operation: an array", TEXT("{\"operation\":[\"remove\"]}"), READ("-", "-", "-", "-", "")},
    {"operation: repeated", TEXT("{\"operation\":\"remove\",\"operation\":\"upsert\"}"),
     READ("-", "-", "-", "-", "")},

    {"data: null", TEXT("{\"data\":null}"), READ("-", "-", "-", "null", "")},
    {"data: a string", TEXT("{\"data\":\"a\\u0000\"}"), READ("-", "-", "-", "\"a\\u0000\"", "")},
    {"data: a number as written", TEXT("{\"data\":9007199254740993}"),
     READ("-", "-", "-", "9007199254740993", "")},
    {"data: as written",
     TEXT("{\"data\":{ \"b\" : -0, \"a\":0.30000000000000004,\"s\":\"\\ud800é\\/\"}}"),
     READ("-", "-", "-", "{ \"b\" : -0, \"a\":0.30000000000000004,\"s\":\"\\ud800é\\/\"}", "")},
    {"data: repeated", TEXT("{\"data\":{\"a\":1},\"data\":[2]}"), READ("-", "-", "-", "[2]", "")},
    {"data: a bad key", TEXT("{\"data\":{\"$a\":1}}"), READ("-", "-", "-", "{\"$a\":1}", " bad")},
    {"data: a bad key, deep", TEXT("{\"data\":{\"a\":[{\"\\u0024\":1}]}}"),
     READ("-", "-", "-", "{\"a\":[{\"\\u0024\":1}]}", " bad")},
    {"data: an odd key that is not bad", TEXT("{\"data\":{\"a\":[{\"\\u0061\":1}]}}"),
     READ("-", "-", "-", "{\"a\":[{\"\\u0061\":1}]}", "")},
    {"data: others' bad keys do not count", TEXT("{\"x\":{\"$a\":1},\"data\":{},\"y\":{\"é\":1}}"),
     READ("-", "-", "-", "{}", "")},
    {"data: repeated, a bad key in the last", TEXT("{\"data\":{},\"data\":{\"$a\":1}}"),
     READ("-", "-", "-", "{\"$a\":1}", " bad")},
    {"data: repeated, none in the last", TEXT("{\"data\":{\"$a\":1},\"data\":{}}"),
     READ("-", "-", "-", "{}", "")},

    {"record: a number", TEXT("{\"hiveId\":1.50}"), READ("-", "1.5", "1.50", "-", "")},
    {"record: a number, with an exponent", TEXT("{\"hiveId\":15e-1}"),
     READ("-", "1.5", "15e-1", "-", "")},
    {"record: zero", TEXT("{\"hiveId\":-0.0}"), READ("-", "0", "-0.0", "-", "")},
    {"record: a string of digits", TEXT("{\"hiveId\":\"5\"}"), READ("-", "5", "\"5\"", "-", "")},
    {"record: decoded", TEXT("{\"hiveId\":\"\\u0075\\u00e9\"}"),
     READ("-", "ué", "\"\\u0075\\u00e9\"", "-", "")},
    {"record: empty", TEXT("{\"hiveId\":\"\"}"), READ("-", "-", "-", "-", "")},
    {"record: a blank is not empty", TEXT("{\"hiveId\":\" \"}"), READ("-", " ", "\" \"", "-", "")},
    {"record: zero is not empty", TEXT("{\"hiveId\":0}"), READ("-", "0", "0", "-", "")},
    {"record: repeated, empty last", TEXT("{\"hiveId\":\"a\",\"hiveId\":\"\"}"),
     READ("-", "-", "-", "-", "")},
    {"record: bladeId where hiveId is empty", TEXT("{\"hiveId\":\"\",\"data\":{\"bladeId\":1}}"),
     READ("-", "1", "-", "{\"bladeId\":1}", "")},
    {"record: both are empty", TEXT("{\"hiveId\":\"\",\"data\":{\"bladeId\":\"\"}}"),
     READ("-", "-", "-", "{\"bladeId\":\"\"}", "")},
    {"record: data's bladeId is empty", TEXT("{\"data\":{\"bladeId\":\"\"}}"),
     READ("-", "-", "-", "{\"bladeId\":\"\"}", "")},
    {"record: hiveId where bladeId is empty",
     TEXT("{\"hiveId\":\"a\",\"data\":{\"bladeId\":\"\"}}"),
     READ("-", "a", "\"a\"", "{\"bladeId\":\"\"}", "")},
    {"record: an object", TEXT("{\"hiveId\":{\"a\":1}}"),
     READ("-", "{\"a\":1}", "{\"a\":1}", "-", "")},
    {"record: null", TEXT("{\"hiveId\":null}"), READ("-", "-", "-", "-", "")},
    {"record: the string null", TEXT("{\"hiveId\":\"null\"}"),
     READ("-", "null", "\"null\"", "-", "")},
    {"record: repeated", TEXT("{\"hiveId\":\"a\",\"hiveId\":\"b\"}"),
     READ("-", "b", "\"b\"", "-", "")},
    {"record: repeated, null last", TEXT("{\"hiveId\":\"a\",\"hiveId\":null}"),
     READ("-", "-", "-", "-", "")},
    {"record: data's bladeId", TEXT("{\"model\":\"m\",\"data\":{\"bladeId\":\"b1\"}}"),
     READ("m", "b1", "-", "{\"bladeId\":\"b1\"}", "")},
    {"record: data's bladeId, a number", TEXT("{\"data\":{\"x\":1,\"bladeId\":7}}"),
     READ("-", "7", "-", "{\"x\":1,\"bladeId\":7}", "")},
    {"record: data's last bladeId", TEXT("{\"data\":{\"bladeId\":1,\"bladeId\":2}}"),
     READ("-", "2", "-", "{\"bladeId\":1,\"bladeId\":2}", "")},
    {"record: data's bladeId is null", TEXT("{\"data\":{\"bladeId\":null}}"),
     READ("-", "-", "-", "{\"bladeId\":null}", "")},
    {"record: not a deeper bladeId", TEXT("{\"data\":{\"a\":{\"bladeId\":1}}}"),
     READ("-", "-", "-", "{\"a\":{\"bladeId\":1}}", "")},
    {"record: data's bladeId among blanks",
     TEXT("{\"data\" : { \"bladeId\" : [ 1 ] , \"a\" : 2 } }"),
     READ("-", "[ 1 ]", "-", "{ \"bladeId\" : [ 1 ] , \"a\" : 2 }", "")},
    {"record: data's bladeId, its name escaped", TEXT("{\"data\":{\"\\u0062ladeI\\u0064\":3}}"),
     READ("-", "3", "-", "{\"\\u0062ladeI\\u0064\":3}", "")},
    {"record: not a bladeId outside of data",
     TEXT("{\"bladeId\":1,\"a\":{\"bladeId\":2},\"data\":{},\"b\":{\"bladeId\":3}}"),
     READ("-", "-", "-", "{}", "")},
    {"record: the last data's bladeId", TEXT("{\"data\":{\"bladeId\":1},\"data\":{\"bladeId\":2}}"),
     READ("-", "2", "-", "{\"bladeId\":2}", "")},
    {"record: not that of data which counts no more",
     TEXT("{\"data\":{\"bladeId\":1},\"data\":{}}"), READ("-", "-", "-", "{}", "")},
    {"record: hiveId before bladeId", TEXT("{\"data\":{\"bladeId\":1},\"hiveId\":2}"),
     READ("-", "2", "2", "{\"bladeId\":1}", "")},
    {"record: bladeId where hiveId is null", TEXT("{\"hiveId\":null,\"data\":{\"bladeId\":1}}"),
     READ("-", "1", "-", "{\"bladeId\":1}", "")},
    {"record: data is no object", TEXT("{\"data\":[\"bladeId\",1]}"),
     READ("-", "-", "-", "[\"bladeId\",1]", "")},
};

static void say(struct buf *out, const char *what, struct span value)
{
    assert_int_equal(buf_printf(out, "%s ", what), 0);
    assert_int_equal(buf_append_span(out, value.at ? value : SPAN("-")), 0);
    assert_int_equal(buf_append_char(out, '\n'), 0);
}

/* All that the event says, and that what should be a slice of the body is one. */
static struct buf tell(const struct event *event)
{
    struct buf out = BUF_NULL;

    for (int i = 0; i < 2; i++) {
        struct span slice = i ? event->data : event->hive_id;
        assert_true(!slice.at || (slice.at >= event->body.at &&
                                  slice.at + slice.len <= event->body.at + event->body.len));
    }
    struct span blade_id = json_find(event->data, SPAN("bladeId"));
    if (blade_id.at && span_eq(blade_id, SPAN("\"\"")))
        blade_id = SPAN_NULL;
    assert_ptr_equal(event->blade_id.at, blade_id.at);
    assert_int_equal(event->blade_id.len, blade_id.len);
    say(&out, "model", event->model);
    say(&out, "record", event->record);
    say(&out, "hiveId", event->hive_id);
    say(&out, "data", event->data);
    assert_int_equal(buf_printf(&out, "flags%s%s\n", event->remove ? " remove" : "",
                                event->bad_key.at ? " bad" : ""),
                     0);
    return out;
}

/* Feeds the body in two parts, the second at another place; what envelope_end() said. */
static int read_split(struct span body, size_t split, struct buf *left, struct event *event,
                      struct buf *why)
{
    struct envelope envelope;
    struct buf first = BUF_NULL;

    envelope_init(&envelope);
    assert_int_equal(buf_append(&first, body.at, split), 0);
    envelope_feed(&envelope, buf_span(&first));
    assert_int_equal(buf_append_span(left, body), 0);
    buf_done(&first);
    envelope_feed(&envelope, buf_span(left));
    return envelope_end(&envelope, left, event, why);
}

static void test_read(void **state)
{
    const struct envelope_row *row = *state;

    for (size_t split = 0; split <= row->body.len; split++) {
        struct buf body = BUF_NULL;
        cleanup(buf_done) struct buf why = BUF_NULL;
        cleanup(event_done) struct event event = {0};

        assert_int_equal(read_split(row->body, split, &body, &event, &why), 0);
        assert_null(body.at); /* the event's now */
        assert_same_text(buf_span(&event.body), row->body);
        assert_int_equal(why.len, 0);
        cleanup(buf_done) struct buf told = tell(&event);
        assert_same_text(buf_span(&told), row->read);
    }
}

/* ---- refused ---- */

struct refused_row {
    const char *name;
    struct span body;
    const char *why;
};

static struct refused_row refused_rows[] = {
    {"refused: nothing", TEXT(""), "The body is empty: a JSON object is expected"},
    {"refused: a blank", TEXT(" "), "The body is not JSON: it ends too early, after 1 bytes"},
    {"refused: cut", TEXT("{\"model\":\"users\""),
     "The body is not JSON: it ends too early, after 16 bytes"},
    {"refused: a form", TEXT("model=users"), "The body is not JSON: unexpected m at byte 0"},
    {"refused: an apostrophe", TEXT("{'a':1}"), "The body is not JSON: unexpected ' at byte 1"},
    {"refused: a quote", TEXT("{\"a\"\"b\"}"), "The body is not JSON: unexpected \" at byte 4"},
    {"refused: a per cent sign", TEXT("{%s}"), "The body is not JSON: unexpected % at byte 1"},
    {"refused: a comma", TEXT("{\"a\":1,}"), "The body is not JSON: unexpected } at byte 7"},
    {"refused: text behind", TEXT("{} x"), "The body is not JSON: unexpected x at byte 3"},
    {"refused: a newline", TEXT("{\"a\":\"\n\"}"),
     "The body is not JSON: unexpected byte 0x0a at byte 6"},
    {"refused: NUL", TEXT("{}\0"), "The body is not JSON: unexpected byte 0x00 at byte 2"},
    {"refused: beyond ASCII", TEXT("\xFF\xFE{"),
     "The body is not JSON: unexpected byte 0xff at byte 0"},
    {"refused: UTF-8", TEXT("{\"a\":\"\xE9\"}"), "The body is not valid UTF-8 at byte 7"},
    {"refused: too large", TEXT("{\"data\":{\"a\":1e400}}"),
     "The number that ends at byte 18 is too large for a double"},
    {"refused: too deep", TEXT(X1024("[[[[") "["),
     "The body is nested deeper than 4096 levels at byte 4096"},
    {"refused: an array", TEXT("[]"), "The body must be a JSON object"},
    {"refused: an array of one", TEXT("[{\"model\":\"users\"}]"), "The body must be a JSON object"},
    {"refused: a string", TEXT("\"x\""), "The body must be a JSON object"},
    {"refused: a number", TEXT("5"), "The body must be a JSON object"},
    {"refused: a literal", TEXT("true"), "The body must be a JSON object"},
    {"refused: null", TEXT("null"), "The body must be a JSON object"},
    {"refused: a number alone, too large", TEXT("1e999"),
     "The number that ends at byte 5 is too large for a double"},
};

static void test_refused(void **state)
{
    const struct refused_row *row = *state;

    for (size_t split = 0; split <= row->body.len; split++) {
        cleanup(buf_done) struct buf body = BUF_NULL;
        cleanup(buf_done) struct buf why = BUF_NULL;
        struct event event = {0};

        assert_int_equal(read_split(row->body, split, &body, &event, &why), ENVELOPE_REFUSED);
        assert_same_text(buf_span(&why), span_of(row->why));
        assert_int_equal(body.len, row->body.len); /* still the caller's */
        assert_null(event.body.at);
    }
}

/* An envelope that is used again has forgotten the first. */
static void test_begins_anew(void **state)
{
    (void)state;
    struct envelope envelope;
    cleanup(event_done) struct event event = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct buf body = BUF_NULL;

    envelope_init(&envelope);
    envelope_feed(&envelope, SPAN("{\"model\":\"users\",\"data\":{\"$a\":1},\"hiveId\":1,x"));
    envelope_init(&envelope);
    assert_int_equal(buf_append_span(&body, SPAN("{}")), 0);
    envelope_feed(&envelope, buf_span(&body));
    assert_int_equal(envelope_end(&envelope, &body, &event, &why), 0);
    cleanup(buf_done) struct buf told = tell(&event);
    assert_same_text(buf_span(&told), SPAN("model -\nrecord -\nhiveId -\ndata -\nflags\n"));
}

/* ---- long names ---- */

/* The record of {"hiveId":"<len times c><end>"}. */
static void read_long(const char *c, int len, const char *end, struct event *event)
{
    cleanup(buf_done) struct buf body = BUF_NULL, why = BUF_NULL;
    struct envelope envelope;

    assert_int_equal(buf_append_span(&body, SPAN("{\"hiveId\":\"")), 0);
    for (int i = 0; i < len; i++)
        assert_int_equal(buf_append_span(&body, span_of(c)), 0);
    assert_int_equal(buf_printf(&body, "%s\"}", end), 0);
    envelope_init(&envelope);
    envelope_feed(&envelope, buf_span(&body));
    assert_int_equal(envelope_end(&envelope, &body, event, &why), 0);
}

/* Records whose names differ only far behind stay two, the same one stays one, all are short. */
static void long_names_are_cut_and_told_apart(void **state)
{
    static const char *const characters[] = {"x", "\\u0061", "\\n", "\xC3\xA9"};

    (void)state;
    for (size_t i = 0; i < array_len(characters); i++) {
        cleanup(event_done) struct event one = {0}, same = {0}, other = {0};
        cleanup(buf_done) struct buf clean = BUF_NULL;
        read_long(characters[i], 100 * 1024, "1", &one);
        read_long(characters[i], 100 * 1024, "1", &same);
        read_long(characters[i], 100 * 1024, "2", &other);
        assert_true(one.record.len < ENVELOPE_NAME_MAX + 32);
        assert_true(span_eq(one.record, same.record));
        assert_false(span_eq(one.record, other.record));
        assert_int_equal(json_clean_utf8(one.record, &clean), 0);
        assert_true(span_eq(buf_span(&clean), one.record));
    }
}

int main(void)
{
    static struct CMUnitTest tests[array_len(envelope_rows) + array_len(refused_rows) + 2];
    size_t len = rows_add(tests, 0, envelope_rows, test_read);

    len = rows_add(tests, len, refused_rows, test_refused);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_begins_anew);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(long_names_are_cut_and_told_apart);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
