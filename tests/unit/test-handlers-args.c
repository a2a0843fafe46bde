/* SPDX-License-Identifier: MIT */
/*
 * What a mutation can take. The messages were given by convex 1.48 under Node 20:
 * convexToJson(parseArgs(data)), with data from JSON.parse.
 */
#include "handlers/args.h"

#include "base/event.h"
#include "handlers/envelope.h"
#include "handlers/routes.h"
#include "tests/unit/lib/rows.h"

struct args_row {
    const char *name;
    struct span data;
    struct span message; /* none: taken */
};

/* clang-format off */
static struct args_row args_rows[] = {
    {"taken: empty object", TEXT("{}"), {NULL, 0}},
    {"taken: plain fields", TEXT("{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":[1,{\"e\":true}]}"),
     {NULL, 0}},
    {"taken: empty name", TEXT("{\"\":1}"), {NULL, 0}},
    {"taken: leading underscore", TEXT("{\"_id\":1}"), {NULL, 0}},
    {"taken: space in a name", TEXT("{\"a b\":1}"), {NULL, 0}},
    {"taken: name of a space", TEXT("{\" \":1}"), {NULL, 0}},
    {"taken: tilde", TEXT("{\"~\":1}"), {NULL, 0}},
    {"taken: dollar inside", TEXT("{\"a$b\":1}"), {NULL, 0}},
    {"taken: constructor", TEXT("{\"constructor\":1,\"toString\":2,\"valueOf\":3}"), {NULL, 0}},
    {"taken: toString nested", TEXT("{\"a\":{\"toString\":1}}"), {NULL, 0}},
    {"taken: escaped ASCII", TEXT("{\"\\u0061\":1}"), {NULL, 0}},
    {"taken: escaped quote, backslash, slash", TEXT("{\"\\\"\\\\\\/\":1}"), {NULL, 0}},
    {"taken: odd value only", TEXT("{\"a\":\"\\u0000é$\"}"), {NULL, 0}},
    {"taken: null member", TEXT("{\"a\":null}"), {NULL, 0}},
    {"taken: numbers", TEXT("{\"a\":-0,\"b\":1e-400,\"c\":9007199254740993}"), {NULL, 0}},
    {"taken: a name of 1024", TEXT("{\"" X1024("k") "\":1}"), {NULL, 0}},
    {"taken: an escaped name of 1024", TEXT("{\"" X1024("\\u006b") "\":1}"), {NULL, 0}},
    {"taken: last of a repeated name is fine", TEXT("{\"a\":{\"$b\":1},\"a\":1}"), {NULL, 0}},
    {"taken: last of a repeated name is fine, escaped", TEXT("{\"a\":{\"$b\":1},\"\\u0061\":{}}"),
     {NULL, 0}},
    {"taken: dollar in a value", TEXT("{\"a\":\"$b\"}"), {NULL, 0}},
    {"taken: array of arrays", TEXT("{\"a\":[[],[[]]]}"), {NULL, 0}},
    {"taken: __proto_", TEXT("{\"__proto_\":1}"), {NULL, 0}},
    {"refused: null", TEXT("null"), TEXT("Cannot convert undefined or null to object")},
    {"refused: true", TEXT("true"), TEXT("The arguments to a Convex function must be an object. Received: true")},
    {"refused: false", TEXT("false"), TEXT("The arguments to a Convex function must be an object. Received: false")},
    {"refused: zero", TEXT("0"), TEXT("The arguments to a Convex function must be an object. Received: 0")},
    {"refused: minus zero", TEXT("-0"), TEXT("The arguments to a Convex function must be an object. Received: 0")},
    {"refused: five", TEXT("5"), TEXT("The arguments to a Convex function must be an object. Received: 5")},
    {"refused: a fraction", TEXT("-12.50"), TEXT("The arguments to a Convex function must be an object. Received: -12.5")},
    {"refused: a large number", TEXT("1e21"), TEXT("The arguments to a Convex function must be an object. Received: 1e+21")},
    {"refused: a small number", TEXT("1e-7"), TEXT("The arguments to a Convex function must be an object. Received: 1e-7")},
    {"refused: largest", TEXT("1.7976931348623157e308"), TEXT("The arguments to a Convex function must be an object. Received: 1.7976931348623157e+308")},
    {"refused: nine quadrillion", TEXT("9007199254740993"), TEXT("The arguments to a Convex function must be an object. Received: 9007199254740992")},
    {"refused: string", TEXT("\"abc\""), TEXT("The arguments to a Convex function must be an object. Received: abc")},
    {"refused: empty string", TEXT("\"\""), TEXT("The arguments to a Convex function must be an object. Received: ")},
    {"refused: string with escapes", TEXT("\"a\\u0000\\n\\\"b\""), TEXT("The arguments to a Convex function must be an object. Received: a\000\n\"b")},
    {"refused: string beyond ASCII", TEXT("\"é\\ud83d\\ude00\""), TEXT("The arguments to a Convex function must be an object. Received: é😀")},
    {"refused: lone surrogate", TEXT("\"\\ud800\""), TEXT("The arguments to a Convex function must be an object. Received: \xED\xA0\x80")},
    {"refused: empty array", TEXT("[]"), TEXT("The arguments to a Convex function must be an object. Received: ")},
    {"refused: array", TEXT("[1,2]"), TEXT("The arguments to a Convex function must be an object. Received: 1,2")},
    {"refused: array with blanks", TEXT("[ 1 ,\n2 ]"), TEXT("The arguments to a Convex function must be an object. Received: 1,2")},
    {"refused: array of null", TEXT("[null]"), TEXT("The arguments to a Convex function must be an object. Received: ")},
    {"refused: nested array", TEXT("[1,[2,[3,null,4]],\"x\"]"), TEXT("The arguments to a Convex function must be an object. Received: 1,2,3,,4,x")},
    {"refused: array of objects", TEXT("[{},{\"a\":1}]"), TEXT("The arguments to a Convex function must be an object. Received: [object Object],[object Object]")},
    {"refused: array of odd objects", TEXT("[{\"$a\":1}]"), TEXT("The arguments to a Convex function must be an object. Received: [object Object]")},
    {"refused: array of numbers", TEXT("[-0,1.0,1e21,0.1]"), TEXT("The arguments to a Convex function must be an object. Received: 0,1,1e+21,0.1")},
    {"refused: array of booleans", TEXT("[true,false]"), TEXT("The arguments to a Convex function must be an object. Received: true,false")},
    {"refused: toString in a string", TEXT("[\"toString\"]"), TEXT("The arguments to a Convex function must be an object. Received: toString")},
    {"refused: dollar", TEXT("{\"$x\":1}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: dollar alone", TEXT("{\"$\":1}"), TEXT("Field name $ starts with a '$', which is reserved.")},
    {"refused: escaped dollar", TEXT("{\"\\u0024x\":1}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: $integer", TEXT("{\"a\":{\"$integer\":\"AQAAAAAAAAA=\"}}"), TEXT("Field name $integer starts with a '$', which is reserved.")},
    {"refused: $bytes", TEXT("{\"a\":[{\"$bytes\":\"AQ==\"}]}"), TEXT("Field name $bytes starts with a '$', which is reserved.")},
    {"refused: dollar in array", TEXT("{\"a\":[1,[{\"$x\":1}]]}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: dollar in null member", TEXT("{\"$x\":null}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: beyond ASCII", TEXT("{\"é\":1}"), TEXT("Field name é has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: beyond ASCII, escaped", TEXT("{\"\\u00e9\":1}"), TEXT("Field name é has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: beyond ASCII, behind", TEXT("{\"abcé\":1}"), TEXT("Field name abcé has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: two beyond ASCII", TEXT("{\"aéü\":1}"), TEXT("Field name aéü has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: three bytes", TEXT("{\"日本\":1}"), TEXT("Field name 日本 has invalid character '日': Field names can only contain non-control ASCII characters")},
    {"refused: lone high", TEXT("{\"\\ud800\":1}"), TEXT("Field name \xED\xA0\x80 has invalid character '\xED\xA0\x80': Field names can only contain non-control ASCII characters")},
    {"refused: lone low", TEXT("{\"x\\udfffy\":1}"), TEXT("Field name x\xED\xBF\xBFy has invalid character '\xED\xBF\xBF': Field names can only contain non-control ASCII characters")},
    {"refused: two lows", TEXT("{\"\\udc00\\udc01\":1}"), TEXT("Field name \xED\xB0\x80\xED\xB0\x81 has invalid character '\xED\xB0\x80': Field names can only contain non-control ASCII characters")},
    {"refused: NUL", TEXT("{\"\\u0000\":1}"), TEXT("Field name \000 has invalid character '\000': Field names can only contain non-control ASCII characters")},
    {"refused: NUL inside", TEXT("{\"a\\u0000b\":1}"), TEXT("Field name a\000b has invalid character '\000': Field names can only contain non-control ASCII characters")},
    {"refused: NUL, then é", TEXT("{\"\\u0000é\":1}"), TEXT("Field name \000é has invalid character '\000': Field names can only contain non-control ASCII characters")},
    {"refused: newline", TEXT("{\"a\\nb\":1}"), TEXT("Field name a\nb has invalid character '\n': Field names can only contain non-control ASCII characters")},
    {"refused: tab", TEXT("{\"\\t\":1}"), TEXT("Field name \t has invalid character '\t': Field names can only contain non-control ASCII characters")},
    {"refused: escape character", TEXT("{\"\\u001b\":1}"), TEXT("Field name \033 has invalid character '\033': Field names can only contain non-control ASCII characters")},
    {"refused: unit separator", TEXT("{\"\\u001f\":1}"), TEXT("Field name \037 has invalid character '\037': Field names can only contain non-control ASCII characters")},
    {"refused: DEL", TEXT("{\"a\177\":1}"), TEXT("Field name a\177 has invalid character '\177': Field names can only contain non-control ASCII characters")},
    {"refused: DEL escaped", TEXT("{\"\\u007f\":1}"), TEXT("Field name \177 has invalid character '\177': Field names can only contain non-control ASCII characters")},
    {"refused: U+0080", TEXT("{\"\\u0080\":1}"), TEXT("Field name \302\200 has invalid character '\302\200': Field names can only contain non-control ASCII characters")},
    {"refused: U+00A0", TEXT("{\"a\\u00a0\":1}"), TEXT("Field name a  has invalid character ' ': Field names can only contain non-control ASCII characters")},
    {"refused: U+07FF", TEXT("{\"\\u07ff\":1}"), TEXT("Field name ߿ has invalid character '߿': Field names can only contain non-control ASCII characters")},
    {"refused: U+0800", TEXT("{\"\\u0800\":1}"), TEXT("Field name ࠀ has invalid character 'ࠀ': Field names can only contain non-control ASCII characters")},
    {"refused: U+FFFF", TEXT("{\"\\uffff\":1}"), TEXT("Field name ￿ has invalid character '￿': Field names can only contain non-control ASCII characters")},
    {"refused: BOM", TEXT("{\"\\ufeff\":1}"), TEXT("Field name \357\273\277 has invalid character '\357\273\277': Field names can only contain non-control ASCII characters")},
    {"refused: dollar, then é", TEXT("{\"$é\":1}"), TEXT("Field name $é starts with a '$', which is reserved.")},
    {"refused: nested é", TEXT("{\"a\":{\"b\":{\"é\":1}}}"), TEXT("Field name é has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: é in array", TEXT("{\"a\":[{\"é\":1}]}"), TEXT("Field name é has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: a name of 1025", TEXT("{\"" X1024("k") "k\":1}"), TEXT("Field name " X1024("k") "k exceeds maximum field name length 1024.")},
    {"refused: a long name with a dollar", TEXT("{\"$" X1024("k") "\":1}"), TEXT("Field name $" X1024("k") " exceeds maximum field name length 1024.")},
    {"refused: 1024 units of é", TEXT("{\"" X1024("é") "\":1}"), TEXT("Field name " X1024("é") " has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: 1025 units of é", TEXT("{\"" X1024("é") "é\":1}"), TEXT("Field name " X1024("é") "é exceeds maximum field name length 1024.")},
    {"refused: an escaped name of 1025", TEXT("{\"" X1024("\\u006b") "\\u006b\":1}"), TEXT("Field name " X1024("k") "k exceeds maximum field name length 1024.")},
    {"refused: sorted by name", TEXT("{\"b\":{\"$y\":1},\"a\":{\"$x\":1}}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: sorted, a name before its neighbour", TEXT("{\"$b\":1,\"$a\":1}"), TEXT("Field name $a starts with a '$', which is reserved.")},
    {"refused: a shorter name first", TEXT("{\"ab\":{\"$y\":1},\"a\":{\"$x\":1}}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: upper case first", TEXT("{\"a\":{\"$y\":1},\"B\":{\"$x\":1}}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: digits by code", TEXT("{\"9\":{\"$y\":1},\"10\":{\"$x\":1}}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: inside before the next", TEXT("{\"a\":{\"é\":1},\"$b\":1}"), TEXT("Field name $b starts with a '$', which is reserved.")},
    {"refused: dollar before letters", TEXT("{\"a\":{\"é\":1},\"$b\":1,\"A\":1}"), TEXT("Field name $b starts with a '$', which is reserved.")},
    {"refused: last of a repeated name", TEXT("{\"a\":{\"$x\":1},\"a\":{\"$y\":1}}"), TEXT("Field name $y starts with a '$', which is reserved.")},
    {"refused: last of a repeated name, escaped", TEXT("{\"a\":{\"$x\":1},\"\\u0061\":{\"$z\":1},\"b\":{\"$y\":1}}"), TEXT("Field name $z starts with a '$', which is reserved.")},
    {"refused: elements in order", TEXT("{\"a\":[{\"$x\":1},{\"$a\":1}]}"), TEXT("Field name $x starts with a '$', which is reserved.")},
    {"refused: first fault of an object deep", TEXT("{\"z\":{\"$1\":1},\"y\":[{\"q\":{\"é\":1}}]}"), TEXT("Field name é has invalid character 'é': Field names can only contain non-control ASCII characters")},
    {"refused: faults at several depths", TEXT("{\"a\":{\"b\":{\"$c\":1}},\"b\":{\"$a\":1}}"), TEXT("Field name $c starts with a '$', which is reserved.")},
    {"refused: high before low half", TEXT("{\"\\ud801\":{\"$x\":1},\"\\ud800\":{\"$y\":1}}"), TEXT("Field name \xED\xA0\x80 has invalid character '\xED\xA0\x80': Field names can only contain non-control ASCII characters")},
};
/* clang-format on */

/* Where the relay means not to do as the client does. */
static struct args_row own_rows[] = {
    {"own: an object that JavaScript makes no string of", TEXT("[1,[{\"toString\":null}]]"),
     TEXT("The arguments to a Convex function must be an object. Received: 1,[object Object]")},
    {"own: a character beyond U+FFFF", TEXT("{\"a😀b\":1}"),
     TEXT("Field name a😀b has invalid character '😀': Field names can only contain non-control "
          "ASCII characters")},
    {"own: a character beyond U+FFFF, escaped", TEXT("{\"\\ud83d\\ude00\":1}"),
     TEXT("Field name 😀 has invalid character '😀': Field names can only contain non-control "
          "ASCII characters")},
    {"own: 1024 characters beyond U+FFFF", TEXT("{\"" X1024("😀") "\":1}"),
     TEXT("Field name " X1024("😀") " has invalid character '😀': Field names can only contain "
                                   "non-control ASCII characters")},
    {"own: 1025 characters beyond U+FFFF", TEXT("{\"" X1024("😀") "😀\":1}"),
     TEXT("Field name " X1024("😀") "😀 exceeds maximum field name length 1024.")},
    {"own: sorted by bytes", TEXT("{\"😀\":1,\"\\uffff\":1}"),
     TEXT("Field name \xEF\xBF\xBF has invalid character '\xEF\xBF\xBF': Field names can only "
          "contain non-control ASCII characters")},
    {"own: __proto__, which the client drops", TEXT("{\"__proto__\":{}}"),
     TEXT("Field name __proto__ is not allowed")},
    {"own: __proto__ that is no object", TEXT("{\"__proto__\":1}"),
     TEXT("Field name __proto__ is not allowed")},
    {"own: __proto__ escaped", TEXT("{\"\\u005f_proto__\":1}"),
     TEXT("Field name __proto__ is not allowed")},
    {"own: __proto__ inside", TEXT("{\"a\":[1,{\"b\":{\"__proto__\":null}}]}"),
     TEXT("Field name __proto__ is not allowed")},
    {"own: __proto__ before what is in it", TEXT("{\"__proto__\":{\"$a\":1}}"),
     TEXT("Field name __proto__ is not allowed")},
    {"own: __proto__ behind a fault", TEXT("{\"__proto__\":1,\"$a\":1}"),
     TEXT("Field name $a starts with a '$', which is reserved.")},
    {"own: 128 levels are looked at",
     TEXT("{\"a\":" X64("[") X10(X4("[")) X10("[[") "[["
                                                    "{\"$\":1}"
                                                    "]]" X10("]]") X10(X4("]")) X64("]") "}"),
     TEXT("Field name $ starts with a '$', which is reserved.")},
    {"own: what is deeper is left to Convex",
     TEXT("{\"a\":" X64("[[") "{\"$\":1}" X64("]]") "}"),
     {NULL, 0}},
    {"own: more fields than Convex takes, as written",
     TEXT("{" X1024("\"a\":1,") "\"$z\":1,\"$a\":1}"),
     TEXT("Field name $z starts with a '$', which is reserved.")},
    {"own: more fields than Convex takes, inside",
     TEXT("{\"b\":{" X1024("\"a\":1,") "\"c\":[{\"é\":1}]}}"),
     TEXT("Field name é has invalid character 'é': Field names can only contain non-control ASCII "
          "characters")},
};

/* data as it arrives in an envelope. */
static int check(struct span data, struct buf *message)
{
    cleanup(buf_done) struct buf body = BUF_NULL, why = BUF_NULL;
    cleanup(event_done) struct event event = {0};
    struct envelope envelope;

    assert_int_equal(buf_append_span(&body, SPAN("{\"data\":")), 0);
    assert_int_equal(buf_append_span(&body, data), 0);
    assert_int_equal(buf_append_char(&body, '}'), 0);
    envelope_init(&envelope);
    envelope_feed(&envelope, buf_span(&body));
    assert_int_equal(envelope_end(&envelope, &body, &event, &why), 0);
    return args_check(event.data, event.bad_key, message);
}

static void test_args(void **state)
{
    const struct args_row *row = *state;
    cleanup(buf_done) struct buf message = BUF_NULL;

    assert_int_equal(check(row->data, &message), row->message.at ? ARGS_REFUSED : 0);
    assert_same_text(buf_span(&message), row->message.at ? row->message : SPAN(""));
}

static void test_missing_data_is_taken(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf message = BUF_NULL;

    assert_int_equal(args_check(SPAN_NULL, SPAN_NULL, &message), 0);
    assert_int_equal(message.len, 0);
}

/* ---- long messages ---- */

static void append_times(struct buf *out, struct span s, size_t times)
{
    for (size_t i = 0; i < times; i++)
        assert_int_equal(buf_append_span(out, s), 0);
}

static void test_long_message_is_cut(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf data = BUF_NULL;
    cleanup(buf_done) struct buf message = BUF_NULL;
    struct span start = SPAN("The arguments to a Convex function must be an object. Received: ");

    append_times(&data, SPAN("\""), 1);
    append_times(&data, SPAN("x"), 2 * ARGS_MESSAGE_MAX);
    append_times(&data, SPAN("\""), 1);
    assert_int_equal(check(buf_span(&data), &message), ARGS_REFUSED);
    assert_int_equal(message.len, ARGS_MESSAGE_MAX);
    assert_true(span_starts(buf_span(&message), start));
    assert_int_equal(message.at[message.len - 1], 'x');
}

static void test_cut_falls_between_characters(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf data = BUF_NULL;
    cleanup(buf_done) struct buf message = BUF_NULL;

    append_times(&data, SPAN("{\""), 1);
    append_times(&data, SPAN("日"), ARGS_MESSAGE_MAX);
    append_times(&data, SPAN("\":1}"), 1);
    assert_int_equal(check(buf_span(&data), &message), ARGS_REFUSED);
    assert_in_range(message.len, ARGS_MESSAGE_MAX - 2, ARGS_MESSAGE_MAX);
    assert_same_text((struct span){message.at + message.len - 3, 3}, SPAN("日"));
}

/* ---- nulls ---- */

struct nulls_row {
    const char *name;
    struct span data;
    const char *left;
};

static struct nulls_row nulls_rows[] = {
    {"nulls: nothing", TEXT("{}"), "{}"},
    {"nulls: none", TEXT("{\"a\":1}"), "{\"a\":1}"},
    {"nulls: all", TEXT("{\"a\":null,\"b\":null}"), "{}"},
    {"nulls: the first", TEXT("{\"a\":null,\"b\":2}"), "{\"b\":2}"},
    {"nulls: the last", TEXT("{\"a\":1,\"b\":null}"), "{\"a\":1}"},
    {"nulls: in between", TEXT("{\"a\":1,\"b\":null,\"c\":\"x\"}"), "{\"a\":1,\"c\":\"x\"}"},
    {"nulls: not inside", TEXT("{\"a\":{\"b\":null},\"c\":[null]}"),
     "{\"a\":{\"b\":null},\"c\":[null]}"},
    {"nulls: not in a string", TEXT("{\"a\":\"null\",\"null\":1}"), "{\"a\":\"null\",\"null\":1}"},
    {"nulls: blanks", TEXT("{ \"a\" : null , \"b\" : [ 1 ] }"), "{\"b\":[ 1 ]}"},
    {"nulls: a repeated member, null last", TEXT("{\"a\":1,\"a\":null}"), "{}"},
    {"nulls: a repeated member, null first", TEXT("{\"a\":null,\"a\":1}"), "{\"a\":1}"},
    {"nulls: a repeated member, escaped", TEXT("{\"a\":1,\"\\u0061\":null,\"b\":2}"), "{\"b\":2}"},
    {"nulls: values as written", TEXT("{\"a\":9007199254740993,\"b\":\"\\u0000\",\"c\":-0}"),
     "{\"a\":9007199254740993,\"b\":\"\\u0000\",\"c\":-0}"},
    {"nulls: more fields than Convex takes", TEXT("{" X1024("\"a\":null,") "\"b\":null}"),
     "{" X1024("\"a\":null,") "\"b\":null}"},
};

static void test_nulls(void **state)
{
    const struct nulls_row *row = *state;
    cleanup(buf_done) struct buf left = BUF_NULL;

    assert_int_equal(args_drop_nulls(row->data, &left), 0);
    assert_same_text(buf_span(&left), span_of(row->left));
}

/* ---- what the mutation of a route gets ---- */

struct make_row {
    const char *name;
    struct route route;
    struct event event;
    const char *args; /* or the message, where it is refused */
    int r;
};

static char own_mutation[] = "posts:deleteByBladeId";

static struct make_row make_rows[] = {
    {"make: data", {0}, {.data = TEXT("{ \"a\":null}")}, "{ \"a\":null}", 0},
    {"make: missing data", {0}, {.data = {NULL, 0}}, "{}", 0},
    {"make: without nulls",
     {.drop_nulls = true},
     {.data = TEXT("{\"a\":null,\"b\":1}")},
     "{\"b\":1}",
     0},
    {"make: missing data, without nulls", {.drop_nulls = true}, {.data = {NULL, 0}}, "{}", 0},
    {"make: refused",
     {.drop_nulls = true},
     {.data = TEXT("[1]")},
     "The arguments to a Convex function must be an object. Received: 1",
     ARGS_REFUSED},
    {"make: refused for a member that is null",
     {.drop_nulls = true},
     {.data = TEXT("{\"$a\":null}"), .bad_key = TEXT("\"$a\"")},
     "Field name $a starts with a '$', which is reserved.",
     ARGS_REFUSED},
    {"make: a removal by the usual mutation",
     {0},
     {.remove = true, .data = TEXT("{\"a\":1}"), .hive_id = TEXT("\"u1\"")},
     "{\"a\":1}",
     0},
    {"make: a removal by its own",
     {.remove = own_mutation},
     {.remove = true, .data = TEXT("{\"a\":1}"), .hive_id = TEXT("\"u\\u0031\"")},
     "{\"bladeId\":\"u\\u0031\"}",
     0},
    {"make: no removal",
     {.remove = own_mutation},
     {.data = TEXT("{\"a\":1}"), .hive_id = TEXT("\"u1\"")},
     "{\"a\":1}",
     0},
    {"make: a removal by data's bladeId",
     {.remove = own_mutation},
     {.remove = true, .data = TEXT("{\"bladeId\":7,\"a\":1}"), .blade_id = TEXT("7")},
     "{\"bladeId\":7}",
     0},
    {"make: a removal without an id",
     {.remove = own_mutation},
     {.remove = true, .data = TEXT("{\"a\":1}")},
     "{}",
     0},
    {"make: a removal without data", {.remove = own_mutation}, {.remove = true}, "{}", 0},
    {"make: a removal does not look at data",
     {.remove = own_mutation},
     {.remove = true, .data = TEXT("[1]"), .hive_id = TEXT("1.50")},
     "{\"bladeId\":1.50}",
     0},
    {"make: a removal looks at the id",
     {.remove = own_mutation},
     {.remove = true,
      .hive_id = TEXT("{\"$integer\":\"AQAAAAAAAAA=\"}"),
      .hive_id_bad_key = TEXT("\"$integer\"")},
     "Field name $integer starts with a '$', which is reserved.",
     ARGS_REFUSED},
};

static void test_make(void **state)
{
    const struct make_row *row = *state;
    struct event event = row->event;
    cleanup(buf_done) struct buf message = BUF_NULL;

    assert_int_equal(args_make(&row->route, &event, &message), row->r);
    assert_same_text(row->r ? buf_span(&message) : event.args, span_of(row->args));
    buf_done(&event.rewritten);
}

/* ---- large values: what the scanner found on the way is all that is known ---- */

enum { LARGE_BYTES = 300 * 1024 };

/* Makes arguments of {"data":{"pad":"xxx...",<members>}}, read as from a sender. */
static void assert_large(const char *members, bool drop_nulls, const char *refusal)
{
    const struct route route = {.drop_nulls = drop_nulls};
    cleanup(buf_done) struct buf body = BUF_NULL, why = BUF_NULL, message = BUF_NULL;
    cleanup(event_done) struct event event = {0};
    struct envelope envelope;

    assert_int_equal(buf_append_span(&body, SPAN("{\"data\":{\"pad\":\"")), 0);
    for (int i = 0; i < LARGE_BYTES; i++)
        assert_int_equal(buf_append_char(&body, 'x'), 0);
    assert_int_equal(buf_printf(&body, "\",%s}}", members), 0);
    envelope_init(&envelope);
    envelope_feed(&envelope, buf_span(&body));
    assert_int_equal(envelope_end(&envelope, &body, &event, &why), 0);

    assert_int_equal(args_make(&route, &event, &message), refusal ? ARGS_REFUSED : 0);
    assert_same_text(buf_span(&message), span_of(refusal ? refusal : ""));
    if (!refusal)
        assert_int_equal(event.rewritten.len > 0, drop_nulls && strstr(members, "null"));
}

static void test_large_values(void **state)
{
    (void)state;
    assert_large("\"a\":1", true, NULL);
    assert_large("\"a\":null", false, NULL);
    assert_large("\"a\":null", true, NULL);
    assert_large("\"\\u0061\":{\"\\n\":1}", false,
                 "Field name \n has invalid character '\n': Field names can only contain "
                 "non-control ASCII characters");
    assert_large("\"a\":[{\"$b\":1},{\"__proto__\":1}]", false,
                 "Field name $b starts with a '$', which is reserved.");
    assert_large("\"a\":[{\"\\u0062\":1},{\"__proto__\":1}]", true,
                 "Field name __proto__ is not allowed");
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_missing_data_is_taken),
        cmocka_unit_test(test_long_message_is_cut),
        cmocka_unit_test(test_cut_falls_between_characters),
    };
    static struct CMUnitTest tests[array_len(args_rows) + array_len(own_rows) +
                                   array_len(nulls_rows) + array_len(make_rows) +
                                   array_len(others)];
    size_t len = rows_add(tests, 0, args_rows, test_args);

    len = rows_add(tests, len, own_rows, test_args);
    len = rows_add(tests, len, nulls_rows, test_nulls);
    len = rows_add(tests, len, make_rows, test_make);
    memcpy(tests + len, others, sizeof(others));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
