/* SPDX-License-Identifier: MIT */
/* How calls reach Convex, behind a seam: transport_direct.h in the program, a script in tests. */
#pragma once

#include "base/span.h"
#include "base/util.h"
#include "convex/answer.h"

struct transport;

/* One call. The caller owns it, and keeps call and body in place until done is called. */
struct call {
    struct span body[3];    /* the parts of the request's body, one after the other */
    bool for_date;          /* goes to transport_options.date_path, for its answer's Date alone */
    const char *request_id; /* goes out as Convex-Request-Id; NULL: none */
    /* Called once, from the loop, never from inside transport_start(). The call's memory is the
     * caller's again. May start and cancel calls; must not free the transport. */
    void (*done)(struct call *call, const struct answer *answer);
    struct transport *transport; /* set by transport_start() */
    void *handle;                /* private to the transport */
};

struct transport {
    const struct transport_ops *ops;
};

struct transport_ops {
    int (*start)(struct transport *transport, struct call *call);
    void (*cancel)(struct transport *transport, struct call *call);
    int (*in_flight)(const struct transport *transport);
    struct transport *(*free)(struct transport *transport);
};

/*
 * POSTs the call's body to the URL that the transport was made for. 0; or an -errno, and done is
 * never called: -EBUSY where as many calls are in flight as the concurrency allows.
 */
static inline int transport_start(struct transport *transport, struct call *call)
{
    call->transport = transport;
    return transport->ops->start(transport, call);
}

/* Drops a call that was started: closes its connection, and done is not called. */
static inline void transport_cancel(struct call *call)
{
    call->transport->ops->cancel(call->transport, call);
}

/* How many calls have been started, and neither answered nor cancelled. */
static inline int transport_in_flight(const struct transport *transport)
{
    return transport->ops->in_flight(transport);
}

/* Takes NULL. No call may be in flight. */
static inline struct transport *transport_free(struct transport *transport)
{
    return transport ? transport->ops->free(transport) : NULL;
}
CLEANUP_POINTER(struct transport, transport_free);

/* What a transport is made with, and copies as needed. */
struct transport_options {
    const char *convex_url; /* as checked by url_check(); trailing slashes are dropped */
    const char *path;       /* behind convex_url, as in /api/mutation: where calls are POSTed */
    const char *date_path;  /* the same for calls that are for_date; NULL: there are none */
    const char *deploy_key; /* NULL: no Authorization header */
    const char *ca_file;    /* NULL: the system's */
    int64_t timeout_ms;     /* one attempt's limit */
    int concurrency;        /* calls in flight at most: how many handles and connections are kept */
    const char *version;    /* goes into Convex-Client: convex-relay-<version> */
};
