/* SPDX-License-Identifier: MIT */
/* Settings that stop a start, and what is said of them. */
#include "base/config.h"

#include "tests/unit/lib/environment.h"
#include "tests/unit/lib/rows.h"

#define NEARLY_URI                                                                                 \
    "looks like a database's address; that is wanted as a URI without quotes, "                    \
    "postgresql://USER@HOST/DATABASE; a file of that name wants its folder before it, as in "      \
    "./NAME"
#define NO_SCHEMA                                                                                  \
    "is not the name of a schema: small letters, digits and _, no digit first, no pg_, 63 at most"
#define NO_NAME "is not a name of 63 printable ASCII characters at most, without blanks"

static struct refused_row {
    const char *name;
    struct variable given[2];
    const char *why;
} refused_rows[] = {
    {"no URL",
     {{"CONVEX_URL", NULL}},
     "CONVEX_URL: not set; give the deployment's address, https://NAME.convex.cloud"},
    {"an empty URL",
     {{"CONVEX_URL", ""}},
     "CONVEX_URL: not set; give the deployment's address, https://NAME.convex.cloud"},
    {"no secret", {{"SYNC_SECRET", NULL}}, "SYNC_SECRET: " NO_SECRET},
    {"an empty secret", {{"SYNC_SECRET", ""}}, "SYNC_SECRET: " NO_SECRET},
    {"an empty file of the secret",
     {{"SYNC_SECRET", NULL}, {"SYNC_SECRET_FILE", "/dev/null"}},
     "SYNC_SECRET_FILE: " NO_SECRET},
    {"a blank before the secret",
     {{"SYNC_SECRET", " hunter2"}},
     "SYNC_SECRET: starts or ends with a blank, which no header can carry"},
    {"a blank behind the secret",
     {{"SYNC_SECRET_PREVIOUS", "hunter2 "}},
     "SYNC_SECRET_PREVIOUS: starts or ends with a blank, which no header can carry"},
    {"a secret of a blank",
     {{"SYNC_SECRET", " "}},
     "SYNC_SECRET: starts or ends with a blank, which no header can carry"},
    {"a line end in the secret",
     {{"CONVEX_DEPLOY_KEY", "hunter2\n"}},
     "CONVEX_DEPLOY_KEY: holds a line end or another control character, which no header can "
     "carry"},
    {"a tab in the secret",
     {{"SYNC_SECRET", "hunter2\thunter2"}},
     "SYNC_SECRET: holds a line end or another control character, which no header can carry"},
    {"a byte order mark before the secret",
     {{"SYNC_SECRET", "\xEF\xBB\xBFhunter2"}},
     "SYNC_SECRET: holds a character that no header can carry"},
    {"a character beyond Latin-1",
     {{"SYNC_SECRET_PREVIOUS", "hunter\xE2\x82\xAC"}},
     "SYNC_SECRET_PREVIOUS: holds a character that no header can carry"},
    {"half a character",
     {{"SYNC_SECRET", "hunter\xC3"}},
     "SYNC_SECRET: holds a character that no header can carry"},
    {"a secret of 513 bytes", {{"SYNC_SECRET", B512 "x"}}, "SYNC_SECRET: longer than 512 bytes"},
    {"secret and file",
     {{"SYNC_SECRET_FILE", "/dev/null"}},
     "SYNC_SECRET_FILE: set as well as SYNC_SECRET; keep one of the two"},
    {"a file that is not there",
     {{"CONVEX_DEPLOY_KEY_FILE", "/nonexistent/key"}},
     "CONVEX_DEPLOY_KEY_FILE: /nonexistent/key: No such file or directory"},
    {"a file that is a directory",
     {{"CONVEX_DEPLOY_KEY_FILE", "/"}},
     "CONVEX_DEPLOY_KEY_FILE: /: Is a directory"},
    {"a file without end",
     {{"CONVEX_DEPLOY_KEY_FILE", "/dev/zero"}},
     "CONVEX_DEPLOY_KEY_FILE: /dev/zero: larger than 65536 bytes"},
    {"no number", {{"PORT", "abc"}}, "PORT: \"abc\" is not a number from 0 to 65535"},
    {"too large", {{"PORT", "65536"}}, "PORT: \"65536\" is not a number from 0 to 65535"},
    {"beyond any integer",
     {{"PORT", "99999999999999999999"}},
     "PORT: \"99999999999999999999\" is not a number from 0 to 65535"},
    {"negative", {{"PORT", "-1"}}, "PORT: \"-1\" is not a number from 0 to 65535"},
    {"a plus", {{"PORT", "+1"}}, "PORT: \"+1\" is not a number from 0 to 65535"},
    {"a blank before", {{"PORT", " 1"}}, "PORT: \" 1\" is not a number from 0 to 65535"},
    {"a blank behind", {{"PORT", "1 "}}, "PORT: \"1 \" is not a number from 0 to 65535"},
    {"hexadecimal", {{"PORT", "0x50"}}, "PORT: \"0x50\" is not a number from 0 to 65535"},
    {"a fraction", {{"PORT", "1.5"}}, "PORT: \"1.5\" is not a number from 0 to 65535"},
    {"a unit",
     {{"SYNC_WAIT_MS", "10s"}},
     "SYNC_WAIT_MS: \"10s\" is not a number from 0 to 3600000"},
    {"off where there is none", {{"PORT", "off"}}, "PORT: \"off\" is not a number from 0 to 65535"},
    {"off in another case",
     {{"ADMIN_PORT", "OFF"}},
     "ADMIN_PORT: \"OFF\" is not a number from 0 to 65535, or off"},
    {"an outbox of off in capitals",
     {{"OUTBOX", "OFF"}},
     "OUTBOX: \"OFF\" is not taken for a file's name: off, in small letters, keeps nothing; a file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of off with a capital",
     {{"OUTBOX", "Off"}},
     "OUTBOX: \"Off\" is not taken for a file's name: off, in small letters, keeps nothing; a file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of off in quotes",
     {{"OUTBOX", "\"off\""}},
     "OUTBOX: \"\"off\"\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of off with a blank",
     {{"OUTBOX", "off "}},
     "OUTBOX: \"off \" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of none",
     {{"OUTBOX", "none"}},
     "OUTBOX: \"none\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of NONE",
     {{"OUTBOX", "NONE"}},
     "OUTBOX: \"NONE\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of no",
     {{"OUTBOX", "no"}},
     "OUTBOX: \"no\" is not taken for a file's name: off, in small letters, keeps nothing; a file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of false",
     {{"OUTBOX", "false"}},
     "OUTBOX: \"false\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of zero",
     {{"OUTBOX", "0"}},
     "OUTBOX: \"0\" is not taken for a file's name: off, in small letters, keeps nothing; a file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of null",
     {{"OUTBOX", "null"}},
     "OUTBOX: \"null\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of disabled",
     {{"OUTBOX", "disabled"}},
     "OUTBOX: \"disabled\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of on",
     {{"OUTBOX", "on"}},
     "OUTBOX: \"on\" is not taken for a file's name: off, in small letters, keeps nothing; a file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of true",
     {{"OUTBOX", "true"}},
     "OUTBOX: \"true\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of one",
     {{"OUTBOX", "1"}},
     "OUTBOX: \"1\" is not taken for a file's name: off, in small letters, keeps nothing; a file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of nothing in quotes",
     {{"OUTBOX", "\"\""}},
     "OUTBOX: \"\"\"\" is not taken for a file's name: off, in small letters, keeps nothing; a "
     "file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox of a blank alone",
     {{"OUTBOX", " "}},
     "OUTBOX: \" \" is not taken for a file's name: off, in small letters, keeps nothing; a file "
     "of that name wants its folder before it, as in ./NAME"},
    {"an outbox by a URI, which may hold a password",
     {{"OUTBOX", "mysql://relay:hidden@db/relay"}},
     "OUTBOX: is a URI of another kind; the name of a file is wanted, postgresql://..., or off"},
    {"an outbox by a URI in capitals, which libpq does not know",
     {{"OUTBOX", "PostgreSQL://relay:hidden@db/relay"}},
     "OUTBOX: is a URI of another kind; the name of a file is wanted, postgresql://..., or off"},
    {"an outbox by a URI in quotes",
     {{"OUTBOX", "\"postgresql://relay:hidden@db/relay\""}},
     "OUTBOX: " NEARLY_URI},
    {"an outbox by a URI behind a blank",
     {{"OUTBOX", " postgresql://relay:hidden@db/relay"}},
     "OUTBOX: " NEARLY_URI},
    {"an outbox by keywords of libpq",
     {{"OUTBOX", "host=db dbname=relay password=hidden"}},
     "OUTBOX: " NEARLY_URI},
    {"an outbox by keywords of libpq, with blanks",
     {{"OUTBOX", "password = hidden"}},
     "OUTBOX: " NEARLY_URI},
    {"an outbox, and a file with another",
     {{"OUTBOX", "outbox.db"}, {"OUTBOX_FILE", "/dev/null"}},
     "OUTBOX_FILE: set as well as OUTBOX; keep one of the two"},
    {"an empty file for an outbox",
     {{"OUTBOX_FILE", "/dev/null"}},
     "OUTBOX_FILE: the file does not hold a URI that begins with postgresql://"},
    {"the name of a schema in capitals",
     {{"OUTBOX_SCHEMA", "Relay"}},
     "OUTBOX_SCHEMA: \"Relay\" " NO_SCHEMA},
    {"the name of a schema with a digit first",
     {{"OUTBOX_SCHEMA", "1relay"}},
     "OUTBOX_SCHEMA: \"1relay\" " NO_SCHEMA},
    {"the name of a schema that SQL would end at",
     {{"OUTBOX_SCHEMA", "a; DROP SCHEMA b"}},
     "OUTBOX_SCHEMA: \"a; DROP SCHEMA b\" " NO_SCHEMA},
    {"the name of a schema of PostgreSQL's own",
     {{"OUTBOX_SCHEMA", "pg_relay"}},
     "OUTBOX_SCHEMA: \"pg_relay\" " NO_SCHEMA},
    {"a long name of a schema",
     {{"OUTBOX_SCHEMA", X64("a")}},
     "OUTBOX_SCHEMA: \"" X10(X4("a")) "...\" " NO_SCHEMA},
    {"a name of a relay with a blank",
     {{"RELAY_NAME", "relay 1"}},
     "RELAY_NAME: \"relay 1\" " NO_NAME},
    {"a name of a relay beyond ASCII",
     {{"RELAY_NAME", "relais\xC3\xA9"}},
     "RELAY_NAME: \"relais??\" " NO_NAME},
    {"a short lease",
     {{"LEASE_MS", "1999"}},
     "LEASE_MS: \"1999\" is not a number from 2000 to 60000"},
    {"too small",
     {{"CONVEX_CONCURRENCY", "0"}},
     "CONVEX_CONCURRENCY: \"0\" is not a number from 1 to 1024"},
    {"too small a body",
     {{"MAX_BODY_BYTES", "1023"}},
     "MAX_BODY_BYTES: \"1023\" is not a number from 1024 to 67108864"},
    {"too many hours",
     {{"RETRY_MAX_AGE_HOURS", "8761"}},
     "RETRY_MAX_AGE_HOURS: \"8761\" is not a number from 1 to 8760"},
    {"too many megabytes",
     {{"OUTBOX_MAX_MB", "1048577"}},
     "OUTBOX_MAX_MB: \"1048577\" is not a number from 1 to 1048576"},
    {"an unknown level",
     {{"LOG_LEVEL", "verbose"}},
     "LOG_LEVEL: \"verbose\" is not one of debug, info, warn, error"},
    {"a level in another case",
     {{"LOG_LEVEL", "INFO"}},
     "LOG_LEVEL: \"INFO\" is not one of debug, info, warn, error"},
    {"an unknown format", {{"LOG_FORMAT", "xml"}}, "LOG_FORMAT: \"xml\" is not one of text, json"},
    {"a value that would break the line",
     {{"PORT", "1\n\x1b[2J\xc3\xbc"}},
     "PORT: \"1??[2J??\" is not a number from 0 to 65535"},
    {"a very long value",
     {{"PORT", B128}},
     "PORT: \"" B16 B16 "01234567...\" is not a number from 0 to 65535"},
};

static void test_refused(void **state)
{
    const struct refused_row *row = *state;

    environment_reset(NULL);
    for (size_t i = 0; i < array_len(row->given); i++)
        if (row->given[i].name)
            environment_set(row->given[i].name, row->given[i].value);
    assert_config_refused(row->why);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(refused_rows)];

    (void)rows_add(tests, 0, refused_rows, test_refused);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
