/* SPDX-License-Identifier: MIT */
/*
 * The pump. A change of a state asks for the pump (core_ask_pump()), which runs once, at the end of
 * that turn of the loop. The pump alone reads pages, starts attempts and takes offers.
 */
#pragma once

struct relay;

void pump_init(struct relay *relay);
void pump_done(struct relay *relay);
