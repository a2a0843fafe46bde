/* SPDX-License-Identifier: MIT */
/*
 * What the head of a request says, and whether it is well-formed.
 *
 * libmicrohttpd before 1.0 is lenient. It ends a line at a lone CR or LF, cuts a line at a NUL,
 * takes an empty name for the end of the head, and puts a folded line behind the name of the line
 * before. With each of these, another server can be made to see another request than the relay
 * does. All show in one way: libmicrohttpd parses in place, and afterwards the parts of the head no
 * longer stand exactly behind each other.
 */
#include "server/http_head.h"

#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "handlers/request_id.h"

/* With a larger head, little of libmicrohttpd's memory would be left for the pieces of a body. */
enum { HTTP_HEAD_MAX_BYTES = 8192 };

/* From 1.0 on libmicrohttpd is strict by itself. The version that is loaded counts, not that of the
 * header: both have the same soname. */
static bool http_head_is_lenient(void)
{
    return strncmp(MHD_get_version(), "0.", strlen("0.")) == 0;
}

/*
 * From 1.0 on, the value 1 is level 1 of MHD_OPTION_CLIENT_DISCIPLINE_LVL. Level 0 mends a lone LF,
 * a folded line and a tab between method and target, so that http_head_read() could not see them.
 * Level 2 refuses the empty line before a request, which RFC 9112, 2.2 wants to be skipped; level 3
 * takes blanks behind the size of a chunk.
 *
 * Before 1.0, the value 1 adds two refusals: a missing Host is answered with its head twice, a
 * blank in the target is not answered at all. http_head_read() refuses both, with an answer.
 */
int http_head_strictness(void)
{
    return http_head_is_lenient() ? 0 : 1;
}

struct http_head_scan {
    struct http_head *head;
    const char *at;  /* where the next line must begin */
    const char *end; /* the head's end */
    /* How often the head has Content-Length, Transfer-Encoding, Host and the request's id. */
    int lengths, codings, hosts, request_ids;
    const char *coding; /* the last Transfer-Encoding */
    const char *length; /* the last Content-Length */
    const char *why;    /* what is wrong with the head; NULL: nothing so far */
    bool lenient;       /* libmicrohttpd is: the places of the lines are checked here */
};

/* RFC 9110, section 5.6.2. */
static bool http_head_is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return len > 0;
}

static bool http_head_is_text(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

enum { HTTP_HEAD_LINE_END = 2 }; /* CR LF, which libmicrohttpd has overwritten with NULs */

static const char http_head_is_not_plain[] =
    "The head holds a NUL, a folded line, no name or a line end other than CR LF";

/* Whether the request line is a method, a target and a version, with one blank between them. */
static bool http_head_begins_plain(const struct http_request_line *line)
{
    return line->url == line->method + strlen(line->method) + 1 &&
           line->version == line->url + line->target.len + 1 &&
           (line->target.len == 0 || !memchr(line->target.at, ' ', line->target.len));
}

/* Whether a line is a name, a colon, blanks and a value, and stands exactly where the line before
 * has ended. */
static bool http_head_line_is_plain(struct http_head_scan *scan, const char *name, size_t name_len,
                                    const char *value, size_t value_len)
{
    if (name != scan->at || !value || value <= name + name_len || value > scan->end)
        return false;
    for (const char *blank = name + name_len + 1; blank < value; blank++) {
        if (*blank != ' ' && *blank != '\t')
            return false;
    }
    scan->at = value + value_len + HTTP_HEAD_LINE_END;
    return true;
}

/* Whether a Content-Encoding, a list with commas (RFC 9110, section 8.4), names anything but
 * identity. */
static bool http_head_encodes(struct span codings)
{
    while (codings.len > 0) {
        size_t len = codings.len;
        const char *comma = memchr(codings.at, ',', len);
        struct span coding = {codings.at, comma ? (size_t)(comma - codings.at) : len};
        codings = (struct span){codings.at + coding.len, len - coding.len};
        if (comma)
            codings = (struct span){codings.at + 1, codings.len - 1};
        coding = span_trim(coding);
        if (coding.len > 0 && (coding.len != strlen("identity") ||
                               strncasecmp(coding.at, "identity", coding.len) != 0))
            return true;
    }
    return false;
}

static enum MHD_Result http_head_field(void *ctx, enum MHD_ValueKind kind, const char *name,
                                       size_t name_len, const char *value, size_t value_len)
{
    struct http_head_scan *scan = ctx;
    struct http_head *head = scan->head;

    (void)kind;
    if (scan->lenient && !http_head_line_is_plain(scan, name, name_len, value, value_len))
        scan->why = http_head_is_not_plain;
    else if (!http_head_is_token(name, name_len))
        scan->why = "A header's name holds a character that no name may hold";
    else if (!http_head_is_text(value ? value : "", value_len))
        scan->why = "A header's value holds a control character";
    if (scan->why)
        return MHD_NO;

    if (strcasecmp(name, GUARD_HEADER) == 0) {
        head->secret.count++;
        head->secret.value = (struct span){value ? value : "", value_len};
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        scan->lengths++;
        scan->length = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        scan->codings++;
        scan->coding = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_ENCODING) == 0) {
        if (value && !head->encoding.at && http_head_encodes((struct span){value, value_len}))
            head->encoding = span_trim((struct span){value, value_len});
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        scan->hosts++;
    } else if (strcasecmp(name, REQUEST_ID_HEADER) == 0) {
        head->request_id =
            scan->request_ids++ == 0 && value ? (struct span){value, value_len} : SPAN_NULL;
    }
    return MHD_YES;
}

static int http_head_refuse(enum reply reply, const char *text, enum reply *refusal,
                            const char **why)
{
    *refusal = reply;
    *why = text;
    return HTTP_HEAD_REFUSED;
}

/* Reads all headers. Returns NULL, or what is wrong with the head. */
static const char *http_head_scan(struct MHD_Connection *mhd, const struct http_request_line *line,
                                  size_t head_len, struct http_head_scan *scan)
{
    scan->end = line->method + head_len;
    scan->at = line->version + strlen(line->version) + HTTP_HEAD_LINE_END;
    if (scan->lenient && !http_head_begins_plain(line))
        return "The request line is not a method, a target and a version, with a blank between";
    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, http_head_field, scan);
    if (scan->why)
        return scan->why;
    if (scan->lenient && scan->at + HTTP_HEAD_LINE_END != scan->end)
        return http_head_is_not_plain;
    if (scan->lengths > 1)
        return "Content-Length stands there twice";
    if (scan->codings > 0 && scan->lengths > 0)
        return "Content-Length and Transfer-Encoding contradict each other";
    if (scan->codings > 0 && strcmp(line->version, "HTTP/1.0") == 0)
        return "HTTP/1.0 has no Transfer-Encoding";
    if (scan->hosts == 0 && strcmp(line->version, "HTTP/1.1") == 0)
        return "HTTP/1.1 wants a Host";
    return scan->hosts > 1 ? "Host stands there twice" : NULL;
}

int http_head_read(struct MHD_Connection *mhd, const struct http_request_line *line,
                   struct http_head *head, enum reply *refusal, const char **why)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct http_head_scan scan = {.head = head, .lenient = http_head_is_lenient()};

    *head = (struct http_head){0};
    if (!size || size->header_size > HTTP_HEAD_MAX_BYTES)
        return http_head_refuse(REPLY_HEADERS_TOO_LARGE, "", refusal, why);
    if (strcmp(line->version, "HTTP/1.1") != 0 && strcmp(line->version, "HTTP/1.0") != 0)
        return http_head_refuse(REPLY_BAD_REQUEST, "Only HTTP/1.1 and HTTP/1.0 are spoken here",
                                refusal, why);
    const char *doubt = http_head_scan(mhd, line, size->header_size, &scan);
    if (doubt)
        return http_head_refuse(REPLY_BAD_REQUEST, doubt, refusal, why);
    if (scan.codings > 1 ||
        (scan.codings == 1 && (!scan.coding || strcasecmp(scan.coding, "chunked") != 0)))
        return http_head_refuse(REPLY_CODING_UNKNOWN, "", refusal, why);
    head->chunked = scan.codings > 0;
    if (scan.length)
        head->content_length = strtoull(scan.length, NULL, 10); /* MHD has checked the digits */
    return 0;
}
