/* SPDX-License-Identifier: MIT */
/*
 * `convex-relay health`: asks the relay at HOST and PORT, from the same environment, for /healthz.
 * For a container's health check, in an image without curl.
 *
 * Whether it serves, and not whether it is ready: whoever asks restarts what is not healthy, and a
 * restart mends neither a Convex that is away nor a disk that is full.
 */
#pragma once

/* EXIT_FINE; or EXIT_FAILED, for whatever reason: Docker knows no other. It has said a line. */
int health_command(void);
