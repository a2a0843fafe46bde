/* SPDX-License-Identifier: MIT */
/*
 * The routes file. The input is the file.
 *
 *   - Where the file is refused, one line says why and names ROUTES; otherwise nothing is said.
 *   - Each route has what it must have: a name, functions that Convex can have, a concurrency in
 *     range; routes are in order, each name once, and each route is found by name.
 *   - What the scanner refuses is refused.
 */
#include "fuzz.h"

#include "base/json_scan.h"
#include "handlers/function_path.h"
#include "handlers/routes.h"

static char folder[64], path[96];

static void remove_folder(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static void check_route(const struct routes *routes, size_t i)
{
    const struct route *route = routes_at(routes, i);

    fuzz_check(*route->model);
    fuzz_check(function_path_valid(span_of(route->mutation)));
    fuzz_check(!route->remove || function_path_valid(span_of(route->remove)));
    fuzz_check(route->concurrency >= 0 && route->concurrency <= ROUTES_CONCURRENCY_MAX);
    fuzz_check(i == 0 || strcmp(routes_at(routes, i - 1)->model, route->model) < 0);
    fuzz_check(routes_find(routes, span_of(route->model)) == route);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    (void)snprintf(folder, sizeof(folder), "%s/convex-relay-fuzz-XXXXXX", fuzz_scratch());
    fuzz_check(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/routes.json", folder);
    (void)atexit(remove_folder);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    cleanup(buf_done) struct buf why = BUF_NULL;
    cleanup(routes_unrefp) struct routes *routes = NULL;

    fuzz_write_file(path, text);
    int r = routes_load(path, &routes, &why);
    fuzz_check(r == 0 || r == ROUTES_INVALID);
    if (r) {
        fuzz_check(buf_string(&why) && strncmp(why.at, "ROUTES: ", 8) == 0);
        fuzz_check(!memchr(why.at, '\n', why.len) && !memchr(why.at, '\0', why.len));
        return 0;
    }
    fuzz_check(why.len == 0);
    fuzz_check(json_check(text) == JSON_FINE);
    fuzz_check(routes_count(routes) >= 1 && routes_count(routes) <= ROUTES_MAX);
    for (size_t i = 0; i < routes_count(routes); i++)
        check_route(routes, i);
    fuzz_check(!routes_find(routes, SPAN("")));
    return 0;
}
