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
