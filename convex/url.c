/* SPDX-License-Identifier: MIT */
/*
 * Stricter than ConvexHttpClient, whose check is `new URL()`: what a browser would quietly mend
 * (blanks, backslashes, names outside ASCII) is refused, because libcurl would read it differently.
 */
#include "convex/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/span.h"
#include "base/util.h"

static const char URL_HOST_FAULT[] =
    "must name a host, as in https://happy-animal-123.convex.cloud";

static bool url_port_is_valid(struct span port)
{
    unsigned n = 0;

    if (port.len == 0 || port.len > 5)
        return false;
    for (size_t i = 0; i < port.len; i++) {
        if (!isdigit((unsigned char)port.at[i]))
            return false;
        n = n * 10 + (unsigned)(port.at[i] - '0');
    }
    return n >= 1 && n <= 65535;
}

static bool url_is_ipv6(struct span host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (host.len < 2 || host.len - 2 >= sizeof(text) || host.at[host.len - 1] != ']')
        return false;
    memcpy(text, host.at + 1, host.len - 2);
    text[host.len - 2] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool url_is_name(struct span host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!isalnum((unsigned char)host.at[i]) && !strchr("-._", host.at[i]))
            return false;
    }
    return host.len > 0;
}

static bool url_is_http_actions(struct span host)
{
    static const char site[] = ".convex.site";
    size_t len = sizeof(site) - 1;

    if (host.len > 0 && host.at[host.len - 1] == '.')
        host.len--; /* the root, as in example.com. */
    return host.len > len && strncasecmp(host.at + host.len - len, site, len) == 0;
}

static const char *url_authority_fault(struct span authority)
{
    struct span host = authority;
    bool bracket = host.len > 0 && *host.at == '[';
    const char *from = bracket ? memchr(host.at, ']', host.len) : host.at;
    const char *colon = from ? memchr(from, ':', host.len - (size_t)(from - host.at)) : NULL;

    if (colon) {
        host.len = (size_t)(colon - host.at);
        if (!url_port_is_valid((struct span){colon + 1, authority.len - host.len - 1}))
            return "must have a port from 1 to 65535 after the colon";
    }
    if (bracket ? !url_is_ipv6(host) : !url_is_name(host))
        return URL_HOST_FAULT;
    if (url_is_http_actions(host))
        return "is the address of HTTP actions (.convex.site): use the deployment's own, which "
               "typically ends with .convex.cloud";
    return NULL;
}

static const char *url_fault(const char *url)
{
    for (const char *c = url; *c; c++) {
        if (*c <= ' ' || *c > '~')
            return "must hold neither blanks nor characters outside ASCII";
    }
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return "must start with https:// or http://";
    if (strpbrk(url, "?#"))
        return "must hold neither a query (?) nor a fragment (#)";
    if (strchr(url, '\\'))
        return "must not hold a backslash";

    const char *authority = strstr(url, "://") + 3;
    size_t len = strcspn(authority, "/");
    if (memchr(authority, '@', len))
        return "must not hold a user name or a password: CONVEX_DEPLOY_KEY is for that";
    return url_authority_fault((struct span){authority, len});
}

int url_check(const char *url, const char **why)
{
    const char *fault = url_fault(url);

    if (!fault)
        return 0;
    *why = fault;
    return URL_INVALID;
}
