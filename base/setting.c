/* SPDX-License-Identifier: MIT */
/* One setting: where the value comes from, whether the value is usable, and where the program keeps
 * it. */
#include "base/setting.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/setting_value.h"

enum {
    SETTING_FILE_MAX = 64 * 1024,
    SETTING_SHOWN_MAX = 40, /* characters of an unusable value that a complaint shows */
    SETTING_NAME_MAX = 64,
};

/* The outcome after a complaint was written into *why with the result r. */
static int setting_invalid(int r)
{
    return r ? r : SETTING_INVALID;
}

static int setting_missing(const struct setting *setting, const char *name, struct buf *why)
{
    return setting_invalid(buf_printf(why, "%s: %s", name, setting->missing));
}

/* Begins a complaint: `NAME: "value" is not `. The value is cut, and cannot break the line. */
static int setting_begin_unusable(const struct setting *setting, const char *value, struct buf *why)
{
    int r = buf_printf(why, "%s: \"", setting->name);

    for (size_t i = 0; !r && value[i] && i < SETTING_SHOWN_MAX; i++)
        r = buf_append_char(why, isprint((unsigned char)value[i]) ? value[i] : '?');
    if (r)
        return r;
    return buf_printf(why, "%s\" is not ", strlen(value) > SETTING_SHOWN_MAX ? "..." : "");
}

static int setting_not_a_number(const struct setting *setting, const char *value, struct buf *why)
{
    int r = setting_begin_unusable(setting, value, why);

    if (r)
        return r;
    return setting_invalid(buf_printf(why, "a number from %lld to %lld%s", (long long)setting->min,
                                      (long long)setting->max, setting->off ? ", or off" : ""));
}

static int setting_not_right(const struct setting *setting, const char *value, const char *fault,
                             struct buf *why)
{
    int r = setting_begin_unusable(setting, value, why);

    return r ? r : setting_invalid(buf_append_span(why, span_of(fault)));
}

static int setting_not_a_choice(const struct setting *setting, const char *value, struct buf *why)
{
    int r = setting_begin_unusable(setting, value, why);

    for (size_t i = 0; !r && setting->choices[i]; i++)
        r = buf_printf(why, "%s%s", i == 0 ? "one of " : ", ", setting->choices[i]);
    return setting_invalid(r);
}

/* ---- Where a value comes from ---- */

/* The value of a variable; NULL: not set, or empty. */
static const char *setting_lookup(char *(*lookup)(const char *name), const char *name)
{
    const char *value = lookup(name);

    return value && *value ? value : NULL;
}

static void setting_file_name(const struct setting *setting, char name[SETTING_NAME_MAX])
{
    (void)snprintf(name, SETTING_NAME_MAX, "%s_FILE", setting->name);
}

static int setting_read_file(const char *name, const char *path, struct buf *value, struct buf *why)
{
    cleanup(buf_done) struct buf reason = BUF_NULL;

    int r = file_read(path, SETTING_FILE_MAX, value, &reason);
    if (r == FILE_INVALID)
        return setting_invalid(buf_printf(why, "%s: %.*s", name, (int)reason.len, reason.at));
    if (r)
        return r;
    if (value->len > 0 && value->at[value->len - 1] == '\n')
        value->len--;
    if (value->len > 0 && value->at[value->len - 1] == '\r')
        value->len--;
    return 0;
}

static int setting_fallback(const struct setting *setting, char *(*lookup)(const char *name),
                            struct buf *value)
{
    const char *state = setting->in_state ? setting_lookup(lookup, "STATE_DIRECTORY") : NULL;

    if (!setting->fallback)
        return 0;
    /* systemd lists several folders with colons; the first is the unit's main one. */
    if (state)
        return buf_printf(value, "%.*s/%s", (int)strcspn(state, ":"), state, setting->fallback);
    return buf_append_span(value, span_of(setting->fallback));
}

/* A file may hold the URI of a database, not the name of one more file. */
static int setting_check_uri_of_file(const char *name, struct buf *value, struct buf *why)
{
    const char *uri = buf_string(value);

    if (!uri)
        return -ENOMEM;
    if (setting_value_is_postgresql(uri) && strlen(uri) == value->len)
        return 0;
    return setting_invalid(buf_printf(why,
                                      "%s: the file does not hold a URI that begins with "
                                      "postgresql://",
                                      name));
}

/* Appends the value of the setting, or its default, or nothing. */
static int setting_find(const struct setting *setting, char *(*lookup)(const char *name),
                        struct buf *value, struct buf *why)
{
    const char *given = setting_lookup(lookup, setting->name);
    char file_name[SETTING_NAME_MAX];
    const char *file = NULL;
    int r = 0;

    setting_file_name(setting, file_name);
    if (setting->secret || setting->database)
        file = setting_lookup(lookup, file_name);
    if (given && file)
        return setting_invalid(buf_printf(why, "%s: set as well as %s; keep one of the two",
                                          file_name, setting->name));
    if (file)
        r = setting_read_file(file_name, file, value, why);
    else if (given)
        r = buf_append_span(value, span_of(given));
    else
        r = setting_fallback(setting, lookup, value);
    if (r == 0 && file && setting->database)
        r = setting_check_uri_of_file(file_name, value, why);
    if (r)
        return r;
    if (value->len == 0 && setting->missing)
        return setting_missing(setting, file ? file_name : setting->name, why);
    return 0;
}

/* ---- What a value is ---- */

static int setting_check_secret(const struct setting *setting, struct span value, struct buf *why)
{
    if (value.len > (size_t)setting->max)
        return setting_invalid(
            buf_printf(why, "%s: longer than %lld bytes", setting->name, (long long)setting->max));
    for (size_t i = 0; i < value.len; i++)
        if (iscntrl((unsigned char)value.at[i]))
            return setting_invalid(buf_printf(why,
                                              "%s: holds a line end or another control character, "
                                              "which no header can carry",
                                              setting->name));
    if (!setting_value_fits_header(value))
        return setting_invalid(
            buf_printf(why, "%s: holds a character that no header can carry", setting->name));
    if (value.len > 0 && (value.at[0] == ' ' || value.at[value.len - 1] == ' '))
        return setting_invalid(buf_printf(
            why, "%s: starts or ends with a blank, which no header can carry", setting->name));
    return 0;
}

/* Refuses values that would become the name of a file although something else was meant. A URI may
 * hold a password, so it is not shown. */
static int setting_check_file_or_off(const struct setting *setting, const char *value,
                                     struct buf *why)
{
    if (setting->database && setting_value_is_postgresql(value))
        return 0;
    if (setting_value_is_uri(value))
        return setting_invalid(buf_printf(why,
                                          "%s: is a URI of another kind; the name of a file is "
                                          "wanted, postgresql://..., or off",
                                          setting->name));
    if (setting_value_is_nearly_uri(value))
        return setting_invalid(buf_printf(why,
                                          "%s: looks like a database's address; that is wanted as "
                                          "a URI without quotes, postgresql://USER@HOST/DATABASE; "
                                          "a file of that name wants its folder before it, as in "
                                          "./NAME",
                                          setting->name));
    if (!setting_value_is_switch(value))
        return 0;
    int r = setting_begin_unusable(setting, value, why);
    return r ? r
             : setting_invalid(buf_printf(
                   why, "taken for a file's name: off, in small letters, keeps nothing; a file of "
                        "that name wants its folder before it, as in ./NAME"));
}

/* The field of a setting of type SETTING_STRING. */
static char **setting_string(const struct setting *setting, void *fields)
{
    return (char **)(void *)((char *)fields + setting->offset);
}

static int setting_set_string(const struct setting *setting, struct buf *value, void *fields,
                              struct buf *why)
{
    const char *fault = setting->fault ? setting->fault(value->at) : NULL;
    int r = fault ? setting_not_right(setting, value->at, fault, why) : 0;

    if (setting->off && strcmp(value->at, "off") == 0)
        return 0;
    if (!r && setting->off)
        r = setting_check_file_or_off(setting, value->at, why);
    if (!r && setting->secret)
        r = setting_check_secret(setting, buf_span(value), why);
    if (r)
        return r;
    *setting_string(setting, fields) = take(value->at);
    return 0;
}

/* Reads digits and nothing else: no sign, no blanks, no hex. A number beyond 64 bits becomes the
 * largest one, which is outside of every range. */
static bool setting_parse_number(const char *text, int64_t *number)
{
    char *end = NULL;

    if (!isdigit((unsigned char)*text))
        return false;
    *number = strtoll(text, &end, 10);
    return !*end;
}

static int setting_set_number(const struct setting *setting, const char *value, void *fields,
                              struct buf *why)
{
    void *field = (char *)fields + setting->offset;
    int64_t number = 0;

    if (setting->off && strcmp(value, "off") == 0)
        number = SETTING_OFF;
    else if (!setting_parse_number(value, &number) || number < setting->min ||
             number > setting->max)
        return setting_not_a_number(setting, value, why);
    else if (setting->unit)
        number *= setting->unit;

    if (setting->type == SETTING_INT)
        *(int *)field = (int)number;
    else
        *(int64_t *)field = number;
    return 0;
}

static int setting_set_choice(const struct setting *setting, const char *value, void *fields,
                              struct buf *why)
{
    unsigned int *field = (unsigned int *)(void *)((char *)fields + setting->offset);

    for (unsigned int i = 0; setting->choices[i]; i++)
        if (strcmp(value, setting->choices[i]) == 0) {
            *field = i;
            return 0;
        }
    return setting_not_a_choice(setting, value, why);
}

/* Leaves nothing of the value in memory: the value may be a secret. */
static void setting_wipe(struct buf *value)
{
    if (value->at)
        explicit_bzero(value->at, value->cap);
    buf_done(value);
}

int setting_read(const struct setting *setting, char *(*lookup)(const char *name), void *fields,
                 struct buf *why)
{
    cleanup(setting_wipe) struct buf value = BUF_NULL;

    int r = setting_find(setting, lookup, &value, why);
    if (r || value.len == 0)
        return r;
    if (!buf_string(&value))
        return -ENOMEM;
    switch (setting->type) {
    case SETTING_STRING:
        return setting_set_string(setting, &value, fields, why);
    case SETTING_INT:
    case SETTING_INT64:
        return setting_set_number(setting, value.at, fields, why);
    case SETTING_CHOICE:
        return setting_set_choice(setting, value.at, fields, why);
    }
    return 0;
}

/* ---- A value that is kept ---- */

void setting_warn(const struct setting *setting, char *(*lookup)(const char *name),
                  const void *fields)
{
    char file_name[SETTING_NAME_MAX];

    if (!setting->secret)
        return;
    const char *value =
        *(const char *const *)(const void *)((const char *)fields + setting->offset);
    const char *doubt = value ? setting_value_doubt(span_of(value)) : NULL;
    setting_file_name(setting, file_name);
    if (doubt)
        log_warn("a secret may hold more than is meant: check how it was set", "setting",
                 setting_lookup(lookup, file_name) ? file_name : setting->name, "reason", doubt);
}

void setting_done(const struct setting *setting, void *fields)
{
    if (setting->type != SETTING_STRING)
        return;
    char **field = setting_string(setting, fields);
    if (*field && (setting->secret || setting->database))
        explicit_bzero(*field, strlen(*field));
    free(*field);
    *field = NULL;
}

void setting_print(const struct setting *setting, FILE *out)
{
    const char *fallback = setting->missing ? "required" : "-";

    (void)fprintf(out, "  %-20s  %-12s  %s%s\n", setting->name,
                  setting->fallback ? setting->fallback : fallback, setting->meaning,
                  setting->secret || setting->database ? " (_FILE)" : "");
}
