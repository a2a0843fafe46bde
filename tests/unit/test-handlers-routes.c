/* SPDX-License-Identifier: MIT */
/* The routes file: what it may hold, and the complaints about all else. */
#include "handlers/routes.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "handlers/function_path.h"

static char file[] = "/tmp/test-handlers-routes-XXXXXX";

static int file_make(void **state)
{
    int fd = mkstemp(file);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int file_remove(void **state)
{
    (void)state;
    return unlink(file);
}

static void file_write(struct span text)
{
    cleanup(closep) int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.at, text.len), text.len);
}

/* ---- What is refused ---- */

#define MUTATION "\"mutation\":\"a:b\""
#define NOT_A_BATCH                                                                                \
    "\"a\": \"batch\" is neither a string that names a function nor an object such as {"           \
    "\"mutation\":\"users:syncBatch\",\"max\":50,\"argument\":\"users\"}, with max from 2 to "     \
    "500; "                                                                                        \
    "argument must be given where the model's name is not one that a field of Convex can have"
#define BATCH(members) SPAN("{\"a\":{" MUTATION ",\"batch\":{" members "}}}")
#define SEQUENCE(value) SPAN("{\"a\":{" MUTATION ",\"sequence\":" value "}}")
#define NOT_A_SEQUENCE                                                                             \
    "\"a\": \"sequence\" is not a string such as \"syncSeq\" that names a field of the arguments"
#define NOT_A_PATH "is not a string such as \"users:syncFromBlade\" that names a function"

static const struct refused {
    const char *name;
    struct span text;
    const char *why; /* after "ROUTES: FILE: " */
} refused[] = {
    {"an empty file", SPAN(""), "is empty"},
    {"no JSON", SPAN("{\n  \"a\": {mutation}}"), "not JSON at line 2, byte 9"},
    {"blanks only", SPAN("  \n"), "not JSON at line 2, byte 1"},
    {"cut off", SPAN("{\"a\":{" MUTATION), "not JSON at line 1, byte 23"},
    {"text behind", SPAN("{\"a\":{" MUTATION "}} x"), "not JSON at line 1, byte 26"},
    {"a comma too many", SPAN("{\"a\":{" MUTATION "},}"), "not JSON at line 1, byte 25"},
    {"a comment", SPAN("// routes\n{}"), "not JSON at line 1, byte 1"},
    {"invalid UTF-8", SPAN("{\"\xff\":{" MUTATION "}}"), "not JSON at line 1, byte 3"},
    {"a NUL", SPAN("{\0}"), "not JSON at line 1, byte 2"},
    {"an escaped NUL", SPAN("{\"\\\\a\\u0000b\":{" MUTATION "}}"),
     "holds \\u0000, which no name has"},
    {"half of a surrogate pair", SPAN("{\"\\ud800\":{" MUTATION "}}"),
     "holds half of a surrogate pair, or is nested too deep"},
    {"an array", SPAN("[]"), "is not an object of routes by model"},
    {"null", SPAN("null"), "is not an object of routes by model"},
    {"no routes", SPAN("{}"), "has no routes, so that nothing would be delivered"},
    {"a model without a name", SPAN("{\"\":{" MUTATION "}}"), "\"\": a model needs a name"},
    {"a model twice",
     SPAN("{\"a\":{" MUTATION "},\"b\":{" MUTATION "},\"\\u0061\":{" MUTATION "}}"),
     "\"a\": is there twice"},
    {"a route that is a string", SPAN("{\"a\":\"a:b\"}"),
     "\"a\": is not an object such as {\"mutation\":\"users:sync\"}"},
    {"a model that would break the line", SPAN("{\"a\\nb\":1}"),
     "\"a\\nb\": is not an object such as {\"mutation\":\"users:sync\"}"},
    {"no mutation", SPAN("{\"a\":{\"nulls\":\"drop\"}}"), "\"a\": \"mutation\" is missing"},
    {"an unknown key", SPAN("{\"a\":{" MUTATION ",\"mutaton\":\"a:b\"}}"),
     "\"a\": \"mutaton\" is unknown; a route has mutation, remove, nulls, concurrency, batch, "
     "sequence"},
    {"another case", SPAN("{\"a\":{\"Mutation\":\"a:b\"}}"),
     "\"a\": \"Mutation\" is unknown; a route has mutation, remove, nulls, concurrency, batch, "
     "sequence"},
    {"a key twice", SPAN("{\"a\":{" MUTATION "," MUTATION "}}"),
     "\"a\": \"mutation\" is there twice"},
    {"mutation a number", SPAN("{\"a\":{\"mutation\":1}}"), "\"a\": \"mutation\" " NOT_A_PATH},
    {"mutation null", SPAN("{\"a\":{\"mutation\":null}}"), "\"a\": \"mutation\" " NOT_A_PATH},
    {"mutation not a path", SPAN("{\"a\":{\"mutation\":\"users\"}}"),
     "\"a\": \"mutation\" " NOT_A_PATH},
    {"remove not a path", SPAN("{\"a\":{" MUTATION ",\"remove\":\"a b\"}}"),
     "\"a\": \"remove\" " NOT_A_PATH},
    {"remove null", SPAN("{\"a\":{" MUTATION ",\"remove\":null}}"),
     "\"a\": \"remove\" " NOT_A_PATH},
    {"nulls a boolean", SPAN("{\"a\":{" MUTATION ",\"nulls\":true}}"),
     "\"a\": \"nulls\" is neither \"drop\" nor \"keep\""},
    {"nulls another word", SPAN("{\"a\":{" MUTATION ",\"nulls\":\"Drop\"}}"),
     "\"a\": \"nulls\" is neither \"drop\" nor \"keep\""},
    {"concurrency 0", SPAN("{\"a\":{" MUTATION ",\"concurrency\":0}}"),
     "\"a\": \"concurrency\" is not a whole number from 1 to 1024"},
    {"concurrency 1025", SPAN("{\"a\":{" MUTATION ",\"concurrency\":1025}}"),
     "\"a\": \"concurrency\" is not a whole number from 1 to 1024"},
    {"concurrency 1.5", SPAN("{\"a\":{" MUTATION ",\"concurrency\":1.5}}"),
     "\"a\": \"concurrency\" is not a whole number from 1 to 1024"},
    {"concurrency -1e300", SPAN("{\"a\":{" MUTATION ",\"concurrency\":-1e300}}"),
     "\"a\": \"concurrency\" is not a whole number from 1 to 1024"},
    {"concurrency a string", SPAN("{\"a\":{" MUTATION ",\"concurrency\":\"1\"}}"),
     "\"a\": \"concurrency\" is not a whole number from 1 to 1024"},
    {"batch not a path", SPAN("{\"a\":{" MUTATION ",\"batch\":\"users\"}}"), NOT_A_BATCH},
    {"batch a number", SPAN("{\"a\":{" MUTATION ",\"batch\":50}}"), NOT_A_BATCH},
    {"batch without a mutation", BATCH("\"max\":50"), NOT_A_BATCH},
    {"batch of one", BATCH(MUTATION ",\"max\":1"), NOT_A_BATCH},
    {"batch of 501", BATCH(MUTATION ",\"max\":501"), NOT_A_BATCH},
    {"batch of 2.5", BATCH(MUTATION ",\"max\":2.5"), NOT_A_BATCH},
    {"batch with max twice", BATCH(MUTATION ",\"max\":2,\"max\":3"), NOT_A_BATCH},
    {"batch with an unknown key", BATCH(MUTATION ",\"size\":2"), NOT_A_BATCH},
    {"batch with an argument that is no field", BATCH(MUTATION ",\"argument\":\"$a\""),
     NOT_A_BATCH},
    {"batch with an empty argument", BATCH(MUTATION ",\"argument\":\"\""), NOT_A_BATCH},
    {"sequence a number", SEQUENCE("1"), NOT_A_SEQUENCE},
    {"sequence empty", SEQUENCE("\"\""), NOT_A_SEQUENCE},
    {"sequence no field", SEQUENCE("\"s\\u00e9q\""), NOT_A_SEQUENCE},
};

static void check_refused(const char *path, const char *why)
{
    struct routes *routes = NULL;
    cleanup(buf_done) struct buf said = BUF_NULL;
    cleanup(buf_done) struct buf expected = BUF_NULL;

    assert_int_equal(routes_load(path, &routes, &said), ROUTES_INVALID);
    assert_null(routes);
    assert_int_equal(buf_printf(&expected, "ROUTES: %s: %s", path, why), 0);
    assert_string_equal(buf_string(&said), buf_string(&expected));
}

static void test_refused(void **state)
{
    const struct refused *row = *state;

    file_write(row->text);
    check_refused(file, row->why);
}

static void test_no_file(void **state)
{
    (void)state;
    check_refused("/nonexistent/routes.json", "No such file or directory");
    check_refused("/", "Is a directory");
}

static void write_many(size_t count)
{
    cleanup(buf_done) struct buf text = BUF_NULL;

    for (size_t i = 0; i < count; i++)
        assert_int_equal(buf_printf(&text, "%c\"m%zu\":{" MUTATION "}", i ? ',' : '{', i), 0);
    assert_int_equal(buf_append_char(&text, '}'), 0);
    file_write(buf_span(&text));
}

static void test_too_many(void **state)
{
    (void)state;
    write_many(ROUTES_MAX + 1);
    check_refused(file, "has more than 1000 routes");
}

static void write_padded(size_t len)
{
    cleanup(freep) char *text = malloc(len);

    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, "{\"a\":{" MUTATION "}}", strlen("{\"a\":{" MUTATION "}}"));
    file_write((struct span){text, len});
}

static void test_too_large(void **state)
{
    (void)state;
    write_padded(ROUTES_FILE_MAX_BYTES + 1);
    check_refused(file, "larger than 1048576 bytes");
}

static void test_too_deep(void **state)
{
    cleanup(buf_done) struct buf text = BUF_NULL;

    (void)state;
    assert_int_equal(buf_printf(&text, "{\"a\":%02000d}", 0), 0);
    memset(text.at + 5, '[', 1000);
    memset(text.at + 1005, ']', 1000);
    file_write(buf_span(&text));
    check_refused(file, "holds half of a surrogate pair, or is nested too deep");
}

/* ---- What is read ---- */

static struct routes *load(const char *path)
{
    struct routes *routes = NULL;
    cleanup(buf_done) struct buf why = BUF_NULL;

    assert_int_equal(routes_load(path, &routes, &why), 0);
    assert_int_equal(why.len, 0);
    return routes;
}

static void check_route(const struct routes *routes, const char *model, const char *mutation,
                        const char *remove)
{
    const struct route *route = routes_find(routes, span_of(model));

    assert_non_null(route);
    assert_string_equal(route->model, model);
    assert_string_equal(route->mutation, mutation);
    if (remove)
        assert_string_equal(route->remove, remove);
    else
        assert_null(route->remove);
}

static void test_the_guides(void **state)
{
    cleanup(routes_unrefp) struct routes *routes = load(NULL);

    (void)state;
    assert_int_equal(routes_count(routes), 2);
    check_route(routes, "users", "users:syncFromBlade", NULL);
    check_route(routes, "posts", "posts:syncFromBlade", NULL);
    assert_false(routes_at(routes, 0)->drop_nulls);
    assert_int_equal(routes_at(routes, 0)->concurrency, 0);
}

static void test_every_key(void **state)
{
    (void)state;
    file_write(
        SPAN("{ \"users\": { \"mutation\": \"users:sync\" },\n"
             "  \"p\\u00f6sts\": { \"concurrency\": 1024, \"nulls\": \"drop\",\n"
             "    \"remove\": \"a/b.js:gone\", \"mutation\": \"posts:sync\" },\n"
             "  \"tags\": { \"mutation\": \"t:s\", \"nulls\": \"keep\", \"concurrency\": 1.0 }"
             " }\n"));
    cleanup(routes_unrefp) struct routes *routes = load(file);

    assert_int_equal(routes_count(routes), 3);
    check_route(routes, "users", "users:sync", NULL);
    check_route(routes, "pösts", "posts:sync", "a/b.js:gone");
    check_route(routes, "tags", "t:s", NULL);
    assert_true(routes_find(routes, SPAN("pösts"))->drop_nulls);
    assert_int_equal(routes_find(routes, SPAN("pösts"))->concurrency, 1024);
    assert_false(routes_find(routes, SPAN("tags"))->drop_nulls);
    assert_int_equal(routes_find(routes, SPAN("tags"))->concurrency, 1);
}

static void check_batch(const struct routes *routes, const char *model, const char *mutation,
                        const char *argument, int max)
{
    const struct route *route = routes_find(routes, span_of(model));

    assert_non_null(route);
    assert_string_equal(route->batch.mutation, mutation);
    assert_string_equal(route->batch.argument, argument);
    assert_int_equal(route->batch.max, max);
}

static void test_batches(void **state)
{
    (void)state;
    file_write(SPAN("{\"a\":{" MUTATION ",\"batch\":\"a:bs\",\"sequence\":\"syncSeq\"},"
                    "\"b\":{" MUTATION ",\"batch\":{\"argument\":\"the \\\"bs\\\"\",\"max\":500,"
                    "\"mutation\":\"b:bs\"}},"
                    "\"p\\u00f6sts\":{" MUTATION ",\"batch\":{\"argument\":\"_posts\","
                    "\"mutation\":\"p:ps\"}}}"));
    cleanup(routes_unrefp) struct routes *routes = load(file);

    check_batch(routes, "a", "a:bs", "\"a\"", ROUTES_BATCH_DEFAULT);
    assert_string_equal(routes_find(routes, SPAN("a"))->sequence, "\"syncSeq\"");
    check_batch(routes, "b", "b:bs", "\"the \\\"bs\\\"\"", 500);
    assert_null(routes_find(routes, SPAN("b"))->sequence);
    check_batch(routes, "p\xc3\xb6sts", "p:ps", "\"_posts\"", ROUTES_BATCH_DEFAULT);
}

static void test_batch_argument_is_not_the_models_name(void **state)
{
    (void)state;
    file_write(SPAN("{\"p\\u00f6sts\":{" MUTATION ",\"batch\":\"a:b\"}}"));
    struct routes *routes = NULL;
    cleanup(buf_done) struct buf why = BUF_NULL;
    assert_int_equal(routes_load(file, &routes, &why), ROUTES_INVALID);
    assert_non_null(strstr(buf_string(&why), "argument must be given"));
}

static void test_byte_order_mark(void **state)
{
    (void)state;
    file_write(SPAN("\xef\xbb\xbf{\"a\":{" MUTATION "}}"));
    cleanup(routes_unrefp) struct routes *routes = load(file);
    check_route(routes, "a", "a:b", NULL);
}

static void test_escaped_backslash_is_no_escape(void **state)
{
    (void)state;
    file_write(SPAN("{\"\\\\u0000\":{" MUTATION "}}"));
    cleanup(routes_unrefp) struct routes *routes = load(file);
    check_route(routes, "\\u0000", "a:b", NULL);
}

static void test_models_are_met_whole(void **state)
{
    cleanup(routes_unrefp) struct routes *routes = load(NULL);

    (void)state;
    assert_null(routes_find(routes, SPAN("")));
    assert_null(routes_find(routes, SPAN_NULL));
    assert_null(routes_find(routes, SPAN("user")));
    assert_null(routes_find(routes, SPAN("userss")));
    assert_null(routes_find(routes, SPAN("Users")));
    assert_null(routes_find(routes, SPAN("users\0")));
    assert_null(routes_find(routes, SPAN("__proto__")));
    assert_non_null(routes_find(routes, (struct span){"userss", 5}));
}

static void test_as_many_and_as_large_as_may_be(void **state)
{
    (void)state;
    write_many(ROUTES_MAX);
    cleanup(routes_unrefp) struct routes *many = load(file);
    assert_int_equal(routes_count(many), ROUTES_MAX);
    for (size_t i = 0; i < ROUTES_MAX; i++) {
        const struct route *route = routes_at(many, i);
        assert_ptr_equal(routes_find(many, span_of(route->model)), route);
    }
    write_padded(ROUTES_FILE_MAX_BYTES);
    cleanup(routes_unrefp) struct routes *large = load(file);
    assert_int_equal(routes_count(large), 1);
}

static void test_references(void **state)
{
    struct routes *routes = load(NULL);
    struct routes *held = routes_ref(routes);

    (void)state;
    assert_null(routes_unref(routes));
    check_route(held, "users", "users:syncFromBlade", NULL);
    assert_null(routes_unref(held));
    assert_null(routes_unref(NULL));
}

/* ---- Names of functions ---- */

#define N16 "abcdefghijklmnop"
#define N64 N16 N16 N16 N16

static const struct path {
    const char *path;
    bool valid;
} paths[] = {
    {"users:syncFromBlade", true},
    {"users.js:syncFromBlade", true},
    {"blade/sync/users:sync", true},
    {"blade.v2/users.js:sync", true},
    {"_system/x:y", true},
    {".hidden:f", true},
    {"0:f", true},
    {"u:_a1", true},
    {"u:" N64, true},
    {N16 N16 N16 "abcdefghijklm:f", true}, /* 61, and .js makes 64 */
    {N64 "/u:f", true},
    {"", false},
    {":", false},
    {"users", false},
    {"users:", false},
    {":sync", false},
    {"users.sync", false},
    {"users/sync", false},
    {"users:sync:now", false},
    {"users.ts:sync", false},
    {"users.:sync", false},
    {"users.js.ts:sync", false},
    {"/users:sync", false},
    {"dir/:sync", false},
    {"dir//users:sync", false},
    {"./users:sync", false},
    {"dir/../users:sync", false},
    {"us-ers:sync", false},
    {"us ers:sync", false},
    {"us\xc3\xa9rs:sync", false},
    {"___:sync", false},
    {"users:___", false},
    {"users:1sync", false},
    {"users:sync-now", false},
    {"users:sync.now", false},
    {"users:sync$", false},
    {" users:sync", false},
    {"users:sync\n", false},
    {"users:" N64 "x", false},
    {N16 N16 N16 "abcdefghijklmn:f", false},
    {N64 "x/u:f", false},
};

static void test_path(void **state)
{
    const struct path *row = *state;

    assert_int_equal(function_path_valid(span_of(row->path)), row->valid);
}

int main(void)
{
    struct CMUnitTest tests[13 + array_len(refused) + array_len(paths)] = {
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_the_guides),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_batch_argument_is_not_the_models_name),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_escaped_backslash_is_no_escape),
        cmocka_unit_test(test_models_are_met_whole),
        cmocka_unit_test(test_as_many_and_as_large_as_may_be),
        cmocka_unit_test(test_references),
    };
    char names[array_len(paths)][128];
    size_t n = 13;

    for (size_t i = 0; i < array_len(refused); i++)
        tests[n++] = (struct CMUnitTest){refused[i].name, test_refused, NULL, NULL,
                                         (void *)(uintptr_t)&refused[i]};
    for (size_t i = 0; i < array_len(paths); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "path %zu: %s", i, paths[i].path);
        names[i][strcspn(names[i], "\n")] = '\0';
        tests[n++] =
            (struct CMUnitTest){names[i], test_path, NULL, NULL, (void *)(uintptr_t)&paths[i]};
    }
    return _cmocka_run_group_tests("routes", tests, n, file_make, file_remove);
}
