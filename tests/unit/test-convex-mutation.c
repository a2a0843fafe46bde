/* SPDX-License-Identifier: MIT */
/* The body of a call, and a number in the arguments. */
#include "tests/unit/lib/rows.h"

#include "base/json.h"
#include "convex/mutation.h"

#define SEQ "\"syncSeq\""

struct row {
    const char *name;
    struct span args;
    struct span should; /* with the number 9007199254740991 */
};

static struct row rows[] = {
    {"no members", TEXT("{}"), TEXT("{" SEQ ":9007199254740991}")},
    {"blanks alone", TEXT("{ \t\r\n}"), TEXT("{ \t\r\n" SEQ ":9007199254740991}")},
    {"a member", TEXT("{\"a\":1}"), TEXT("{\"a\":1," SEQ ":9007199254740991}")},
    {"blanks at the end", TEXT("{\"a\":1 \n}"), TEXT("{\"a\":1 \n," SEQ ":9007199254740991}")},
    {"an object at the end", TEXT("{\"a\":{}}"), TEXT("{\"a\":{}," SEQ ":9007199254740991}")},
    {"a brace in a text", TEXT("{\"a\":\"{\"}"), TEXT("{\"a\":\"{\"," SEQ ":9007199254740991}")},
    {"a member without a name", TEXT("{\"\":{}}"), TEXT("{\"\":{}," SEQ ":9007199254740991}")},
    {"one of that name", TEXT("{" SEQ ":7,\"a\":1}"),
     TEXT("{" SEQ ":7,\"a\":1," SEQ ":9007199254740991}")},
    {"one of that name, escaped", TEXT("{\"sync\\u0053eq\":null}"),
     TEXT("{\"sync\\u0053eq\":null," SEQ ":9007199254740991}")},
};

static void number_is_added(void **state)
{
    const struct row *row = *state;
    cleanup(buf_done) struct buf whole = BUF_NULL, after = BUF_NULL;
    struct span args = row->args;

    assert_int_equal(mutation_add_number(&args, SEQ, UINT64_C(9007199254740991), &after), 0);
    assert_ptr_equal(args.at, row->args.at); /* not copied, however long */
    assert_int_equal(buf_append_span(&whole, args), 0);
    assert_int_equal(buf_append_span(&whole, buf_span(&after)), 0);
    assert_same_text(buf_span(&whole), row->should);
    /* json_find() takes the last of a repeated member, as Convex does. */
    assert_same_text(json_find(buf_span(&whole), SPAN("syncSeq")), SPAN("9007199254740991"));
}

static void bodies_are_whole(void **state)
{
    cleanup(buf_done) struct buf args = BUF_NULL, items = BUF_NULL;

    (void)state;
    assert_int_equal(mutation_before_args("a:b", &args), 0);
    assert_int_equal(buf_append_span(&args, SPAN("{}")), 0);
    assert_int_equal(buf_append_span(&args, MUTATION_AFTER_ARGS), 0);
    assert_same_text(buf_span(&args),
                     SPAN("{\"path\":\"a:b\",\"format\":\"convex_encoded_json\",\"args\":[{}]}"));
    assert_int_equal(mutation_before_items("a:b", "\"users\"", &items), 0);
    assert_int_equal(buf_append_span(&items, SPAN("{},{}")), 0);
    assert_int_equal(buf_append_span(&items, MUTATION_AFTER_ITEMS), 0);
    assert_same_text(buf_span(&items),
                     SPAN("{\"path\":\"a:b\",\"format\":\"convex_encoded_json\",\"args\":"
                          "[{\"users\":[{},{}]}]}"));
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rows) + 1] = {cmocka_unit_test(bodies_are_whole)};

    (void)rows_add(tests, 1, rows, number_is_added);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
