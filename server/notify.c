/* SPDX-License-Identifier: MIT */
/* Tells the service manager how the service is, by datagrams. */
#include "server/notify.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/log.h"

enum { NOTIFY_MESSAGE_MAX = 1024 };

/* ---- Where to ---- */

/* The address that NOTIFY_SOCKET names: a path, or an abstract name behind an @. False: neither, or
 * too long. */
static bool notify_address(const char *name, struct sockaddr_un *address, socklen_t *len)
{
    size_t name_len = strlen(name);

    if ((*name != '/' && *name != '@') || name_len < 2 || name_len >= sizeof(address->sun_path))
        return false;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, name_len);
    if (*name == '@')
        address->sun_path[0] = '\0'; /* the length ends an abstract name, not a NUL */
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_len + (*name == '/'));
    return true;
}

/* A number that the service manager has set; 0: none, or no number. */
static long long notify_number(char *(*lookup)(const char *name), const char *name)
{
    const char *text = lookup(name);
    char *end = NULL;

    if (!text || !isdigit((unsigned char)*text))
        return 0;
    long long number = strtoll(text, &end, 10);
    return *end ? 0 : number;
}

static int64_t notify_watchdog_ms(char *(*lookup)(const char *name))
{
    long long limit_us = notify_number(lookup, "WATCHDOG_USEC");
    long long pid = notify_number(lookup, "WATCHDOG_PID");

    if (limit_us <= 0 || (pid > 0 && pid != getpid()))
        return 0;
    /* Half of the time, as sd_watchdog_enabled(3) recommends. */
    return limit_us > 2000 ? limit_us / 2000 : 1;
}

/* ---- What ---- */

/* Makes a new socket for each message, since a manager that was restarted has a new one, too. */
static int notify_send(const char *address_name, const char *message)
{
    struct sockaddr_un address;
    socklen_t address_len;
    cleanup(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (!notify_address(address_name, &address, &address_len))
        return -EINVAL;
    if (sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
               address_len) < 0)
        return -errno;
    return 0;
}

static void notify_tell(const struct notify *notify, const char *message)
{
    int r = notify->address ? notify_send(notify->address, message) : 0;

    if (r)
        log_warn("the service manager could not be told: the relay goes on", "reason",
                 strerror(-r));
}

/* state: lines of KEY=value, each with a line end. */
static void notify_state(const struct notify *notify, const char *state, const char *status)
{
    char message[NOTIFY_MESSAGE_MAX];

    (void)snprintf(message, sizeof(message), "%sSTATUS=%.*s", state, (int)strcspn(status, "\n"),
                   status);
    notify_tell(notify, message);
}

/* Runs on the loop, so that the service manager finds out when the loop hangs. */
static void notify_watchdog(void *ctx)
{
    struct notify *notify = ctx;

    notify_tell(notify, "WATCHDOG=1");
    loop_timer_set(notify->loop, &notify->watchdog,
                   loop_now_ms(notify->loop) + notify->watchdog_ms);
}

void notify_init(struct notify *notify, struct loop *loop, char *(*lookup)(const char *name))
{
    struct sockaddr_un address;
    socklen_t address_len;
    const char *name = lookup("NOTIFY_SOCKET");

    *notify = (struct notify){.loop = loop};
    notify->watchdog = (struct loop_timer){.fn = notify_watchdog, .ctx = notify};
    if (!name || !*name)
        return;
    if (!notify_address(name, &address, &address_len)) {
        log_warn(
            "NOTIFY_SOCKET is not the address of a socket: nothing is told to the service manager",
            "value", name);
        return;
    }
    notify->address = name;
    notify->watchdog_ms = notify_watchdog_ms(lookup);
}

void notify_ready(struct notify *notify, const char *status)
{
    notify_state(notify, "READY=1\n", status);
    if (notify->watchdog_ms > 0)
        notify_watchdog(notify);
}

void notify_reloading(struct notify *notify)
{
    char state[64];
    struct timespec now;

    /* For Type=notify-reload a time before the signal does not count. loop_now_ms() is too coarse
     * for that. */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify_state(notify, state, "Reloading");
}

void notify_stopping(struct notify *notify, const char *status)
{
    notify_state(notify, "STOPPING=1\n", status);
}

void notify_done(struct notify *notify)
{
    if (notify->loop)
        loop_timer_clear(notify->loop, &notify->watchdog);
}
