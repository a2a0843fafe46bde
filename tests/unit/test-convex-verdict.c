/* SPDX-License-Identifier: MIT */
/*
 * What each answer of Convex's, or of a proxy before Convex, means. A comment before a text or a
 * code names the source: files of get-convex/convex-backend, below crates/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convex/verdict.h"

#include <string.h>

struct row {
    const char *name;
    int status; /* 0: no HTTP answer, of that kind */
    const char *body;
    const char *message; /* NULL: the body */
    const char *cause;
    enum verdict_outcome outcome;
    enum verdict_scope scope;
    enum verdict_pressure pressure;
    bool maybe_ran;
    enum answer_kind kind;
    int tries_max;
};

#define DONE VERDICT_DONE, VERDICT_ROUTE, VERDICT_NO_PRESSURE, false, ANSWER_HTTP, 0
#define REJECTED VERDICT_REJECTED, VERDICT_ROUTE, VERDICT_NO_PRESSURE, false, ANSWER_HTTP, 0
#define REJECTED_MAYBE VERDICT_REJECTED, VERDICT_ROUTE, VERDICT_NO_PRESSURE, true, ANSWER_HTTP, 0
#define HELD_ROUTE VERDICT_HELD, VERDICT_ROUTE, VERDICT_NO_PRESSURE, false, ANSWER_HTTP, 0
#define HELD VERDICT_HELD, VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, false, ANSWER_HTTP, 0
#define AGAIN_ROUTE VERDICT_AGAIN, VERDICT_ROUTE, VERDICT_NO_PRESSURE, false, ANSWER_HTTP, 0
#define AGAIN_FEW                                                                                  \
    VERDICT_AGAIN, VERDICT_ROUTE, VERDICT_NO_PRESSURE, false, ANSWER_HTTP, VERDICT_FEW_TRIES
#define AGAIN VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, false, ANSWER_HTTP, 0
#define UNKNOWN VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, true, ANSWER_HTTP, 0
#define CONFLICT VERDICT_AGAIN, VERDICT_ROUTE, VERDICT_CONFLICT, false, ANSWER_HTTP, 0
#define OVERLOAD VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_OVERLOAD, false, ANSWER_HTTP, 0
#define OVERLOAD_MAYBE VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_OVERLOAD, true, ANSWER_HTTP, 0

#define ERROR(text) "{\"status\":\"error\",\"errorMessage\":\"" text "\"}"
#define FRAME "[Request ID: 0123456789abcdef] Server Error"
#define CODE(code) "{\"code\":\"" code "\",\"message\":\"some text\"}"

/* A function error whose message is the text itself. */
#define FUNCTION_ERROR(text, cause, ...)                                                           \
    {                                                                                              \
        text, 200, ERROR(text), text, cause, __VA_ARGS__                                           \
    }
/* {"code","message"} under a status: the code is the cause. */
#define CODED(status, code, ...)                                                                   \
    {                                                                                              \
#status " " code, status, CODE(code), NULL, code, __VA_ARGS__                              \
    }
/* A status with an empty body. */
#define EMPTY(status, ...)                                                                         \
    {                                                                                              \
#status " empty", status, "", NULL, "http " #status, __VA_ARGS__                           \
    }

static const struct row rows[] = {
    /* success */
    {"success", 200, "{\"status\":\"success\",\"value\":null}", "", "success", DONE},
    {"success without a value", 200, "{\"status\":\"success\"}", "", "success", DONE},
    {"success, blanks around", 200, " {\"status\":\"success\"}\r\n", "", "success", DONE},
    {"success, last status counts", 200, "{\"status\":\"error\",\"status\":\"success\"}", "",
     "success", DONE},
    {"success in escapes", 200, "{\"st\\u0061tus\":\"succes\\u0073\"}", "", "success", DONE},
    {"success with log lines", 200,
     "{\"status\":\"success\",\"value\":{\"status\":\"error\"},\"logLines\":[\"x\"]}", "",
     "success", DONE},
    {"success behind a byte order mark", 200, "\xEF\xBB\xBF{\"status\":\"success\"}", "", "success",
     DONE},
    {"success with bytes that are not UTF-8", 200, "{\"status\":\"success\",\"value\":\"\xFF\"}",
     "", "success", DONE},
    {"201 success", 201, "{\"status\":\"success\"}", "", "success", DONE},
    {"560 success", 560, "{\"status\":\"success\"}", "", "success", DONE},

    /* function errors */
    FUNCTION_ERROR("Server Error", "function error", REJECTED),
    FUNCTION_ERROR("[Request ID: 0123456789abcdef] Server Error", "function error", REJECTED),
    {"thrown error", 200,
     ERROR(FRAME "\\nUncaught Error: plain\\n    at handler (../convex/posts.ts:12:5)\\n"),
     FRAME "\nUncaught Error: plain\n    at handler (../convex/posts.ts:12:5)\n", "function error",
     REJECTED},
    {"ConvexError with data", 200,
     "{\"status\":\"error\",\"errorMessage\":\"Uncaught ConvexError: 7\",\"errorData\":7}",
     "Uncaught ConvexError: 7", "function error", REJECTED},
    {"error without a message", 200, "{\"status\":\"error\"}", "", "function error", REJECTED},
    {"error with an object for a message", 200,
     "{\"status\":\"error\",\"errorMessage\":{\"a\": 1}}", "{\"a\": 1}", "function error",
     REJECTED},
    {"error with null for a message", 200, "{\"status\":\"error\",\"errorMessage\":null}", "null",
     "function error", REJECTED},
    {"error, 560", 560, ERROR("no"), "no", "function error", REJECTED},
    {"error, 202", 202, ERROR("no"), "no", "function error", REJECTED},
    {"error with escapes", 200, ERROR("\\u00e9\\n\\\"x\\\"\\ud83d\\ude00"),
     "\xC3\xA9\n\"x\"\xF0\x9F\x98\x80", "function error", REJECTED},
    {"error with a lone surrogate", 200, ERROR("\\ud800"), "\xED\xA0\x80", "function error",
     REJECTED},
    {"error with bytes that are not UTF-8", 200, ERROR("a\xFFz"), "a\xEF\xBF\xBDz",
     "function error", REJECTED},
    FUNCTION_ERROR("ArgumentValidationError: Object is missing the required field `email`.",
                   "function error", REJECTED),

    /* udf/src/validation.rs, missing_or_internal_error(); application/src/lib.rs has the
       one without "public" */
    FUNCTION_ERROR("Could not find public function for 'users:syncFromBlade'.",
                   "function not found", HELD_ROUTE),
    FUNCTION_ERROR("Could not find public function for 'users:syncFromBlade'. Did you forget to "
                   "run `npx convex dev` or `npx convex deploy`?",
                   "function not found", HELD_ROUTE),
    FUNCTION_ERROR("Could not find function for 'users:x'. Did you forget to run `npx convex dev`?",
                   "function not found", HELD_ROUTE),
    /* model/src/modules/user_error.rs */
    {"a function missing in its module", 200,
     ERROR("Couldn't find \\\"syncFromBlade\\\" in module \\\"users.js\\\"."),
     "Couldn't find \"syncFromBlade\" in module \"users.js\".", "function not found", HELD_ROUTE},
    FUNCTION_ERROR("Couldn't find JavaScript module 'users.js'. Did you forget to run `npx convex "
                   "dev`?",
                   "function not found", HELD_ROUTE),
    /* udf/src/validation.rs, new_inner(); in_component_str() may stand behind the path */
    FUNCTION_ERROR("Trying to execute users.js:x as Mutation, but it is defined as Query.",
                   "function of another kind", HELD_ROUTE),
    FUNCTION_ERROR("Trying to execute users.js:x in component 'a' as Mutation, but it is defined "
                   "as HttpAction.",
                   "function of another kind", HELD_ROUTE),
    /* udf/src/validation.rs, udf_version() */
    FUNCTION_ERROR("Convex functions at or below version 0.19.1 are no longer supported. Update "
                   "your Convex npm package and then push your functions again with `npx convex "
                   "deploy` or `npx convex dev`.",
                   "functions of an old version", HELD_ROUTE),
    /* roles/src/eval.rs, require_operation(); folded into 200 by application/src/lib.rs */
    FUNCTION_ERROR("You do not have permission to perform this operation "
                   "(deployment:functions:runInternalMutations).",
                   "key without permission", HELD_ROUTE),
    FUNCTION_ERROR("You do not have permission to perform this operation (WriteData).",
                   "key without permission", HELD_ROUTE),
    /* udf/src/validation.rs, the constants at its top */
    FUNCTION_ERROR("Cannot run functions while this deployment is paused. Resume the deployment in "
                   "the dashboard settings to allow functions to run.",
                   "deployment not running", HELD_ROUTE),
    FUNCTION_ERROR("Cannot run functions while this deployment is suspended. Please contact Convex "
                   "if you believe this is a mistake.",
                   "deployment not running", HELD_ROUTE),
    FUNCTION_ERROR("You have exceeded the free plan limits, so your deployments have been "
                   "disabled. Please upgrade to a Pro plan or reach out to us at "
                   "support@convex.dev for help.",
                   "limits exceeded", HELD_ROUTE),
    FUNCTION_ERROR("You have exceeded your spending limits, so your deployments have been "
                   "disabled.",
                   "limits exceeded", HELD_ROUTE),
    FUNCTION_ERROR("Your deployments have been disabled.", "deployment disabled", HELD_ROUTE),
    FUNCTION_ERROR("Your deployment has been disabled.", "deployment disabled", HELD_ROUTE),
    FUNCTION_ERROR("This deployment has been disabled because it exceeded a configured usage "
                   "limit.",
                   "deployment disabled", HELD_ROUTE),
    /* isolate/src/timeout.rs, "non-deterministic, and not necessarily the user's fault" */
    FUNCTION_ERROR("Your request timed out performing too many system operations.",
                   "system timeout", AGAIN_ROUTE),
    /* isolate/src/termination.rs: one second of the function's own, on a machine with others */
    FUNCTION_ERROR("Function execution timed out (maximum duration: 1s)", "function timeout",
                   AGAIN_FEW),
    FUNCTION_ERROR("JavaScript execution ran out of memory (maximum memory usage: 64 MB)",
                   "function error", REJECTED),

    /* application/src/redaction.rs: framed as all of them are, cut as in production, or by 560 */
    {"560 with such a text", 560, ERROR("Could not find public function for 'users:x'."),
     "Could not find public function for 'users:x'.", "function not found", HELD_ROUTE},
    {"such a text behind the request's id", 200,
     ERROR(FRAME "\\nCould not find public function for 'users:x'.\\n"),
     FRAME "\nCould not find public function for 'users:x'.\n", "function not found", HELD_ROUTE},
    {"a permission behind the request's id", 200,
     ERROR(FRAME "\\nYou do not have permission to perform this operation (WriteData).\\n"),
     FRAME "\nYou do not have permission to perform this operation (WriteData).\n",
     "key without permission", HELD_ROUTE},
    {"another kind behind the request's id", 200,
     ERROR(FRAME "\\nTrying to execute a.js:b as Mutation, but it is defined as Action.\\n"),
     FRAME "\nTrying to execute a.js:b as Mutation, but it is defined as Action.\n",
     "function of another kind", HELD_ROUTE},
    {"a timeout behind the request's id", 200,
     ERROR(FRAME "\\nFunction execution timed out (maximum duration: 1s)\\n"),
     FRAME "\nFunction execution timed out (maximum duration: 1s)\n", "function timeout",
     AGAIN_FEW},
    {"such a text in escapes", 200, ERROR("\\u0043ould not find function for 'x'"),
     "Could not find function for 'x'", "function not found", HELD_ROUTE},

    /* such texts where somebody else wrote them */
    FUNCTION_ERROR("Uncaught Error: Could not find public function for 'users:x'.",
                   "function error", REJECTED),
    FUNCTION_ERROR("Uncaught ConvexError: This deployment has been disabled", "function error",
                   REJECTED),
    FUNCTION_ERROR("The account has been disabled", "function error", REJECTED),
    FUNCTION_ERROR("Uncaught Error: Function execution timed out (maximum duration: 1s)",
                   "function error", REJECTED),
    FUNCTION_ERROR("Uncaught Error: You do not have permission to perform this operation",
                   "function error", REJECTED),
    FUNCTION_ERROR("Uncaught Error: Trying to execute a as Mutation, but it is defined as Query.",
                   "function error", REJECTED),
    FUNCTION_ERROR("ArgumentValidationError: Convex functions at or below version 1",
                   "function error", REJECTED),
    /* isolate/src/helpers.rs */
    FUNCTION_ERROR("ConvexError with invalid data: Couldn't find JavaScript module",
                   "function error", REJECTED),
    FUNCTION_ERROR("you do not have permission to perform this operation", "function error",
                   REJECTED),
    FUNCTION_ERROR("Trying to execute users.js:x as Query, but it is defined as Mutation.",
                   "function error", REJECTED),
    FUNCTION_ERROR(" You have exceeded", "function error", REJECTED),
    {"thrown behind the request's id", 200,
     ERROR(FRAME "\\nUncaught Error: You have exceeded\\n    at x\\n"),
     FRAME "\nUncaught Error: You have exceeded\n    at x\n", "function error", REJECTED},
    {"in a later line", 200, ERROR(FRAME "\\nUncaught Error: x\\nYou have exceeded\\n"),
     FRAME "\nUncaught Error: x\nYou have exceeded\n", "function error", REJECTED},
    {"behind the request's id twice", 200, ERROR(FRAME "\\n" FRAME "\\nYou have exceeded"),
     FRAME "\n" FRAME "\nYou have exceeded", "function error", REJECTED},
    {"behind another line", 200, ERROR("ArgumentValidationError\\nYou have exceeded"),
     "ArgumentValidationError\nYou have exceeded", "function error", REJECTED},
    {"behind half a frame", 200, ERROR("[Request ID: \\nYou have exceeded"),
     "[Request ID: \nYou have exceeded", "function error", REJECTED},
    {"disabled in a later line", 200, ERROR("You lose\\nit has been disabled"),
     "You lose\nit has been disabled", "function error", REJECTED},

    /* 2xx that is not an envelope: the mutation may have run */
    {"empty 200", 200, "", "The answer of Convex is empty", "unreadable answer", UNKNOWN},
    {"empty 204", 204, "", "The answer of Convex is empty", "unreadable answer", UNKNOWN},
    {"HTML", 200, "<html><body>It works!</body></html>",
     "The answer of Convex is not JSON: <html><body>It works!</body></html>", "unreadable answer",
     UNKNOWN},
    {"560 HTML", 560, "<html>", "The answer of Convex is not JSON: <html>", "unreadable answer",
     UNKNOWN},
    {"40 bytes", 200, "1234567890123456789012345678901234567890x",
     "The answer of Convex is not JSON: 1234567890123456789012345678901234567890...",
     "unreadable answer", UNKNOWN},
    {"40 bytes and no part of a character", 200,
     "12345678901234567890123456789012345678\xE6\x97\xA5",
     "The answer of Convex is not JSON: 12345678901234567890123456789012345678...",
     "unreadable answer", UNKNOWN},
    {"cut off in a string", 200, "{\"status\":\"succ",
     "The answer of Convex is not JSON: {\"status\":\"succ", "unreadable answer", UNKNOWN},
    {"cut off behind success", 200, "{\"status\":\"success\"",
     "The answer of Convex is not JSON: {\"status\":\"success\"", "unreadable answer", UNKNOWN},
    {"two answers in one", 200, "{\"status\":\"success\"}{}",
     "The answer of Convex is not JSON: {\"status\":\"success\"}{}", "unreadable answer", UNKNOWN},
    {"bytes that are not UTF-8", 200, "\xFF", "The answer of Convex is not JSON: \xEF\xBF\xBD",
     "unreadable answer", UNKNOWN},
    {"two byte order marks", 200, "\xEF\xBB\xBF\xEF\xBB\xBF",
     "The answer of Convex is not JSON: \xEF\xBB\xBF", "unreadable answer", UNKNOWN},
    {"a number past all doubles", 200, "{\"status\":\"success\",\"value\":1e999}",
     "The answer of Convex is not JSON: {\"status\":\"success\",\"value\":1e999}",
     "unreadable answer", UNKNOWN},
    {"null", 200, " null ", "Invalid response: null", "unexpected answer", UNKNOWN},
    {"an array", 200, "[ 1, \"a b\\\" c\" ]\n", "Invalid response: [ 1, \"a b\\\" c\" ]",
     "unexpected answer", UNKNOWN},
    {"a string", 200, "\"success\"", "Invalid response: \"success\"", "unexpected answer", UNKNOWN},
    {"a number", 200, "1", "Invalid response: 1", "unexpected answer", UNKNOWN},
    {"an object", 200, "{ \"a\" : { \"status\" : \"success\" } }",
     "Invalid response: { \"a\" : { \"status\" : \"success\" } }", "unexpected answer", UNKNOWN},
    {"an unknown status", 200, "{\"status\":\"queued\"}",
     "Invalid response: {\"status\":\"queued\"}", "unexpected answer", UNKNOWN},
    {"a status that is no string", 200, "{\"status\":1}", "Invalid response: {\"status\":1}",
     "unexpected answer", UNKNOWN},

    /* redirects: the address is wrong */
    EMPTY(300, HELD),
    EMPTY(301, HELD),
    EMPTY(302, HELD),
    EMPTY(304, HELD),
    EMPTY(307, HELD),
    EMPTY(308, HELD),
    {"308 HTML", 308, "<html>Moved</html>", NULL, "http 308", HELD},

    /* 400 */
    CODED(400, "BadJsonBody", REJECTED),
    CODED(400, "BadConvexFunctionIdentifier", REJECTED),
    CODED(400, "BadQueryArgs", REJECTED),
    CODED(400, "InvalidRequestId", REJECTED),
    CODED(400, "AuthProviderDiscoveryFailed", REJECTED),
    CODED(400, "BadFormat", REJECTED_MAYBE),
    CODED(400, "InvalidClientVersion", HELD),
    CODED(400, "ClientVersionUnsupported", HELD),
    CODED(400, "InvalidAdminKey", HELD),
    CODED(400, "InvalidAuthHeader", HELD),
    CODED(400, "HeaderParseFailure", HELD), /* the key's spelling */
    CODED(400, "InvalidHeaderFailure", HELD),
    EMPTY(400, REJECTED),
    {"400 with blanks around", 400, " {\"code\": \"InvalidAdminKey\"}\n", NULL, "InvalidAdminKey",
     HELD},
    {"400 with a code that is not one", 400, "{\"code\":\"InvalidAdminKey of Ada\"}", NULL,
     "http 400", REJECTED},
    {"400 with a code in escapes", 400, "{\"code\":\"Invalid\\u0041dminKey\"}", NULL, "http 400",
     REJECTED},
    {"400 with a number for a code", 400, "{\"code\":7}", NULL, "http 400", REJECTED},
    {"400 with an empty code", 400, "{\"code\":\"\"}", NULL, "http 400", REJECTED},
    {"400 with a code of 63", 400,
     CODE("a23456789012345678901234567890123456789012345678901234567890123"), NULL,
     "a23456789012345678901234567890123456789012345678901234567890123", REJECTED},
    {"400 with a code of 64", 400,
     CODE("a234567890123456789012345678901234567890123456789012345678901234"), NULL, "http 400",
     REJECTED},
    {"400 text", 400, "bad\n", NULL, "http 400", REJECTED},

    /* access and address: local_backend/src/authentication.rs, keybroker/src/operations.rs */
    CODED(401, "InvalidAuthHeader", HELD),
    CODED(401, "NoAuthProvider", HELD),
    CODED(401, "Unauthenticated", HELD),
    CODED(401, "BadAdminKey", HELD),
    EMPTY(401, HELD),
    CODED(403, "BadDeployKey", HELD),
    EMPTY(403, HELD),
    EMPTY(404, HELD),
    CODED(404, "InstanceNotFound", HELD),
    CODED(404, "DeploymentNotFound", HELD),
    CODED(404, "FunctionPathNotFound", HELD_ROUTE),
    CODED(404, "FunctionPathWrongType", HELD_ROUTE),
    EMPTY(405, HELD),

    /* 408 is the backend's own time limit, TimeoutLayer in common/src/http/mod.rs */
    EMPTY(408, UNKNOWN),
    CODED(408, "ClientDisconnected", UNKNOWN),
    CODED(409, "Conflict", REJECTED),
    EMPTY(409, HELD),
    CODED(421, "MisdirectedRequest", AGAIN),
    EMPTY(421, AGAIN),
    CODED(425, "TooEarly", AGAIN),
    EMPTY(425, AGAIN),
    CODED(429, "TooManyConcurrentRequests", OVERLOAD),
    CODED(429, "TooManyWrites", OVERLOAD),
    CODED(429, "TooManyWritesInTimePeriod", OVERLOAD),
    EMPTY(429, OVERLOAD),
    /* statuses that errors/src/lib.rs, http_status_code(), has no code for: a proxy's */
    EMPTY(402, HELD),
    CODED(402, "payment_required", HELD),
    EMPTY(406, HELD),
    EMPTY(407, HELD),
    EMPTY(410, HELD),
    EMPTY(411, HELD),
    EMPTY(412, HELD),
    {"413 from a proxy", 413, "<html>Too large</html>", NULL, "http 413", HELD},
    EMPTY(414, HELD),
    EMPTY(415, HELD),
    EMPTY(417, HELD),
    EMPTY(418, HELD),
    EMPTY(422, HELD),
    EMPTY(423, HELD),
    EMPTY(426, HELD),
    EMPTY(428, HELD),
    EMPTY(431, HELD),
    {"451 HTML", 451, "<html>Not here</html>", NULL, "http 451", HELD},
    EMPTY(499, HELD),

    /* 5xx */
    CODED(500, "InternalServerError", UNKNOWN),
    EMPTY(500, UNKNOWN),
    EMPTY(501, UNKNOWN),
    {"502 HTML", 502, "<html>\r\n<h1>502 Bad Gateway</h1>\r\n</html>", NULL, "http 502", UNKNOWN},
    CODED(503, "OptimisticConcurrencyControlFailure", CONFLICT),
    CODED(503, "CommitterFullError", OVERLOAD),
    CODED(503, "ExpiredInQueue", OVERLOAD),
    CODED(503, "ExecuteFullError", OVERLOAD),
    CODED(503, "WorkerOverloaded", OVERLOAD),
    CODED(503, "IsolateNotClean", OVERLOAD),
    CODED(503, "InitialPermitTimeoutError", OVERLOAD),
    CODED(503, "UpstreamConnectError", OVERLOAD),
    CODED(503, "TextIndexTooLarge", OVERLOAD),
    CODED(503, "VectorIndexTooLarge", OVERLOAD),
    CODED(503, "SearchIndexTooLarge", OVERLOAD),
    CODED(503, "SearchIndexesUnavailable", OVERLOAD),
    CODED(503, "VectorIndexesUnavailable", OVERLOAD),
    CODED(503, "TableSummariesUnavailable", OVERLOAD),
    CODED(503, "Busy", OVERLOAD),
    CODED(503, "AuthProviderDiscoveryFailed", OVERLOAD),
    CODED(503, "InternalServerError", OVERLOAD_MAYBE),
    EMPTY(503, OVERLOAD_MAYBE),
    {"503 HTML", 503, "<html>Down</html>", NULL, "http 503", OVERLOAD_MAYBE},
    EMPTY(504, UNKNOWN),
    EMPTY(520, UNKNOWN),
    EMPTY(524, UNKNOWN),
    CODED(500, "OptimisticConcurrencyControlFailure", UNKNOWN),
    EMPTY(999, UNKNOWN),

    /* the text of a refusal */
    {"refusal behind a byte order mark", 502,
     "\xEF\xBB\xBF"
     "down",
     "down", "http 502", UNKNOWN},
    {"refusal with bytes that are not UTF-8", 502, "d\xE9wn", "d\xEF\xBF\xBDwn", "http 502",
     UNKNOWN},

    /* no answer */
    {"not sent", 0, "", "fetch failed", "cannot connect", VERDICT_AGAIN, VERDICT_UPSTREAM,
     VERDICT_NO_PRESSURE, false, ANSWER_NOT_SENT, 0},
    {"lost", 0, "", "fetch failed", "no answer", VERDICT_AGAIN, VERDICT_UPSTREAM,
     VERDICT_NO_PRESSURE, true, ANSWER_LOST, 0},
    {"lost halfway", 200, "", "terminated", "half an answer", VERDICT_AGAIN, VERDICT_UPSTREAM,
     VERDICT_NO_PRESSURE, true, ANSWER_LOST, 0},
    {"too long", 200, "", "fetch failed", "answer too long", VERDICT_AGAIN, VERDICT_UPSTREAM,
     VERDICT_NO_PRESSURE, true, ANSWER_TOO_LONG, 0},
    /* compressed, though nobody asked for it: what cannot be read condemns nobody */
    {"compressed 200", 200, "", "The answer is compressed", "compressed answer", VERDICT_HELD,
     VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, true, ANSWER_COMPRESSED, 0},
    {"compressed 560", 560, "", "The answer is compressed", "compressed answer", VERDICT_HELD,
     VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, true, ANSWER_COMPRESSED, 0},
    {"compressed 400", 400, "", "The answer is compressed", "compressed answer", VERDICT_HELD,
     VERDICT_UPSTREAM, VERDICT_NO_PRESSURE, true, ANSWER_COMPRESSED, 0},
    {"compressed 401", 401, "", "", "http 401", VERDICT_HELD, VERDICT_UPSTREAM, VERDICT_NO_PRESSURE,
     false, ANSWER_COMPRESSED, 0},
    {"compressed 502", 502, "", "", "http 502", VERDICT_AGAIN, VERDICT_UPSTREAM,
     VERDICT_NO_PRESSURE, true, ANSWER_COMPRESSED, 0},
    {"compressed 503", 503, "", "", "http 503", VERDICT_AGAIN, VERDICT_UPSTREAM, VERDICT_OVERLOAD,
     true, ANSWER_COMPRESSED, 0},
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct answer answer = {
        .kind = row->kind,
        .status = row->status,
        .body = span_of(row->body),
        .retry_after_ms = -1,
    };
    cleanup(buf_done) struct buf message = BUF_NULL;
    struct verdict verdict;

    assert_int_equal(verdict_read(&answer, &verdict), 0);
    message = verdict.message;
    assert_string_equal(verdict_outcome_name(verdict.outcome), verdict_outcome_name(row->outcome));
    assert_int_equal(verdict.scope, row->scope);
    assert_int_equal(verdict.pressure, row->pressure);
    assert_int_equal(verdict.maybe_ran, row->maybe_ran);
    assert_int_equal(verdict.tries_max, row->tries_max);
    assert_string_equal(verdict.cause, row->cause);
    assert_string_equal(buf_string(&message), row->message ? row->message : row->body);
    assert_int_equal(verdict.retry_after_ms, -1);
}

static void check_retry_after(void **state)
{
    struct answer answer = {.kind = ANSWER_HTTP, .status = 503, .retry_after_ms = 7000};
    struct verdict verdict;

    (void)state;
    assert_int_equal(verdict_read(&answer, &verdict), 0);
    assert_int_equal(verdict.retry_after_ms, 7000);
    buf_done(&verdict.message);
}

static void check_nul_in_message(void **state)
{
    struct answer answer = {
        .kind = ANSWER_HTTP,
        .status = 200,
        .body = SPAN(ERROR("a\\u0000z")),
        .retry_after_ms = -1,
    };
    struct verdict verdict;

    (void)state;
    assert_int_equal(verdict_read(&answer, &verdict), 0);
    assert_int_equal(verdict.message.len, 3);
    assert_memory_equal(verdict.message.at, "a\0z", 3);
    buf_done(&verdict.message);
}

int main(void)
{
    struct CMUnitTest tests[array_len(rows) + 2];

    for (size_t i = 0; i < array_len(rows); i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name,
            .test_func = check_row,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    tests[array_len(rows)] = (struct CMUnitTest)cmocka_unit_test(check_retry_after);
    tests[array_len(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(check_nul_in_message);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
