/* SPDX-License-Identifier: MIT */
/*
 * What each answer to a call with three events means for them. Texts of Convex's are from
 * get-convex/convex-backend, below crates/, as the rows say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convex/answer.h"
#include "convex/batch.h"

#include <stdio.h>
#include <string.h>

enum { EVENTS = 3 };

struct row {
    const char *name;
    int status; /* 0: the answer was lost */
    const char *body;
    enum batch_outcome outcome;
    const char *items; /* of BATCH_ITEMS: "outcome cause message", by lines */
};

#define SUCCESS(value) 200, "{\"status\":\"success\",\"value\":" value ",\"logLines\":[]}"
#define ERROR(text) 200, "{\"status\":\"error\",\"errorMessage\":\"" text "\"}"
#define CODE(code) "{\"code\":\"" code "\",\"message\":\"some text\"}"
#define FRAMED(text) ERROR("[Request ID: 0123456789abcdef] Server Error\\n" text)
#define ODD_VALUE(value)                                                                           \
    {                                                                                              \
        "success, " value, SUCCESS(value), BATCH_UNUSABLE, NULL                                    \
    }
#define LIMIT(text)                                                                                \
    {                                                                                              \
        text, ERROR(text), BATCH_TOO_LARGE, NULL                                                   \
    }

static const struct row rows[] = {
    {"null", SUCCESS("null"), BATCH_DONE, NULL},
    {"three nulls", SUCCESS("[null,null,null]"), BATCH_ITEMS,
     "done success \ndone success \ndone success \n"},
    {"one refused", SUCCESS("[null, {\"error\": \"no\"} ,null]"), BATCH_ITEMS,
     "done success \nrejected function error no\ndone success \n"},
    {"one to be tried again", SUCCESS("[null,null,{\"again\":\"later\"}]"), BATCH_ITEMS,
     "done success \ndone success \nagain the batch function says again later\n"},
    {"a function that is missing holds, and kills nobody",
     SUCCESS("[{\"error\":\"Could not find public function for 'users:one'.\"},null,"
             "{\"error\":\"You do not have permission to run it\"}]"),
     BATCH_ITEMS,
     "held function not found Could not find public function for 'users:one'.\ndone success \n"
     "held key without permission You do not have permission to run it\n"},
    {"texts in escapes, empty, with NUL",
     SUCCESS("[{\"err\\u006fr\":\"\\u00e9\"},{\"error\":\"\"},{\"again\":\"\"}]"), BATCH_ITEMS,
     "rejected function error \xC3\xA9\nrejected function error \n"
     "again the batch function says again \n"},
    {"bytes that are not UTF-8", SUCCESS("[null,{\"error\":\"\xFF\"},null]"), BATCH_ITEMS,
     "done success \nrejected function error \xEF\xBF\xBD\ndone success \n"},
    {"behind a byte order mark", 200,
     "\xEF\xBB\xBF{\"status\":\"success\",\"value\":[null,null,null]}", BATCH_ITEMS,
     "done success \ndone success \ndone success \n"},

    ODD_VALUE("[]"),
    ODD_VALUE("[null,null]"),
    ODD_VALUE("[null,null,null,null]"),
    ODD_VALUE("[null,null,true]"),
    ODD_VALUE("[null,null,[]]"),
    ODD_VALUE("[null,null,{}]"),
    ODD_VALUE("[null,null,\"error\"]"),
    ODD_VALUE("[null,null,{\"error\":null}]"),
    ODD_VALUE("[null,null,{\"error\":7}]"),
    ODD_VALUE("[null,null,{\"errors\":\"x\"}]"),
    ODD_VALUE("[null,null,{\"error\":\"x\",\"again\":\"y\"}]"),
    ODD_VALUE("[null,null,{\"error\":\"x\",\"error\":\"y\"}]"),
    ODD_VALUE("true"),
    ODD_VALUE("3"),
    ODD_VALUE("\"ok\""),
    ODD_VALUE("{}"),
    ODD_VALUE("{\"0\":null,\"1\":null,\"2\":null}"),
    {"success without its value, which a long or broken answer loses", 200,
     "{\"status\":\"success\"}", BATCH_UNREAD, NULL},

    /* udf/src/validation.rs, model/src/modules/user_error.rs, local_backend/src/public_api.rs */
    {"the batch function is missing", ERROR("Could not find public function for 'users:b'."),
     BATCH_MISSING, NULL},
    {"its export is missing", ERROR("Couldn't find \\\"b\\\" in module \\\"users.js\\\"."),
     BATCH_MISSING, NULL},
    {"it is a query", ERROR("Trying to execute users.js:b as Mutation, but it is defined as Query"),
     BATCH_MISSING, NULL},
    {"its path is not found", 404, CODE("FunctionPathNotFound"), BATCH_MISSING, NULL},
    {"paused", ERROR("Cannot run functions while this deployment is paused."), BATCH_TOGETHER,
     NULL},

    /* database/src/reads.rs */
    LIMIT("Uncaught Error: Too many documents read in a single function execution (limit: 32000)."),
    LIMIT("Too many bytes read in a single function execution (limit: 16777216 bytes)."),
    LIMIT("Too many reads in a single function execution (limit: 4096)."),
    /* database/src/writes.rs */
    LIMIT("Too many writes in a single function execution (limit: 16000)"),
    LIMIT("Too many bytes written in a single function execution (limit: 16777216)"),
    /* isolate/src/termination.rs, isolate/src/helpers.rs, udf/src/helpers.rs */
    LIMIT("Function execution timed out (maximum duration: 1s)"),
    LIMIT("Your request timed out performing too many system operations."),
    LIMIT("JavaScript execution ran out of memory (maximum memory usage: 64 MB)"),
    LIMIT("Function users.js:b return value is too large (actual: 17 MiB, limit: 16 MiB)"),
    LIMIT("Arguments for users.js:b are too large (actual: 17 MiB, limit: 16 MiB)"),
    {"a limit behind Convex's own line",
     FRAMED("Uncaught Error: Too many writes in a single function execution (limit: 16000)"),
     BATCH_TOO_LARGE, NULL},

    {"an error that hides itself", ERROR("[Request ID: 0123456789abcdef] Server Error"),
     BATCH_SPLIT, NULL},
    {"an error that one of them may have thrown", FRAMED("Uncaught Error: no"), BATCH_SPLIT, NULL},
    {"arguments that do not fit", ERROR("ArgumentValidationError: Object has an extra field"),
     BATCH_SPLIT, NULL},
    {"a body that Convex cannot read", 400, CODE("BadJsonBody"), BATCH_SPLIT, NULL},

    {"a conflict", 503, CODE("OptimisticConcurrencyControlFailure"), BATCH_TOGETHER, NULL},
    {"overload", 429, CODE("TooManyConcurrentRequests"), BATCH_TOGETHER, NULL},
    {"a key that is refused", 400, CODE("InvalidAdminKey"), BATCH_TOGETHER, NULL},
    {"a proxy's refusal", 403, "<html>", BATCH_TOGETHER, NULL},
    {"500", 500, "", BATCH_TOGETHER, NULL},
    {"no JSON", 200, "<html>", BATCH_TOGETHER, NULL},
    {"no answer", 0, "", BATCH_TOGETHER, NULL},
};

static struct answer answer_of(const struct row *row)
{
    return (struct answer){
        .kind = row->status ? ANSWER_HTTP : ANSWER_LOST,
        .status = row->status,
        .body = span_of(row->body),
        .retry_after_ms = -1,
        .why = "the connection was reset",
    };
}

static void tell_items(struct batch *batch, char *text, size_t size)
{
    size_t len = 0;

    for (int i = 0; i < EVENTS; i++) {
        struct verdict verdict;
        assert_int_equal(batch_next(batch, &verdict), 0);
        len += (size_t)snprintf(text + len, size - len, "%s %s %.*s\n",
                                verdict_outcome_name(verdict.outcome), verdict.cause,
                                (int)verdict.message.len, verdict.message.at);
        assert_true(len < size);
        buf_done(&verdict.message);
    }
}

static void judges(void **state)
{
    const struct row *row = *state;
    struct answer answer = answer_of(row);
    cleanup(batch_done) struct batch batch = {0};
    char items[1024];

    assert_int_equal(batch_read(&answer, EVENTS, &batch), 0);
    assert_int_equal(batch.outcome, row->outcome);
    assert_int_equal(batch.outcome == BATCH_ITEMS, row->items != NULL);
    if (batch.outcome == BATCH_TOGETHER)
        assert_true(batch.verdict.outcome == VERDICT_AGAIN ||
                    batch.verdict.outcome == VERDICT_HELD);
    if (!row->items)
        return;
    tell_items(&batch, items, sizeof(items));
    assert_string_equal(items, row->items);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rows)];

    for (size_t i = 0; i < array_len(rows); i++)
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = judges, .initial_state = (void *)&rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
