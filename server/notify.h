/* SPDX-License-Identifier: MIT */
/*
 * Tells the service manager how the service is, as sd_notify(3) and sd_watchdog_enabled(3) do.
 *
 * The protocol is a few lines here instead of libsystemd: one dependency less, and systemd's
 * interface promise covers the protocol, https://systemd.io/PORTABILITY_AND_STABILITY/.
 *
 * Without NOTIFY_SOCKET nobody is told anything. A message that cannot be sent at once is logged
 * and dropped, since the loop may not block.
 */
#pragma once

#include "base/loop.h"

struct notify {
    struct loop *loop;
    const char *address; /* of the service manager's socket; NULL: there is none */
    int64_t watchdog_ms; /* between two signs of life; 0: nobody waits for them */
    struct loop_timer watchdog;
};

/* Finds the service manager through lookup (getenv in the program). Logs what is wrong there. */
void notify_init(struct notify *notify, struct loop *loop, char *(*lookup)(const char *name));

/*
 * Says that the service is up, or that a reload is over. Starts the signs of life, if the service
 * manager wants them. status, here and in notify_stopping(), is text for people, of which the first
 * line is sent.
 */
void notify_ready(struct notify *notify, const char *status);
void notify_reloading(struct notify *notify);
void notify_stopping(struct notify *notify, const char *status);

/* Ends the signs of life. Takes a struct that is all zero. */
void notify_done(struct notify *notify);
