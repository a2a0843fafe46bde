/* SPDX-License-Identifier: MIT */
/* The settings: what may be said, what is made of it, and what is said of the rest. */
#include "base/config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- An environment ---- */

struct variable {
    const char *name;
    const char *value;
};

enum { VARIABLES_MAX = 24 };

static struct variable environment[VARIABLES_MAX];

static char *environment_lookup(const char *name)
{
    for (size_t i = 0; i < VARIABLES_MAX && environment[i].name; i++)
        if (strcmp(environment[i].name, name) == 0)
            return (char *)(uintptr_t)environment[i].value;
    return NULL;
}

/* A value of NULL takes the variable away. */
static void environment_set(const char *name, const char *value)
{
    size_t i = 0;

    while (environment[i].name && strcmp(environment[i].name, name) != 0)
        i++;
    assert_in_range(i, 0, VARIABLES_MAX - 2);
    environment[i] = (struct variable){name, value};
}

static int environment_reset(void **state)
{
    (void)state;
    memset(environment, 0, sizeof(environment));
    environment_set("CONVEX_URL", "https://happy-otter-1.convex.cloud");
    environment_set("SYNC_SECRET", "s3cret");
    return 0;
}

/* ---- A file ---- */

static char file[] = "/tmp/test-base-config-XXXXXX";

static int file_make(void **state)
{
    int fd = mkstemp(file);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int file_remove(void **state)
{
    (void)state;
    return unlink(file);
}

static void file_write(const void *text, size_t len)
{
    cleanup(closep) int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
}

/* ---- What is refused ---- */

#define B16 "0123456789abcdef"
#define B128 B16 B16 B16 B16 B16 B16 B16 B16
#define B512 B128 B128 B128 B128

#define NO_SECRET                                                                                  \
    "not set or empty, which would let everybody in; make one up "                                 \
    "(openssl rand -hex 32) and give it to the sender, too"

static const struct refused {
    const char *name;
    struct variable given[2];
    const char *why;
} refused[] = {
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
     {{"OUTBOX", "postgresql://relay:hidden@db/relay"}},
     "OUTBOX: is a URI; the name of a file is wanted, or off"},
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

static void check_refused(const char *why)
{
    struct config config;
    struct config before;
    cleanup(buf_done) struct buf said = BUF_NULL;

    memset(&config, 0x5a, sizeof(config));
    before = config;
    assert_int_equal(config_read(environment_lookup, &config, &said), CONFIG_INVALID);
    assert_string_equal(buf_string(&said), why);
    assert_memory_equal(&config, &before, sizeof(config));
    assert_null(strstr(buf_string(&said), "hunter2"));
}

static void test_refused(void **state)
{
    const struct refused *row = *state;

    environment_reset(NULL);
    for (size_t i = 0; i < array_len(row->given); i++)
        if (row->given[i].name)
            environment_set(row->given[i].name, row->given[i].value);
    check_refused(row->why);
}

/* ---- What is read ---- */

static void read_into(struct config *config)
{
    cleanup(buf_done) struct buf why = BUF_NULL;

    if (config_read(environment_lookup, config, &why))
        fail_msg("%s", buf_string(&why));
    assert_int_equal(why.len, 0);
}

static void test_defaults(void **state)
{
    cleanup(config_done) struct config config = {0};

    (void)state;
    read_into(&config);
    assert_string_equal(config.convex_url, "https://happy-otter-1.convex.cloud");
    assert_string_equal(config.sync_secret, "s3cret");
    assert_null(config.sync_secret_previous);
    assert_null(config.convex_deploy_key);
    assert_null(config.convex_ca_file);
    assert_string_equal(config.host, "127.0.0.1");
    assert_int_equal(config.port, 3000);
    assert_string_equal(config.admin_host, "127.0.0.1");
    assert_int_equal(config.admin_port, 3001);
    assert_null(config.routes_file);
    assert_string_equal(config.outbox, "outbox.db");
    assert_int_equal(config.sync_wait_ms, 10000);
    assert_int_equal(config.convex_timeout_ms, 30000);
    assert_int_equal(config.convex_concurrency, 16);
    assert_int_equal(config.retry_max_age_ms, INT64_C(72) * 3600 * 1000);
    assert_int_equal(config.outbox_max_bytes, INT64_C(1) << 30);
    assert_int_equal(config.max_body_bytes, 16 * 1024 * 1024);
    assert_int_equal(config.request_timeout_ms, 30000);
    assert_int_equal(config.drain_ms, 10000);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.log_format, LOG_TEXT);
}

/* What only looks like a switch, or like a URI. */
static void test_names_of_outboxes(void **state)
{
    static const char *const names[] = {"./off", "/OFF",      "none/outbox.db", "offsite.db",
                                        "0.db",  "my outbox", "a/b://c",        "\"outbox\".db"};

    (void)state;
    for (size_t i = 0; i < array_len(names); i++) {
        cleanup(config_done) struct config config = {0};
        environment_set("OUTBOX", names[i]);
        read_into(&config);
        assert_string_equal(config.outbox, names[i]);
    }
}

static void test_everything_set(void **state)
{
    const struct variable all[] = {
        {"CONVEX_URL", "http://localhost:3210"},
        {"SYNC_SECRET", B512},
        {"SYNC_SECRET_PREVIOUS", "old er"},
        {"CONVEX_DEPLOY_KEY", "prod:happy-otter-1|eyJ2MiI6"},
        {"CONVEX_CA_FILE", "/etc/ca.pem"},
        {"HOST", "::1"},
        {"PORT", "0"},
        {"ADMIN_HOST", "0.0.0.0"},
        {"ADMIN_PORT", "65535"},
        {"ROUTES", "routes.json"},
        {"OUTBOX", "/var/lib/x/o.db"},
        {"SYNC_WAIT_MS", "0"},
        {"CONVEX_TIMEOUT_MS", "3600000"},
        {"CONVEX_CONCURRENCY", "1024"},
        {"RETRY_MAX_AGE_HOURS", "8760"},
        {"OUTBOX_MAX_MB", "1048576"},
        {"MAX_BODY_BYTES", "1024"},
        {"REQUEST_TIMEOUT_MS", "1"},
        {"DRAIN_MS", "007"},
        {"LOG_LEVEL", "error"},
        {"LOG_FORMAT", "json"},
    };
    cleanup(config_done) struct config config = {0};

    (void)state;
    for (size_t i = 0; i < array_len(all); i++)
        environment_set(all[i].name, all[i].value);
    read_into(&config);
    assert_string_equal(config.convex_url, "http://localhost:3210");
    assert_string_equal(config.sync_secret, B512);
    assert_string_equal(config.sync_secret_previous, "old er");
    assert_string_equal(config.convex_deploy_key, "prod:happy-otter-1|eyJ2MiI6");
    assert_string_equal(config.convex_ca_file, "/etc/ca.pem");
    assert_string_equal(config.host, "::1");
    assert_int_equal(config.port, 0);
    assert_string_equal(config.admin_host, "0.0.0.0");
    assert_int_equal(config.admin_port, 65535);
    assert_string_equal(config.routes_file, "routes.json");
    assert_string_equal(config.outbox, "/var/lib/x/o.db");
    assert_int_equal(config.sync_wait_ms, 0);
    assert_int_equal(config.convex_timeout_ms, 3600000);
    assert_int_equal(config.convex_concurrency, 1024);
    assert_int_equal(config.retry_max_age_ms, INT64_C(8760) * 3600 * 1000);
    assert_int_equal(config.outbox_max_bytes, INT64_C(1) << 40);
    assert_int_equal(config.max_body_bytes, 1024);
    assert_int_equal(config.request_timeout_ms, 1);
    assert_int_equal(config.drain_ms, 7);
    assert_int_equal(config.log_level, LOG_ERROR);
    assert_int_equal(config.log_format, LOG_JSON);
}

static void test_off(void **state)
{
    cleanup(config_done) struct config config = {0};

    (void)state;
    environment_set("ADMIN_PORT", "off");
    environment_set("OUTBOX", "off");
    environment_set("STATE_DIRECTORY", "/var/lib/convex-relay");
    read_into(&config);
    assert_int_equal(config.admin_port, CONFIG_OFF);
    assert_null(config.outbox);
}

static void test_empty_counts_as_unset(void **state)
{
    cleanup(config_done) struct config config = {0};

    (void)state;
    environment_set("PORT", "");
    environment_set("HOST", "");
    environment_set("ROUTES", "");
    environment_set("OUTBOX", "");
    environment_set("LOG_LEVEL", "");
    environment_set("SYNC_SECRET_FILE", "");
    environment_set("SYNC_SECRET_PREVIOUS", "");
    environment_set("STATE_DIRECTORY", "");
    read_into(&config);
    assert_int_equal(config.port, 3000);
    assert_string_equal(config.host, "127.0.0.1");
    assert_null(config.routes_file);
    assert_string_equal(config.outbox, "outbox.db");
    assert_int_equal(config.log_level, LOG_INFO);
    assert_null(config.sync_secret_previous);
}

static void check_outbox(const char *outbox, const char *state_directory, const char *expected)
{
    cleanup(config_done) struct config config = {0};

    environment_set("OUTBOX", outbox);
    environment_set("STATE_DIRECTORY", state_directory);
    read_into(&config);
    assert_string_equal(config.outbox, expected);
}

static void test_outbox_in_the_state_directory(void **state)
{
    (void)state;
    check_outbox(NULL, "/var/lib/convex-relay", "/var/lib/convex-relay/outbox.db");
    check_outbox(NULL, "/var/lib/first:/var/lib/second", "/var/lib/first/outbox.db");
    /* What is said stands as it is said. */
    check_outbox("o.db", "/var/lib/convex-relay", "o.db");
}

static void check_file(const char *content, size_t len, const char *secret)
{
    cleanup(config_done) struct config config = {0};

    file_write(content, len);
    environment_set("SYNC_SECRET", NULL);
    environment_set("SYNC_SECRET_FILE", file);
    read_into(&config);
    assert_string_equal(config.sync_secret, secret);
}

static void test_secret_from_a_file(void **state)
{
    (void)state;
    check_file("abc", 3, "abc");
    check_file("abc\n", 4, "abc");
    check_file("abc\r\n", 5, "abc");
    check_file(B512 "\n", 513, B512);
}

static void test_secret_from_a_file_that_is_not_one(void **state)
{
    static char large[64 * 1024 + 1];
    cleanup(buf_done) struct buf why = BUF_NULL;

    (void)state;
    environment_set("SYNC_SECRET", "");
    environment_set("SYNC_SECRET_FILE", file);
    file_write("abc\n\n", 5);
    check_refused(
        "SYNC_SECRET: holds a line end or another control character, which no header can carry");
    file_write("ab\0c", 4);
    check_refused(
        "SYNC_SECRET: holds a line end or another control character, which no header can carry");
    file_write("\n", 1);
    check_refused("SYNC_SECRET_FILE: " NO_SECRET);
    memset(large, 'x', sizeof(large));
    file_write(large, sizeof(large) - 1);
    check_refused("SYNC_SECRET: longer than 512 bytes");
    file_write(large, sizeof(large));
    assert_int_equal(buf_printf(&why, "SYNC_SECRET_FILE: %s: larger than 65536 bytes", file), 0);
    check_refused(buf_string(&why));
}

/* How a rotation ends without a restart. */
static void test_optional_secret_leaves_with_its_file(void **state)
{
    cleanup(config_done) struct config config = {0};
    cleanup(config_done) struct config again = {0};

    (void)state;
    environment_set("SYNC_SECRET_PREVIOUS_FILE", file);
    file_write("old\n", 4);
    read_into(&config);
    assert_string_equal(config.sync_secret_previous, "old");
    file_write("\n", 1);
    read_into(&again);
    assert_null(again.sync_secret_previous);
}

static void test_only_secrets_come_from_files(void **state)
{
    cleanup(config_done) struct config config = {0};

    (void)state;
    environment_set("PORT_FILE", "/nonexistent");
    read_into(&config);
    assert_int_equal(config.port, 3000);
}

static void test_print(void **state)
{
    cleanup(freep) char *text = NULL;
    size_t len = 0;
    size_t lines = 0;

    (void)state;
    FILE *out = open_memstream(&text, &len);
    config_print(out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\n  SYNC_WAIT_MS          10000      longest wait"));
    assert_non_null(strstr(text, "\n  SYNC_SECRET           required   what"));
    assert_non_null(strstr(text, "\n  ROUTES                -          JSON"));
    for (char *line = text; *line; lines++) {
        size_t width = strcspn(line, "\n");
        assert_in_range(width, 1, 80);
        line += width + 1;
    }
    assert_int_equal(lines, 22);
}

/* What a command needs that speaks to nobody: nothing else is asked for, or wrong. */
static void test_one_alone(void **state)
{
    cleanup(config_done) struct config config = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;

    (void)state;
    environment_set("CONVEX_URL", NULL);
    environment_set("SYNC_SECRET", NULL);
    environment_set("PORT", "nonsense");
    environment_set("STATE_DIRECTORY", "/var/lib/relay");
    assert_int_equal(config_read_one(environment_lookup, "OUTBOX", &config, &why), 0);
    assert_string_equal(config.outbox, "/var/lib/relay/outbox.db");
    assert_null(config.host);
}

static void test_one_alone_is_checked(void **state)
{
    cleanup(config_done) struct config config = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;

    (void)state;
    environment_set("DRAIN_MS", "-1");
    assert_int_equal(config_read_one(environment_lookup, "DRAIN_MS", &config, &why),
                     CONFIG_INVALID);
    assert_non_null(strstr(buf_string(&why), "DRAIN_MS: \"-1\" is not a number"));
    assert_true(config_read_one(environment_lookup, "NONSENSE", &config, &why) < 0);
}

#define TEST(test) cmocka_unit_test_setup(test, environment_reset)

int main(void)
{
    struct CMUnitTest tests[12 + array_len(refused)] = {
        TEST(test_defaults),
        TEST(test_everything_set),
        TEST(test_off),
        TEST(test_names_of_outboxes),
        TEST(test_empty_counts_as_unset),
        TEST(test_outbox_in_the_state_directory),
        TEST(test_secret_from_a_file),
        TEST(test_secret_from_a_file_that_is_not_one),
        TEST(test_optional_secret_leaves_with_its_file),
        TEST(test_only_secrets_come_from_files),
        TEST(test_print),
        TEST(test_one_alone),
        TEST(test_one_alone_is_checked),
    };
    size_t n = 12;

    for (size_t i = 0; i < array_len(refused); i++)
        tests[n++] = (struct CMUnitTest){refused[i].name, test_refused, NULL, NULL,
                                         (void *)(uintptr_t)&refused[i]};
    return _cmocka_run_group_tests("config", tests, n, file_make, file_remove);
}
