/* SPDX-License-Identifier: MIT */
/*
 * Tells the service manager how the service is: sd_notify(3), and sd_watchdog_enabled(3).
 *
 * A few lines here instead of libsystemd: one dependency less, and systemd's interface promise
 * covers the protocol, https://systemd.io/PORTABILITY_AND_STABILITY/.
 *
 * Nobody is told anything where NOTIFY_SOCKET is not set. A message that cannot be sent at once is
 * logged and lost: the loop waits for nobody.
 */
#pragma once

#include "base/loop.h"

struct notify {
    struct loop *loop;
    const char *address; /* NULL: nobody wants to know */
    int64_t watchdog_ms; /* between two signs of life; 0: nobody waits for them */
    struct loop_timer watchdog;
};

/* Looks (getenv in the program) where to tell it. What is wrong there is logged. */
void notify_init(struct notify *notify, struct loop *loop, char *(*lookup)(const char *name));

/* The service is up, or the reload is over: signs of life are given from here on. In every status
 * a line of text for people: its first line counts. */
void notify_ready(struct notify *notify, const char *status);
void notify_reloading(struct notify *notify);
void notify_stopping(struct notify *notify, const char *status);

/* Gives no more signs of life. Takes one that is all zero. */
void notify_done(struct notify *notify);
