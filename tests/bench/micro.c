/* SPDX-License-Identifier: MIT */
/* What the pure parts of an event's way cost: ./dev bench micro prints ns and, for texts, GB/s. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "auth/keyring.h"
#include "base/allocator.h"
#include "base/json_scan.h"
#include "convex/verdict.h"
#include "handlers/envelope.h"
#include "relay/lanes.h"

enum {
    MICRO_ROUNDS = 7, /* the fastest counts: whatever else the machine does can only slow it down */
    MICRO_ROUND_NS = 50 * 1000 * 1000,
    MICRO_LANES = 64,
};

/* Runs a part n times, in one state that all rounds share. */
typedef void micro_fn(uint64_t n);

static volatile int
    micro_sink; /* what a part returns goes here, so that it is not optimised away */
static char micro_large[256 << 10];

static int64_t micro_now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double micro_best_ns(micro_fn *run)
{
    uint64_t n = 1;
    double best = 0;

    for (int round = 0; round < MICRO_ROUNDS; round++) {
        int64_t began_ns = micro_now_ns();
        run(n);
        int64_t took_ns = micro_now_ns() - began_ns;
        double each_ns = (double)took_ns / (double)n;
        if (took_ns < MICRO_ROUND_NS) {
            n *= took_ns < MICRO_ROUND_NS / 100 ? 100 : 2;
            round = -1; /* too short to be told from the clock's own noise */
            best = 0;
        } else if (best == 0 || each_ns < best) {
            best = each_ns;
        }
    }
    return best;
}

/* bytes: of the text that is read each time; 0: none is. */
static void micro_print(const char *name, micro_fn *run, size_t bytes)
{
    double ns = micro_best_ns(run);

    (void)printf("%-44s %10.0f ns", name, ns);
    if (bytes > 0)
        (void)printf(" %6.2f GB/s", (double)bytes / ns);
    (void)printf("\n");
}

/* ---- the parts ---- */

#define MICRO_EVENT                                                                                \
    "{\"model\":\"users\",\"operation\":\"set\",\"data\":{\"bladeId\":\"acc_vais0g9rrk995tz0\","   \
    "\"email\":\"ada@example.org\",\"name\":\"Ada Lovelace\",\"image\":null,\"age\":36,"           \
    "\"bio\":\"Wrote the first program, for a machine that was never built.\","                    \
    "\"createdAt\":\"2025-01-01T00:00:00.000Z\"},\"hiveId\":\"acc_vais0g9rrk995tz0\"}"

static void micro_scan_event(uint64_t n)
{
    while (n-- > 0)
        micro_sink = (int)json_check(SPAN(MICRO_EVENT));
}

static void micro_scan_large(uint64_t n)
{
    while (n-- > 0)
        micro_sink = (int)json_check((struct span){micro_large, sizeof(micro_large)});
}

/* An array of objects, filled up with a string. */
static void micro_make_large(void)
{
    static const char piece[] =
        "{\"id\":12345,\"tags\":[\"a\",\"b\"],\"note\":\"gr\xc3\xbc\xc3\x9f\"},";
    size_t len = 0;

    micro_large[len++] = '[';
    while (len + sizeof(piece) + 2 < sizeof(micro_large)) {
        memcpy(micro_large + len, piece, sizeof(piece) - 1);
        len += sizeof(piece) - 1;
    }
    memset(micro_large + len, 'x', sizeof(micro_large) - len);
    micro_large[len] = '"';
    micro_large[sizeof(micro_large) - 2] = '"';
    micro_large[sizeof(micro_large) - 1] = ']';
}

static void micro_envelope(uint64_t n)
{
    while (n-- > 0) {
        struct buf body = BUF_NULL, why = BUF_NULL;
        struct envelope envelope;
        struct event event = {0};
        envelope_init(&envelope);
        if (buf_append_span(&body, SPAN(MICRO_EVENT)) < 0)
            abort();
        envelope_feed(&envelope, buf_span(&body));
        micro_sink = envelope_end(&envelope, &body, &event, &why);
        event_done(&event);
        buf_done(&body);
        buf_done(&why);
    }
}

static struct keyring *micro_keyring;

static void micro_secret(uint64_t n)
{
    while (n-- > 0)
        micro_sink = (int)keyring_check(micro_keyring, SPAN("0123456789abcdef0123456789abcdef"));
}

static void micro_secret_wrong(uint64_t n)
{
    while (n-- > 0)
        micro_sink = (int)keyring_check(micro_keyring, SPAN("0123456789abcdef0123456789abcdeF"));
}

/* A record's event comes, starts and leaves, among others that are in flight. */
static void micro_lanes(uint64_t n)
{
    static struct lane_place places[MICRO_LANES];
    struct lanes lanes;
    struct lane_group group;
    char record[32];

    if (lanes_init(&lanes, MICRO_LANES, &allocator_system) < 0)
        abort();
    lane_group_init(&group, MICRO_LANES);
    for (uint64_t i = 0; i < n + MICRO_LANES; i++) {
        struct lane_place *place = &places[i % MICRO_LANES];
        if (i >= MICRO_LANES)
            lanes_leave(&lanes, place);
        if (i >= n)
            continue;
        int len = snprintf(record, sizeof(record), "acc_%016" PRIx64, i);
        if (lanes_join(&lanes, &group, place, i, (struct span){record, (size_t)len}, LANES_LIVE) <
                0 ||
            lanes_start(&lanes) != place)
            abort();
    }
    lanes_done(&lanes);
}

static void micro_verdict(const struct answer *answer, uint64_t n)
{
    while (n-- > 0) {
        struct verdict verdict = {0};
        micro_sink = verdict_read(answer, &verdict) + (int)verdict.outcome;
        buf_done(&verdict.message);
    }
}

static void micro_verdict_done(uint64_t n)
{
    const struct answer answer = {
        .kind = ANSWER_HTTP,
        .status = 200,
        .body = SPAN("{\"status\":\"success\",\"value\":null,\"logLines\":[]}"),
        .retry_after_ms = -1,
    };

    micro_verdict(&answer, n);
}

static void micro_verdict_rejected(uint64_t n)
{
    const struct answer answer = {
        .kind = ANSWER_HTTP,
        .status = 200,
        .body = SPAN("{\"status\":\"error\",\"errorMessage\":\"ArgumentValidationError: Object is "
                     "missing the required field `email`.\",\"logLines\":[]}"),
        .retry_after_ms = -1,
    };

    micro_verdict(&answer, n);
}

int main(void)
{
    micro_make_large();
    if (json_check((struct span){micro_large, sizeof(micro_large)}) != JSON_FINE ||
        keyring_new("0123456789abcdef0123456789abcdef", "a-secret-of-before-the-rotation",
                    &micro_keyring))
        abort();
    micro_print("scan an event", micro_scan_event, sizeof(MICRO_EVENT) - 1);
    micro_print("scan 256 KiB", micro_scan_large, sizeof(micro_large));
    micro_print("read an event's envelope", micro_envelope, sizeof(MICRO_EVENT) - 1);
    micro_print("check the secret", micro_secret, 0);
    micro_print("check a wrong secret", micro_secret_wrong, 0);
    micro_print("join a lane, start, leave; among 64", micro_lanes, 0);
    micro_print("judge a success", micro_verdict_done, 0);
    micro_print("judge a refusal", micro_verdict_rejected, 0);
    keyring_free(micro_keyring);
    return 0;
}
