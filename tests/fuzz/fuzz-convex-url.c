/* SPDX-License-Identifier: MIT */
/*
 * CONVEX_URL. The input is the setting.
 *
 *   - What is refused is refused with a reason.
 *   - What passes libcurl reads, and as it was meant: the host that stands there, no user, no
 *     query, and the path of a call lands on that host.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include "convex/url.h"

static void check_part(CURLU *parsed, CURLUPart part, CURLUcode missing)
{
    char *text = NULL;

    fuzz_check(curl_url_get(parsed, part, &text, 0) == missing);
    curl_free(text);
}

/* Numbers are written anew: http://127.1 is http://127.0.0.1, in browsers, too. */
static bool is_number(const char *host)
{
    struct in_addr address;

    return *host == '[' || inet_pton(AF_INET, host, &address) == 1;
}

static void check_host(CURLU *parsed, const char *url)
{
    const char *authority = strstr(url, "://") + 3;
    char *host = NULL;

    fuzz_check(curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    if (!is_number(host)) {
        fuzz_check(strncasecmp(authority, host, strlen(host)) == 0);
        fuzz_check(strchr(":/", authority[strlen(host)])); /* strchr finds the NUL, too */
    }
    curl_free(host);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = fuzz_string((struct span){(const char *)data, size});
    const char *why = NULL;
    int r = url_check(url, &why);

    fuzz_check(r == 0 || (r == URL_INVALID && why));
    if (r == 0) {
        cleanup(buf_done) struct buf call = BUF_NULL;
        CURLU *parsed = curl_url();
        fuzz_check(parsed);
        fuzz_check(buf_printf(&call, "%s/api/mutation", url) == 0 && buf_string(&call));
        fuzz_check(curl_url_set(parsed, CURLUPART_URL, call.at, 0) == CURLUE_OK);
        check_host(parsed, url);
        check_part(parsed, CURLUPART_USER, CURLUE_NO_USER);
        check_part(parsed, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD);
        check_part(parsed, CURLUPART_QUERY, CURLUE_NO_QUERY);
        check_part(parsed, CURLUPART_FRAGMENT, CURLUE_NO_FRAGMENT);
        curl_url_cleanup(parsed);
    }
    free(url);
    return 0;
}
