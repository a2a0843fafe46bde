/* SPDX-License-Identifier: MIT */
/*
 * Times as people write them. The input is one.
 *
 *   - What is read lies in the years 1970 to 9999, and what is not read changes nothing.
 *   - Printed and read again, it is the same.
 *   - A zone of an hour more to the west is an hour later, or changes nothing.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "base/when.h"

#define NOW_MS INT64_C(1795366390123)
#define HOUR_MS INT64_C(3600000)
#define UNTOUCHED INT64_C(-1)

static int64_t zone_utc(int64_t local_ms)
{
    return local_ms;
}

static int64_t zone_west(int64_t local_ms)
{
    return local_ms + HOUR_MS;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy((struct span){(const char *)data, size});
    struct span text = {copy, size};
    int64_t ms = UNTOUCHED, west_ms = UNTOUCHED, again_ms = UNTOUCHED;
    char printed[CLOCK_ISO_MAX];

    if (when_parse(text, NOW_MS, zone_utc, &ms)) {
        fuzz_check(clock_iso(ms, printed));
        fuzz_check(when_parse(span_of(printed), NOW_MS, NULL, &again_ms) && again_ms == ms);
        if (when_parse(text, NOW_MS, zone_west, &west_ms))
            fuzz_check(west_ms == ms || west_ms == ms + HOUR_MS);
        else
            fuzz_check(ms + HOUR_MS >= CLOCK_ISO_END_MS);
    } else {
        fuzz_check(ms == UNTOUCHED);
    }
    free(copy);
    return 0;
}
