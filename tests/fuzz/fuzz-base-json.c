/* SPDX-License-Identifier: MIT */
/*
 * JSON text. The input's first bytes say in which pieces the rest arrives.
 *
 *   - Pieces in which a text arrives do not matter: same result, place and members.
 *   - What the scanner passes cJSON reads, too (within cJSON's limits), and the walk finds as many
 *     members as cJSON does, at every level.
 *   - A string decoded and quoted again decodes to the same.
 *   - Of whatever bytes, json_clean_utf8() makes UTF-8, and does not change UTF-8.
 */
#include "fuzz.h"

#include <cjson/cJSON.h>

#include "base/json.h"
#include "base/json_scan.h"

enum { PIECES = 4, CJSON_DEPTH_MAX = 500 };

struct scan {
    const char *text; /* in the call at hand */
    struct json_scanner scanner;
    struct buf members;
    bool odd; /* a key inside the member at hand was told of as odd */
    enum json_error error;
};

static void scan_odd_key(void *ctx, struct span key)
{
    (void)key;
    ((struct scan *)ctx)->odd = true;
}

static void scan_member(void *ctx, const struct json_member *member)
{
    struct scan *scan = ctx;

    fuzz_check(buf_printf(&scan->members, "%td+%zu %td+%zu %d\n", member->key.at - scan->text,
                          member->key.len, member->value.at - scan->text, member->value.len,
                          scan->odd) == 0);
    scan->odd = false;
}

static void scan_some(struct scan *scan, struct span arrived)
{
    char *moved = fuzz_copy(arrived);

    scan->text = moved;
    enum json_error error = json_scan(&scan->scanner, (struct span){moved, arrived.len});
    fuzz_check(error == scan->scanner.error);
    free(moved);
}

static void scan_text(struct scan *scan, struct span text, const uint8_t pieces[PIECES])
{
    size_t arrived = 0;

    json_scanner_init(&scan->scanner, scan_member, scan);
    scan->scanner.odd_key = scan_odd_key;
    for (size_t i = 0; pieces && i < PIECES && arrived + pieces[i] < text.len; i++) {
        arrived += pieces[i];
        scan_some(scan, (struct span){text.at, arrived});
    }
    scan_some(scan, text);
    scan->error = json_scan_end(&scan->scanner, text);
}

static void check_pieces(struct span text, const uint8_t pieces[PIECES])
{
    struct scan whole = {0}, cut = {0};

    scan_text(&whole, text, NULL);
    scan_text(&cut, text, pieces);
    fuzz_check(whole.error == cut.error);
    fuzz_check(whole.scanner.pos == cut.scanner.pos);
    fuzz_check(whole.scanner.pos <= text.len);
    fuzz_check(span_eq(buf_span(&whole.members), buf_span(&cut.members)));
    buf_done(&whole.members);
    buf_done(&cut.members);
}

/* ---- Beside cJSON ---- */

static void check_string(struct span string)
{
    struct buf decoded = BUF_NULL, quoted = BUF_NULL, again = BUF_NULL;

    fuzz_check(json_decode(string, &decoded) == 0);
    fuzz_check(json_string_is(string, buf_span(&decoded)));
    fuzz_check(json_quote(buf_span(&decoded), &quoted) == 0);
    fuzz_check(json_check(buf_span(&quoted)) == JSON_FINE);
    fuzz_check(json_decode(buf_span(&quoted), &again) == 0);
    fuzz_check(span_eq(buf_span(&decoded), buf_span(&again)));
    buf_done(&decoded);
    buf_done(&quoted);
    buf_done(&again);
}

static void check_same(struct span value, const cJSON *tree)
{
    const cJSON *child = tree->child;
    struct json_walk walk = json_walk(value);
    struct span key, member;

    if (*value.at == '"') {
        fuzz_check(cJSON_IsString(tree));
        check_string(value);
    } else if (*value.at == '-' || (*value.at >= '0' && *value.at <= '9')) {
        fuzz_check(cJSON_IsNumber(tree));
    }
    for (; json_next(&walk, &key, &member); child = child->next) {
        fuzz_check(child);
        fuzz_check(json_value_at(member.at, value.at + value.len).len == member.len);
        if (walk.object)
            check_string(key);
        check_same(member, child);
    }
    fuzz_check(!child);
}

/* cJSON refuses halves of surrogate pairs, and what is nested deeper than 1000. */
static void check_beside_cjson(struct span text)
{
    if (span_starts(text, SPAN("\xEF\xBB\xBF"))) /* a byte order mark: both read past it */
        text = (struct span){text.at + 3, text.len - 3};
    cJSON *tree = cJSON_ParseWithLength(text.at, text.len);

    if (tree)
        check_same(span_trim(text), tree);
    else
        fuzz_check(memmem(text.at, text.len, "\\u", 2) || text.len > 2 * CJSON_DEPTH_MAX);
    cJSON_Delete(tree);
}

static void check_cleaning(struct span bytes)
{
    struct buf once = BUF_NULL, twice = BUF_NULL, quoted = BUF_NULL;

    fuzz_check(json_clean_utf8(bytes, &once) == 0);
    fuzz_check(json_clean_utf8(buf_span(&once), &twice) == 0);
    fuzz_check(span_eq(buf_span(&once), buf_span(&twice)));
    fuzz_check(json_quote(buf_span(&once), &quoted) == 0);
    fuzz_check(json_check(buf_span(&quoted)) == JSON_FINE);
    buf_done(&once);
    buf_done(&twice);
    buf_done(&quoted);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PIECES)
        return 0;
    struct span text = {(const char *)data + PIECES, size - PIECES};

    check_pieces(text, data);
    check_cleaning(text);
    if (json_check(text) == JSON_FINE)
        check_beside_cjson(text);
    return 0;
}
