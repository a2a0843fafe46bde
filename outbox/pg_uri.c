/* SPDX-License-Identifier: MIT */
/*
 * The URI of a PostgreSQL database.
 *
 * libpq's complaints about a URI quote the part that it could not read, which may be the password
 * or a piece of it: such a complaint is shown up to its first quotation mark. Once a URI is found
 * sound, passwords stand only in the options that libpq marks as not to be displayed.
 */
#include "outbox/pg_uri.h"

#include <ctype.h>
#include <errno.h>
#include <libpq-fe.h>

#include "base/error.h"
#include "outbox/store.h"

static void uri_options_freep(PQconninfoOption **options)
{
    PQconninfoFree(*options);
}

static int uri_refuse(struct buf *why, const char *text)
{
    int r = buf_printf(why, "OUTBOX: the URI %s", text);

    return r ? r : STORE_REFUSED;
}

/* Whether the URI has an @ elsewhere than behind user and password, which stand before the first
 * slash, or in the parameters. libpq would take what is before such an @ for a user. */
static bool uri_has_stray_at(const char *uri)
{
    const char *slashes = strstr(uri, "//");
    const char *begin = slashes ? slashes + 2 : uri;
    const char *end = begin + strcspn(begin, "@/");
    if (*end == '@' && memchr(begin, '?', (size_t)(end - begin)))
        return true;
    if (*end == '@')
        end++;
    return end[strcspn(end, "@?")] == '@';
}

static int uri_check_characters(const char *uri, struct buf *why)
{
    for (const char *c = uri; *c; c++)
        if (iscntrl((unsigned char)*c) || *c == ' ')
            return uri_refuse(why, "holds a blank, a line end or another control character; a "
                                   "blank is written %20");
    if (uri_has_stray_at(uri))
        return uri_refuse(why, "has an @ where no password ends; in a user or password, special "
                               "characters are percent-encoded: %40 for @, %2F for /, %3A for :, "
                               "%3F for ?, %25 for %");
    return 0;
}

/* A port that is no number may be a piece of a password. */
static int uri_check_ports(const PQconninfoOption *options, struct buf *why)
{
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (strcmp(option->keyword, "port") == 0 && option->val &&
            option->val[strspn(option->val, "0123456789,")])
            return uri_refuse(why, "has a port that is no number; in a user or password, special "
                                   "characters are percent-encoded, such as %2F for /");
    return 0;
}

/* Refuses what libpq has complained about. */
static int uri_refuse_unreadable(struct buf *why, const char *complaint)
{
    size_t len = strcspn(complaint, "\"\n");

    while (len > 0 && (complaint[len - 1] == ' ' || complaint[len - 1] == ':'))
        len--;
    int r = buf_printf(why,
                       "OUTBOX: the URI cannot be read: %.*s; in a user or password, special "
                       "characters are percent-encoded, such as %%40 for @",
                       (int)len, complaint);
    return r ? r : STORE_REFUSED;
}

int pg_uri_check(const char *uri, struct buf *why)
{
    char *complaint = NULL;
    int r = uri_check_characters(uri, why);

    if (r)
        return r;
    cleanup(uri_options_freep) PQconninfoOption *options = PQconninfoParse(uri, &complaint);
    if (options)
        r = uri_check_ports(options, why);
    else
        r = complaint ? uri_refuse_unreadable(why, complaint) : error_origin(-ENOMEM);
    PQfreemem(complaint);
    return r;
}

/* ---- What people may see ---- */

static const char *uri_value(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val ? options->val : "";
    return "";
}

/* Moves *list behind its first item, of a list with commas. */
static struct span uri_next_item(const char **list)
{
    struct span item = {*list, strcspn(*list, ",")};

    *list += item.len;
    if (**list == ',')
        ++*list;
    return item;
}

/* Appends "host:port,host:port". One port stands for all hosts. */
static int uri_show_hosts(const char *hosts, const char *ports, struct buf *out)
{
    bool one_port = !strchr(ports, ',');
    int r = 0;

    for (bool more = true; more && !r;) {
        struct span host = uri_next_item(&hosts);
        const char *rest = ports;
        struct span port = uri_next_item(one_port ? &rest : &ports);
        bool bare = !memchr(host.at, ':', host.len);
        r = buf_printf(out, bare ? "%.*s" : "[%.*s]", (int)host.len, host.at);
        if (!r && port.len > 0)
            r = buf_printf(out, ":%.*s", (int)port.len, port.at);
        more = *hosts != '\0';
        if (!r && more)
            r = buf_append_char(out, ',');
    }
    return r;
}

int pg_uri_show(const char *uri, struct buf *out)
{
    cleanup(uri_options_freep) PQconninfoOption *options = PQconninfoParse(uri, NULL);

    if (!options)
        return buf_append_span(out, SPAN("postgresql://"));
    const char *user = uri_value(options, "user");
    const char *hosts = uri_value(options, "host");
    const char *name = uri_value(options, "dbname");
    if (!*hosts)
        hosts = uri_value(options, "hostaddr");
    int r = buf_printf(out, "postgresql://%s%s", user, *user ? "@" : "");
    if (!r)
        r = uri_show_hosts(hosts, uri_value(options, "port"), out);
    if (!r && *name)
        r = buf_printf(out, "/%s", name);
    return r;
}

/* The longest password of the URI that the text begins with; SPAN_NULL: none. */
static struct span uri_password_at(const PQconninfoOption *options, const char *text)
{
    struct span longest = SPAN_NULL;

    for (; options->keyword; options++) {
        struct span value = span_of(options->val);
        if (options->dispchar[0] == '*' && value.len > longest.len &&
            strncmp(text, value.at, value.len) == 0)
            longest = value;
    }
    return longest;
}

/* libpq ends its texts with a line end, and sets a detail on a line of its own. */
int pg_uri_redact(const char *uri, const char *text, struct buf *out)
{
    cleanup(uri_options_freep) PQconninfoOption *options = PQconninfoParse(uri, NULL);
    struct span whole = span_trim(span_of(text));
    int r = 0;

    if (!options)
        return buf_append_span(out, SPAN("the reason is not shown, since it may hold a password"));
    for (const char *at = whole.at; !r && at < whole.at + whole.len;) {
        struct span password = uri_password_at(options, at);
        bool blank = isspace((unsigned char)*at);
        if (password.at)
            r = buf_append_span(out, SPAN("***"));
        else if (!blank || (out->len > 0 && out->at[out->len - 1] != ' '))
            r = buf_append_char(out, blank ? ' ' : *at);
        at += password.at ? password.len : 1;
    }
    return r;
}
