/* SPDX-License-Identifier: MIT */
/* Answers as bytes, read whole, cut in two at every place, and byte by byte. */
#include "convex/http_answer.h"

#include "tests/unit/lib/rows.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

enum end { ENDS, STAYS_OPEN };

struct row {
    const char *name;
    struct span bytes;
    enum end end;
    int outcome; /* 0: more must come */
    int status;
    struct span body;
    bool keeps;
};

static struct row rows[] = {
    /* whole */
    {"a length", TEXT(OK "Content-Length: 2\r\n\r\n{}"), STAYS_OPEN, HTTP_ANSWER_WHOLE, 200,
     TEXT("{}"), true},
    {"a length of nothing", TEXT("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 503, TEXT(""), true},
    {"the same length twice", TEXT(OK "Content-Length: 2\r\ncontent-length:02\r\n\r\n{}"),
     STAYS_OPEN, HTTP_ANSWER_WHOLE, 200, TEXT("{}"), true},
    {"no reason phrase", TEXT("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 404, TEXT(""), true},
    {"bare line feeds in the head", TEXT("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 200, TEXT("{}"), true},
    {"a body of any bytes", TEXT(OK "Content-Length: 4\r\n\r\n\0\r\n\0"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 200, TEXT("\0\r\n\0"), true},
    {"chunks", TEXT(CHUNKED "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), STAYS_OPEN, HTTP_ANSWER_WHOLE, 200,
     TEXT("{}"), true},
    {"chunks with extensions and a trailer",
     TEXT(CHUNKED "00a;x=y\r\n0123456789\r\nA ;z\r\n0123456789\r\n0\r\nX: y\r\n\r\n"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 200, TEXT("01234567890123456789"), true},
    {"Chunked by any case", TEXT(OK "transfer-encoding:\tCHUNKED \r\n\r\n0\r\n\r\n"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 200, TEXT(""), true},
    {"204 has no body", TEXT("HTTP/1.1 204 X\r\n\r\n"), STAYS_OPEN, HTTP_ANSWER_WHOLE, 204,
     TEXT(""), true},
    {"304 has no body", TEXT("HTTP/1.1 304 X\r\nETag: x\r\n\r\n"), STAYS_OPEN, HTTP_ANSWER_WHOLE,
     304, TEXT(""), true},
    {"answers before the answer",
     TEXT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: x\r\nContent-Length: 7\r\n\r\n" OK
          "Content-Length: 2\r\n\r\n{}"),
     STAYS_OPEN, HTTP_ANSWER_WHOLE, 200, TEXT("{}"), true},
    /* whole, but the connection is not kept */
    {"until the end", TEXT(OK "\r\n{}"), ENDS, HTTP_ANSWER_WHOLE, 200, TEXT("{}"), false},
    {"nothing until the end", TEXT(OK "\r\n"), ENDS, HTTP_ANSWER_WHOLE, 200, TEXT(""), false},
    {"HTTP/1.0", TEXT("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 200, TEXT("{}"), false},
    {"Connection: close", TEXT(OK "Content-Length: 2\r\nConnection: close\r\n\r\n{}"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 200, TEXT("{}"), false},
    {"Connection: close in a list",
     TEXT(OK "Content-Length: 2\r\nConnection: x,\tClose , y\r\n\r\n{}"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 200, TEXT("{}"), false},
    {"a length and chunks",
     TEXT(OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
             "1\r\nx\r\n0\r\n\r\n"),
     STAYS_OPEN, HTTP_ANSWER_WHOLE, 200, TEXT("x"), false},
    {"204 with a length", TEXT("HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\n"), STAYS_OPEN,
     HTTP_ANSWER_WHOLE, 204, TEXT(""), false},
    {"Connection: keep-alive", TEXT(OK "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n"),
     STAYS_OPEN, HTTP_ANSWER_WHOLE, 200, TEXT(""), true},
    /* not yet whole */
    {"nothing yet", TEXT(""), STAYS_OPEN, 0, 0, TEXT(""), false},
    {"half a head", TEXT(OK "Content-Le"), STAYS_OPEN, 0, 0, TEXT(""), false},
    {"half a body", TEXT(OK "Content-Length: 3\r\n\r\n{}"), STAYS_OPEN, 0, 200, TEXT("{}"), false},
    {"chunks without the last", TEXT(CHUNKED "2\r\n{}\r\n"), STAYS_OPEN, 0, 200, TEXT("{}"), false},
    {"a trailer without an end", TEXT(CHUNKED "2\r\n{}\r\n0\r\nX: y\r\n"), STAYS_OPEN, 0, 200,
     TEXT("{}"), false},
    {"103 and no more", TEXT("HTTP/1.1 103 X\r\n\r\n"), STAYS_OPEN, 0, 0, TEXT(""), false},
    /* ended too soon */
    {"ends: nothing", TEXT(""), ENDS, HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"ends: half a head", TEXT(OK "Content-Le"), ENDS, HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"ends: half a body", TEXT(OK "Content-Length: 3\r\n\r\n{}"), ENDS, HTTP_ANSWER_BROKEN, 200,
     TEXT("{}"), false},
    {"ends: chunks without the last", TEXT(CHUNKED "2\r\n{}\r\n"), ENDS, HTTP_ANSWER_BROKEN, 200,
     TEXT("{}"), false},
    /* no answers */
    {"another protocol", TEXT("SSH-2.0-OpenSSH\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""),
     false},
    {"HTTP/2", TEXT("HTTP/2 200\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"HTTP/1.2", TEXT("HTTP/1.2 200 OK\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"a status of two digits", TEXT("HTTP/1.1 20 OK\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0,
     TEXT(""), false},
    {"a status of four digits", TEXT("HTTP/1.1 2000\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0,
     TEXT(""), false},
    {"a status below 100", TEXT("HTTP/1.1 099 X\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""),
     false},
    {"another protocol from here on", TEXT("HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n"), STAYS_OPEN,
     HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"NUL in the head", TEXT(OK "X: \0\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"CR in a line", TEXT(OK "X: \ry\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"a header without a colon", TEXT(OK "X\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""),
     false},
    {"a header without a name", TEXT(OK ": x\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""),
     false},
    {"a folded header", TEXT(OK "X: y\r\n Content-Length: 2\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN,
     0, TEXT(""), false},
    {"a blank before the colon", TEXT(OK "Content-Length : 2\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN,
     0, TEXT(""), false},
    {"two lengths", TEXT(OK "Content-Length: 2\r\nContent-Length: 3\r\n"), STAYS_OPEN,
     HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"a list of lengths", TEXT(OK "Content-Length: 2, 2\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0,
     TEXT(""), false},
    {"a negative length", TEXT(OK "Content-Length: -1\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0,
     TEXT(""), false},
    {"a length with a plus", TEXT(OK "Content-Length: +1\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0,
     TEXT(""), false},
    {"no length after all", TEXT(OK "Content-Length:\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 0,
     TEXT(""), false},
    {"a length past all bounds", TEXT(OK "Content-Length: 18446744073709551618\r\n"), STAYS_OPEN,
     HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"compressed on the way", TEXT(OK "Transfer-Encoding: gzip, chunked\r\n"), STAYS_OPEN,
     HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"chunked twice", TEXT(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
     STAYS_OPEN, HTTP_ANSWER_BROKEN, 0, TEXT(""), false},
    {"a chunk without a size", TEXT(CHUNKED ";x\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 200,
     TEXT(""), false},
    {"a chunk of a negative size", TEXT(CHUNKED "-1\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN, 200,
     TEXT(""), false},
    {"a chunk of a size past all bounds", TEXT(CHUNKED "10000000000000002\r\n"), STAYS_OPEN,
     HTTP_ANSWER_BROKEN, 200, TEXT(""), false},
    {"a chunk's size and a bare line feed", TEXT(CHUNKED "2\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN,
     200, TEXT(""), false},
    {"a chunk longer than its size", TEXT(CHUNKED "2\r\n{}}\r\n"), STAYS_OPEN, HTTP_ANSWER_BROKEN,
     200, TEXT("{}"), false},
    /* without measure */
    {"a chunk's extension without end", TEXT(CHUNKED "1;" X100("xxx") "\r\n"), STAYS_OPEN,
     HTTP_ANSWER_BROKEN, 200, TEXT(""), false},
};

static void expect_row(const struct http_answer *answer, const struct row *row, int outcome)
{
    assert_int_equal(outcome, row->outcome);
    assert_int_equal(answer->status, row->status);
    assert_same_text(buf_span(&answer->body), row->body);
    assert_int_equal(answer->why != NULL, outcome == HTTP_ANSWER_BROKEN);
    if (outcome == HTTP_ANSWER_WHOLE)
        assert_int_equal(answer->keeps, row->keeps);
}

/* In pieces: the first of first bytes, all others of the same length. */
static void read_row(const struct row *row, size_t first, size_t other)
{
    struct http_answer answer = {0};
    int outcome = 0;

    http_answer_reset(&answer);
    for (size_t at = 0, len = first; outcome == 0 && at < row->bytes.len; at += len, len = other) {
        if (len > row->bytes.len - at)
            len = row->bytes.len - at;
        /* A copy, so that a sanitizer sees who reads past it. */
        char *piece = malloc(len ? len : 1);
        assert_non_null(piece);
        memcpy(piece, row->bytes.at + at, len);
        outcome = http_answer_take(&answer, (struct span){piece, len});
        free(piece);
    }
    if (outcome == 0 && row->end == ENDS)
        outcome = http_answer_end(&answer);
    expect_row(&answer, row, outcome);
    http_answer_done(&answer);
}

static void answer_is_read(void **state)
{
    const struct row *row = *state;

    for (size_t first = 0; first <= row->bytes.len; first++)
        read_row(row, first, row->bytes.len);
    read_row(row, 1, 1);
}

/* ---- what the table cannot say ---- */

static void rest_spoils_the_connection(void **state)
{
    struct http_answer answer = {0};

    (void)state;
    http_answer_reset(&answer);
    assert_int_equal(http_answer_take(&answer, SPAN(OK "Content-Length: 2\r\n\r\n{}" OK)),
                     HTTP_ANSWER_WHOLE);
    assert_same_text(buf_span(&answer.body), SPAN("{}"));
    assert_false(answer.keeps);
    http_answer_done(&answer);
}

static void nothing_is_left_of_the_last_answer(void **state)
{
    struct http_answer answer = {0};

    (void)state;
    http_answer_reset(&answer);
    assert_int_equal(http_answer_take(&answer, SPAN("HTTP/1.0 503 X\r\nRetry-After: 7\r\n"
                                                    "Transfer-Encoding: chunked\r\n\r\n"
                                                    "2\r\nno\r\n0\r\nhalf a trai")),
                     0);
    assert_int_equal(answer.retry_after_ms, 7000);
    http_answer_reset(&answer);
    assert_int_equal(http_answer_take(&answer, SPAN(OK "Content-Length: 2\r\n\r\n{}")),
                     HTTP_ANSWER_WHOLE);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.retry_after_ms, -1);
    assert_same_text(buf_span(&answer.body), SPAN("{}"));
    assert_true(answer.keeps);
    http_answer_done(&answer);
}

/* How much of the repeated text is taken after the beginning, until the outcome. */
static size_t taken_before(struct http_answer *answer, struct span beginning, struct span repeated,
                           int outcome)
{
    size_t taken = 0;
    int r;

    http_answer_reset(answer);
    r = http_answer_take(answer, beginning);
    for (; r == 0 && taken < (size_t)2 * ANSWER_BYTES_MAX; taken += repeated.len)
        r = http_answer_take(answer, repeated);
    assert_int_equal(r, outcome);
    assert_non_null(answer->why);
    return taken;
}

enum { PIECE_BYTES = 64 << 10 };

static void measures_are_kept(void **state)
{
    static char piece[PIECE_BYTES + 16];
    static const struct span x = {piece, PIECE_BYTES};
    static const struct span chunk = {piece, sizeof("10000\r\n") - 1 + PIECE_BYTES + 2};
    const struct {
        struct span beginning;
        struct span repeated;
        int outcome;
        size_t most;
    } floods[] = {
        {TEXT(OK "X: "), TEXT("xxxxxxxx"), HTTP_ANSWER_BROKEN, ANSWER_HEAD_BYTES_MAX},
        {TEXT(OK), TEXT("X: y\r\n"), HTTP_ANSWER_BROKEN, ANSWER_HEAD_BYTES_MAX + 6},
        {TEXT(""), TEXT("HTTP/1.1 103 X\r\n\r\n"), HTTP_ANSWER_BROKEN, ANSWER_HEAD_BYTES_MAX + 18},
        {TEXT(CHUNKED "0\r\n"), TEXT("X: y\r\n"), HTTP_ANSWER_BROKEN, ANSWER_HEAD_BYTES_MAX + 6},
        {TEXT(CHUNKED), chunk, HTTP_ANSWER_ENDLESS, 2 * (size_t)ANSWER_BYTES_MAX},
        {TEXT(OK "\r\n"), x, HTTP_ANSWER_ENDLESS, ANSWER_BYTES_MAX + PIECE_BYTES},
        {TEXT(OK "Content-Length: 999999999999999999\r\n\r\n"), x, HTTP_ANSWER_ENDLESS,
         ANSWER_BYTES_MAX + PIECE_BYTES},
        {TEXT(OK "Content-Encoding: gzip\r\n\r\n"), x, HTTP_ANSWER_ENDLESS,
         ANSWER_BYTES_MAX + PIECE_BYTES},
    };
    struct http_answer answer = {0};

    (void)state;
    for (size_t i = 0; i < array_len(floods); i++) {
        memset(piece, 'x', sizeof(piece));
        if (floods[i].repeated.len == chunk.len) {
            memcpy(piece, "10000\r\n", 7);
            memcpy(piece + 7 + PIECE_BYTES, "\r\n", 2);
        }
        size_t taken =
            taken_before(&answer, floods[i].beginning, floods[i].repeated, floods[i].outcome);
        assert_in_range(taken, 1, floods[i].most);
        assert_true(answer.body.len <= ANSWER_KEPT_BYTES_MAX);
        assert_true(answer.body.cap <= (size_t)2 * ANSWER_KEPT_BYTES_MAX);
        assert_true(answer.line.cap <= (size_t)2 * ANSWER_HEAD_BYTES_MAX);
    }
    http_answer_done(&answer);
}

/* Convex's longest: 16 MiB of value and 8 MiB of log lines. The connection can be used again. */
static void rest_of_a_long_body_is_thrown_away(void **state)
{
    enum { LONG_BYTES = 24 << 20 };
    static char piece[PIECE_BYTES];
    struct http_answer answer = {0};
    int r;

    (void)state;
    http_answer_reset(&answer);
    r = http_answer_take(&answer, SPAN(OK "Content-Length: 25165824\r\n\r\n"));
    for (size_t taken = 0; r == 0 && taken < LONG_BYTES; taken += sizeof(piece)) {
        memset(piece, 'a' + (char)(taken / sizeof(piece) % 26), sizeof(piece));
        r = http_answer_take(&answer, (struct span){piece, sizeof(piece)});
    }
    assert_int_equal(r, HTTP_ANSWER_WHOLE);
    assert_int_equal(answer.body_bytes, LONG_BYTES);
    assert_int_equal(answer.body.len, ANSWER_KEPT_BYTES_MAX);
    assert_int_equal(answer.body.at[0], 'a');
    assert_int_equal(answer.body.at[ANSWER_KEPT_BYTES_MAX - 1],
                     'a' + (ANSWER_KEPT_BYTES_MAX / PIECE_BYTES - 1) % 26);
    assert_true(answer.keeps);
    http_answer_done(&answer);
}

static void compression_is_named(void **state)
{
    static const struct {
        const char *header;
        const char *how; /* NULL: not compressed */
    } codings[] = {
        {"Content-Encoding: gzip", "(gzip)"},
        {"content-encoding:\tX-GZIP ", "(gzip)"},
        {"Content-Encoding: deflate", "(deflate)"},
        {"Content-Encoding: br", "(br)"},
        {"Content-Encoding: zstd", "(zstd)"},
        {"Content-Encoding: compress", "(compress)"},
        {"Content-Encoding: gzip, br", "(Content-Encoding is another)"},
        {"Content-Encoding: identity\r\nContent-Encoding: br", "(br)"},
        {"Content-Encoding: \x1b[31msecret", "(Content-Encoding is another)"},
        {"Content-Encoding: Identity", NULL},
        {"Content-Encoding:", NULL},
        {"X-Content-Encoding: gzip", NULL},
    };

    (void)state;
    for (size_t i = 0; i < array_len(codings); i++) {
        struct http_answer answer = {0};
        cleanup(buf_done) struct buf bytes = BUF_NULL;
        assert_int_equal(
            buf_printf(&bytes, OK "%s\r\nContent-Length: 2\r\n\r\n{}", codings[i].header), 0);
        http_answer_reset(&answer);
        assert_int_equal(http_answer_take(&answer, buf_span(&bytes)), HTTP_ANSWER_WHOLE);
        assert_int_equal(answer.body_bytes, 2);
        assert_int_equal(answer.body.len, codings[i].how ? 0 : 2);
        if (codings[i].how)
            assert_non_null(strstr(answer.compressed, codings[i].how));
        else
            assert_null(answer.compressed);
        http_answer_reset(&answer);
        assert_null(answer.compressed);
        http_answer_done(&answer);
    }
}

static void date_is_kept_as_it_came(void **state)
{
    static const struct {
        const char *headers;
        struct span date;
    } dates[] = {
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT", TEXT("Sun, 06 Nov 1994 08:49:37 GMT")},
        {"dAtE:\t Sunday, 06-Nov-94 08:49:37 GMT  ", TEXT("Sunday, 06-Nov-94 08:49:37 GMT")},
        {"Date: x\r\nDate: y", TEXT("y")},
        {"Date:", TEXT("")},
        {"Date: " X10("0123"), TEXT(X10("0123"))},
        {"Date: " X10("0123") "4", {NULL, 0}},
        {"Date: " X1000("0123"), {NULL, 0}},
        {"X-Date: x", {NULL, 0}},
        {"Dates: x", {NULL, 0}},
    };

    (void)state;
    for (size_t i = 0; i < array_len(dates); i++) {
        struct http_answer answer = {0};
        cleanup(buf_done) struct buf bytes = BUF_NULL;
        assert_int_equal(buf_printf(&bytes,
                                    "HTTP/1.1 103 X\r\nDate: early\r\n\r\n" OK
                                    "%s\r\nContent-Length: 0\r\n\r\n",
                                    dates[i].headers),
                         0);
        http_answer_reset(&answer);
        for (size_t at = 0; at < bytes.len; at++)
            (void)http_answer_take(&answer, (struct span){bytes.at + at, 1});
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.date.at != NULL, dates[i].date.at != NULL);
        assert_same_text(answer.date, dates[i].date);
        http_answer_reset(&answer);
        assert_null(answer.date.at);
        http_answer_done(&answer);
    }
}

int main(void)
{
    static const struct CMUnitTest plain_tests[] = {
        cmocka_unit_test(rest_spoils_the_connection),
        cmocka_unit_test(nothing_is_left_of_the_last_answer),
        cmocka_unit_test(measures_are_kept),
        cmocka_unit_test(rest_of_a_long_body_is_thrown_away),
        cmocka_unit_test(compression_is_named),
        cmocka_unit_test(date_is_kept_as_it_came),
    };
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(rows)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)rows_add(tests, array_len(plain_tests), rows, answer_is_read);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
