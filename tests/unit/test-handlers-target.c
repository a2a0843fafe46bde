/* SPDX-License-Identifier: MIT */
/* The path that a request target means. */
#include "handlers/target.h"

#include <string.h>

#include "base/util.h"
#include "tests/unit/rows.h"

struct target_row {
    const char *target;
    const char *path;
};

/* clang-format off */

/* As Node's URL and getPath of hono 4.13 read them. */
static struct target_row router_rows[] = {
    {"/", "/"},
    {"/convex/sync", "/convex/sync"},
    {"/convex/sync?", "/convex/sync"},
    {"/convex/sync?x=1&y=%20", "/convex/sync"},
    {"/convex/sync?/other", "/convex/sync"},
    {"/convex/sync?a?b", "/convex/sync"},
    {"/convex/sync?%2e%2e/x", "/convex/sync"},
    {"/convex/sync#x", "/convex/sync"},
    {"/convex/sync#x?y", "/convex/sync"},
    {"/convex/sync?x#y", "/convex/sync"},
    {"/convex/sync/", "/convex/sync/"},
    {"/convex/sync//", "/convex/sync//"},
    {"/convex//sync", "/convex//sync"},
    {"//convex/sync", "//convex/sync"},
    {"///convex/sync", "///convex/sync"},
    {"/convex/sync/.", "/convex/sync/"},
    {"/convex/sync/..", "/convex/"},
    {"/convex/sync/x/..", "/convex/sync/"},
    {"/convex/./sync", "/convex/sync"},
    {"/./convex/sync", "/convex/sync"},
    {"/././convex/sync", "/convex/sync"},
    {"/../convex/sync", "/convex/sync"},
    {"/../../convex/sync", "/convex/sync"},
    {"/x/../convex/sync", "/convex/sync"},
    {"/x/y/../../convex/sync", "/convex/sync"},
    {"/convex/x/../sync", "/convex/sync"},
    {"/convex/x//../sync", "/convex/x/sync"},
    {"/convex//../sync", "/convex/sync"},
    {"/convex/../convex/sync", "/convex/sync"},
    {"/convex/sync/../sync", "/convex/sync"},
    {"/convex/.../sync", "/convex/.../sync"},
    {"/convex/..sync", "/convex/..sync"},
    {"/convex/sync..", "/convex/sync.."},
    {"/convex/.sync", "/convex/.sync"},
    {"/convex/%2e/sync", "/convex/sync"},
    {"/convex/%2E/sync", "/convex/sync"},
    {"/%2e%2e/convex/sync", "/convex/sync"},
    {"/x/%2E%2e/convex/sync", "/convex/sync"},
    {"/x/.%2e/convex/sync", "/convex/sync"},
    {"/x/%2e./convex/sync", "/convex/sync"},
    {"/convex/sync/%2e", "/convex/sync/"},
    {"/convex/sync/x/%2e%2E", "/convex/sync/"},
    {"/convex/%2e%2e%2e/sync", "/convex/.../sync"},
    {"/convex/%73ync", "/convex/sync"},
    {"/%63onvex/sync", "/convex/sync"},
    {"/convex/%73%79%6E%63", "/convex/sync"},
    {"/convex/%53ync", "/convex/Sync"},
    {"/convex%2Fsync", "/convex%2Fsync"},
    {"/convex%2fsync", "/convex%2fsync"},
    {"/convex/sync%2F", "/convex/sync%2F"},
    {"/convex/sync%3F", "/convex/sync%3F"},
    {"/convex/sync%3Fx", "/convex/sync%3Fx"},
    {"/convex/sync%23x", "/convex/sync%23x"},
    {"/convex/sync%26", "/convex/sync%26"},
    {"/convex/sync%3b", "/convex/sync%3b"},
    {"/convex/sync%40", "/convex/sync%40"},
    {"/convex/sync%3A", "/convex/sync%3A"},
    {"/convex/sync%2C", "/convex/sync%2C"},
    {"/convex/sync%2B", "/convex/sync%2B"},
    {"/convex/sync%24", "/convex/sync%24"},
    {"/convex/sync%3D", "/convex/sync%3D"},
    {"/convex/sync%25", "/convex/sync%25"},
    {"/convex/%2573ync", "/convex/%2573ync"},
    {"/convex/sync%21", "/convex/sync!"},
    {"/convex/sync%5C", "/convex/sync\\"},
    {"/convex/sync%7B", "/convex/sync{"},
    {"/convex/sync%7e", "/convex/sync~"},
    {"/convex/sync%22", "/convex/sync\""},
    {"/convex/sync%zz", "/convex/sync%zz"},
    {"/convex/%7", "/convex/%7"},
    {"/convex/sync%", "/convex/sync%"},
    {"/convex/%7xync", "/convex/%7xync"},
    {"/convex/%%73ync", "/convex/%sync"},
    {"/convex/%73ync%zz", "/convex/sync%zz"},
    {"/convex/sync;x", "/convex/sync;x"},
    {"/convex/sync+", "/convex/sync+"},
    {"/convex/sync&x", "/convex/sync&x"},
    {"/convex/a=b,c:d@e", "/convex/a=b,c:d@e"},
    {"/Convex/sync", "/Convex/sync"},
    {"/CONVEX/SYNC", "/CONVEX/SYNC"},
    {"/healthz", "/healthz"},
    {"/%68ealthz?probe", "/healthz"},
    {"/readyz/", "/readyz/"},
    {"/readyz/../healthz", "/healthz"},
    {"http://localhost/convex/sync", "/convex/sync"},
    {"http://elsewhere:1234/convex/sync?x", "/convex/sync"},
    {"https://elsewhere/convex/sync", "/convex/sync"},
    {"http://localhost/x/../convex/%73ync#y", "/convex/sync"},
    {"http://localhost/convex//sync", "/convex//sync"},
    {"http://localhost/", "/"},
    {"http://localhost", "/"},
    {"http://localhost?x", "/"},
    {"http://localhost#x", "/"},
    {"http://localhost?/convex/sync", "/"},
    {"http://localhost#/convex/sync", "/"},
};

/* Decoded there and not here, which changes nothing: no endpoint's path holds such characters. */
static struct target_row left_rows[] = {
    {"/convex/sync%20", "/convex/sync%20"},
    {"/convex/sync%00", "/convex/sync%00"},
    {"/convex/sync%0A", "/convex/sync%0A"},
    {"/convex/sync%7F", "/convex/sync%7F"},
    {"/convex/sync%C3%A9", "/convex/sync%C3%A9"},
    {"/convex/sync\xC3\xA9", "/convex/sync\xC3\xA9"},
    {"/convex/%ff", "/convex/%ff"},
};

/* No path at all, or one that the router refuses: nothing that an endpoint could be taken for. */
static struct target_row odd_rows[] = {
    {"", ""},
    {"*", "*"},
    {"*?x", "*"},
    {"?/convex/sync", ""},
    {"#/convex/sync", ""},
    {"convex/sync", "convex/sync"},
    {"localhost:3000", "localhost:3000"},
    {"ftp://localhost/convex/sync", "ftp://localhost/convex/sync"},
    {"http:/convex/sync", "http:/convex/sync"},
    {"http://", "/"},
    {"/convex\\sync", "/convex\\sync"},
    {"/x\\..\\convex/sync", "/x\\..\\convex/sync"},
};

/* clang-format on */

static void test_path(void **state)
{
    const struct target_row *row = *state;
    cleanup(buf_done) struct buf path = BUF_NULL;

    assert_int_equal(target_path(span_of(row->target), &path), 0);
    assert_same_text(buf_span(&path), span_of(row->path));
}

/* What stands in the buffer before is not the path's: ".." does not reach it. */
static void test_appends(void **state)
{
    cleanup(buf_done) struct buf path = BUF_NULL;

    (void)state;
    assert_int_equal(buf_append_span(&path, SPAN("/kept")), 0);
    assert_int_equal(target_path(SPAN("/../../convex/sync"), &path), 0);
    assert_same_text(buf_span(&path), SPAN("/kept/convex/sync"));
}

/* A target is a slice of something longer: nothing behind its end is looked at. */
static void test_ends_where_it_ends(void **state)
{
    static const char text[] = "/convex/sync/..%2e%73";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        cleanup(buf_done) struct buf is = BUF_NULL, should = BUF_NULL;
        char *copy = malloc(len + 1); /* of just that size, so that a sanitizer sees more */
        assert_non_null(copy);
        memcpy(copy, text, len);
        assert_int_equal(target_path((struct span){text, len}, &is), 0);
        copy[len] = '\0';
        assert_int_equal(target_path(span_of(copy), &should), 0);
        free(copy);
        assert_same_text(buf_span(&is), buf_span(&should));
    }
}

int main(void)
{
    static struct CMUnitTest
        tests[array_len(router_rows) + array_len(left_rows) + array_len(odd_rows) + 2] = {
            cmocka_unit_test(test_appends),
            cmocka_unit_test(test_ends_where_it_ends),
        };
    size_t len = rows_add(tests, 2, router_rows, test_path);

    len = rows_add(tests, len, left_rows, test_path);
    rows_add(tests, len, odd_rows, test_path);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
