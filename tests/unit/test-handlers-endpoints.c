/* SPDX-License-Identifier: MIT */
/* Which endpoint a request target and a method lead to. */
#include "handlers/endpoints.h"

#include <string.h>

#include "base/util.h"
#include "tests/unit/lib/rows.h"

struct endpoints_row {
    const char *target;
    const char *path; /* the endpoint's; NULL: none */
};

/* clang-format off */

static struct endpoints_row found_rows[] = {
    {"/convex/sync", "/convex/sync"},
    {"/convex/sync?", "/convex/sync"},
    {"/convex/sync?x=1&y=%20", "/convex/sync"},
    {"/convex/sync?/healthz", "/convex/sync"},
    {"/convex/sync?a?b", "/convex/sync"},
    {"/convex/sync?x#y", "/convex/sync"},
    {"/convex/sync/batch", "/convex/sync/batch"},
    {"/convex/sync/batch?x=1", "/convex/sync/batch"},
    {"http://elsewhere/convex/sync/batch", "/convex/sync/batch"},
    {"/healthz", "/healthz"},
    {"/readyz?probe", "/readyz"},
    {"http://localhost/convex/sync", "/convex/sync"},
    {"http://elsewhere:1234/convex/sync?x", "/convex/sync"},
    {"https://elsewhere/convex/sync", "/convex/sync"},
};

static struct endpoints_row lost_rows[] = {
    /* spelled otherwise */
    {"/convex/sync/", NULL},
    {"/convex/sync/?x", NULL},
    {"/convex/sync//", NULL},
    {"/convex/sync/batch/", NULL},
    {"/convex/sync//batch", NULL},
    {"/convex/sync/Batch", NULL},
    {"/convex/sync/batches", NULL},
    {"/convex/sync%2Fbatch", NULL},
    {"/convex/sync/../sync/batch", NULL},
    {"/convex/batch", NULL},
    {"/convex//sync", NULL},
    {"//convex/sync", NULL},
    {"/Convex/sync", NULL},
    {"/CONVEX/SYNC", NULL},
    {"/convex", NULL},
    {"/convex/syn", NULL},
    {"/convex/syncs", NULL},
    {"/convex/sync+", NULL},
    {"/convex/sync;x", NULL},
    {"/convex/sync#x", NULL},
    {"/convex\\sync", NULL},
    {"convex/sync", NULL},
    {"/x/convex/sync", NULL},
    {"/metrics", NULL},
    /* encoded */
    {"/convex/%73ync", NULL},
    {"/%63onvex/sync", NULL},
    {"/convex%2Fsync", NULL},
    {"/convex%2fsync", NULL},
    {"/convex/sync%2F", NULL},
    {"/convex/sync%3Fx", NULL},
    {"/convex/sync%00", NULL},
    {"/convex/sync%", NULL},
    {"/convex/%2573ync", NULL},
    /* dot segments */
    {"/convex/./sync", NULL},
    {"/x/../convex/sync", NULL},
    {"/../convex/sync", NULL},
    {"/convex/sync/.", NULL},
    {"/convex/%2e/sync", NULL},
    /* no path */
    {"", NULL},
    {"?", NULL},
    {"/", NULL},
    {"*", NULL},
    {"?/convex/sync", NULL},
    {"localhost:3000", NULL},
    {"http://", NULL},
    {"http://localhost", NULL},
    {"http://localhost/", NULL},
    {"http://localhost?/convex/sync", NULL},
    {"http://localhost#/convex/sync", NULL},
    {"http:/convex/sync", NULL},
    {"http:///convex//sync", NULL},
    {"ftp://localhost/convex/sync", NULL},
};

/* clang-format on */

/* A copy of just its size, so that a sanitizer sees a look behind the end. */
static void test_target(void **state)
{
    const struct endpoints_row *row = *state;
    const struct endpoint *endpoint = NULL;
    size_t len = strlen(row->target);
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, row->target, len);
    const char *method = row->path && strncmp(row->path, "/convex/sync", 12) == 0 ? "POST" : "GET";
    int r = endpoints_find(&endpoints_sender, (struct span){copy, len}, method, &endpoint);
    free(copy);
    assert_int_equal(r, row->path ? 0 : ENDPOINTS_NO_PATH);
    if (row->path)
        assert_string_equal(endpoint->path, row->path);
    else
        assert_null(endpoint);
}

struct method_row {
    const char *name;
    const char *target;
    const char *method;
    int r;
};

static struct method_row method_rows[] = {
    {"method: POST where events come", "/convex/sync", "POST", 0},
    {"method: GET where events come", "/convex/sync", "GET", ENDPOINTS_NO_METHOD},
    {"method: HEAD where events come", "/convex/sync", "HEAD", ENDPOINTS_NO_METHOD},
    {"method: another case", "/convex/sync", "post", ENDPOINTS_NO_METHOD},
    {"method: POST where parcels come", "/convex/sync/batch", "POST", 0},
    {"method: GET where parcels come", "/convex/sync/batch", "GET", ENDPOINTS_NO_METHOD},
    {"method: PUT where parcels come", "/convex/sync/batch", "PUT", ENDPOINTS_NO_METHOD},
    {"method: GET of health", "/healthz", "GET", 0},
    {"method: HEAD of health", "/healthz", "HEAD", 0},
    {"method: POST to health", "/healthz", "POST", ENDPOINTS_NO_METHOD},
};

static void test_method(void **state)
{
    const struct method_row *row = *state;
    const struct endpoint *endpoint = NULL;

    assert_int_equal(
        endpoints_find(&endpoints_sender, span_of(row->target), row->method, &endpoint), row->r);
    assert_string_equal(endpoint->path, row->target);
}

int main(void)
{
    static struct CMUnitTest
        tests[array_len(found_rows) + array_len(lost_rows) + array_len(method_rows)];
    size_t len = rows_add(tests, 0, found_rows, test_target);

    len = rows_add(tests, len, lost_rows, test_target);
    rows_add(tests, len, method_rows, test_method);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
