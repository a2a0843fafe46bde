/* SPDX-License-Identifier: MIT */
/* A hash table whose nodes live inside the things it finds. */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/error.h"

enum { TABLE_SLOTS_MIN = 64 };

int table_init(struct table *table)
{
    *table = (struct table){0};
    if (getrandom(table->seed, sizeof(table->seed), 0) != (ssize_t)sizeof(table->seed))
        return error_origin(-errno);
    return 0;
}

void table_done(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}

/* ---- SipHash-1-3 ---- */

struct sip {
    uint64_t v[4];
    uint64_t word; /* bytes at the end that are fewer than eight so far */
    size_t len;
};

static uint64_t sip_rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = sip_rotate(v[1], 13) ^ v[0];
    v[0] = sip_rotate(v[0], 32);
    v[2] += v[3];
    v[3] = sip_rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = sip_rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = sip_rotate(v[1], 17) ^ v[2];
    v[2] = sip_rotate(v[2], 32);
}

static void sip_word(struct sip *sip, uint64_t word)
{
    sip->v[3] ^= word;
    sip_round(sip->v);
    sip->v[0] ^= word;
}

static void sip_add(struct sip *sip, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        sip->word |= (uint64_t)(uint8_t)bytes.at[i] << (sip->len % 8 * 8);
        if (++sip->len % 8 == 0) {
            sip_word(sip, sip->word);
            sip->word = 0;
        }
    }
}

uint64_t table_hash(const struct table *table, struct span a, struct span b)
{
    uint64_t k0 = table->seed[0], k1 = table->seed[1];
    struct sip sip = {.v = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
                            k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}};
    uint64_t a_len = a.len;

    /* The first part's length keeps ("ab", "c") and ("a", "bc") apart. */
    sip_add(&sip, (struct span){(const char *)&a_len, sizeof(a_len)});
    sip_add(&sip, a);
    sip_add(&sip, b);
    sip_word(&sip, sip.word | (uint64_t)sip.len << 56);
    sip.v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        sip_round(sip.v);
    return sip.v[0] ^ sip.v[1] ^ sip.v[2] ^ sip.v[3];
}

/* ---- the table ---- */

static struct table_node **table_slot(const struct table *table, uint64_t hash)
{
    return &table->slots[hash & (table->slots_len - 1)];
}

static struct table_node *table_same_hash(struct table_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct table_node *table_first(const struct table *table, uint64_t hash)
{
    return table->slots_len ? table_same_hash(*table_slot(table, hash), hash) : NULL;
}

struct table_node *table_next(const struct table_node *node)
{
    return table_same_hash(node->next, node->hash);
}

static void table_push(struct table *table, struct table_node *node)
{
    struct table_node **slot = table_slot(table, node->hash);

    node->next = *slot;
    *slot = node;
}

static int table_grow(struct table *table)
{
    struct table bigger = *table;

    bigger.slots_len = table->slots_len ? table->slots_len * 2 : TABLE_SLOTS_MIN;
    bigger.slots = calloc(bigger.slots_len, sizeof(*bigger.slots));
    if (!bigger.slots)
        return error_origin(-ENOMEM);
    for (size_t i = 0; i < table->slots_len; i++) {
        struct table_node *node = table->slots[i];
        while (node) {
            struct table_node *next = node->next;
            table_push(&bigger, node);
            node = next;
        }
    }
    free(table->slots);
    *table = bigger;
    return 0;
}

int table_add(struct table *table, struct table_node *node, uint64_t hash)
{
    if (table->len == table->slots_len) {
        int r = table_grow(table);
        if (r)
            return r;
    }
    node->hash = hash;
    table_push(table, node);
    table->len++;
    return 0;
}

void table_remove(struct table *table, struct table_node *node)
{
    struct table_node **at = table_slot(table, node->hash);

    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    table->len--;
}
