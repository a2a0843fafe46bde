/* SPDX-License-Identifier: MIT */
/* Signals that end a long command in order. */
#include "cli/outbox_stop.h"

#include <signal.h>

#include "base/util.h"

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

static struct sigaction stop_before[array_len(stop_signals)];
static volatile sig_atomic_t stop_wanted;

static void stop_note(int number)
{
    (void)number;
    stop_wanted = 1;
}

void outbox_stop_begin(void)
{
    /* SA_RESTART: a line that is being written is written to its end. */
    struct sigaction action = {.sa_handler = stop_note, .sa_flags = SA_RESTART};

    stop_wanted = 0;
    for (size_t i = 0; i < array_len(stop_signals); i++)
        (void)sigaction(stop_signals[i], &action, &stop_before[i]);
}

bool outbox_stop_wanted(void)
{
    return stop_wanted != 0;
}

void outbox_stop_end(void)
{
    for (size_t i = 0; i < array_len(stop_signals); i++)
        (void)sigaction(stop_signals[i], &stop_before[i], NULL);
}
