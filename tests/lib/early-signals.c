/* SPDX-License-Identifier: MIT */
/* Preloaded into a relay: signals that come while the constructors of its libraries run. */
#include <signal.h>
#include <stdlib.h>

__attribute__((constructor)) static void early_signals(void)
{
    const char *numbers = getenv("EARLY_SIGNALS");

    while (numbers && *numbers) {
        char *end;
        (void)raise((int)strtol(numbers, &end, 10));
        numbers = *end ? end + 1 : end;
    }
}
