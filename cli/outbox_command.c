/* SPDX-License-Identifier: MIT */
/* `convex-relay outbox …`: the table of commands, their help, and opening the outbox. */
#include "cli/outbox_command.h"

#include <signal.h>

#include "base/config.h"
#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/outbox_backup.h"
#include "cli/outbox_letters.h"
#include "cli/outbox_view.h"
#include "outbox/store_sqlite.h"

/* ---- What there is ---- */

enum {
    COMMAND_SELECTION = OUTBOX_OPTION_ALL | OUTBOX_OPTION_MODEL | OUTBOX_OPTION_REASON |
                        OUTBOX_OPTION_BEFORE | OUTBOX_OPTION_DRY_RUN,
};

#define USAGE_SELECTION " ID...|--all [--model M] [--reason TEXT] [--before TIME] [--dry-run]"

static const struct command {
    struct outbox_form form;
    const char *meaning;
    int (*run)(struct outbox_console *console, struct store *store,
               const struct outbox_request *request);
} commands[] = {
    {{"stats", " [--json]", OUTBOX_OPTION_JSON, OUTBOX_WORDS_NONE},
     "how many events there are, and were",
     outbox_stats},
    {{"list", " [--state pending|dead] [--model M] [--json]",
      OUTBOX_OPTION_JSON | OUTBOX_OPTION_STATE | OUTBOX_OPTION_MODEL, OUTBOX_WORDS_NONE},
     "the events that are kept, a line each",
     outbox_list},
    {{"show", " ID [--json]", OUTBOX_OPTION_JSON, OUTBOX_WORDS_ID},
     "one event, with its body",
     outbox_show},
    {{"replay", USAGE_SELECTION " [--force]", COMMAND_SELECTION | OUTBOX_OPTION_FORCE,
      OUTBOX_WORDS_IDS},
     "sends dead letters again",
     outbox_replay},
    {{"discard", USAGE_SELECTION, COMMAND_SELECTION, OUTBOX_WORDS_IDS},
     "throws dead letters away",
     outbox_discard},
    {{"backup", " FILE", 0, OUTBOX_WORDS_FILE}, "copies all of it into a new file", outbox_backup},
};

static int command_help(FILE *out)
{
    (void)fputs("Events that are not delivered yet, and dead letters. OUTBOX names their file;\n"
                "the relay may be running.\n\n",
                out);
    for (size_t i = 0; i < array_len(commands); i++)
        (void)fprintf(out, "  convex-relay outbox %s%s\n      %s\n", commands[i].form.name,
                      commands[i].form.usage, commands[i].meaning);
    (void)fputs(
        "\nOf dead letters:\n"
        "  --reason TEXT   those whose reason holds TEXT\n"
        "  --before TIME   those that died before TIME: 2026-11-22T16:53:10Z;\n"
        "                  2026-11-22 16:53 or 2026-11-22 in local time, since they name no\n"
        "                  zone; or longer ago than 90m, 12h, 3d\n"
        "  --dry-run       says how many there are, and changes nothing\n"
        "  --force         sends stale ones, too: newer events of their records were\n"
        "                  delivered since\n",
        out);
    return EXIT_FINE;
}

/* ---- On which file ---- */

static void store_closep(struct store **store)
{
    if (*store)
        (void)(*store)->ops->close(*store);
}

static int command_open(struct outbox_console *console, struct store **store)
{
    cleanup(config_done) struct config config = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = config_read_one(console->lookup, "OUTBOX", &config, &why);

    if (!r && !config.outbox) {
        outbox_console_complain(console, "OUTBOX: off: nothing is kept, so that there is nothing "
                                         "to look at");
        return EXIT_USAGE;
    }
    struct store_options wanted = {.path = config.outbox, .mode = STORE_BESIDE, .why = &why};
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
                                "outbox: stats, list, show, replay, discard or backup is expected; "
                                "see convex-relay outbox --help");
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
        .open = store_sqlite_open,
    };

    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away must not interrupt a change */
    log_setup(LOG_ERROR, LOG_TEXT);
    return outbox_command_run(&console, argc, argv);
}
