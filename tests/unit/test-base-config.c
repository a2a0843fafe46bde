/* SPDX-License-Identifier: MIT */
/* The settings: what is made of them. test-base-config-refused.c has what is refused. */
#include "base/config.h"

#include "tests/unit/lib/environment.h"
#include "tests/unit/lib/rows.h"

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
    assert_string_equal(config.outbox_schema, "convex_relay");
    assert_null(config.relay_name);
    assert_int_equal(config.lease_ms, 6000);
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

/* What only looks like a switch, like a URI, or like libpq's keywords. */
static void test_names_of_outboxes(void **state)
{
    static const char *const names[] = {"./off",     "/OFF",      "none/outbox.db", "offsite.db",
                                        "0.db",      "my outbox", "a/b://c",        "\"outbox\".db",
                                        "./host=db", "hosts=1"};

    (void)state;
    for (size_t i = 0; i < array_len(names); i++) {
        cleanup(config_done) struct config config = {0};
        environment_set("OUTBOX", names[i]);
        read_into(&config);
        assert_string_equal(config.outbox, names[i]);
    }
}

static void test_databases(void **state)
{
    static const char *const uris[] = {"postgresql://", "postgres://relay:hidden@db/relay"};

    (void)state;
    environment_set("STATE_DIRECTORY", "/var/lib/x");
    for (size_t i = 0; i < array_len(uris); i++) {
        cleanup(config_done) struct config config = {0};
        environment_set("OUTBOX", uris[i]);
        read_into(&config);
        assert_string_equal(config.outbox, uris[i]);
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
        {"OUTBOX_SCHEMA", "_events2"},
        {"RELAY_NAME", "relay-2.example.com"},
        {"LEASE_MS", "60000"},
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
    assert_string_equal(config.outbox_schema, "_events2");
    assert_string_equal(config.relay_name, "relay-2.example.com");
    assert_int_equal(config.lease_ms, 60000);
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

    environment_file_write(content, len);
    environment_set("SYNC_SECRET", NULL);
    environment_set("SYNC_SECRET_FILE", environment_file);
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
    environment_set("SYNC_SECRET_FILE", environment_file);
    environment_file_write("abc\n\n", 5);
    assert_config_refused(
        "SYNC_SECRET: holds a line end or another control character, which no header can carry");
    environment_file_write("ab\0c", 4);
    assert_config_refused(
        "SYNC_SECRET: holds a line end or another control character, which no header can carry");
    environment_file_write("\n", 1);
    assert_config_refused("SYNC_SECRET_FILE: " NO_SECRET);
    memset(large, 'x', sizeof(large));
    environment_file_write(large, sizeof(large) - 1);
    assert_config_refused("SYNC_SECRET: longer than 512 bytes");
    environment_file_write(large, sizeof(large));
    assert_int_equal(
        buf_printf(&why, "SYNC_SECRET_FILE: %s: larger than 65536 bytes", environment_file), 0);
    assert_config_refused(buf_string(&why));
}

/* How a rotation ends without a restart. */
static void test_optional_secret_leaves_with_its_file(void **state)
{
    cleanup(config_done) struct config config = {0};
    cleanup(config_done) struct config again = {0};

    (void)state;
    environment_set("SYNC_SECRET_PREVIOUS_FILE", environment_file);
    environment_file_write("old\n", 4);
    read_into(&config);
    assert_string_equal(config.sync_secret_previous, "old");
    environment_file_write("\n", 1);
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
    assert_non_null(strstr(text, "\n  SYNC_WAIT_MS          10000         longest wait"));
    assert_non_null(strstr(text, "\n  SYNC_SECRET           required      what"));
    assert_non_null(strstr(text, "\n  ROUTES                -             JSON"));
    for (char *line = text; *line; lines++) {
        size_t width = strcspn(line, "\n");
        assert_in_range(width, 1, 80);
        line += width + 1;
    }
    assert_int_equal(lines, 25);
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
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_everything_set),
        TEST(test_off),
        TEST(test_names_of_outboxes),
        TEST(test_databases),
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
    return cmocka_run_group_tests(tests, environment_file_make, environment_file_remove);
}
