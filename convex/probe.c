/* SPDX-License-Identifier: MIT */
/*
 * A query of a name that nobody has: Convex looks at the deploy key (/api/query_ts asks for none)
 * and at whether the deployment runs, and then finds nothing to run (convex-backend
 * crates/local_backend/src/public_api.rs, public_query_post; crates/udf/src/validation.rs). The
 * probe proves neither that functions are deployed nor that the key may run internal ones.
 */
#include "convex/probe.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/loop.h"
#include "convex/headers.h"
#include "convex/mutation.h"
#include "convex/transport_direct.h"
#include "convex/verdict.h"

#define PROBE_PATH "convex_relay_check:there_is_no_such_function"

struct probe {
    struct call call;
    const struct transport_options *options;
    struct probe_date *date;
    struct buf *why;
    bool answered;
    int r; /* once answered */
};

/* ---- what came back ---- */

static int probe_say_unreached(const struct transport_options *options, const struct answer *answer,
                               struct buf *why)
{
    if (answer->kind == ANSWER_COMPRESSED || answer->kind == ANSWER_TOO_LONG)
        return buf_printf(why, "CONVEX_URL %s does not answer as Convex does: %s",
                          options->convex_url, answer->why);
    if (answer->untrusted)
        return buf_printf(why,
                          "CONVEX_URL %s is not trusted (%s): see to its certificate, or name "
                          "its CA in CONVEX_CA_FILE",
                          options->convex_url, answer->why);
    return buf_printf(why,
                      "CONVEX_URL %s cannot be reached (%s): check the address, and that "
                      "Convex runs",
                      options->convex_url, answer->why);
}

/* Whether Convex refuses the caller, not the call (crates/local_backend/src/authentication.rs). */
static bool probe_is_identity(int status, const char *code)
{
    static const char *const codes[] = {"InvalidAdminKey", "InvalidAuthHeader",
                                        "InvalidHeaderFailure", "HeaderParseFailure"};

    for (size_t i = 0; status == 400 && i < array_len(codes); i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return status == 401 || status == 403;
}

static int probe_say_refused(const struct transport_options *options, int status, const char *code,
                             struct buf *why)
{
    if (options->deploy_key && probe_is_identity(status, code))
        return buf_printf(why,
                          "CONVEX_DEPLOY_KEY is refused by %s (http %d): use a key of this "
                          "very deployment",
                          options->convex_url, status);
    if (status == 429 || status >= 500)
        return buf_printf(why, "CONVEX_URL %s is there but in trouble (http %d): try again later",
                          options->convex_url, status);
    return buf_printf(why,
                      "CONVEX_URL %s does not answer as Convex does (http %d to POST "
                      "/api/query): set the address of the deployment",
                      options->convex_url, status);
}

/* Paused, disabled, too old: Convex says so before it looks for the function. */
static int probe_say_held(const struct transport_options *options, const struct verdict *verdict,
                          struct buf *why)
{
    return buf_printf(why, "CONVEX_URL %s is there but runs no functions (%s): see its dashboard",
                      options->convex_url, verdict->cause);
}

/* Convex alone writes envelopes, and "function not found" is what the probe asked for. */
static int probe_judge_http(const struct transport_options *options, const struct answer *answer,
                            const struct verdict *verdict, struct buf *why)
{
    bool missing = strcmp(verdict->cause, "function not found") == 0 ||
                   strcmp(verdict->cause, "FunctionPathNotFound") == 0;
    int r;

    if (missing || verdict->outcome == VERDICT_DONE ||
        (answer_is_envelope(answer->status) && verdict->outcome == VERDICT_REJECTED))
        return 0;
    if (answer_is_envelope(answer->status) && verdict->outcome == VERDICT_HELD)
        r = probe_say_held(options, verdict, why);
    else
        r = probe_say_refused(options, answer->status, verdict->cause, why);
    return r < 0 ? r : PROBE_FAILED;
}

static int probe_judge(const struct transport_options *options, const struct answer *answer,
                       struct buf *why)
{
    cleanup(buf_done) struct buf message = BUF_NULL;
    struct verdict verdict;

    if (answer->kind != ANSWER_HTTP) {
        int r = probe_say_unreached(options, answer, why);
        return r < 0 ? r : PROBE_FAILED;
    }
    int r = verdict_read(answer, &verdict);
    if (r < 0)
        return r;
    message = verdict.message;
    return probe_judge_http(options, answer, &verdict, why);
}

static void probe_answered(struct call *call, const struct answer *answer)
{
    struct probe *probe = container_of(call, struct probe, call);

    probe->answered = true;
    probe->date->date_ms = headers_date_ms(answer->date);
    probe->date->ended_ms = clock_mono_ms(&clock_system);
    probe->r = probe_judge(probe->options, answer, probe->why);
}

/* ---- the call ---- */

static int probe_wait(struct loop *loop, struct transport *transport, struct probe *probe)
{
    int r = transport_start(transport, &probe->call);

    if (r < 0)
        return r;
    while (r == 0 && !probe->answered)
        r = loop_turn(loop);
    if (!probe->answered)
        transport_cancel(&probe->call);
    return r ? r : probe->r;
}

int probe_run(const struct transport_options *options, struct probe_date *date, struct buf *why)
{
    struct transport_options to_query = *options;
    cleanup(loop_freep) struct loop *loop = NULL;
    cleanup(transport_freep) struct transport *transport = NULL;
    cleanup(buf_done) struct buf before_args = BUF_NULL;
    int r = loop_new(&clock_system, &loop);

    *date = (struct probe_date){.date_ms = -1, .began_ms = clock_mono_ms(&clock_system)};
    to_query.path = "/api/query";
    to_query.concurrency = 1;
    if (r == 0)
        r = transport_direct_new(loop, &to_query, &transport);
    if (r == 0)
        r = mutation_before_args(PROBE_PATH, &before_args);
    if (r)
        return r;
    struct probe probe = {
        .call = {.body = {buf_span(&before_args), SPAN("{}"), MUTATION_AFTER_ARGS},
                 .done = probe_answered},
        .options = options,
        .date = date,
        .why = why,
    };
    return probe_wait(loop, transport, &probe);
}
