/* SPDX-License-Identifier: MIT */
/* The metrics of a relay in the middle of things, line by line. */
#include "handlers/metrics.h"

#include <string.h>

#include "tests/unit/lib/snapshot_sample.h"

struct line_row {
    const char *line;
};

#define USERS "model=\"users\\n\\\"a\\\\b\\\"\""

static struct line_row there_rows[] = {
    {"requests_total{status=\"200\"} 8"}, /* delivered and, were it counted, healthy */
    {"requests_total{status=\"202\"} 5"}, /* two replies of one status */
    {"requests_total{status=\"503\"} 0"},
    {"events_accepted_total{" USERS "} 10"},
    {"events_delivered_total{" USERS "} 5"},
    {"events_discarded_total{" USERS "} 1"},
    {"replays_refused_total{" USERS "} 6"},
    {"replays_refused_total{model=\"other\"} 8"},
    {"events_dead_total{" USERS "} 3"},
    {"events_accepted_total{model=\"gone\"} 10"},
    {"events_accepted_total{model=\"other\"} 7"},
    {"events_dead_total{model=\"other\"} 9"},
    {"outbox_events{state=\"pending\"} 5"},
    {"outbox_events{state=\"dead\"} 6"},
    {"outbox_oldest_seconds 40"},
    {"outbox_spoilt_total 3"},
    {"convex_attempts_total{outcome=\"done\"} 1"},
    {"convex_attempts_total{outcome=\"rejected\"} 2"},
    {"convex_attempts_total{outcome=\"again\"} 3"},
    {"convex_attempts_total{outcome=\"held\"} 4"},
    {"convex_in_flight 3"},
    {"route_held{" USERS "} 1"},
    {"route_held{model=\"other\"} 0"},
    {"secret_used_total{secret=\"current\"} 21"},
    {"secret_used_total{secret=\"previous\"} 22"},
    {"unauthorized_total 20"},
    {"convex_duration_seconds_bucket{le=\"0.002\"} 1"},
    {"convex_duration_seconds_bucket{le=\"0.005\"} 1"},
    {"convex_duration_seconds_bucket{le=\"0.01\"} 3"},
    {"convex_duration_seconds_bucket{le=\"30.0\"} 3"},
    {"convex_duration_seconds_bucket{le=\"+Inf\"} 4"},
    {"convex_duration_seconds_sum 61.005"},
    {"convex_duration_seconds_count 4"},
    {"batch_size_bucket{le=\"2\"} 2"},
    {"batch_size_bucket{le=\"5\"} 2"},
    {"batch_size_bucket{le=\"10\"} 3"},
    {"batch_size_bucket{le=\"500\"} 3"},
    {"batch_size_bucket{le=\"+Inf\"} 4"},
    {"batch_size_sum 600"},
    {"batch_size_count 4"},
    {"batch_splits_total 5"},
    {"build_info{version=\"1.2.3\"} 1"},
};

static struct line_row absent_rows[] = {
    {"route_held{model=\"gone\"}"},
    {"requests_total{status=\"0\"}"},
};

static struct buf page;

static int print_page(void **state)
{
    struct service service = {.clock = &sample_clock, .version = "1.2.3"};
    struct snapshot snapshot = sample_snapshot();

    (void)state;
    service.observed.replies[REPLY_DELIVERED] = 8;
    service.observed.replies[REPLY_QUEUED] = 2;
    service.observed.replies[REPLY_QUEUED_AFTER] = 3;
    service.observed.secrets[KEYRING_NONE] = 20;
    service.observed.secrets[KEYRING_CURRENT] = 21;
    service.observed.secrets[KEYRING_PREVIOUS] = 22;
    return metrics_print(&service, &snapshot, &page);
}

static int free_page(void **state)
{
    (void)state;
    buf_done(&page);
    return 0;
}

/* How many lines begin like this; *rest is what stands behind the first one. */
static int find_line(const char *line, const char **rest)
{
    cleanup(buf_done) struct buf wanted = BUF_NULL;
    int found = 0;

    assert_int_equal(buf_printf(&wanted, "\nconvex_relay_%s", line), 0);
    for (const char *at = buf_string(&page); (at = strstr(at, buf_string(&wanted)));) {
        at += wanted.len;
        if (found++ == 0)
            *rest = at;
    }
    return found;
}

static void test_line_is_there_once(void **state)
{
    const struct line_row *row = *state;
    const char *rest = "";

    assert_int_equal(find_line(row->line, &rest), 1);
    assert_int_equal(*rest, '\n');
}

static void test_line_is_absent(void **state)
{
    const struct line_row *row = *state;
    const char *rest;

    assert_int_equal(find_line(row->line, &rest), 0);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(there_rows) + array_len(absent_rows)];
    size_t len = rows_add(tests, 0, there_rows, test_line_is_there_once);

    rows_add(tests, len, absent_rows, test_line_is_absent);
    return cmocka_run_group_tests(tests, print_page, free_page);
}
