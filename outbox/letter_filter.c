/* SPDX-License-Identifier: MIT */
/* The letter filter has two bits for each record, both from one hash of 64 bits. */
#include "outbox/letter_filter.h"

struct letter_bits {
    uint32_t at[2];
};

static struct letter_bits letter_bits_of(const struct letter_filter *filter, struct span model,
                                         struct span record)
{
    uint64_t hash = table_hash(&filter->seed, model, record);

    return (struct letter_bits){
        {(uint32_t)hash % LETTER_FILTER_BITS, (uint32_t)(hash >> 32) % LETTER_FILTER_BITS}};
}

int letter_filter_init(struct letter_filter *filter)
{
    return table_init(&filter->seed);
}

void letter_filter_set_loaded(struct letter_filter *filter, bool loaded)
{
    atomic_store(&filter->loaded, loaded);
}

bool letter_filter_is_loaded(const struct letter_filter *filter)
{
    return atomic_load(&filter->loaded);
}

void letter_filter_add(struct letter_filter *filter, struct span model, struct span record)
{
    if (!record.at)
        return;
    struct letter_bits bits = letter_bits_of(filter, model, record);

    for (int i = 0; i < 2; i++)
        atomic_fetch_or(&filter->words[bits.at[i] / 64], UINT64_C(1) << bits.at[i] % 64);
}

bool letter_filter_may_have(const struct letter_filter *filter, struct span model,
                            struct span record)
{
    if (!letter_filter_is_loaded(filter))
        return true;
    struct letter_bits bits = letter_bits_of(filter, model, record);
    for (int i = 0; i < 2; i++)
        if (!(atomic_load(&filter->words[bits.at[i] / 64]) >> bits.at[i] % 64 & 1))
            return false;
    return true;
}
