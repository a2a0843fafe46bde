/* SPDX-License-Identifier: MIT */
/* Loaded before the C library (LD_PRELOAD): raises the signals whose numbers EARLY_SIGNALS holds,
 * while the constructors of the relay's libraries run. */
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
