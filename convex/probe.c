/* SPDX-License-Identifier: MIT */
/*
 * A query of a name that nobody has: it passes through the same front as a mutation, the deploy key
 * is looked at (/api/query_ts asks for none), so is whether the deployment runs, and then there is
 * nothing to run (convex-backend crates/local_backend/src/public_api.rs, public_query_post;
 * crates/udf/src/validation.rs). It proves neither that functions are deployed nor that the key may
 * run internal ones.
 */
#include "convex/probe.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "convex/exchange.h"
#include "convex/headers.h"
#include "convex/mutation.h"
#include "convex/verdict.h"

#define PROBE_PATH "convex_relay_check:there_is_no_such_function"

/* Where a certificate is the matter, what to mend is another setting. */
static bool probe_is_tls(CURLcode result)
{
    return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
           result == CURLE_SSL_ISSUER_ERROR;
}

static int probe_say_unreached(const struct transport_options *options, CURLcode result,
                               const struct answer *answer, struct buf *why)
{
    const char *met = answer->why;

    if (answer->kind == ANSWER_COMPRESSED || answer->kind == ANSWER_TOO_LONG)
        return buf_printf(why, "CONVEX_URL %s does not answer as Convex does: %s",
                          options->convex_url, met);
    if (probe_is_tls(result))
        return buf_printf(why,
                          "CONVEX_URL %s is not trusted (%s): see to its certificate, or name "
                          "its CA in CONVEX_CA_FILE",
                          options->convex_url, met);
    return buf_printf(why,
                      "CONVEX_URL %s cannot be reached (%s): is the address right, and is "
                      "Convex running?",
                      options->convex_url, met);
}

/* What Convex says of who asks (crates/local_backend/src/authentication.rs). */
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
                      "/api/query): is it the deployment's address?",
                      options->convex_url, status);
}

/* Paused, disabled, too old: what has its cause before the function is looked for. */
static int probe_say_held(const struct transport_options *options, const struct verdict *verdict,
                          struct buf *why)
{
    return buf_printf(why, "CONVEX_URL %s is there but runs no functions (%s): see its dashboard",
                      options->convex_url, verdict->cause);
}

/* An envelope of any kind is Convex's, and that there is no such function is what was asked for. */
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

static int probe_judge(const struct transport_options *options, struct exchange *exchange,
                       CURLcode result, struct buf *why)
{
    cleanup(buf_done) struct buf message = BUF_NULL;
    struct answer answer;
    struct verdict verdict;

    exchange_read(exchange, result, &answer);
    if (answer.kind != ANSWER_HTTP) {
        int r = probe_say_unreached(options, result, &answer, why);
        return r < 0 ? r : PROBE_FAILED;
    }
    int r = verdict_read(&answer, &verdict);
    if (r < 0)
        return r;
    message = verdict.message;
    return probe_judge_http(options, &answer, &verdict, why);
}

static int probe_ask(const struct transport_options *options, struct exchange *exchange,
                     const struct curl_slist *headers, struct buf *why)
{
    cleanup(buf_done) struct buf authorization = BUF_NULL;
    cleanup(buf_done) struct buf before_args = BUF_NULL;
    int r = exchange_init(exchange, options, "/api/query", headers);

    if (r == 0)
        r = headers_authorization(options->deploy_key, &authorization);
    if (r == 0)
        r = mutation_before_args(PROBE_PATH, &before_args);
    if (r < 0)
        return r;
    const struct span body[EXCHANGE_PARTS] = {buf_span(&before_args), SPAN("{}"),
                                              MUTATION_AFTER_ARGS};
    r = exchange_prepare(exchange, body, authorization.at, NULL);
    if (r < 0)
        return r;
    return probe_judge(options, exchange, curl_easy_perform(exchange->easy), why);
}

int probe_run(const struct transport_options *options, struct buf *why)
{
    struct exchange exchange = {0};
    struct curl_slist *headers = NULL;
    int r;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_origin(-ENOMEM);
    r = exchange_headers_new(options, &headers);
    if (r == 0)
        r = probe_ask(options, &exchange, headers, why);
    exchange_done(&exchange);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return r;
}
