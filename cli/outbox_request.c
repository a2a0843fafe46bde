/* SPDX-License-Identifier: MIT */
/* The command line of `convex-relay outbox …`: its options and words. */
#include "cli/outbox_request.h"

#include <ctype.h>
#include <errno.h>

#include "base/when.h"
#include "cli/exit_code.h"

static const struct option {
    const char *name;
    enum outbox_option bit;
    bool has_value;
    bool selects; /* a part of a selection, which only --all takes */
} options[] = {
    {"--json", OUTBOX_OPTION_JSON, false, false},
    {"--all", OUTBOX_OPTION_ALL, false, false},
    {"--force", OUTBOX_OPTION_FORCE, false, false},
    {"--dry-run", OUTBOX_OPTION_DRY_RUN, false, false},
    {"--state", OUTBOX_OPTION_STATE, true, false},
    {"--model", OUTBOX_OPTION_MODEL, true, true},
    {"--reason", OUTBOX_OPTION_REASON, true, true},
    {"--before", OUTBOX_OPTION_BEFORE, true, true},
};

struct parse {
    struct outbox_console *console;
    const struct outbox_form *form;
    int argc;
    char *const *argv;
    int at;
    bool words_only; /* after a word --, which ends the options */
    unsigned seen;   /* bits of enum outbox_option */
    struct outbox_request *request;
};

/* ---- Complaints ---- */

static int parse_refuse(const struct parse *parse, const char *text)
{
    outbox_console_complain(parse->console, "%s; usage: convex-relay outbox %s%s", text,
                            parse->form->name, parse->form->usage);
    return EXIT_USAGE;
}

/* Refuses a word. The complaint shows a word that is short and printable. */
static int parse_refuse_word(const struct parse *parse, const char *word, const char *text)
{
    char shown[96];
    bool printable = strlen(word) <= 40;

    for (const char *c = word; *c; c++)
        printable = printable && isprint((unsigned char)*c);
    if (printable)
        (void)snprintf(shown, sizeof(shown), "\"%s\" %s", word, text);
    else
        (void)snprintf(shown, sizeof(shown), "a word %s", text);
    return parse_refuse(parse, shown);
}

/* ---- Options ---- */

static const struct option *option_find(const char *word, size_t len)
{
    for (size_t i = 0; i < array_len(options); i++)
        if (span_eq((struct span){word, len}, span_of(options[i].name)))
            return &options[i];
    return NULL;
}

static int parse_state(struct parse *parse, struct span value)
{
    if (span_eq(value, SPAN("pending")))
        parse->request->states = OUTBOX_STATES_PENDING;
    else if (span_eq(value, SPAN("dead")))
        parse->request->states = OUTBOX_STATES_DEAD;
    else
        return parse_refuse(parse, "--state is pending or dead");
    return 0;
}

/* Refuses an empty text, which is a part of every reason: something else was meant. */
static int parse_reason(struct parse *parse, struct span value)
{
    if (value.len == 0)
        return parse_refuse(parse, "--reason is a part of the reason, and not empty");
    parse->request->selection.reason = value;
    return 0;
}

static int parse_before(struct parse *parse, struct span value)
{
    int64_t now_ms = clock_wall_ms(parse->console->clock);

    if (when_parse(value, now_ms, when_local, &parse->request->selection.before_ms))
        return 0;
    return parse_refuse(parse, "--before is a time, such as 2026-11-22T16:53:10Z, or an age, such "
                               "as 90m, 12h or 3d");
}

static int parse_set(struct parse *parse, enum outbox_option bit, struct span value)
{
    switch (bit) {
    case OUTBOX_OPTION_JSON:
        parse->request->json = true;
        break;
    case OUTBOX_OPTION_ALL:
        parse->request->all = true;
        break;
    case OUTBOX_OPTION_FORCE:
        parse->request->force = true;
        break;
    case OUTBOX_OPTION_DRY_RUN:
        parse->request->dry_run = true;
        break;
    case OUTBOX_OPTION_STATE:
        return parse_state(parse, value);
    case OUTBOX_OPTION_MODEL:
        parse->request->selection.model = value;
        break;
    case OUTBOX_OPTION_REASON:
        return parse_reason(parse, value);
    case OUTBOX_OPTION_BEFORE:
        return parse_before(parse, value);
    }
    return 0;
}

/* The value is the next word, unless that word is an option: a forgotten value must not cost
 * letters. */
static const char *parse_value(struct parse *parse)
{
    const char *word = parse->at < parse->argc ? parse->argv[parse->at] : NULL;

    if (!word || strncmp(word, "--", 2) == 0)
        return NULL;
    parse->at++;
    return word;
}

/* Reads --name, --name value or --name=value. */
static int parse_option(struct parse *parse, const char *word)
{
    const char *equals = strchr(word, '=');
    const char *value = equals ? equals + 1 : NULL;
    const struct option *option =
        option_find(word, equals ? (size_t)(equals - word) : strlen(word));

    if (!option || !(parse->form->options & option->bit))
        return parse_refuse_word(parse, word, "is not expected");
    if (!option->has_value && value)
        return parse_refuse_word(parse, option->name, "takes no value");
    if (option->has_value && !value)
        value = parse_value(parse);
    if (option->has_value && !value)
        return parse_refuse_word(parse, option->name, "needs a value");
    /* One of two values would be ignored, and with it a condition that spares letters. */
    if (option->has_value && (parse->seen & option->bit))
        return parse_refuse_word(parse, option->name, "is given twice");
    parse->seen |= option->bit;
    return parse_set(parse, option->bit, span_of(value));
}

/* ---- Words ---- */

/* Reads digits and nothing else, from 1 to what a store can hold. */
static bool parse_id(const char *word, uint64_t *id)
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

static int parse_word(struct parse *parse, const char *word)
{
    struct outbox_request *request = parse->request;

    if (!parse->words_only && strcmp(word, "--") == 0) {
        parse->words_only = true;
        return 0;
    }
    if (!parse->words_only && word[0] == '-')
        return parse_option(parse, word);
    if (parse->form->words == OUTBOX_WORDS_NONE || request->file)
        return parse_refuse_word(parse, word, "is not expected");
    if (parse->form->words == OUTBOX_WORDS_FILE) {
        request->file = word;
        return 0;
    }
    if (!parse_id(word, &request->ids[request->ids_len]))
        return parse_refuse_word(parse, word, "is not an id");
    request->ids_len++;
    return 0;
}

/* ---- What one word alone cannot tell ---- */

static const struct option *option_that_selects(unsigned seen)
{
    for (size_t i = 0; i < array_len(options); i++)
        if (options[i].selects && (seen & options[i].bit))
            return &options[i];
    return NULL;
}

/* Wants either ids or --all, and a selection only with --all: guessing could cost letters. */
static int parse_check_letters(const struct parse *parse)
{
    const struct outbox_request *request = parse->request;
    const struct option *selecting = option_that_selects(parse->seen);

    if (request->all && request->ids_len > 0)
        return parse_refuse(parse, "either ids or --all, not both");
    if (selecting && !request->all)
        return parse_refuse_word(parse, selecting->name, "goes with --all");
    if (request->ids_len == 0 && !request->all)
        return parse_refuse(parse, "ids or --all are expected");
    return 0;
}

static int parse_check(const struct parse *parse)
{
    const struct outbox_request *request = parse->request;

    if (parse->form->words == OUTBOX_WORDS_IDS)
        return parse_check_letters(parse);
    if (parse->form->words == OUTBOX_WORDS_ID && request->ids_len != 1)
        return parse_refuse(parse, "one id is expected");
    if (parse->form->words == OUTBOX_WORDS_FILE && (!request->file || !*request->file))
        return parse_refuse(parse, "a file is expected");
    return 0;
}

int outbox_request_read(struct outbox_console *console, const struct outbox_form *form, int argc,
                        char *const *argv, struct outbox_request *request)
{
    struct parse parse = {
        .console = console, .form = form, .argc = argc, .argv = argv, .request = request};
    int r = 0;

    *request = (struct outbox_request){
        .selection = OUTBOX_SELECTION_ANY,
        .ids = calloc((size_t)argc + 1, sizeof(*request->ids)),
    };
    if (!request->ids)
        return outbox_console_failed(console, -ENOMEM);
    while (!r && parse.at < parse.argc)
        r = parse_word(&parse, parse.argv[parse.at++]);
    return r ? r : parse_check(&parse);
}

void outbox_request_done(struct outbox_request *request)
{
    free(request->ids);
    *request = (struct outbox_request){0};
}
