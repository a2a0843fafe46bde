/* SPDX-License-Identifier: MIT */
/*
 * Node 20's words for text that is not JSON. The messages were taken down from Node 20:
 *   try { JSON.parse(text) } catch (error) { console.log(error.message) }
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convex/parse_message.h"

#include <stdio.h>

struct row {
    const char *text;
    const char *message;
};

static const struct row rows[] = {
    {"", "Unexpected end of JSON input"},
    {"  ", "Unexpected end of JSON input"},
    {"<html>", "Unexpected token '<', \"<html>\" is not valid JSON"},
    {"<html><body>502 Bad Gateway</body></html>",
     "Unexpected token '<', \"<html><bod\"... is not valid JSON"},
    {"  <html><body>502 Bad Gateway</body></html>",
     "Unexpected token '<', \"  <html><bod\"... is not valid JSON"},
    {"<<<<<<<<<<<<<<<<<<<<", "Unexpected token '<', \"<<<<<<<<<<<<<<<<<<<<\" is not valid JSON"},
    {"<<<<<<<<<<<<<<<<<<<<<", "Unexpected token '<', \"<<<<<<<<<<\"... is not valid JSON"},
    {"OK", "Unexpected token 'O', \"OK\" is not valid JSON"},
    {"undefined", "\"undefined\" is not valid JSON"},
    {"NaN", "\"NaN\" is not valid JSON"},
    {"falsx", "Unexpected token 'x', \"falsx\" is not valid JSON"},
    {"[false,]", "Unexpected token ']', \"[false,]\" is not valid JSON"},
    {"Infinity", "\"Infinity\" is not valid JSON"},
    {"[object Object]", "\"[object Object]\" is not valid JSON"},
    {"-Infinity", "No number after minus sign in JSON at position 1"},
    {"\xC3\xA9", "Unexpected token '\xC3\xA9', \"\xC3\xA9\" is not valid JSON"},
    {"\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C"
     "\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6"
     "\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC"
     "\xE8\xAA\x9E",
     "Unexpected token '\xE6\x97\xA5', "
     "\"\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\xE6"
     "\x9C\xAC\xE8\xAA\x9E\xE6\x97\xA5\"... is not valid JSON"},
    {"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98"
     "\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F"
     "\x98\x80",
     "Unexpected token '\xED\xA0\xBD', "
     "\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\"... is "
     "not valid JSON"},
    {"aaa\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F"
     "\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0"
     "\x9F\x98\x80",
     "Unexpected token 'a', \"aaa\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xED\xA0\xBD\"... "
     "is not valid JSON"},
    {"{\"aaaaa\":\"a\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\","
     "\xF0\x9F\x98\x80:\"aaaaaaaaaaa\"}",
     "Expected double-quoted property name in JSON at position 21"},
    {"[\"a\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\","
     "x\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98"
     "\x80\xF0\x9F\x98\x80]",
     "Unexpected token 'x', "
     "...\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\","
     "x\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xED\xA0\xBD\"... is not "
     "valid JSON"},
    {"{", "Expected property name or '}' in JSON at position 1"},
    {"{ \"status", "Unterminated string in JSON at position 9"},
    {"{\"status\"", "Expected ':' after property name in JSON at position 9"},
    {"{\"status\" 1", "Expected ':' after property name in JSON at position 10"},
    {"{\"status\":", "Unexpected end of JSON input"},
    {"{\"status\":\"suc", "Unterminated string in JSON at position 14"},
    {"{\"status\":\"success\"", "Expected ',' or '}' after property value in JSON at position 19"},
    {"{\"status\":\"success\",", "Expected double-quoted property name in JSON at position 20"},
    {"{\"status\":\"success\",}", "Expected double-quoted property name in JSON at position 20"},
    {"{\"status\":\"success\",1", "Expected double-quoted property name in JSON at position 20"},
    {"{\"status\":\"success\",\"value\"", "Unexpected end of JSON input"},
    {"{\"status\":\"success\",\"value\" 1}", "Unexpected number in JSON at position 28"},
    {"{\"status\":\"success\",\"value\":nul", "Unexpected end of JSON input"},
    {"{\"status\":\"success\",\"value\":null",
     "Expected ',' or '}' after property value in JSON at position 32"},
    {"{\"status\":\"success\",\"value\": success}",
     "Unexpected token 's', ...\",\"value\": success}\" is not valid JSON"},
    {"{\"status\":\"success\",\"value\":tru3}", "Unexpected number in JSON at position 31"},
    {"{\"status\":\"success\",\"value\":tru\"}", "Unexpected string in JSON at position 31"},
    {"{\"status\":\"success\",\"value\":12",
     "Expected ',' or '}' after property value in JSON at position 30"},
    {"{\"a\":1}x", "Unexpected non-whitespace character after JSON at position 7"},
    {"{\"a\":1 \"b\":2}", "Expected ',' or '}' after property value in JSON at position 7"},
    {"{a:1}", "Expected property name or '}' in JSON at position 1"},
    {"[", "Unexpected end of JSON input"},
    {"[1", "Expected ',' or ']' after array element in JSON at position 2"},
    {"[1,", "Unexpected end of JSON input"},
    {"[1,]", "Unexpected token ']', \"[1,]\" is not valid JSON"},
    {"[1 2]", "Expected ',' or ']' after array element in JSON at position 3"},
    {"[]]", "Unexpected non-whitespace character after JSON at position 2"},
    {"tru", "Unexpected end of JSON input"},
    {"truX", "Unexpected token 'X', \"truX\" is not valid JSON"},
    {"-", "No number after minus sign in JSON at position 1"},
    {"-x", "No number after minus sign in JSON at position 1"},
    {"01", "Unexpected number in JSON at position 1"},
    {"-01", "Unexpected number in JSON at position 2"},
    {"1.", "Unterminated fractional number in JSON at position 2"},
    {"1.x", "Unterminated fractional number in JSON at position 2"},
    {"1e", "Exponent part is missing a number in JSON at position 2"},
    {"1e+", "Exponent part is missing a number in JSON at position 3"},
    {"1.5e-3x", "Unexpected non-whitespace character after JSON at position 6"},
    {"1 2", "Unexpected non-whitespace character after JSON at position 2"},
    {"\"", "Unterminated string in JSON at position 1"},
    {"\"abc", "Unterminated string in JSON at position 4"},
    {"\"\xE6\x97\xA5\xE6\x9C\xAC\xF0\x9F\x98\x80", "Unterminated string in JSON at position 5"},
    {"\"a\x0A"
     "b\"",
     "Bad control character in string literal in JSON at position 2"},
    {"\"\x1F", "Bad control character in string literal in JSON at position 1"},
    {"\"\\", "Unexpected end of JSON input"},
    {"\"\\x\"", "Bad escaped character in JSON at position 2"},
    {"\"\\u12\"", "Bad Unicode escape in JSON at position 5"},
    {"\"\\u12", "Bad Unicode escape in JSON at position 5"},
    {"\"\\u00zz\"", "Bad Unicode escape in JSON at position 5"},
    {"\"a\" \"b\"", "Unexpected non-whitespace character after JSON at position 4"},
    {"\x01", "Unexpected token '\x01', \"\x01\" is not valid JSON"},
    {"\"a\\\"b\\\\\\/\\b\\f\\n\\r\\t\\u00e9\" 1",
     "Unexpected non-whitespace character after JSON at position 27"},
};

static void check_row(void **state)
{
    const struct row *row = *state;
    cleanup(buf_done) struct buf message = BUF_NULL;

    assert_int_equal(parse_message(span_of(row->text), &message), 0);
    assert_string_equal(buf_string(&message), row->message);
}

static void check_json(void **state)
{
    static const char *const texts[] = {
        "null", " true ", "-0.5e+10", "\"\\ud800\"",
        "[]",   "[ ]",    "{ }",      "{\"a\":[1,{}] , \"b\":\"\"}",
    };
    struct buf message = BUF_NULL;

    (void)state;
    for (size_t i = 0; i < array_len(texts); i++)
        assert_int_equal(parse_message(span_of(texts[i]), &message), PARSE_MESSAGE_NONE);
    assert_int_equal(message.len, 0);
}

static void check_deep_text(void **state)
{
    static char deep[1 << 20];
    struct buf message = BUF_NULL;

    (void)state;
    memset(deep, '[', sizeof(deep));
    assert_int_equal(parse_message((struct span){deep, sizeof(deep)}, &message),
                     PARSE_MESSAGE_NONE);
    assert_int_equal(message.len, 0);
}

int main(void)
{
    static char names[array_len(rows)][64];
    struct CMUnitTest tests[array_len(rows) + 2];

    for (size_t i = 0; i < array_len(rows); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "row %zu: %.40s", i, rows[i].message);
        for (char *c = names[i]; *c; c++) {
            if (*c < ' ' || *c > '~')
                *c = '?';
        }
        tests[i] = (struct CMUnitTest){
            .name = names[i],
            .test_func = check_row,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    }
    tests[array_len(rows)] = (struct CMUnitTest)cmocka_unit_test(check_json);
    tests[array_len(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(check_deep_text);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
