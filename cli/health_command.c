/* SPDX-License-Identifier: MIT */
/* `convex-relay health`: one request over one connection, written by hand. Only the first line of
 * the answer counts. */
#include "cli/health_command.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/complain.h"
#include "base/config.h"
#include "cli/exit_code.h"

enum { HEALTH_TIMEOUT_S = 2 }; /* for the connection, and again for the answer */

struct health {
    struct config host; /* holds HOST alone */
    struct config port; /* holds PORT alone */
};

static void health_done(struct health *health)
{
    config_done(&health->host);
    config_done(&health->port);
}

static void addrinfo_freep(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

static int health_complain(const char *text)
{
    complain("%s", text);
    return EXIT_FAILED;
}

static int health_unanswered(const struct health *health, const char *reason)
{
    complain("no relay serves at %s, port %d: %s", health->host.host, health->port.port, reason);
    return EXIT_FAILED;
}

/* The address at which a relay that serves on every address can be reached. */
static const char *health_host(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0)
        return "127.0.0.1";
    return strcmp(host, "::") == 0 ? "::1" : host;
}

/* 0, or a positive errno. */
static int health_connect(const struct addrinfo *info, int *out)
{
    cleanup(closep) int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, info->ai_protocol);
    struct timeval limit = {.tv_sec = HEALTH_TIMEOUT_S};

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
        return errno;
    if (connect(fd, info->ai_addr, info->ai_addrlen) < 0)
        return errno == EINPROGRESS ? ETIMEDOUT : errno; /* SO_SNDTIMEO ends like this */
    *out = fd;
    fd = -1;
    return 0;
}

static int health_ask(const struct health *health, int fd)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    static const char fine[] = "HTTP/1.1 200 ";
    char answer[sizeof(fine) - 1];

    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
        return health_unanswered(health, strerror(errno));
    ssize_t len = recv(fd, answer, sizeof(answer), MSG_WAITALL);
    if (len < 0)
        return health_unanswered(health, errno == EAGAIN ? "no answer in time" : strerror(errno));
    if (len != (ssize_t)sizeof(answer) || memcmp(answer, fine, sizeof(answer)) != 0)
        return health_unanswered(health, "the answer is not 200");
    (void)printf("convex-relay serves at %s, port %d\n", health->host.host, health->port.port);
    return EXIT_FINE;
}

static int health_run(const struct health *health)
{
    cleanup(addrinfo_freep) struct addrinfo *list = NULL;
    cleanup(closep) int fd = -1;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char service[8];

    (void)snprintf(service, sizeof(service), "%d", health->port.port);
    int failed = getaddrinfo(health_host(health->host.host), service, &hints, &list);
    if (failed)
        return health_unanswered(health, gai_strerror(failed));
    /* The relay serves on those addresses that this machine has: one that answers is enough. */
    int r = health_connect(list, &fd);
    for (const struct addrinfo *next = list->ai_next; r && next; next = next->ai_next)
        r = health_connect(next, &fd);
    return r ? health_unanswered(health, strerror(r)) : health_ask(health, fd);
}

int health_command(void)
{
    cleanup(health_done) struct health health = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = config_read_one(getenv, "HOST", &health.host, &why);

    if (!r)
        r = config_read_one(getenv, "PORT", &health.port, &why);
    if (r)
        return health_complain(r > 0 ? buf_string(&why) : strerror(-r));
    if (health.port.port == 0)
        return health_complain("PORT: 0 leaves the port to the kernel; health needs to know it");
    return health_run(&health);
}
