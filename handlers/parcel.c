/* SPDX-License-Identifier: MIT */
/*
 * Parcels.
 *
 * The errors of a parcel wait until all of its results have come, and Convex may say a lot about
 * each event. So an error is cut: first to PARCEL_ERROR_MAX, and to PARCEL_ERROR_MIN while parcels
 * hold PARCEL_ERRORS_BYTES. The whole text is in the dead letter.
 */
#include "handlers/parcel.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"
#include "handlers/request.h"

enum {
    PARCEL_ERROR_MAX = 16 * 1024,
    PARCEL_ERROR_MIN = 128,
    PARCEL_ERRORS_BYTES = 4 * 1024 * 1024,
};

struct parcel *parcel_new(struct parcels *all, struct request *request, size_t len)
{
    struct parcel *parcel = calloc(1, sizeof(*parcel));

    if (!parcel)
        return NULL;
    parcel->items = calloc(len ? len : 1, sizeof(*parcel->items));
    parcel->results = calloc(len ? len : 1, sizeof(*parcel->results));
    if (!parcel->items || !parcel->results) {
        free(parcel->items);
        free(parcel->results);
        free(parcel);
        return NULL;
    }
    parcel->all = all;
    parcel->request = request;
    parcel->len = len;
    parcel->open = len + 1;
    all->events += len;
    return parcel;
}

static void parcel_free_items(struct parcel *parcel)
{
    for (size_t i = 0; parcel->items && i < parcel->len; i++) {
        event_done(&parcel->items[i].event);
        buf_done(&parcel->items[i].refusal_text);
    }
    free(parcel->items);
    parcel->items = NULL;
}

static void parcel_free(struct parcel *parcel)
{
    parcel->all->events -= parcel->len;
    parcel->all->text_bytes -= parcel->errors.len;
    parcel_free_items(parcel);
    free(parcel->results);
    buf_done(&parcel->model);
    buf_done(&parcel->unavailable);
    buf_done(&parcel->errors);
    free(parcel);
}

/* ---- the answer ---- */

static bool parcel_is_queued(enum reply reply)
{
    return reply == REPLY_QUEUED || reply == REPLY_QUEUED_AFTER;
}

static int parcel_print_error(const struct parcel *parcel, const struct parcel_result *result,
                              struct buf *page)
{
    struct span error = {buf_span(&parcel->errors).at + result->error, result->error_len};
    int r = buf_append_span(page, SPAN("{\"error\":"));

    if (r == 0)
        r = json_quote(error, page);
    return r ? r : buf_append_char(page, '}');
}

static int parcel_print_result(const struct parcel *parcel, size_t place, struct buf *page)
{
    const struct parcel_result *result = &parcel->results[place];
    int r = place > 0 ? buf_append_char(page, ',') : 0;

    if (r)
        return r;
    if (result->reply == REPLY_DELIVERED)
        return buf_append_span(page, SPAN("{\"success\":true}"));
    if (parcel_is_queued(result->reply))
        return buf_append_span(page, SPAN("{\"success\":true,\"queued\":true}"));
    return parcel_print_error(parcel, result, page);
}

static int parcel_print(const struct parcel *parcel, struct buf *page)
{
    int r = buf_printf(page,
                       "{\"success\":true,\"successful\":%zu,\"failed\":%zu,\"total\":%zu,"
                       "\"results\":[",
                       parcel->len - parcel->failed, parcel->failed, parcel->len);

    for (size_t i = 0; r == 0 && i < parcel->len; i++)
        r = parcel_print_result(parcel, i, page);
    return r ? r : buf_append_span(page, SPAN("]}"));
}

static void parcel_answer(struct parcel *parcel)
{
    cleanup(buf_done) struct buf page = BUF_NULL;
    bool all_queued = parcel->len > 0 && parcel->queued == parcel->len;

    if (parcel->len > 0 && parcel->taken == 0)
        request_reply_with(parcel->request, REPLY_UNAVAILABLE, buf_span(&parcel->unavailable));
    else if (parcel_print(parcel, &page))
        request_reply_with(parcel->request, REPLY_FAILED,
                           SPAN("Out of memory for the answer: the events were taken"));
    else
        request_reply_with(parcel->request, all_queued ? REPLY_RESULTS_QUEUED : REPLY_RESULTS,
                           buf_span(&page));
}

/* ---- results ---- */

static void parcel_close_one(struct parcel *parcel)
{
    if (--parcel->open > 0)
        return;
    parcel_answer(parcel);
    parcel_free(parcel);
}

/* Without memory for it, the result has an empty error. */
static void parcel_note_error(struct parcel *parcel, struct parcel_result *result,
                              struct span message)
{
    size_t most = PARCEL_ERROR_MAX;

    if (parcel->all->text_bytes + message.len > PARCEL_ERRORS_BYTES)
        most = PARCEL_ERROR_MIN;
    if (message.len > most)
        message.len = utf8_whole(message.at, most);
    result->error = parcel->errors.len;
    if (buf_append_span(&parcel->errors, message))
        return;
    result->error_len = message.len;
    parcel->all->text_bytes += message.len;
}

static void parcel_note_unrouted(struct parcel *parcel, struct parcel_result *result)
{
    cleanup(buf_done) struct buf text = BUF_NULL;

    (void)(buf_append_span(&text, SPAN("No route for model ")) ||
           buf_append_span(&text, buf_span(&parcel->model)));
    parcel_note_error(parcel, result, buf_span(&text));
}

static void parcel_note(struct parcel *parcel, size_t place, enum reply reply, struct span message)
{
    struct parcel_result *result = &parcel->results[place];
    bool taken = reply != REPLY_UNAVAILABLE;

    *result = (struct parcel_result){.reply = reply};
    parcel->taken += taken;
    if (parcel_is_queued(reply)) {
        parcel->queued++;
    } else if (taken && parcel->unrouted) {
        result->reply = REPLY_FAILED;
        parcel_note_unrouted(parcel, result);
    } else if (reply != REPLY_DELIVERED) {
        parcel_note_error(parcel, result, message);
    }
    parcel->failed += result->reply != REPLY_DELIVERED && !parcel_is_queued(reply);
    if (!taken && parcel->unavailable.len == 0)
        (void)buf_append_span(&parcel->unavailable, message);
}

void parcel_reply(struct parcel *parcel, size_t place, enum reply reply, struct span message)
{
    parcel_note(parcel, place, reply, message);
    parcel_close_one(parcel);
}

void parcel_refuse(struct parcel *parcel, struct span why)
{
    for (size_t i = 0; i < parcel->len; i++)
        parcel_note(parcel, i, REPLY_UNAVAILABLE, why);
    parcel->open -= parcel->len; /* parcel_release() is still to come */
}

void parcel_release(struct parcel *parcel)
{
    parcel_free_items(parcel);
    parcel_close_one(parcel);
}
