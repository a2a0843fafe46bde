/* SPDX-License-Identifier: MIT */
/* Who may pass. */
#include "handlers/guard.h"

#include "handlers/service.h"

static bool guard_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9110, section 5.5: blanks around a value are not part of it. */
static struct span guard_trim(struct span value)
{
    while (value.len > 0 && guard_blank(value.at[0]))
        value = (struct span){value.at + 1, value.len - 1};
    while (value.len > 0 && guard_blank(value.at[value.len - 1]))
        value.len--;
    return value;
}

/*
 * The JavaScript of Blade and of the router writes and reads headers as Latin-1, while a setting is
 * UTF-8: an é in a secret arrives as one byte. text has room for two bytes for each byte of value.
 */
static struct span guard_from_latin1(struct span value, char text[2 * KEYRING_SECRET_MAX])
{
    size_t len = 0;

    if (value.len > KEYRING_SECRET_MAX)
        return value;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c >= 0x80)
            text[len++] = (char)(0xC0 | c >> 6);
        text[len++] = c < 0x80 ? (char)c : (char)(0x80 | (c & 0x3F));
    }
    return (struct span){text, len};
}

int guard_pass(enum guard guard, struct service *service, const struct guard_secret *secret)
{
    char text[2 * KEYRING_SECRET_MAX];

    if (guard == GUARD_NONE)
        return 0;
    /* A missing or repeated header takes the same path as a wrong secret. */
    struct span value = SPAN_NULL;
    if (secret->count == 1)
        value = guard_from_latin1(guard_trim(secret->value), text);
    int match = keyring_check(service->keyring, value);
    if (match < 0)
        return match;
    service->observed.secrets[match]++;
    return match == KEYRING_NONE ? GUARD_REFUSED : 0;
}
