/* SPDX-License-Identifier: MIT */
/* GET /healthz and GET /readyz. */
#include "handlers/health.h"

#include "handlers/service.h"

void health_handle_alive(struct service *service, struct request *request)
{
    (void)service;
    request_reply(request, REPLY_HEALTHY);
}

void health_handle_ready(struct service *service, struct request *request)
{
    const char *reason = service->inbox->not_ready(service->inbox);

    if (reason)
        request_reply_with(request, REPLY_NOT_READY, span_of(reason));
    else
        request_reply(request, REPLY_HEALTHY);
}
