/* SPDX-License-Identifier: MIT */
/*
 * Reads the body of a parcel, {"model", "operation", "records"}, while it arrives: checks the form,
 * and finds where each record lies.
 */
#pragma once

#include "base/buf.h"
#include "handlers/envelope.h"

enum {
    PARCEL_BODY_RECORDS_MAX = 10000,
    PARCEL_BODY_REFUSED = 1,
    PARCEL_BODY_TOO_MANY, /* records; or model and operation are too long to be in each event */
    PARCEL_BODY_REPEATED_MAX = 4 * 1024 * 1024, /* bytes of the copies of model and operation */
};

struct parcel_body {
    struct json_scanner scanner;
    const char *text; /* where the body lies during the scan at hand */
    struct envelope_range model, operation, records;
    struct buf ranges;         /* a struct envelope_range for each record */
    struct buf ranges_at_hand; /* for each element of the array that arrives */
    size_t len, len_at_hand;   /* how many there are, also of those too many to have ranges */
    bool lost;                 /* there was no memory for a range */
};

/* NULL: out of memory. */
struct parcel_body *parcel_body_new(void);
/* Takes NULL, and returns NULL. */
struct parcel_body *parcel_body_free(struct parcel_body *parcel);

CLEANUP_POINTER(struct parcel_body, parcel_body_free);

/* body is all that has arrived so far. Errors are left to parcel_body_end(). */
void parcel_body_feed(struct parcel_body *parcel, struct span body);

/* The body is whole. 0: model, operation and the records, each an object, are known.
 * PARCEL_BODY_REFUSED, PARCEL_BODY_TOO_MANY, and *why says what is wrong. Or -ENOMEM. */
int parcel_body_end(struct parcel_body *parcel, struct span body, struct buf *why);

/* Where the record of that place lies. */
struct envelope_range parcel_body_record(const struct parcel_body *parcel, size_t place);

/* The bytes of memory that are held beside the struct. */
size_t parcel_body_bytes(const struct parcel_body *parcel);
