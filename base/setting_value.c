/* SPDX-License-Identifier: MIT */
#include "base/setting_value.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

/* Latin-1 in UTF-8, up to U+00FF, has the lead bytes C2 and C3 only. */
bool setting_value_fits_header(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.at[i];
        if (c < 0x80)
            continue;
        if ((c != 0xC2 && c != 0xC3) || i + 1 == value.len || (value.at[++i] & 0xC0) != 0x80)
            return false;
    }
    return true;
}

bool setting_value_is_uri(const char *value)
{
    size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    return len > 0 && strncmp(value + len, "://", 3) == 0;
}

bool setting_value_is_postgresql(const char *value)
{
    return strncmp(value, "postgresql://", 13) == 0 || strncmp(value, "postgres://", 11) == 0;
}

bool setting_value_is_nearly_uri(const char *value)
{
    static const char *const keywords[] = {"host",     "hostaddr", "port",    "dbname", "user",
                                           "password", "passfile", "service", "sslmode"};
    size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyz");
    size_t equals = len + strspn(value + len, " ");

    for (size_t i = 0; value[equals] == '=' && i < array_len(keywords); i++)
        if (strlen(keywords[i]) == len && strncmp(value, keywords[i], len) == 0)
            return true;
    const char *colon = strstr(value, "://");
    return colon && strchr(value, '/') > colon; /* no folder is named before */
}

/* Only names that need no quotes in SQL. PostgreSQL keeps pg_ for itself, and cuts at 63 bytes. */
const char *setting_value_schema_fault(const char *value)
{
    bool plain = value[0] < '0' || value[0] > '9';

    plain = plain && value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
    if (plain && strlen(value) <= 63 && strncmp(value, "pg_", 3) != 0)
        return NULL;
    return "the name of a schema: small letters, digits and _, no digit first, no pg_, 63 at most";
}

const char *setting_value_name_fault(const char *value)
{
    bool shown = strlen(value) <= 63;

    for (const char *c = value; *c; c++)
        shown = shown && *c > ' ' && *c <= '~';
    return shown ? NULL : "a name of 63 printable ASCII characters at most, without blanks";
}

bool setting_value_is_switch(const char *value)
{
    static const char *const words[] = {"",   "off", "none", "no",       "false", "0",      "null",
                                        "on", "yes", "true", "disabled", "1",     "enabled"};
    static const char around[] = " \t\r\n\"'";
    size_t begin = strspn(value, around), end = strlen(value);

    while (end > begin && strchr(around, value[end - 1]))
        end--;
    for (size_t i = 0; i < array_len(words); i++)
        if (strlen(words[i]) == end - begin &&
            strncasecmp(value + begin, words[i], end - begin) == 0)
            return true;
    return false;
}

const char *setting_value_doubt(struct span secret)
{
    static const char quotes[] = "\"'`";
    /* No-break space and soft hyphen: no other invisible characters can stand in a header. */
    static const char *const unseen[] = {"\xC2\xA0", "\xC2\xAD"};

    if (secret.len >= 2 && memchr(quotes, secret.at[0], sizeof(quotes) - 1) &&
        secret.at[0] == secret.at[secret.len - 1])
        return "it stands in quotes, which count as part of it";
    for (size_t i = 0; i < array_len(unseen); i++) {
        struct span odd = span_of(unseen[i]);
        if (span_starts(secret, odd) ||
            (secret.len > odd.len &&
             memcmp(secret.at + secret.len - odd.len, odd.at, odd.len) == 0))
            return "a character that is not seen stands at its beginning or end, and counts as "
                   "part of it";
    }
    return NULL;
}
