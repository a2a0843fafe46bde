/* SPDX-License-Identifier: MIT */
/* A request's way through libmicrohttpd: its callbacks. */
#pragma once

#include <microhttpd.h>

#include "handlers/request.h"

/* Of MHD_OPTION_URI_LOG_CALLBACK, the daemon itself, and MHD_OPTION_NOTIFY_COMPLETED. */
void *http_access_target(void *http, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_access(void *http, struct MHD_Connection *mhd, const char *url,
                            const char *method, const char *version, const char *data,
                            size_t *data_len, void **request);
void http_access_completed(void *http, struct MHD_Connection *mhd, void **request,
                           enum MHD_RequestTerminationCode why);

/* Of http.await_timer. */
void http_access_await(void *http);

/* request.reply of every connection. */
void http_access_reply(struct request *request, enum reply reply, struct span message);
