/* SPDX-License-Identifier: MIT */
/* What a CONVEX_URL may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "convex/url.h"

#include <string.h>

struct row {
    const char *url;
    const char *why; /* a part of it; NULL: the URL is fine */
};

static const struct row rows[] = {
    {"https://happy-animal-123.convex.cloud", NULL},
    {"https://happy-animal-123.convex.cloud/", NULL},
    {"https://happy-animal-123.convex.cloud///", NULL},
    {"https://happy-animal-123.eu-west-1.convex.cloud", NULL},
    {"http://127.0.0.1:3210", NULL},
    {"http://localhost:1", NULL},
    {"http://localhost:65535", NULL},
    {"http://my_backend:3210", NULL},
    {"http://[::1]", NULL},
    {"http://[::1]:3210/", NULL},
    {"https://example.org/base", NULL},
    {"https://example.org/base/of%20it/", NULL},
    {"https://example.org/user@home", NULL},
    {"https://convex.site.example.org", NULL},
    {"https://notconvex.site", NULL},

    {"", "must start with"},
    {"happy-animal-123.convex.cloud", "must start with"},
    {"127.0.0.1:3210", "must start with"},
    {"HTTPS://example.org", "must start with"},
    {"ftp://example.org", "must start with"},
    {"file:///etc/passwd", "must start with"},
    {"https:example.org", "must start with"},
    {"https:/example.org", "must start with"},
    {" https://example.org", "neither blanks"},
    {"https://example.org ", "neither blanks"},
    {"https://example.org\n", "neither blanks"},
    {"https://exa\tmple.org", "neither blanks"},
    {"https://b\xC3\xBC"
     "cher.example",
     "neither blanks"},
    {"https://", "must name a host"},
    {"https:///base", "must name a host"},
    {"https://:3210", "must name a host"},
    {"https://exa mple.org", "neither blanks"},
    {"https://exam%70le.org", "must name a host"},
    {"https://[::1", "must name a host"},
    {"https://[]", "must name a host"},
    {"https://[::g]", "must name a host"},
    {"https://[::1]x:1", "must name a host"},
    {"https://::1", "port"},
    {"https://example.org:", "port"},
    {"https://example.org:0", "port"},
    {"https://example.org:65536", "port"},
    {"https://example.org:123456", "port"},
    {"https://example.org:80a", "port"},
    {"https://example.org:-1", "port"},
    {"https://user@example.org", "password"},
    {"https://user:word@example.org", "password"},
    {"https://example.org?x=1", "query"},
    {"https://example.org/base?x=1", "query"},
    {"https://example.org#x", "fragment"},
    {"https://example.org\\base", "backslash"},
    {"https://happy-animal-123.convex.site", ".convex.site"},
    {"https://happy-animal-123.convex.site/", ".convex.site"},
    {"https://happy-animal-123.convex.site:443", ".convex.site"},
    {"https://happy-animal-123.convex.site./", ".convex.site"},
    {"https://happy-animal-123.Convex.Site", ".convex.site"},
};

static void check_row(void **state)
{
    const struct row *row = *state;
    const char *why = NULL;

    assert_int_equal(url_check(row->url, &why), row->why ? URL_INVALID : 0);
    if (!row->why) {
        assert_null(why);
        return;
    }
    assert_non_null(why);
    if (!strstr(why, row->why))
        fail_msg("%s: says \"%s\", not \"%s\"", row->url, why, row->why);
}

/* A line of the test's output must stay one. */
static void name_row(const struct row *row, char name[64])
{
    strncpy(name, *row->url ? row->url : "(empty)", 63);
    for (char *c = name; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
}

int main(void)
{
    static char names[array_len(rows)][64];
    struct CMUnitTest tests[array_len(rows)];

    for (size_t i = 0; i < array_len(rows); i++) {
        name_row(&rows[i], names[i]);
        tests[i] = (struct CMUnitTest){
            .name = names[i],
            .test_func = check_row,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
