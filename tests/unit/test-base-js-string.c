/* SPDX-License-Identifier: MIT */
/* String(value) as JavaScript has it: the results are what Node 20 gave for String(JSON.parse(x)).
 */
#include "base/js_string.h"
#include "tests/unit/lib/rows.h"

struct string_row {
    const char *json;
    int r;
    struct span string;
};

/* clang-format off */
static struct string_row string_rows[] = {
    {"0", 0, TEXT("0")},
    {"-0", 0, TEXT("0")},
    {"0.0", 0, TEXT("0")},
    {"-0.0", 0, TEXT("0")},
    {"0e5", 0, TEXT("0")},
    {"-1e-400", 0, TEXT("0")},
    {"1", 0, TEXT("1")},
    {"-1", 0, TEXT("-1")},
    {"5", 0, TEXT("5")},
    {"100", 0, TEXT("100")},
    {"1.0", 0, TEXT("1")},
    {"1E2", 0, TEXT("100")},
    {"1e0", 0, TEXT("1")},
    {"10e-1", 0, TEXT("1")},
    {"0.1", 0, TEXT("0.1")},
    {"-0.1", 0, TEXT("-0.1")},
    {"0.5", 0, TEXT("0.5")},
    {"0.25", 0, TEXT("0.25")},
    {"1.5", 0, TEXT("1.5")},
    {"-1.5", 0, TEXT("-1.5")},
    {"3.14", 0, TEXT("3.14")},
    {"0.30000000000000004", 0, TEXT("0.30000000000000004")},
    {"0.1e1", 0, TEXT("1")},
    {"1e20", 0, TEXT("100000000000000000000")},
    {"1e21", 0, TEXT("1e+21")},
    {"1e22", 0, TEXT("1e+22")},
    {"-1e21", 0, TEXT("-1e+21")},
    {"123456789012345680000", 0, TEXT("123456789012345680000")},
    {"1234567890123456789012", 0, TEXT("1.2345678901234568e+21")},
    {"999999999999999999999", 0, TEXT("1e+21")},
    {"99999999999999990000", 0, TEXT("99999999999999980000")},
    {"9007199254740991", 0, TEXT("9007199254740991")},
    {"9007199254740992", 0, TEXT("9007199254740992")},
    {"9007199254740993", 0, TEXT("9007199254740992")},
    {"12345678901234567", 0, TEXT("12345678901234568")},
    {"0.000001", 0, TEXT("0.000001")},
    {"0.0000001", 0, TEXT("1e-7")},
    {"1e-6", 0, TEXT("0.000001")},
    {"1e-7", 0, TEXT("1e-7")},
    {"1.5e-7", 0, TEXT("1.5e-7")},
    {"0.00000123", 0, TEXT("0.00000123")},
    {"0.000000123", 0, TEXT("1.23e-7")},
    {"1e300", 0, TEXT("1e+300")},
    {"1e308", 0, TEXT("1e+308")},
    {"1.7976931348623157e308", 0, TEXT("1.7976931348623157e+308")},
    {"-1.7976931348623157e308", 0, TEXT("-1.7976931348623157e+308")},
    {"1.7976931348623158e308", 0, TEXT("1.7976931348623157e+308")},
    {"2.2250738585072014e-308", 0, TEXT("2.2250738585072014e-308")},
    {"2.225073858507201e-308", 0, TEXT("2.225073858507201e-308")},
    {"5e-324", 0, TEXT("5e-324")},
    {"2e-324", 0, TEXT("0")},
    {"3e-324", 0, TEXT("5e-324")},
    {"1e-323", 0, TEXT("1e-323")},
    {"1e-400", 0, TEXT("0")},
    {"4.35", 0, TEXT("4.35")},
    {"4.349999999999999", 0, TEXT("4.349999999999999")},
    {"0.000012345", 0, TEXT("0.000012345")},
    {"123e-20", 0, TEXT("1.23e-18")},
    {"123e20", 0, TEXT("1.23e+22")},
    {"123e18", 0, TEXT("123000000000000000000")},
    {"1.23e21", 0, TEXT("1.23e+21")},
    {"5.684341886080802e-14", 0, TEXT("5.684341886080802e-14")},
    {"9.5367431640625e-7", 0, TEXT("9.5367431640625e-7")},
    {"1.1125369292536007e-308", 0, TEXT("1.1125369292536007e-308")},
    {"2.98023223876953125e-8", 0, TEXT("2.9802322387695312e-8")},
    {"9.313225746154785e-10", 0, TEXT("9.313225746154785e-10")},
    {"8.98846567431158e307", 0, TEXT("8.98846567431158e+307")},
    {"4.450147717014403e-308", 0, TEXT("4.450147717014403e-308")},
    {"6.103515625e-05", 0, TEXT("0.00006103515625")},
    {"100000000000000000000000", 0, TEXT("1e+23")},
    {"20000000000000000000", 0, TEXT("20000000000000000000")},
    {"33333333333333333333", 0, TEXT("33333333333333330000")},
    {"0.1234567890123456789", 0, TEXT("0.12345678901234568")},
    {"2.5e-5", 0, TEXT("0.000025")},
    {"1e5", 0, TEXT("100000")},
    {"1e+5", 0, TEXT("100000")},
    {"-5e-324", 0, TEXT("-5e-324")},
    {"4294967296", 0, TEXT("4294967296")},
    {"1e15", 0, TEXT("1000000000000000")},
    {"1e16", 0, TEXT("10000000000000000")},
    {"1e17", 0, TEXT("100000000000000000")},
    {"true", 0, TEXT("true")},
    {"false", 0, TEXT("false")},
    {"null", 0, TEXT("null")},
    {"\"\"", 0, TEXT("")},
    {"\"abc\"", 0, TEXT("abc")},
    {"\"a\\u0000b\"", 0, TEXT("a\000b")},
    {"\"\\u00e9\"", 0, TEXT("é")},
    {"\"é\"", 0, TEXT("é")},
    {"\"\\ud83d\\ude00\"", 0, TEXT("😀")},
    {"\"\\ud800\"", 0, TEXT("\xED\xA0\x80")},
    {"\"\\udc00x\"", 0, TEXT("\xED\xB0\x80x")},
    {"\"\\n\\t\\\"\\\\\\/\"", 0, TEXT("\n\t\"\\/")},
    {"[]", 0, TEXT("")},
    {"[1,2]", 0, TEXT("1,2")},
    {"[null]", 0, TEXT("")},
    {"[null,null]", 0, TEXT(",")},
    {"[1,null,2]", 0, TEXT("1,,2")},
    {"[[]]", 0, TEXT("")},
    {"[[],[]]", 0, TEXT(",")},
    {"[[1,2],[3,[4,5]]]", 0, TEXT("1,2,3,4,5")},
    {"[\"a\",\"b\"]", 0, TEXT("a,b")},
    {"[true,false]", 0, TEXT("true,false")},
    {"[ 1 , 2 ]", 0, TEXT("1,2")},
    {"[\"a,b\"]", 0, TEXT("a,b")},
    {"[0.1,-0,1e21]", 0, TEXT("0.1,0,1e+21")},
    {"{}", 0, TEXT("[object Object]")},
    {"{\"a\":1}", 0, TEXT("[object Object]")},
    {"[{}]", 0, TEXT("[object Object]")},
    {"[{},{\"a\":[1]}]", 0, TEXT("[object Object],[object Object]")},
    {"{\"valueOf\":1}", 0, TEXT("[object Object]")},
    {"{\"toLocaleString\":1}", 0, TEXT("[object Object]")},
    {"{\"constructor\":1}", 0, TEXT("[object Object]")},
    {"{\"__proto__\":{\"toString\":1}}", 0, TEXT("[object Object]")},
    {"{\"a\":{\"toString\":1}}", 0, TEXT("[object Object]")},
    {"[{\"a\":{\"toString\":1}}]", 0, TEXT("[object Object]")},
    {"[\"x\",{\"valueOf\":null}]", 0, TEXT("x,[object Object]")},
    {"[{\"tostring\":1}]", 0, TEXT("[object Object]")},
    {"[{\"join\":1}]", 0, TEXT("[object Object]")},
    {"[[null],[[null]]]", 0, TEXT(",")},
    {"[[\"\\u0000\"]]", 0, TEXT("\000")},
    {"{\"toString\":1}", 0, TEXT("[object Object]")},
    {"{\"toString\":null}", 0, TEXT("[object Object]")},
    {"[1,{\"toString\":{}}]", 0, TEXT("1,[object Object]")},

    /* Powers of two, whose fewest digits are not the nearest of that many. */
    {"7.1202363472230444e-307", 0, TEXT("7.120236347223045e-307")},
    {"7.2911220195563975e-304", 0, TEXT("7.291122019556398e-304")},
    {"8.2090736025967525e-289", 0, TEXT("8.209073602596753e-289")},
    {"5.6412324245775924e-278", 0, TEXT("5.641232424577593e-278")},
    {"5.8581906792798084e-244", 0, TEXT("5.858190679279809e-244")},
    {"7.6784476871456305e-239", 0, TEXT("7.678447687145631e-239")},
    {"6.1427581497165044e-238", 0, TEXT("6.142758149716505e-238")},
    {"6.2901843453097005e-235", 0, TEXT("6.290184345309701e-235")},
};
/* clang-format on */

/* What is asked about stands in a larger text, as data does. */
static struct buf array_of(const char *json)
{
    struct buf array = BUF_NULL;

    assert_int_equal(buf_printf(&array, "[%s]", json), 0);
    return array;
}

static void test_string(void **state)
{
    const struct string_row *row = *state;
    cleanup(buf_done) struct buf text = array_of(row->json);
    cleanup(buf_done) struct buf out = BUF_NULL;

    assert_int_equal(js_string((struct span){text.at + 1, text.len - 2}, 1000, &out), row->r);
    if (row->r == 0)
        assert_same_text(buf_span(&out), row->string);
}

/* ---- what is too long ---- */

struct cut_row {
    const char *json;
    size_t max;
    int r;
    struct span string;
};

static struct cut_row cut_rows[] = {
    {"\"abcdef\"", 6, 0, TEXT("abcdef")},
    {"\"abcdef\" ", 5, JS_STRING_CUT, TEXT("abcde")},
    {"\"abcdef\"  ", 0, JS_STRING_CUT, TEXT("")},
    {"\"\"", 0, 0, TEXT("")},
    {"12345", 3, JS_STRING_CUT, TEXT("123")},
    {"[12,34,56]", 8, 0, TEXT("12,34,56")},
    {"[12,34,56] ", 5, JS_STRING_CUT, TEXT("12,34")},
    {"[12,34,56]  ", 4, JS_STRING_CUT, TEXT("12,3")},
    {"[12,34,56]   ", 2, JS_STRING_CUT, TEXT("12")},
    {"\"aéz\"", 4, 0, TEXT("aéz")},
    {"\"aéz\" ", 3, JS_STRING_CUT, TEXT("aé")},
    {"\"aéz\"  ", 2, JS_STRING_CUT, TEXT("a")},
    {"\"日本\"", 5, JS_STRING_CUT, TEXT("日")},
    {"\"日本\" ", 2, JS_STRING_CUT, TEXT("")},
    {"\"a😀\"", 4, JS_STRING_CUT, TEXT("a")},
    {"[\"é\",\"é\"]", 4, JS_STRING_CUT, TEXT("é,")},
    {"[{}]", 7, JS_STRING_CUT, TEXT("[object")},
};

static void test_cut(void **state)
{
    const struct cut_row *row = *state;
    cleanup(buf_done) struct buf text = array_of(row->json);
    cleanup(buf_done) struct buf out = BUF_NULL;
    struct span json = {text.at + 1, strcspn(row->json, " ")};

    assert_int_equal(js_string(json, row->max, &out), row->r);
    assert_same_text(buf_span(&out), row->string);
}

static void test_nesting_costs_nothing(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf out = BUF_NULL;

    assert_int_equal(js_string(SPAN(X64("[[") "7" X64("]]")), 10, &out), 0);
    assert_same_text(buf_span(&out), SPAN("7"));
}

/* A value may be a number and no more: the memory behind a number is no part of it. */
static void test_number_ends_the_text(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf out = BUF_NULL;
    const char text[] = "2245e2999";

    assert_int_equal(js_string((struct span){text, 7}, 100, &out), 0);
    assert_same_text(buf_span(&out), SPAN("2.245e+32"));
}

int main(void)
{
    static struct CMUnitTest tests[array_len(string_rows) + array_len(cut_rows) + 2];
    size_t len = rows_add(tests, 0, string_rows, test_string);

    len = rows_add(tests, len, cut_rows, test_cut);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_nesting_costs_nothing);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_number_ends_the_text);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
