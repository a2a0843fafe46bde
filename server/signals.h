/* SPDX-License-Identifier: MIT */
/*
 * Which signals mean something to a relay, and which are ignored so that none ends it by mistake.
 *
 * SIGTERM and SIGINT stop the relay (stop.c), SIGHUP reloads its settings (reload.c). SIGQUIT and
 * the signals of a crash keep the kernel's behaviour: an end at once, with a core dump. So does
 * SIGXCPU, since whoever limits CPU time means it.
 */
#pragma once

/*
 * Ignores signals that other programs take for "open your log again" and the like (SIGUSR1,
 * SIGUSR2, timers of others), and SIGXFSZ, so that a file at its size limit is an error of write(2)
 * like a full disk. To be called first of all, before the libraries' constructors.
 */
void signals_ignore(void);

/* Makes a SIGHUP wait until signals_open(), and ignores SIGPIPE, so that a reader of stderr that
 * goes away does not end the relay. To be called before any setting is read. */
void signals_prepare_to_serve(void);

/* The caller owns *fd, a signalfd(2) for SIGTERM, SIGINT and SIGHUP. 0 or an -errno. */
int signals_open(int *fd);
