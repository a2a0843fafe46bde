/* SPDX-License-Identifier: MIT */
/* The head of the POSTs to Convex. */
#include "convex/request_head.h"

#include <curl/curl.h>
#include <errno.h>

#include "base/error.h"
#include "convex/easy.h"
#include "convex/headers.h"
#include "convex/transport.h"

/* A URL without a host (file:///) gives an empty Host: libcurl refuses to connect there. */
static int request_head_write_opening(struct buf *opening, CURLU *url)
{
    char *host = NULL, *port = NULL, *path = NULL;
    int r;

    (void)curl_url_get(url, CURLUPART_HOST, &host, 0);
    (void)curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
    (void)curl_url_get(url, CURLUPART_PATH, &path, 0);
    r = buf_printf(opening, "POST %s HTTP/1.1\r\nHost: %s%s%s\r\n", path ? path : "/",
                   host ? host : "", port ? ":" : "", port ? port : "");
    curl_free(host);
    curl_free(port);
    curl_free(path);
    return r;
}

static int request_head_open(struct buf *opening, const struct transport_options *options)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    int r = easy_url(options, &text);

    if (r < 0)
        return r;
    CURLU *url = curl_url();
    if (!url || curl_url_set(url, CURLUPART_URL, text.at, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        r = error_origin(-EINVAL);
    if (r == 0)
        r = request_head_write_opening(opening, url);
    curl_url_cleanup(url);
    return r;
}

int request_head_init(struct request_head *head, const struct transport_options *options)
{
    int r;

    *head = (struct request_head){0};
    r = request_head_open(&head->opening, options);
    if (r == 0)
        r = headers_authorization(options->deploy_key, &head->authorization);
    if (r == 0 && head->authorization.len > 0)
        r = buf_append_span(&head->authorization, SPAN("\r\n"));
    if (r == 0)
        r = buf_printf(&head->closing,
                       "Content-Type: application/json\r\n"
                       "Accept-Encoding: identity\r\n"
                       "Convex-Client: convex-relay-%s\r\n"
                       "User-Agent: convex-relay/%s\r\n"
                       "Content-Length: ",
                       options->version, options->version);
    return r;
}

void request_head_done(struct request_head *head)
{
    buf_done(&head->opening);
    buf_done(&head->authorization);
    buf_done(&head->closing);
}

/* By hand: printf would be a good part of what a request costs. */
static struct span request_head_digits(size_t n, char digits[20])
{
    size_t at = 20;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return (struct span){digits + at, 20 - at};
}

int request_head_write(const struct request_head *head, const char *request_id, size_t body_len,
                       struct buf *out)
{
    char digits[20];
    const struct span pieces[] = {
        buf_span(&head->opening),
        buf_span(&head->authorization),
        request_id ? SPAN("Convex-Request-Id: ") : SPAN_NULL,
        span_of(request_id),
        request_id ? SPAN("\r\n") : SPAN_NULL,
        buf_span(&head->closing),
        request_head_digits(body_len, digits),
        SPAN("\r\n\r\n"),
    };

    for (size_t i = 0; i < array_len(pieces); i++) {
        if (buf_append_span(out, pieces[i]) < 0)
            return error_origin(-ENOMEM);
    }
    return 0;
}
