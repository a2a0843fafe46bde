/* SPDX-License-Identifier: MIT */
#include "server/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/error.h"
#include "base/util.h"

/* Leaves a handler that is set already: a preloaded profiler may have one. */
static void signals_ignore_one(int number)
{
    struct sigaction now;

    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        (void)signal(number, SIG_IGN);
}

void signals_ignore(void)
{
    static const int meaningless[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                                      SIGIO,   SIGXFSZ, SIGPWR,  SIGSTKFLT};

    for (size_t i = 0; i < array_len(meaningless); i++)
        signals_ignore_one(meaningless[i]);
}

static int signals_block(const int *numbers, size_t len, sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < len; i++)
        (void)sigaddset(set, numbers[i]);
    return sigprocmask(SIG_BLOCK, set, NULL) < 0 ? error_origin(-errno) : 0;
}

void signals_prepare_to_serve(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signals_block((const int[]){SIGHUP}, 1, &set);
}

int signals_open(int *out)
{
    static const int telling[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    int r = signals_block(telling, array_len(telling), &set);

    if (r)
        return r;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_origin(-errno);
    *out = fd;
    return 0;
}
