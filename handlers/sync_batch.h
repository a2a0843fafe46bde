/* SPDX-License-Identifier: MIT */
/*
 * POST /convex/sync/batch: makes events of the records of a whole body, over some turns of the loop
 * where there are many, and hands them to the inbox together.
 */
#pragma once

#include <stddef.h>

struct loop;
struct request;
struct service;
struct sync_batches;

/* The parcels of a service that wait to be unpacked. Both pointers stay the caller's. 0 or -ENOMEM.
 */
int sync_batches_new(struct service *service, struct loop *loop, struct sync_batches **batches);

/* Answers every parcel that has not been handed over: nothing of it was taken. All others must have
 * been answered. Takes NULL, and returns NULL. */
struct sync_batches *sync_batches_free(struct sync_batches *batches);

/* How many bytes they hold. */
size_t sync_batches_bytes(const struct sync_batches *batches);

void sync_batch_handle(struct service *service, struct request *request);
