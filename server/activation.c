/* SPDX-License-Identifier: MIT */
/* Sockets from the service manager. */
#include "server/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"

enum {
    ACTIVATION_FIRST_FD = 3, /* the first socket; the others follow */
    ACTIVATION_FDS_MAX = 2,
};

static int activation_refuse(struct buf *why, const char *text)
{
    int r = buf_append_span(why, span_of(text));

    return r ? r : ACTIVATION_REFUSED;
}

/* How many sockets there are for this process. LISTEN_PID tells a child that has inherited the
 * environment that none is meant for it. */
static long activation_count(char *(*lookup)(const char *name))
{
    const char *pid = lookup("LISTEN_PID");
    const char *count = lookup("LISTEN_FDS");

    if (!pid || !count || strtol(pid, NULL, 10) != getpid())
        return 0;
    return strtol(count, NULL, 10);
}

/* Takes the first name off a list that is separated by colons. */
static struct span activation_next_name(const char **names)
{
    struct span name = {*names, strcspn(*names, ":")};

    *names += name.len + ((*names)[name.len] == ':');
    return name;
}

static bool activation_listens(int fd)
{
    int type = 0, listens = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

/* The relay expects that no socket is inherited or blocks, which the service manager does not
 * ensure. */
static int activation_set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return error_origin(-errno);
    return 0;
}

static int activation_add(struct activation *activation, int fd, struct span name, struct buf *why)
{
    bool is_admin = span_eq(name, SPAN("admin"));
    int *place = is_admin ? &activation->admin_fd : &activation->sender_fd;

    if (!activation_listens(fd))
        return activation_refuse(why, "one of them is not a stream socket that listens");
    if (*place >= 0)
        return activation_refuse(why, is_admin ? "two of them are named admin"
                                               : "there is more than one for events; the one for "
                                                 "metrics and status must be named admin");
    *place = fd;
    return activation_set_flags(fd);
}

int activation_take(char *(*lookup)(const char *name), struct activation *out, struct buf *why)
{
    struct activation taken = ACTIVATION_NONE;
    const char *names = lookup("LISTEN_FDNAMES");
    long count = activation_count(lookup);

    if (count < 0 || count > ACTIVATION_FDS_MAX)
        return activation_refuse(why, "there are more than two of them");
    if (!names)
        names = "";
    for (int i = 0; i < count; i++) {
        int r = activation_add(&taken, ACTIVATION_FIRST_FD + i, activation_next_name(&names), why);
        if (r)
            return r;
    }
    *out = taken;
    return 0;
}

void activation_done(struct activation *activation)
{
    closep(&activation->sender_fd);
    closep(&activation->admin_fd);
    *activation = ACTIVATION_NONE;
}
