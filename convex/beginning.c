/* SPDX-License-Identifier: MIT */
/* What the beginning of an answer says. */
#include "convex/beginning.h"

#include "base/json.h"
#include "base/json_scan.h"
#include "base/utf8.h"
#include "convex/answer.h"

struct beginning {
    struct span status; /* as written; SPAN_NULL: has not come */
    struct span message;
    struct span value; /* of a batch it says what came of each event */
};

static void beginning_member(void *ctx, const struct json_member *member)
{
    struct beginning *beginning = ctx;

    if (json_string_is(member->key, SPAN("status")))
        beginning->status = member->value;
    else if (json_string_is(member->key, SPAN("errorMessage")))
        beginning->message = member->value;
    else if (json_string_is(member->key, SPAN("value")))
        beginning->value = member->value;
}

/* ---- a message that ends in the middle ---- */

static bool beginning_is_high_surrogate(const char *unit)
{
    return unit[1] == 'u' && strchr("dD", unit[2]) && strchr("89abAB", unit[3]);
}

/* How many bytes of a string as written, from the opening quote on, are whole characters. */
static size_t beginning_whole(struct span string)
{
    size_t len = 1, high = 0; /* high: where the first half of a surrogate pair begins */

    while (len < string.len) {
        const char *unit = string.at + len;
        size_t left = string.len - len;
        size_t size = *unit != '\\' ? 1 : left > 1 && unit[1] == 'u' ? JSON_CODE_UNIT_BYTES_MAX : 2;
        if (size > left)
            break;
        high = size == JSON_CODE_UNIT_BYTES_MAX && !high && beginning_is_high_surrogate(unit) ? len
                                                                                              : 0;
        len += size;
    }
    return high ? high : len;
}

/* How many bytes of a text are whole characters: the last character may be cut off. */
static size_t beginning_whole_utf8(const char *text, size_t len)
{
    size_t lead = len;
    struct utf8_rest rest;

    while (lead > 0 && ((uint8_t)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0 || !utf8_begin((uint8_t)text[lead - 1], &rest))
        return len;
    return len - (lead - 1) < (size_t)rest.left + 1 ? lead - 1 : len;
}

static struct span beginning_cut_message(const struct json_scanner *scanner, struct span text)
{
    struct json_member open;

    if (!json_scanner_open_string(scanner, text, &open) ||
        !json_string_is(open.key, SPAN("errorMessage")))
        return SPAN_NULL;
    size_t len = beginning_whole_utf8(open.value.at, open.value.len);
    return (struct span){open.value.at, beginning_whole((struct span){open.value.at, len})};
}

/* ---- an envelope ---- */

static bool beginning_write(struct span start, struct span message, struct span end,
                            struct buf *body)
{
    struct buf whole = BUF_NULL;

    if (buf_append_span(&whole, start) < 0 || buf_append_span(&whole, message) < 0 ||
        buf_append_span(&whole, end) < 0) {
        buf_done(&whole);
        return false;
    }
    buf_done(body);
    *body = whole;
    return true;
}

static bool beginning_of_envelope(struct span text, bool cut, struct buf *body)
{
    static const struct span error = {"{\"status\":\"error\",\"errorMessage\":", 33},
                             success = {"{\"status\":\"success\",\"value\":", 28};
    struct beginning beginning = {0};
    struct json_scanner scanner;

    json_scanner_init(&scanner, beginning_member, &beginning);
    if (json_scan(&scanner, text) != JSON_FINE)
        return false;
    if (json_string_is(beginning.status, SPAN("success")))
        return beginning.value.len > 0
                   ? beginning_write(success, beginning.value, SPAN("}"), body)
                   : beginning_write(SPAN("{\"status\":\"success\"}"), SPAN_NULL, SPAN_NULL, body);
    if (!json_string_is(beginning.status, SPAN("error")))
        return false;
    if (beginning.message.len > 0)
        return beginning_write(error, beginning.message, SPAN("}"), body);
    struct span message = cut ? beginning_cut_message(&scanner, text) : SPAN_NULL;
    return message.len > 0 && beginning_write(error, message, SPAN("\"}"), body);
}

bool beginning_decides(int status, bool cut, struct buf *body)
{
    cleanup(buf_done) struct buf clean = BUF_NULL;
    struct span text = buf_span(body);

    if (!answer_is_envelope(status)) {
        if (cut) /* the status decides, and the text is for people */
            body->len = beginning_whole_utf8(text.at, text.len);
        return cut;
    }
    if (beginning_of_envelope(text, cut, body))
        return true;
    /* As verdict_read() does with a whole body: what is not UTF-8 is replaced, for a second try. */
    text.len = beginning_whole_utf8(text.at, text.len);
    return json_clean_utf8(text, &clean) == 0 && clean.len != text.len &&
           beginning_of_envelope(buf_span(&clean), cut, body);
}
