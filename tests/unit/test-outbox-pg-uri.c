/* SPDX-License-Identifier: MIT */
/* URIs of databases: which are refused, and what of them is shown. Every password, and each piece
 * that a careless one falls into, holds "hid". */
#include "tests/unit/lib/rows.h"

#include "outbox/pg_uri.h"
#include "outbox/store.h"

static struct fine {
    const char *name;
    const char *uri, *shown;
} fine[] = {
    {"nothing but the scheme", "postgresql://", "postgresql://"},
    {"the short scheme", "postgres://db/relay", "postgresql://db/relay"},
    {"a database alone", "postgresql:///relay", "postgresql:///relay"},
    {"user, host, port, database", "postgresql://relay@db:6432/outbox",
     "postgresql://relay@db:6432/outbox"},
    {"a password", "postgresql://relay:hidden@db/outbox", "postgresql://relay@db/outbox"},
    {"a password in percent", "postgresql://relay:hid%40%2F%3a%25den@db/o",
     "postgresql://relay@db/o"},
    {"a password of colons", "postgresql://relay:hid:den:@db/o", "postgresql://relay@db/o"},
    {"an empty password", "postgresql://relay:@db/o", "postgresql://relay@db/o"},
    {"a password without a user", "postgresql://:hidden@db/o", "postgresql://db/o"},
    {"a password among the parameters",
     "postgresql://db/o?user=relay&password=hidden&sslmode=require", "postgresql://relay@db/o"},
    {"a password with an @ among the parameters", "postgresql://db/o?password=hid@hid",
     "postgresql://db/o"},
    {"a password of a key", "postgresql://db/o?sslkey=k.pem&sslpassword=hidden",
     "postgresql://db/o"},
    {"two hosts", "postgresql://relay:hidden@a:1,b:2/o", "postgresql://relay@a:1,b:2/o"},
    {"two hosts, one port", "postgresql://a,b/o?port=5433", "postgresql://a:5433,b:5433/o"},
    {"an IPv6 address", "postgresql://relay:hidden@[fd00::1]:5433/o",
     "postgresql://relay@[fd00::1]:5433/o"},
    {"an address of a host without a name", "postgresql:///o?hostaddr=10.0.0.1",
     "postgresql://10.0.0.1/o"},
    {"a socket", "postgresql://relay:hidden@%2Frun%2Fpostgresql/o",
     "postgresql://relay@/run/postgresql/o"},
    {"a socket among the parameters", "postgresql:///o?host=/run/postgresql&password=hidden",
     "postgresql:///run/postgresql/o"},
};

#define ENCODE "in a user or password, special characters are percent-encoded"
#define STRAY "OUTBOX: the URI has an @ where no password ends; " ENCODE
#define UNREADABLE "OUTBOX: the URI cannot be read: "

static struct wrong {
    const char *name;
    const char *uri, *why; /* how the complaint begins */
} wrong[] = {
    {"an @ in the password", "postgresql://relay:hid@hid@db/o", STRAY},
    {"an @ in the user", "postgresql://hid@hid:hidden@db/o", STRAY},
    {"a slash in the password", "postgresql://relay:hid/hid@db/o", STRAY},
    {"a question mark in the password", "postgresql://relay:hid?hid@db/o", STRAY},
    {"an @ in a parameter right behind the host", "postgresql://db?password=hid@hid", STRAY},
    {"an @ in a parameter behind the port", "postgresql://db:5432?password=hid@hid", STRAY},
    {"an @ in a parameter behind an IPv6 address", "postgresql://[::1]:1?password=hid@hid", STRAY},
    {"a number and a slash in the password", "postgresql://relay:1/hid@db", STRAY},
    {"a piece of a password as the port", "postgresql://relay:hidden/o",
     "OUTBOX: the URI has a port that is no number; " ENCODE},
    {"a percent sign in the password", "postgresql://relay:hid%zzhid@db/o",
     UNREADABLE "invalid percent-encoded token; " ENCODE},
    {"a NUL in percent", "postgresql://relay:hid%00hid@db/o",
     UNREADABLE "forbidden value %00 in percent-encoded value; " ENCODE},
    {"an ampersand in the password", "postgresql://db/o?password=hid&hid",
     UNREADABLE "missing key/value separator; " ENCODE},
    {"an equals sign in the password", "postgresql://db/o?password=hid=hid",
     UNREADABLE "extra key/value separator; " ENCODE},
    {"a parameter that is none", "postgresql://db/o?hidden=1",
     UNREADABLE "invalid URI query parameter; " ENCODE},
    {"an IPv6 address that does not end", "postgresql://relay:hid@[::1/o",
     UNREADABLE "end of string reached when looking for matching; " ENCODE},
    {"an IPv6 address and more", "postgresql://relay:hid@[::1]hid/o",
     UNREADABLE "unexpected character; " ENCODE},
    {"a blank", "postgresql://relay:hid hid@db/o", "OUTBOX: the URI holds a blank, a line end or"},
    {"a line end", "postgresql://relay:hid@db/o\n", "OUTBOX: the URI holds a blank, a line end or"},
};

static void test_fine(void **state)
{
    const struct fine *row = *state;
    struct buf why = BUF_NULL, shown = BUF_NULL;

    assert_int_equal(pg_uri_check(row->uri, &why), 0);
    assert_int_equal(why.len, 0);
    assert_int_equal(pg_uri_show(row->uri, &shown), 0);
    assert_same_text(buf_span(&shown), span_of(row->shown));
    buf_done(&shown);
}

static void test_wrong(void **state)
{
    const struct wrong *row = *state;
    struct buf why = BUF_NULL;

    assert_int_equal(pg_uri_check(row->uri, &why), STORE_REFUSED);
    assert_non_null(buf_string(&why));
    assert_null(strstr(why.at, "hid"));
    why.len = why.len < strlen(row->why) ? why.len : strlen(row->why);
    assert_same_text(buf_span(&why), span_of(row->why));
    buf_done(&why);
}

/* ---- Texts of others ---- */

static struct told {
    const char *name;
    const char *uri, *text, *redacted;
} told[] = {
    {"a text without passwords", "postgresql://relay:hidden@db/o",
     "connection to server at \"db\" failed: FATAL:  no such role\n",
     "connection to server at \"db\" failed: FATAL: no such role"},
    {"two lines", "postgresql://relay:hidden@db/o", "first\n\tsecond\n", "first second"},
    {"a password", "postgresql://relay:hidden@db/o", "what hidden is, hidden", "what *** is, ***"},
    {"a decoded password", "postgresql://relay:h%40d%2F@db/o", "h@d/!", "***!"},
    {"two passwords, one the other's beginning", "postgresql://relay:hid@db/o?sslpassword=hidden",
     "hid hidden", "*** ***"},
    {"nothing", "postgresql://relay:hidden@db/o", "\n", ""},
    {"a URI that cannot be read", "postgresql://relay:hid%zz@db/o", "hid%zz",
     "the reason is not shown, since it may hold a password"},
};

static void test_told(void **state)
{
    const struct told *row = *state;
    struct buf out = BUF_NULL;

    assert_int_equal(pg_uri_redact(row->uri, row->text, &out), 0);
    assert_same_text(buf_span(&out), span_of(row->redacted));
    buf_done(&out);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(fine) + array_len(wrong) + array_len(told)];
    size_t len = rows_add(tests, 0, fine, test_fine);

    len = rows_add(tests, len, wrong, test_wrong);
    rows_add(tests, len, told, test_told);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
