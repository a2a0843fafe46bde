/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/outbox_console_world.h"

struct world world;

static int64_t world_mono_ms(struct clock *clock)
{
    (void)clock;
    return world.mono_ms += world.mono_step_ms;
}

static int64_t world_wall_ms(struct clock *clock)
{
    (void)clock;
    return WORLD_NOW_MS;
}

static struct clock world_clock = {world_mono_ms, world_wall_ms};

/* Only OUTBOX is there. What else concerns a database is asked for only where OUTBOX names one. */
static char *world_lookup(const char *name)
{
    bool of_database = world.outbox && strncmp(world.outbox, "postgres", 8) == 0;

    if (strcmp(name, "STATE_DIRECTORY") == 0 || strcmp(name, "OUTBOX_FILE") == 0)
        return NULL;
    if (of_database && strcmp(name, "OUTBOX_SCHEMA") == 0)
        return (char *)(uintptr_t) "events";
    if (of_database && strncmp(name, "RELAY_NAME", 10) == 0)
        return NULL;
    assert_string_equal(name, "OUTBOX");
    return (char *)(uintptr_t)world.outbox;
}

static int world_open(const struct store_options *options, struct store **store)
{
    static char opened[64];

    assert_int_equal(options->mode, STORE_BESIDE);
    (void)snprintf(opened, sizeof(opened), "%s%s%s", options->path, options->schema ? " " : "",
                   options->schema ? options->schema : "");
    world.opened = opened;
    if (world.open_why)
        assert_int_equal(buf_printf(options->why, "%s", world.open_why), 0);
    if (world.open_result)
        return world.open_result;
    *store = &world.store.store;
    return 0;
}

void world_forget(void)
{
    free(world.out);
    free(world.err);
    world.out = world.err = NULL;
}

int world_setup(void **state)
{
    (void)state;
    world_forget();
    memory_store_reset(&world.store);
    world.outbox = "kept.db";
    world.open_result = 0;
    world.open_why = NULL;
    world.opened = NULL;
    world.mono_ms = world.mono_step_ms = 0;
    world.console = (struct outbox_console){
        .clock = &world_clock,
        .lookup = world_lookup,
        .open = world_open,
    };
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    world_forget();
    return 0;
}

int world_run(const char *line)
{
    char text[256];
    char *words[WORLD_WORDS_MAX + 1];
    int len = 0;

    world_forget();
    world.console.out_error = 0;
    assert_in_range(strlen(line), 0, sizeof(text) - 1);
    (void)strcpy(text, line);
    for (char *rest = text, *word; (word = strtok_r(rest, " ", &rest));) {
        assert_in_range(len, 0, WORLD_WORDS_MAX - 1);
        words[len++] = word;
    }
    words[len] = NULL;
    world.console.out = open_memstream(&world.out, &world.out_len);
    world.console.err = open_memstream(&world.err, &world.err_len);
    assert_non_null(world.console.out);
    assert_non_null(world.console.err);
    int exit_code = outbox_command_run(&world.console, len, words);
    assert_int_equal(fclose(world.console.out), 0);
    assert_int_equal(fclose(world.console.err), 0);
    assert_false(world.store.open);
    return exit_code;
}

void world_expect(const char *line, int exit_code, const char *out, const char *err)
{
    int is = world_run(line);

    assert_same_text((struct span){world.out, world.out_len}, span_of(out));
    assert_same_text((struct span){world.err, world.err_len}, span_of(err));
    assert_int_equal(is, exit_code);
}
