/* SPDX-License-Identifier: MIT */
/* `convex-relay outbox …`: the table of commands, their help, and opening the outbox. */
#include "cli/outbox_command.h"

#include <signal.h>

#include "base/config.h"
#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/outbox_adopt.h"
#include "cli/outbox_backup.h"
#include "cli/outbox_letters.h"
#include "cli/outbox_view.h"
#include "outbox/store_open.h"

/* ---- What there is ---- */

enum {
    COMMAND_SELECTION = OUTBOX_OPTION_ALL | OUTBOX_OPTION_MODEL | OUTBOX_OPTION_REASON |
                        OUTBOX_OPTION_BEFORE | OUTBOX_OPTION_DRY_RUN,
    COMMAND_HELP_COLUMNS = 80,
};

#define USAGE_SELECTION " ID...|--all [--model M] [--reason TEXT] [--before TIME] [--dry-run]"

static const struct command {
    struct outbox_form form;
    const char *meaning;
    int (*run)(struct outbox_console *console, struct store *store,
               const struct outbox_request *request);
} commands[] = {
    {{"stats", " [--json]", OUTBOX_OPTION_JSON, OUTBOX_WORDS_NONE},
     "how many events there are, and how many there were",
     outbox_view_stats},
    {{"list", " [--state pending|dead] [--model M] [--json]",
      OUTBOX_OPTION_JSON | OUTBOX_OPTION_STATE | OUTBOX_OPTION_MODEL, OUTBOX_WORDS_NONE},
     "the events that are kept, one a line",
     outbox_view_list},
    {{"show", " ID [--json]", OUTBOX_OPTION_JSON, OUTBOX_WORDS_ID},
     "one event, with its body",
     outbox_view_show},
    {{"replay", USAGE_SELECTION " [--force]", COMMAND_SELECTION | OUTBOX_OPTION_FORCE,
      OUTBOX_WORDS_IDS},
     "sends dead letters again",
     outbox_letters_replay},
    {{"discard", USAGE_SELECTION, COMMAND_SELECTION, OUTBOX_WORDS_IDS},
     "throws dead letters away",
     outbox_letters_discard},
    {{"backup", " FILE", 0, OUTBOX_WORDS_FILE},
     "copies the whole outbox, where that is a file, into a new one",
     outbox_backup},
    {{"adopt", "", 0, OUTBOX_WORDS_NONE},
     "makes dead letters of what is pending in a copied database",
     outbox_adopt},
};

/* Options that do not fit the line go to the next one. */
static void command_print_usage(FILE *out, const struct outbox_form *form)
{
    size_t column = (size_t)fprintf(out, "  convex-relay outbox %s", form->name);

    for (const char *at = form->usage; *at;) {
        const char *next = strstr(at + 1, " [");
        size_t len = next ? (size_t)(next - at) : strlen(at);
        if (column + len > COMMAND_HELP_COLUMNS)
            column = (size_t)fprintf(out, "\n       ") - 1;
        (void)fprintf(out, "%.*s", (int)len, at);
        column += len;
        at += len;
    }
    (void)fputc('\n', out);
}

static int command_help(FILE *out)
{
    (void)fputs("Shows events that are not delivered yet and dead letters, and decides about the\n"
                "latter. OUTBOX names the file or the database that holds them; the relay may be\n"
                "running.\n\n",
                out);
    for (size_t i = 0; i < array_len(commands); i++) {
        command_print_usage(out, &commands[i].form);
        (void)fprintf(out, "      %s\n", commands[i].meaning);
    }
    (void)fputs("\nWhich dead letters:\n"
                "  --all           all of them, or those that the next three select\n"
                "  --model M       letters of the model M\n"
                "  --reason TEXT   letters whose reason contains TEXT\n"
                "  --before TIME   letters that died before TIME: 2026-11-22T16:53:10Z; or, in\n"
                "                  local time, 2026-11-22 16:53 or 2026-11-22; or longer ago than\n"
                "                  90m, 12h, 3d\n"
                "What is done:\n"
                "  --dry-run       only says how many letters would be changed\n"
                "  --force         also sends stale letters, although a newer event of the record\n"
                "                  was delivered since\n",
                out);
    return EXIT_FINE;
}

/* ---- On which outbox ---- */

static void store_closep(struct store **store)
{
    if (*store)
        (void)(*store)->ops->close(*store);
}

/* The settings that say which outbox it is. */
struct which {
    struct config outbox, schema, name;
};

static void which_done(struct which *which)
{
    config_done(&which->outbox);
    config_done(&which->schema);
    config_done(&which->name);
}

/* Only a database has a schema, and knows by name who uses it. */
static int which_read(struct outbox_console *console, struct which *which, struct buf *why)
{
    int r = config_read_one(console->lookup, "OUTBOX", &which->outbox, why);

    if (r || !which->outbox.outbox || !store_open_is_database(which->outbox.outbox))
        return r;
    r = config_read_one(console->lookup, "OUTBOX_SCHEMA", &which->schema, why);
    return r ? r : config_read_one(console->lookup, "RELAY_NAME", &which->name, why);
}

static int command_open(struct outbox_console *console, struct store **store)
{
    cleanup(which_done) struct which which = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = which_read(console, &which, &why);

    if (!r && !which.outbox.outbox) {
        outbox_console_complain(console, "OUTBOX: off: nothing is kept, so that there is nothing "
                                         "to look at");
        return EXIT_USAGE;
    }
    struct store_options wanted = {
        .path = which.outbox.outbox,
        .mode = STORE_BESIDE,
        .why = &why,
        .schema = which.schema.outbox_schema,
        .name = which.name.relay_name,
    };
    if (!r)
        r = console->open(&wanted, store);
    if (r > 0 && why.len > 0) {
        outbox_console_complain(console, "%s", buf_string(&why));
        return r == STORE_BUSY ? EXIT_FAILED : EXIT_USAGE; /* the same setting may work later */
    }
    return r ? outbox_console_failed(console, r) : 0;
}

static int command_run(struct outbox_console *console, const struct command *command,
                       const struct outbox_request *request)
{
    cleanup(store_closep) struct store *store = NULL;
    int r = command_open(console, &store);

    return r ? r : command->run(console, store, request);
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < array_len(commands); i++)
        if (strcmp(commands[i].form.name, name) == 0)
            return &commands[i];
    return NULL;
}

int outbox_command_run(struct outbox_console *console, int argc, char *const *argv)
{
    cleanup(outbox_request_done) struct outbox_request request = {0};
    const struct command *command = argc > 0 ? command_find(argv[0]) : NULL;

    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return command_help(console->out);
    if (!command) {
        outbox_console_complain(console,
                                "outbox: stats, list, show, replay, discard, backup or adopt is "
                                "expected; see convex-relay outbox --help");
        return EXIT_USAGE;
    }
    int r = outbox_request_read(console, &command->form, argc - 1, argv + 1, &request);
    if (!r)
        r = command_run(console, command, &request);
    return outbox_console_finish(console, r);
}

int outbox_command(int argc, char *const *argv)
{
    struct outbox_console console = {
        .out = stdout,
        .err = stderr,
        .out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = isatty(STDERR_FILENO) == 1,
        .clock = &clock_system,
        .lookup = getenv,
        .open = store_open,
    };

    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away must not interrupt a change */
    log_setup(LOG_ERROR, LOG_TEXT);
    return outbox_command_run(&console, argc, argv);
}
