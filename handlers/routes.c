/* SPDX-License-Identifier: MIT */
/*
 * Routes from models to mutations.
 *
 * cJSON takes more than JSON, so the strict scanner looks at the text first. The scanner lets
 * \u0000 pass, where cJSON would cut a string: routes_has_nul() refuses that.
 */
#include "handlers/routes.h"

#include <errno.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "handlers/function_path.h"

struct routes {
    size_t refs;
    size_t count;
    struct route at[];
};

static const char routes_guide[] = "{\"users\":{\"mutation\":\"users:syncFromBlade\"},"
                                   "\"posts\":{\"mutation\":\"posts:syncFromBlade\"}}";

/* The file that is being read, and where to say what is wrong with it. */
struct routes_source {
    const char *file;
    struct buf *why;
};

static void routes_json_freep(cJSON **json)
{
    cJSON_Delete(*json);
}

/* What a refusal returns: r where writing *why failed, else ROUTES_INVALID. */
static int routes_invalid(int r)
{
    return r ? r : ROUTES_INVALID;
}

static int routes_refuse_file(const struct routes_source *source, const char *reason)
{
    return routes_invalid(buf_printf(source->why, "ROUTES: %s: %s", source->file, reason));
}

static int routes_refuse_model(const struct routes_source *source, const char *model,
                               const char *reason)
{
    int r = buf_printf(source->why, "ROUTES: %s: ", source->file);

    if (!r)
        r = json_quote(span_of(model), source->why);
    return routes_invalid(r ? r : buf_printf(source->why, ": %s", reason));
}

static int routes_refuse_key(const struct routes_source *source, const char *model, const char *key,
                             const char *reason)
{
    int r = routes_refuse_model(source, model, "");

    if (r == ROUTES_INVALID)
        r = json_quote(span_of(key), source->why);
    return routes_invalid(r ? r : buf_printf(source->why, " %s", reason));
}

/* ---- the values of a route's keys ---- */

static int routes_copy(const char *string, char **copy)
{
    *copy = strdup(string);
    return *copy ? 0 : error_origin(-ENOMEM);
}

/* Each setter: 0; ROUTES_INVALID: the value is not what routes_keys says; or -ENOMEM. */

static int routes_set_path(const cJSON *value, char **field)
{
    if (!cJSON_IsString(value) || !function_path_valid(span_of(value->valuestring)))
        return ROUTES_INVALID;
    return routes_copy(value->valuestring, field);
}

static int routes_set_mutation(const cJSON *value, struct route *route)
{
    return routes_set_path(value, &route->mutation);
}

static int routes_set_remove(const cJSON *value, struct route *route)
{
    return routes_set_path(value, &route->remove);
}

static int routes_set_nulls(const cJSON *value, struct route *route)
{
    if (!cJSON_IsString(value))
        return ROUTES_INVALID;
    route->drop_nulls = strcmp(value->valuestring, "drop") == 0;
    return route->drop_nulls || strcmp(value->valuestring, "keep") == 0 ? 0 : ROUTES_INVALID;
}

static int routes_quote(struct span name, char **field)
{
    cleanup(buf_done) struct buf quoted = BUF_NULL;
    int r = json_quote(name, &quoted);

    return r ? r : routes_copy(buf_string(&quoted), field);
}

/*
 * A name that a member of arguments can have: check_valid_field_name() in crates/convex/sync_types/
 * src/identifier.rs of get-convex/convex-backend.
 */
static bool routes_is_field(struct span name)
{
    bool fine = name.len > 0 && name.len <= ROUTES_FIELD_MAX && *name.at != '$';

    for (size_t i = 0; fine && i < name.len; i++)
        fine = name.at[i] >= ' ' && name.at[i] <= '~';
    return fine;
}

static int routes_set_field(const cJSON *value, char **field)
{
    if (!cJSON_IsString(value) || !routes_is_field(span_of(value->valuestring)))
        return ROUTES_INVALID;
    return routes_quote(span_of(value->valuestring), field);
}

static int routes_set_whole(const cJSON *value, int min, int max, int *field)
{
    double number = cJSON_IsNumber(value) ? value->valuedouble : min - 1;

    if (number < min || number > max || number != (int)number)
        return ROUTES_INVALID;
    *field = (int)number;
    return 0;
}

static int routes_set_concurrency(const cJSON *value, struct route *route)
{
    return routes_set_whole(value, 1, ROUTES_CONCURRENCY_MAX, &route->concurrency);
}

static int routes_set_batch_member(const cJSON *member, struct route_batch *batch)
{
    if (strcmp(member->string, "mutation") == 0)
        return batch->mutation ? ROUTES_INVALID : routes_set_path(member, &batch->mutation);
    if (strcmp(member->string, "argument") == 0)
        return batch->argument ? ROUTES_INVALID : routes_set_field(member, &batch->argument);
    if (strcmp(member->string, "max") == 0 && !batch->max)
        return routes_set_whole(member, ROUTES_BATCH_MIN, ROUTES_BATCH_MAX, &batch->max);
    return ROUTES_INVALID;
}

static int routes_set_batch(const cJSON *value, struct route *route)
{
    struct route_batch *batch = &route->batch;
    const cJSON *member = NULL;
    int r = cJSON_IsObject(value) ? 0 : routes_set_path(value, &batch->mutation);

    if (cJSON_IsObject(value)) {
        cJSON_ArrayForEach(member, value)
        {
            r = r ? r : routes_set_batch_member(member, batch);
        }
    }
    if (r == 0 && !batch->mutation)
        r = ROUTES_INVALID;
    if (r == 0 && !batch->argument)
        r = routes_is_field(span_of(route->model))
                ? routes_quote(span_of(route->model), &batch->argument)
                : ROUTES_INVALID;
    if (!batch->max)
        batch->max = ROUTES_BATCH_DEFAULT;
    return r;
}

static int routes_set_sequence(const cJSON *value, struct route *route)
{
    return routes_set_field(value, &route->sequence);
}

#define ROUTES_NOT_A_PATH "is not a string such as \"users:syncFromBlade\" that names a function"

static const struct routes_key {
    const char *name;
    int (*set)(const cJSON *value, struct route *route);
    const char *reason; /* what to say of a value that set() does not take */
} routes_keys[] = {
    {"mutation", routes_set_mutation, ROUTES_NOT_A_PATH},
    {"remove", routes_set_remove, ROUTES_NOT_A_PATH},
    {"nulls", routes_set_nulls, "is neither \"drop\" nor \"keep\""},
    {"concurrency", routes_set_concurrency, "is not a whole number from 1 to 1024"},
    {"batch", routes_set_batch,
     "is neither a string that names a function nor an object such as {\"mutation\":"
     "\"users:syncBatch\",\"max\":50,\"argument\":\"users\"}, with max from 2 to 500; argument "
     "must be given where the model's name is not one that a field of Convex can have"},
    {"sequence", routes_set_sequence,
     "is not a string such as \"syncSeq\" that names a field of the arguments"},
};

/* ---- a route ---- */

static const struct routes_key *routes_find_key(const char *name)
{
    for (size_t i = 0; i < array_len(routes_keys); i++)
        if (strcmp(routes_keys[i].name, name) == 0)
            return &routes_keys[i];
    return NULL;
}

static int routes_read_member(const struct routes_source *source, const cJSON *member,
                              unsigned *seen, struct route *route)
{
    const struct routes_key *key = routes_find_key(member->string);

    if (!key)
        return routes_refuse_key(
            source, route->model, member->string,
            "is unknown; a route has mutation, remove, nulls, concurrency, batch, sequence");
    unsigned bit = 1U << (key - routes_keys);
    if (*seen & bit)
        return routes_refuse_key(source, route->model, key->name, "is there twice");
    *seen |= bit;

    int r = key->set(member, route);
    return r > 0 ? routes_refuse_key(source, route->model, key->name, key->reason) : r;
}

static int routes_read_route(const struct routes_source *source, const cJSON *json,
                             struct route *route)
{
    const cJSON *member = NULL;
    unsigned seen = 0;

    int r = routes_copy(json->string, &route->model);
    if (r)
        return r;
    if (!*route->model)
        return routes_refuse_model(source, "", "a model needs a name");
    if (!cJSON_IsObject(json))
        return routes_refuse_model(source, route->model,
                                   "is not an object such as {\"mutation\":\"users:sync\"}");
    cJSON_ArrayForEach(member, json)
    {
        r = routes_read_member(source, member, &seen, route);
        if (r)
            return r;
    }
    if (!route->mutation)
        return routes_refuse_key(source, route->model, "mutation", "is missing");
    return 0;
}

/* ---- the file ---- */

static int routes_refuse_json(const struct routes_source *source, struct span text, size_t pos)
{
    size_t line = 1;
    size_t column = 1;

    for (size_t i = 0; i < pos && i < text.len; i++) {
        column++;
        if (text.at[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return routes_invalid(buf_printf(source->why, "ROUTES: %s: not JSON at line %zu, byte %zu",
                                     source->file, line, column));
}

/* The scanner has seen that each backslash stands in a string, before another character. */
static bool routes_has_nul(struct span text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.at[i] != '\\')
            continue;
        if (span_starts((struct span){text.at + i, text.len - i}, SPAN("\\u0000")))
            return true;
        i++;
    }
    return false;
}

static int routes_parse(const struct routes_source *source, struct span text, cJSON **json)
{
    struct json_scanner scanner;

    if (text.len == 0)
        return routes_refuse_file(source, "is empty");
    json_scanner_init(&scanner, NULL, NULL);
    if (json_scan(&scanner, text) || json_scan_end(&scanner, text))
        return routes_refuse_json(source, text, scanner.pos);
    if (!json_scanner_is_object(&scanner))
        return routes_refuse_file(source, "is not an object of routes by model");
    if (routes_has_nul(text))
        return routes_refuse_file(source, "holds \\u0000, which no name has");
    *json = cJSON_ParseWithLength(text.at, text.len);
    if (!*json) /* besides a lack of memory, no other cause is left */
        return routes_refuse_file(source, "holds half of a surrogate pair, or is nested too deep");
    return 0;
}

static int routes_compare(const void *a, const void *b)
{
    return strcmp(((const struct route *)a)->model, ((const struct route *)b)->model);
}

static int routes_read_all(const struct routes_source *source, const cJSON *json,
                           struct routes *routes)
{
    const cJSON *member = NULL;

    cJSON_ArrayForEach(member, json)
    {
        int r = routes_read_route(source, member, &routes->at[routes->count++]);
        if (r)
            return r;
    }
    qsort(routes->at, routes->count, sizeof(*routes->at), routes_compare);
    for (size_t i = 1; i < routes->count; i++)
        if (routes_compare(&routes->at[i - 1], &routes->at[i]) == 0)
            return routes_refuse_model(source, routes->at[i].model, "is there twice");
    return 0;
}

static int routes_make(const struct routes_source *source, struct span text, struct routes **routes)
{
    cleanup(routes_json_freep) cJSON *json = NULL;
    cleanup(routes_unrefp) struct routes *made = NULL;

    int r = routes_parse(source, text, &json);
    if (r)
        return r;
    size_t count = (size_t)cJSON_GetArraySize(json);
    if (count == 0)
        return routes_refuse_file(source, "has no routes, so that nothing would be delivered");
    if (count > ROUTES_MAX)
        return routes_refuse_file(source, "has more than 1000 routes");
    made = calloc(1, sizeof(*made) + count * sizeof(*made->at));
    if (!made)
        return error_origin(-ENOMEM);
    made->refs = 1;
    r = routes_read_all(source, json, made);
    if (r)
        return r;
    *routes = take(made);
    return 0;
}

int routes_load(const char *path, struct routes **routes, struct buf *why)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    cleanup(buf_done) struct buf reason = BUF_NULL;
    struct routes_source source = {path ? path : "(the guide's)", why};

    if (!path)
        return routes_make(&source, span_of(routes_guide), routes);
    int r = file_read(path, ROUTES_FILE_MAX_BYTES, &text, &reason);
    if (r == FILE_INVALID)
        return routes_invalid(buf_printf(why, "ROUTES: %.*s", (int)reason.len, reason.at));
    if (r)
        return r;
    return routes_make(&source, buf_span(&text), routes);
}

/* ---- the use of routes that were read ---- */

struct routes *routes_ref(struct routes *routes)
{
    routes->refs++;
    return routes;
}

struct routes *routes_unref(struct routes *routes)
{
    if (!routes || --routes->refs > 0)
        return NULL;
    for (size_t i = 0; i < routes->count; i++) {
        free(routes->at[i].model);
        free(routes->at[i].mutation);
        free(routes->at[i].remove);
        free(routes->at[i].batch.mutation);
        free(routes->at[i].batch.argument);
        free(routes->at[i].sequence);
    }
    free(routes);
    return NULL;
}

static int routes_compare_model(const void *key, const void *member)
{
    const struct span *model = key;
    struct span other = span_of(((const struct route *)member)->model);
    size_t common = model->len < other.len ? model->len : other.len;
    int order = common ? memcmp(model->at, other.at, common) : 0;

    return order ? order : (model->len > other.len) - (model->len < other.len);
}

const struct route *routes_find(const struct routes *routes, struct span model)
{
    return bsearch(&model, routes->at, routes->count, sizeof(*routes->at), routes_compare_model);
}

size_t routes_count(const struct routes *routes)
{
    return routes->count;
}

const struct route *routes_at(const struct routes *routes, size_t i)
{
    return &routes->at[i];
}
