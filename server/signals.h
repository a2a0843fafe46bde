/* SPDX-License-Identifier: MIT */
/*
 * Signals: which ones say something here, and that no other ends a relay.
 *
 * SIGTERM and SIGINT stop it, SIGHUP is a reload. SIGQUIT, and those of a crash, keep what the
 * kernel does with them: an end at once, with a core dump. SIGXCPU, too: who sets a limit of CPU
 * time means it.
 */
#pragma once

/*
 * The first thing a process does, before its libraries are ready. What other programs take for
 * "open your log again" or the like (SIGUSR1, SIGUSR2, timers of others) is ignored, and so is
 * SIGXFSZ: a file at its limit is an error of its write, like a full disk.
 */
void signals_ignore(void);

/* Before anything is read: from now on a SIGHUP waits until somebody asks for it, and a reader of
 * stderr that goes away ends nothing. */
void signals_hold(void);

/* The caller owns *fd, which tells of SIGTERM, SIGINT and SIGHUP (signalfd(2)). 0 or an -errno. */
int signals_open(int *fd);
