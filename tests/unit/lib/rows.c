/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/rows.h"

size_t rows_add_sized(struct CMUnitTest *tests, size_t len, void *rows, size_t rows_len,
                      size_t row_bytes, CMUnitTestFunction test)
{
    for (size_t i = 0; i < rows_len; i++) {
        void *row = (char *)rows + i * row_bytes;
        tests[len + i] = (struct CMUnitTest){
            .name = *(const char **)row,
            .test_func = test,
            .initial_state = row,
        };
    }
    return len + rows_len;
}

void assert_same_text(struct span is, struct span should)
{
    if (span_eq(is, should))
        return;
    print_error("is:     %.*s\nshould: %.*s\n", (int)is.len, is.at, (int)should.len, should.at);
    fail();
}
