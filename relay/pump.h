/* SPDX-License-Identifier: MIT */
/*
 * The pump: whatever changes a state asks for it (core_ask_pump()), and it runs at the end of that
 * turn of the loop: it reads pages, starts what may go, and takes offers. Nobody else does.
 */
#pragma once

struct relay;

void pump_init(struct relay *relay);
void pump_done(struct relay *relay);
