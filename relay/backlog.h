/* SPDX-License-Identifier: MIT */
/* The backlog: pending events that are on disk only, which come into memory by pages. */
#pragma once

#include <stdbool.h>

struct model;
struct relay;

/* Begins a page for each model whose queue is behind and that has room. For the pump. */
void backlog_read_all(struct relay *relay);
