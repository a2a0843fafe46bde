/* SPDX-License-Identifier: MIT */
/* The status page of a relay in the middle of things, and of one that has nothing to tell. */
#include "handlers/status.h"

#include "tests/unit/lib/snapshot_sample.h"

static void assert_page(const struct snapshot *snapshot, struct span should)
{
    const struct service service = {.clock = &sample_clock,
                                    .version = "1.2.3",
                                    .started_ms = SAMPLE_MONO_MS - 60000,
                                    .outbox_max_bytes = 8192};
    cleanup(buf_done) struct buf page = BUF_NULL;

    assert_int_equal(status_print(&service, snapshot, &page), 0);
    assert_same_text(buf_span(&page), should);
}

#define HEAD                                                                                       \
    "{\"version\":\"1.2.3\",\"started\":\"1970-01-01T00:00:40.000Z\",\"uptime_seconds\":60,"

static void test_in_the_middle_of_things(void **state)
{
    struct snapshot snapshot = sample_snapshot();

    (void)state;
    snapshot.not_ready = "The outbox is full";
    snapshot.held = "cannot connect";
    snapshot.held_since_ms = 70000;
    assert_page(
        &snapshot,
        SPAN(HEAD
             "\"ready\":false,\"not_ready_reason\":\"The outbox is full\",\"routes\":["
             "{\"model\":\"users\\n\\\"a\\\\b\\\"\",\"mutation\":\"users:sync\",\"state\":\"held\","
             "\"held_reason\":\"no such function\",\"held_since\":\"1970-01-01T00:01:30.000Z\","
             "\"in_flight\":1,\"limit\":4,\"batch\":{\"mutation\":\"users:syncBatch\",\"max\":50,"
             "\"size\":25},\"sequence\":\"syncSeq\",\"pending\":2,\"dead\":2,"
             "\"oldest\":\"1970-01-01T00:01:20.000Z\",\"last_error\":{"
             "\"at\":\"1970-01-01T00:01:35.000Z\",\"outcome\":\"again\",\"cause\":\"http 502\"}},"
             "{\"model\":\"other\",\"mutation\":\"a:b\",\"state\":\"open\",\"held_reason\":null,"
             "\"held_since\":null,\"in_flight\":0,\"limit\":16,\"batch\":null,"
             "\"sequence\":null,\"pending\":0,\"dead\":0,"
             "\"oldest\":null,\"last_error\":null}],"
             "\"outbox\":{\"state\":\"ok\",\"pending\":5,\"dead\":6,"
             "\"oldest\":\"1970-01-01T00:01:00.000Z\",\"bytes\":4096,\"pinned_bytes\":0,\"max_"
             "bytes\":8192,\"spoilt\":3},"
             "\"convex\":{\"state\":\"held\",\"held_reason\":\"cannot connect\","
             "\"held_since\":\"1970-01-01T00:01:10.000Z\",\"in_flight\":3}}\n"));
}

/* Its events are held; one that has none is nobody's concern. */
static void test_a_lost_route(void **state)
{
    const struct event_counts counts = {.accepted = 3, .pending = 3};
    struct snapshot_route routes[] = {
        {.model = "posts",
         .counts = &counts,
         .held = "no route",
         .held_since_ms = 70000,
         .limit = 16,
         .oldest_age_ms = -1},
        {.model = "done", .limit = 16, .oldest_age_ms = -1},
    };
    const struct snapshot snapshot = {.now_ms = SAMPLE_NOW_MS,
                                      .outbox = "ok",
                                      .oldest_age_ms = -1,
                                      .routes = routes,
                                      .routes_len = array_len(routes)};
    const struct service service = {.clock = &sample_clock, .version = "1.2.3"};
    cleanup(buf_done) struct buf page = BUF_NULL;

    (void)state;
    assert_int_equal(status_print(&service, &snapshot, &page), 0);
    assert_non_null(strstr(buf_string(&page), "{\"model\":\"posts\",\"mutation\":null,\"state\":"
                                              "\"held\",\"held_reason\":\"no route\","));
    assert_null(strstr(buf_string(&page), "done"));
}

static void test_an_outbox_that_is_away(void **state)
{
    const struct snapshot snapshot = {.now_ms = SAMPLE_NOW_MS,
                                      .outbox = "away",
                                      .outbox_why = "no route to host",
                                      .oldest_age_ms = -1};
    const struct service service = {.clock = &sample_clock, .version = "1.2.3"};
    cleanup(buf_done) struct buf page = BUF_NULL;

    (void)state;
    assert_int_equal(status_print(&service, &snapshot, &page), 0);
    assert_non_null(strstr(buf_string(&page), "\"outbox\":{\"state\":\"away\",\"why\":"
                                              "\"no route to host\",\"pending\":0,"));
}

static void test_nothing_to_tell(void **state)
{
    const struct snapshot snapshot = {
        .now_ms = SAMPLE_NOW_MS, .outbox = "off", .oldest_age_ms = -1};

    (void)state;
    assert_page(&snapshot,
                SPAN(HEAD "\"ready\":true,\"not_ready_reason\":null,\"routes\":[],"
                          "\"outbox\":{\"state\":\"off\",\"pending\":0,\"dead\":0,\"oldest\":null,"
                          "\"bytes\":0,\"pinned_bytes\":0,\"max_bytes\":8192,\"spoilt\":0},"
                          "\"convex\":{\"state\":\"open\",\"held_reason\":null,"
                          "\"held_since\":null,\"in_flight\":0}}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_the_middle_of_things),
        cmocka_unit_test(test_a_lost_route),
        cmocka_unit_test(test_an_outbox_that_is_away),
        cmocka_unit_test(test_nothing_to_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
