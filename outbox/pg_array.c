/* SPDX-License-Identifier: MIT */
/*
 * Arrays and numbers in PostgreSQL's binary format: everything is big-endian. An array is a head
 * (dimensions, whether there are NULLs, the type of elements, length, lower bound) and then each
 * element, its length in front; a length of -1 is NULL.
 */
#include "outbox/pg_array.h"

#include <endian.h>
#include <stdbool.h>

#include "base/error.h"

enum {
    ARRAY_HEAD_BYTES = 20,
    ARRAY_KEEP_BYTES = 1 << 20,
};

static int pg_array_add(struct pg_array *array, const void *bytes, size_t len)
{
    const uint32_t length = htobe32((uint32_t)len);
    size_t head = array->bytes.len == 0 ? ARRAY_HEAD_BYTES : 0;
    int r = buf_reserve(&array->bytes, head + sizeof(length) + len);

    if (r)
        return r;
    array->bytes.len += head;
    (void)buf_append(&array->bytes, &length, sizeof(length));
    if (len > 0)
        (void)buf_append(&array->bytes, bytes, len);
    array->len++;
    return 0;
}

int pg_array_add_int8(struct pg_array *array, int64_t value)
{
    const uint64_t bytes = htobe64((uint64_t)value);

    return pg_array_add(array, &bytes, sizeof(bytes));
}

int pg_array_add_bool(struct pg_array *array, bool value)
{
    const char byte = (char)value;

    return pg_array_add(array, &byte, sizeof(byte));
}

int pg_array_add_null(struct pg_array *array)
{
    const uint32_t none = 0xffffffff;
    int r = pg_array_add(array, NULL, 0);

    if (r)
        return r;
    memcpy(array->bytes.at + array->bytes.len - sizeof(none), &none, sizeof(none));
    array->has_nulls = true;
    return 0;
}

int pg_array_add_bytes(struct pg_array *array, struct span value)
{
    return value.at ? pg_array_add(array, value.at, value.len) : pg_array_add_null(array);
}

int pg_array_parameter(struct pg_array *array, struct span *parameter)
{
    const uint32_t head[ARRAY_HEAD_BYTES / 4] = {htobe32(array->len > 0), htobe32(array->has_nulls),
                                                 htobe32(array->type),
                                                 htobe32((uint32_t)array->len), htobe32(1)};
    int r = array->len > 0 ? 0 : buf_reserve(&array->bytes, ARRAY_HEAD_BYTES);

    if (r)
        return r;
    memcpy(array->bytes.at, head, sizeof(head));
    /* An array without elements has no dimension, and ends behind the type. */
    *parameter = array->len > 0 ? buf_span(&array->bytes) : (struct span){array->bytes.at, 12};
    return 0;
}

void pg_array_clear(struct pg_array *array)
{
    array->len = 0;
    array->has_nulls = false;
    array->bytes.len = 0;
    if (array->bytes.cap > ARRAY_KEEP_BYTES)
        buf_done(&array->bytes);
}

void pg_array_done(struct pg_array *array)
{
    buf_done(&array->bytes);
    array->len = 0;
}

struct pg_number pg_number_of(int64_t value)
{
    const uint64_t bytes = htobe64((uint64_t)value);
    struct pg_number number;

    memcpy(number.bytes, &bytes, sizeof(bytes));
    return number;
}

int64_t pg_number_read(const char *bytes, int len)
{
    uint64_t value = len > 0 && bytes[0] < 0 ? UINT64_MAX : 0;

    for (int i = 0; i < len; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}
