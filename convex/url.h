/* SPDX-License-Identifier: MIT */
/* What a CONVEX_URL may be. Source: npm convex 1.48 src/common/index.ts, validateDeploymentUrl. */
#pragma once

enum { URL_INVALID = 1 };

/*
 * 0; or URL_INVALID, and *why (a constant) is a line that says what to mend, to follow the
 * setting's name. Trailing slashes are fine; credentials, a query, a fragment, blanks and
 * .convex.site are not.
 */
int url_check(const char *url, const char **why);
