/* SPDX-License-Identifier: MIT */
/* `convex-relay outbox …`: which command, with which options, on which file. */
#include "cli/outbox_command.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>

#include "base/config.h"
#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/outbox_request.h"

/* ---- What there is ---- */

enum option_bit {
    OPTION_JSON = 1,
    OPTION_ALL = 2,
    OPTION_FORCE = 4,
    OPTION_STATE = 8,
    OPTION_MODEL = 16,
};

static const struct option {
    const char *name;
    enum option_bit bit;
    bool has_value;
} options[] = {
    {"--json", OPTION_JSON, false},   {"--all", OPTION_ALL, false},
    {"--force", OPTION_FORCE, false}, {"--state", OPTION_STATE, true},
    {"--model", OPTION_MODEL, true},
};

enum words_wanted { WORDS_NONE, WORDS_ID, WORDS_IDS, WORDS_FILE };

static const struct command {
    const char *name;
    const char *usage; /* behind the name */
    const char *meaning;
    unsigned options;
    enum words_wanted words;
    int (*run)(struct outbox_console *console, struct store *store,
               const struct outbox_request *request);
} commands[] = {
    {"stats", " [--json]", "how many events there are, and were", OPTION_JSON, WORDS_NONE,
     outbox_stats},
    {"list", " [--state pending|dead] [--model M] [--json]",
     "the events that are kept, a line each", OPTION_JSON | OPTION_STATE | OPTION_MODEL, WORDS_NONE,
     outbox_list},
    {"show", " ID [--json]", "one event, with its body", OPTION_JSON, WORDS_ID, outbox_show},
    {"replay", " ID...|--all [--model M] [--force]", "sends dead letters again",
     OPTION_ALL | OPTION_MODEL | OPTION_FORCE, WORDS_IDS, outbox_replay},
    {"discard", " ID...", "throws dead letters away", 0, WORDS_IDS, outbox_discard},
    {"backup", " FILE", "copies all of it into a new file", 0, WORDS_FILE, outbox_backup},
};

static int command_help(FILE *out)
{
    (void)fputs("Events that are not delivered yet, and dead letters. OUTBOX names their file;\n"
                "the relay may be running.\n\n",
                out);
    for (size_t i = 0; i < array_len(commands); i++)
        (void)fprintf(out, "  convex-relay outbox %s%s\n      %s\n", commands[i].name,
                      commands[i].usage, commands[i].meaning);
    return EXIT_FINE;
}

/* ---- What was asked for ---- */

static int command_refuse(struct outbox_console *console, const struct command *command,
                          const char *text)
{
    outbox_console_complain(console, "%s; usage: convex-relay outbox %s%s", text, command->name,
                            command->usage);
    return EXIT_USAGE;
}

/* The same about a word, which is shown where that is safe. */
static int command_refuse_word(struct outbox_console *console, const struct command *command,
                               const char *word, const char *text)
{
    char shown[96];
    bool printable = strlen(word) <= 40;

    for (const char *c = word; *c; c++)
        printable = printable && isprint((unsigned char)*c);
    if (printable)
        (void)snprintf(shown, sizeof(shown), "\"%s\" %s", word, text);
    else
        (void)snprintf(shown, sizeof(shown), "a word %s", text);
    return command_refuse(console, command, shown);
}

static const struct option *option_find(const char *word, size_t len)
{
    for (size_t i = 0; i < array_len(options); i++)
        if (span_eq((struct span){word, len}, span_of(options[i].name)))
            return &options[i];
    return NULL;
}

/* Digits and nothing else, from 1 to what a store can hold. */
static bool command_parse_id(const char *word, uint64_t *id)
{
    uint64_t n = 0;

    for (const char *c = word; *c; c++) {
        if (!isdigit((unsigned char)*c) || n > (uint64_t)INT64_MAX / 10)
            return false;
        n = n * 10 + (uint64_t)(*c - '0');
    }
    if (n == 0 || n > INT64_MAX)
        return false;
    *id = n;
    return true;
}

struct parse {
    struct outbox_console *console;
    const struct command *command;
    int argc;
    char *const *argv;
    int at;
    bool words_only; /* behind -- */
    struct outbox_request *request;
    uint64_t *ids;
};

static int parse_state(struct parse *parse, const char *value)
{
    if (strcmp(value, "pending") == 0)
        parse->request->states = OUTBOX_PENDING;
    else if (strcmp(value, "dead") == 0)
        parse->request->states = OUTBOX_DEAD;
    else
        return command_refuse(parse->console, parse->command, "--state is pending or dead");
    return 0;
}

static int parse_set(struct parse *parse, enum option_bit bit, const char *value)
{
    switch (bit) {
    case OPTION_JSON:
        parse->request->json = true;
        break;
    case OPTION_ALL:
        parse->request->all = true;
        break;
    case OPTION_FORCE:
        parse->request->force = true;
        break;
    case OPTION_STATE:
        return parse_state(parse, value);
    case OPTION_MODEL:
        parse->request->model = span_of(value);
        break;
    }
    return 0;
}

/* --name, --name value, --name=value */
static int parse_option(struct parse *parse, const char *word)
{
    const char *equals = strchr(word, '=');
    const char *value = equals ? equals + 1 : NULL;
    const struct option *option =
        option_find(word, equals ? (size_t)(equals - word) : strlen(word));

    if (!option || !(parse->command->options & option->bit))
        return command_refuse_word(parse->console, parse->command, word, "is not expected");
    if (!option->has_value && value)
        return command_refuse_word(parse->console, parse->command, option->name, "takes no value");
    if (option->has_value && !value && parse->at < parse->argc)
        value = parse->argv[parse->at++];
    if (option->has_value && !value)
        return command_refuse_word(parse->console, parse->command, option->name, "needs a value");
    return parse_set(parse, option->bit, value);
}

static int parse_word(struct parse *parse, const char *word)
{
    if (!parse->words_only && strcmp(word, "--") == 0) {
        parse->words_only = true;
        return 0;
    }
    if (!parse->words_only && word[0] == '-')
        return parse_option(parse, word);
    if (parse->command->words == WORDS_NONE || parse->request->file)
        return command_refuse_word(parse->console, parse->command, word, "is not expected");
    if (parse->command->words == WORDS_FILE) {
        parse->request->file = word;
        return 0;
    }
    if (!command_parse_id(word, &parse->ids[parse->request->ids_len]))
        return command_refuse_word(parse->console, parse->command, word, "is not an id");
    parse->request->ids_len++;
    return 0;
}

/* What one word alone cannot tell. */
static int parse_check(struct parse *parse)
{
    const struct outbox_request *request = parse->request;
    const char *text = NULL;

    if (request->all && request->ids_len > 0)
        text = "either ids or --all, not both";
    else if (parse->command->words == WORDS_IDS && request->model.at && !request->all)
        text = "--model goes with --all";
    else if (parse->command->words == WORDS_ID && request->ids_len != 1)
        text = "one id is expected";
    else if (parse->command->words == WORDS_IDS && request->ids_len == 0 && !request->all)
        text =
            parse->command->options & OPTION_ALL ? "ids or --all are expected" : "ids are expected";
    else if (parse->command->words == WORDS_FILE && (!request->file || !*request->file))
        text = "a file is expected";
    return text ? command_refuse(parse->console, parse->command, text) : 0;
}

/* 0, or EXIT_USAGE and it has complained. */
static int parse_run(struct parse *parse)
{
    int r = 0;

    while (!r && parse->at < parse->argc)
        r = parse_word(parse, parse->argv[parse->at++]);
    return r ? r : parse_check(parse);
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
        return r == STORE_BUSY ? EXIT_FAILED : EXIT_USAGE; /* later it may work as it is set */
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
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int outbox_command_run(struct outbox_console *console, int argc, char *const *argv)
{
    struct outbox_request request = {0};
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
    cleanup(freep) uint64_t *ids = calloc((size_t)argc, sizeof(*ids));
    struct parse parse = {console, command, argc, argv, 1, false, &request, ids};
    if (!ids)
        return outbox_console_failed(console, -ENOMEM);
    request.ids = ids;
    int r = parse_run(&parse);
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

    (void)signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough must not cut a change short */
    log_setup(LOG_ERROR, LOG_TEXT);
    return outbox_command_run(&console, argc, argv);
}
