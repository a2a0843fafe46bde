/* SPDX-License-Identifier: MIT */
/* Listening sockets. */
#include "server/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/util.h"

static void addrinfo_freep(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

int listener_describe(int fd, struct buf *address)
{
    struct sockaddr_storage bound = {0}; /* zero behind a path, which may lack its own */
    socklen_t len = sizeof(bound);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
        return error_origin(-errno);
    if (bound.ss_family == AF_UNIX)
        return buf_printf(address, "unix:%s", ((struct sockaddr_un *)&bound)->sun_path);
    if (getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return error_origin(-EINVAL);
    return buf_printf(address, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* LISTENER_FAILED leaves the reason in errno. */
static int listener_bind(const struct addrinfo *info, int *out)
{
    cleanup(closep) int fd =
        socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);
    int on = 1, off = 0;

    if (fd < 0)
        return LISTENER_FAILED;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return error_origin(-errno);
    if (info->ai_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
        return error_origin(-errno);
    if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
        return LISTENER_FAILED;
    *out = fd;
    fd = -1;
    return 0;
}

int listener_open(const char *host, int port, int *fd, struct buf *address, struct buf *why)
{
    cleanup(addrinfo_freep) struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    char service[8];

    (void)snprintf(service, sizeof(service), "%d", port);
    int failed = getaddrinfo(host, service, &hints, &list);
    if (failed) {
        int r = buf_printf(why, "%s is no address to listen on: %s", host, gai_strerror(failed));
        return r ? r : LISTENER_FAILED;
    }
    int r = listener_bind(list, fd);
    if (r > 0) {
        bool busy = errno == EADDRINUSE || errno == EADDRNOTAVAIL;
        r = buf_printf(why, "cannot listen on %s, port %d: %s", host, port, strerror(errno));
        return r ? r : busy ? LISTENER_BUSY : LISTENER_FAILED;
    }
    return r ? r : listener_describe(*fd, address);
}
