/* SPDX-License-Identifier: MIT */
/*
 * `convex-relay health`: asks the relay at HOST and PORT, from the same environment, for /healthz.
 * Meant for a container's health check, in an image without curl.
 *
 * /healthz, and not /readyz: whoever asks restarts what is not healthy, and a restart mends neither
 * a Convex that is away nor a full disk.
 */
#pragma once

/* Returns the exit code: EXIT_FINE; or EXIT_FAILED for any reason, since Docker knows no other
 * code. One line says what the reason is. */
int health_command(void);
