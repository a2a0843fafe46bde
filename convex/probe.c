/* SPDX-License-Identifier: MIT */
/*
 * POST /api/query_ts asks for the deployment's clock: it passes through the same front as a
 * mutation, runs no function and costs nothing. It proves neither that functions are deployed nor
 * that the deploy key is good for them.
 */
#include "convex/probe.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"
#include "convex/exchange.h"
#include "convex/headers.h"

/* Where a certificate is the matter, what to mend is another setting. */
static bool probe_is_tls(CURLcode result)
{
    return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
           result == CURLE_SSL_ISSUER_ERROR;
}

static int probe_say_unreached(const struct transport_options *options, CURLcode result,
                               const char *met, struct buf *why)
{
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

static int probe_say_refused(const struct transport_options *options, int status, struct buf *why)
{
    if (status == 401 || status == 403)
        return buf_printf(why,
                          "CONVEX_DEPLOY_KEY is refused by %s (http %d): use a key of this "
                          "very deployment",
                          options->convex_url, status);
    if (status == 429 || status >= 500)
        return buf_printf(why, "CONVEX_URL %s is there but in trouble (http %d): try again later",
                          options->convex_url, status);
    return buf_printf(why,
                      "CONVEX_URL %s does not answer as Convex does (http %d to POST "
                      "/api/query_ts): is it the deployment's address?",
                      options->convex_url, status);
}

/* Convex answers {"ts":"<base64>"}. */
static bool probe_is_convex(const struct answer *answer)
{
    return answer->status == 200 && json_check(answer->body) == JSON_FINE &&
           json_find(span_trim(answer->body), SPAN("ts")).len > 2;
}

static int probe_judge(const struct transport_options *options, struct exchange *exchange,
                       CURLcode result, struct buf *why)
{
    struct answer answer;
    int r;

    exchange_read(exchange, result, &answer);
    if (answer.kind == ANSWER_HTTP && probe_is_convex(&answer))
        return 0;
    if (answer.kind == ANSWER_HTTP)
        r = probe_say_refused(options, answer.status, why);
    else
        r = probe_say_unreached(options, result, answer.why, why);
    return r < 0 ? r : PROBE_FAILED;
}

static int probe_ask(const struct transport_options *options, struct exchange *exchange,
                     const struct curl_slist *headers, struct buf *why)
{
    static const struct span no_body[EXCHANGE_PARTS];
    cleanup(buf_done) struct buf authorization = BUF_NULL;
    int r = exchange_init(exchange, options, "/api/query_ts", headers);

    if (r == 0)
        r = headers_authorization(options->deploy_key, &authorization);
    if (r == 0)
        r = exchange_prepare(exchange, no_body, authorization.at, NULL);
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
