/* SPDX-License-Identifier: MIT */
/* The callbacks of libmicrohttpd that a request passes through, from the first line to the end. */
#pragma once

#include <microhttpd.h>

#include "handlers/request.h"

/* For MHD_OPTION_URI_LOG_CALLBACK: a request line has arrived. */
void *http_access_target(void *http, const char *target, struct MHD_Connection *mhd);

/* For MHD_start_daemon(): the head, a piece of the body, or the end of the body has arrived. */
enum MHD_Result http_access(void *http, struct MHD_Connection *mhd, const char *url,
                            const char *method, const char *version, const char *data,
                            size_t *data_len, void **request);

/* For MHD_OPTION_NOTIFY_COMPLETED: the answer was sent, or the client has left. */
void http_access_completed(void *http, struct MHD_Connection *mhd, void **request,
                           enum MHD_RequestTerminationCode why);

/* For http->await_timer: an answer may be there, or has taken too long to wait for it any more. */
void http_access_await(void *http);

/* For request.reply of every connection: the handler or the relay answers. */
void http_access_reply(struct request *request, enum reply reply, struct span message);
