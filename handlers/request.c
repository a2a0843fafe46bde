/* SPDX-License-Identifier: MIT */
/* The body of a request. */
#include "handlers/request.h"

#include <errno.h>

#include "base/error.h"
#include "handlers/parcel_body.h"

int request_begin_body(struct request *request, enum request_reads reads)
{
    request->parcel_body = parcel_body_free(request->parcel_body);
    if (reads == REQUEST_EVENT)
        envelope_init(&request->envelope);
    else if (reads == REQUEST_PARCEL && !(request->parcel_body = parcel_body_new()))
        return -ENOMEM;
    return 0;
}

void request_feed_body(struct request *request)
{
    if (request->parcel_body)
        parcel_body_feed(request->parcel_body, buf_span(&request->body));
    else
        envelope_feed(&request->envelope, buf_span(&request->body));
}

void request_done_body(struct request *request)
{
    buf_done(&request->body);
    request->parcel_body = parcel_body_free(request->parcel_body);
}

size_t request_body_bytes(const struct request *request)
{
    return request->body.cap + (request->parcel_body ? parcel_body_bytes(request->parcel_body) : 0);
}
