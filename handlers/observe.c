/* SPDX-License-Identifier: MIT */
/* Counts, times and logs requests. */
#include "handlers/observe.h"

#include "base/event.h"
#include "base/json.h"
#include "handlers/request.h"

/* What the log says of a request that was refused, and what to do; NULL: nothing. */
static const char *const observe_refusals[REPLY_COUNT_] = {
    [REPLY_UNAUTHORIZED] = "unauthorized: the secret is missing or wrong: compare SYNC_SECRET",
    [REPLY_UNAVAILABLE] =
        "refused: no room, or neither to be delivered nor to be stored: see /readyz",
    [REPLY_BAD_REQUEST] = "refused: the request is malformed: its answer says where",
    [REPLY_TOO_LARGE] = "refused: the body is larger than MAX_BODY_BYTES: raise it, or send less",
    [REPLY_TOO_MANY] = "refused: too many records in one request: send them in several",
    [REPLY_ENCODED] = "refused: the body has a Content-Encoding: send it as it is",
    [REPLY_HEADERS_TOO_LARGE] = "refused: the headers are too large: see what proxies add",
};

static const char observe_unrouted[] =
    "no route for the model: the event is not delivered: add the model to ROUTES";

void observe_init(struct observed *observed, struct loop *loop)
{
    for (int reply = 0; reply < REPLY_COUNT_; reply++)
        log_sum_init(&observed->refusals[reply], loop, LOG_WARN, observe_refusals[reply], NULL);
    log_sum_init(&observed->no_route, loop, LOG_WARN, observe_unrouted, NULL);
}

void observe_done(struct observed *observed)
{
    for (int reply = 0; reply < REPLY_COUNT_; reply++)
        log_sum_done(&observed->refusals[reply]);
    log_sum_done(&observed->no_route);
}

/* As much of a value as helps to find the event again. */
static void observe_copy(char text[REQUEST_NOTE_MAX], struct span value)
{
    size_t len = value.len < REQUEST_NOTE_MAX ? value.len : REQUEST_NOTE_MAX - 1;

    if (len > 0)
        memcpy(text, value.at, len);
    text[len] = '\0';
}

/* Strings and numbers alone: any other JSON is no identifier, and may be data. */
static void observe_scalar(char text[REQUEST_NOTE_MAX], struct span json)
{
    cleanup(buf_done) struct buf decoded = BUF_NULL;

    text[0] = '\0';
    if (!json.at || *json.at == '{' || *json.at == '[')
        return;
    if (*json.at != '"')
        observe_copy(text, json);
    else if (json_decode(json, &decoded) == 0)
        observe_copy(text, buf_span(&decoded));
}

void observe_event(struct request *request, struct span model, struct span operation,
                   struct span hive_id)
{
    if (!log_enabled(LOG_DEBUG))
        return;
    struct request_note *note = calloc(1, sizeof(*note));
    if (!note)
        return;
    observe_copy(note->model, model);
    observe_scalar(note->hive_id, hive_id);
    observe_scalar(note->operation, operation);
    free(request->note);
    request->note = note;
}

static const char *observe_text(const char *text)
{
    return *text ? text : NULL;
}

static void observe_debug(const struct request *request, enum reply reply, int64_t took_ms)
{
    static const struct request_note none;
    const struct request_note *note = request->note ? request->note : &none;
    const struct reply_head *head = reply_head(reply);

    log_debug("request", "request", observe_text(request->id), "model", observe_text(note->model),
              "operation", observe_text(note->operation), "hive_id", observe_text(note->hive_id),
              "status", log_number(head->status), "outcome",
              note->unrouted ? "no route" : head->name, "ms", log_number(took_ms));
}

void observe_reply(struct observed *observed, const struct request *request, enum reply reply,
                   int64_t took_ms)
{
    observed->replies[reply]++;
    histogram_add(&observed->duration, took_ms);
    if (observe_refusals[reply] && log_sum_first(&observed->refusals[reply]))
        log_warn(observe_refusals[reply], "request", observe_text(request->id));
    if (log_enabled(LOG_DEBUG))
        observe_debug(request, reply, took_ms);
}

void observe_no_route(struct observed *observed, const struct request *request,
                      const struct event *event)
{
    char model[REQUEST_NOTE_MAX];

    if (request->note)
        request->note->unrouted = true;
    if (!log_sum_first(&observed->no_route))
        return;
    observe_copy(model, event->model);
    log_warn(observe_unrouted, "model", event->model.at ? model : "(none)", "request",
             observe_text(request->id));
}
