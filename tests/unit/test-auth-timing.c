/* SPDX-License-Identifier: MIT */
/*
 * Whether the time that the secret check takes tells anything of the secret. In each row two
 * presented secrets are told apart by time, if possible: by keyring_check(), where nothing may be
 * told, and by strcmp() instead, where the test must see the leak. Of a usual secret strcmp() tells
 * too little on machines that compare 32 bytes at once; there a loop over the bytes stands in for
 * strcmp().
 *
 * Both are measured in turns, in random order, from the same memory, so that whatever else the
 * machine does hits both alike. A round compares the medians of what is left of its samples without
 * the slow ones; the medians of many rounds then must differ by TELLING_NS in the same direction. A
 * busy machine shows no difference twice by chance: one counts only when every one of ATTEMPTS
 * finds it.
 *
 * Sources: Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", 2017 (random order,
 * cropping); a median rather than Welch's t, which calls any difference one with enough samples.
 */
#include "auth/keyring.h"

#include <time.h>

#include "tests/unit/lib/rows.h"

enum {
    ATTEMPTS = 4,
    TRIES = 10,
    ROUNDS = 31,
    SAMPLES = 200, /* of each of the two, in a round */
    CALLS = 32,    /* in a sample, since the clock is coarse */
    KEPT = 120,    /* the fastest of them */
    SECRET_LEN = 512,
};

/* Per call: far below what a network lets through, and strcmp() on a long secret gives away more.
 */
#define TELLING_NS 1.0

struct checker {
    struct keyring *keyring; /* NULL: one of those that tell */
    int (*compare)(const char *secret, const char *presented);
    const char *secret;
};

struct row {
    const char *name;
    size_t secret_len;
    size_t right_a, right_b; /* bytes from the start that are right */
    size_t len;              /* of both presented ones */
    int (*tells)(const char *secret, const char *presented); /* that must be seen to; or NULL */
};

/* strcmp() as the books have it. */
static int compare_bytes(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a - *b;
}

static struct row rows[] = {
    {"long, all right but for the last byte, or all wrong", 512, 511, 0, 512, strcmp},
    {"long, half right, or all wrong", 512, 256, 0, 512, strcmp},
    {"long, the whole, or all wrong", 512, 512, 0, 512, strcmp},
    {"usual, all right but for the last byte, or all wrong", 64, 63, 0, 64, compare_bytes},
    {"usual, the first byte right, or not", 64, 1, 0, 64, NULL},
    {"usual, the whole, or all wrong", 64, 64, 0, 64, compare_bytes},
    {"too short, right as far as it goes, or all wrong", 64, 8, 0, 8, NULL},
    {"too long, with all of it in front, or all wrong", 64, 64, 0, 512, NULL},
    {"one byte, right or wrong", 1, 1, 0, 1, NULL},
};

/* ---- Measuring ---- */

/* Source: Marsaglia, "Xorshift RNGs", 2003. */
static unsigned roll(unsigned *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 17;
    *dice ^= *dice << 5;
    return *dice;
}

static double now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Not to be inlined: the compiler must not know what is compared. */
static __attribute__((noinline)) int check(const struct checker *checker, struct span presented)
{
    if (checker->keyring)
        return keyring_check(checker->keyring, presented) != KEYRING_NONE;
    return checker->compare(checker->secret, presented.at) == 0;
}

static volatile int sink;

static double sample_ns(const struct checker *checker, struct span presented)
{
    double start_ns = now_ns();

    for (int i = 0; i < CALLS; i++)
        sink += check(checker, presented);
    return (now_ns() - start_ns) / (double)CALLS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t len)
{
    qsort(values, len, sizeof(*values), compare);
    return values[len / 2];
}

/* How much longer a takes than b, in one round. */
static double round_ns(const struct checker *checker, const char *const texts[2], size_t len,
                       unsigned *dice)
{
    static char presented[SECRET_LEN + 1]; /* one place for both */
    static double times[2][SAMPLES];
    size_t taken[2] = {0};

    while (taken[0] < SAMPLES || taken[1] < SAMPLES) {
        int which = roll(dice) >> 8 & 1;
        if (taken[which] == SAMPLES)
            which = !which;
        memcpy(presented, texts[which], len + 1);
        times[which][taken[which]++] = sample_ns(checker, (struct span){presented, len});
    }
    (void)median(times[0], SAMPLES); /* sorts */
    (void)median(times[1], SAMPLES);
    return median(times[0], KEPT) - median(times[1], KEPT);
}

static double difference_ns(const struct checker *checker, const char *const texts[2], size_t len,
                            unsigned *dice)
{
    double rounds[ROUNDS];

    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = round_ns(checker, texts, len, dice);
    return median(rounds, ROUNDS);
}

/* Whether the two can be told apart, again and again; *least is the smallest difference seen. */
static bool time_tells(const struct checker *checker, const char *const texts[2], size_t len,
                       double *least_ns)
{
    unsigned dice = 1;
    double first_ns = 0;

    *least_ns = 1e9;
    for (int i = 0; i < ATTEMPTS; i++) {
        double ns = difference_ns(checker, texts, len, &dice);
        double size_ns = ns < 0 ? -ns : ns;
        if (i == 0)
            first_ns = ns;
        if (size_ns < *least_ns)
            *least_ns = size_ns;
        if (size_ns < TELLING_NS || (ns < 0) != (first_ns < 0))
            return false;
    }
    return true;
}

/* ---- The cases ---- */

static bool is_slowed_down(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#endif
    return preloaded && strstr(preloaded, "vgpreload"); /* Valgrind */
}

static void make_secret(char secret[SECRET_LEN + 1], size_t len)
{
    for (size_t i = 0; i < len; i++)
        secret[i] = (char)('!' + i * 7 % 90);
    secret[len] = '\0';
}

static void make_presented(char text[SECRET_LEN + 1], const char *secret, size_t right, size_t len)
{
    memset(text, '~', len);
    memcpy(text, secret, right);
    text[len] = '\0';
}

static void time_does_not_tell(void **state)
{
    const struct row *row = *state;
    char secret[SECRET_LEN + 1], a[SECRET_LEN + 1], b[SECRET_LEN + 1];
    const char *const texts[2] = {a, b};
    cleanup(keyring_freep) struct keyring *keyring = NULL;
    double least_ns;

    make_secret(secret, row->secret_len);
    make_presented(a, secret, row->right_a, row->len);
    make_presented(b, secret, row->right_b, row->len);
    assert_int_equal(keyring_new(secret, NULL, &keyring), 0);

    if (row->tells) {
        const struct checker plain = {.compare = row->tells, .secret = secret};
        bool told = false;
        /* What others do may hide it for a while. */
        for (int i = 0; i < TRIES && !told; i++)
            told = time_tells(&plain, texts, row->len, &least_ns);
        print_message("in its place: %.2f ns\n", least_ns);
        assert_true(told);
    }
    const struct checker real = {.keyring = keyring};
    bool told = time_tells(&real, texts, row->len, &least_ns);
    print_message("keyring_check: %.2f ns\n", least_ns);
    assert_false(told);
}

/* Its name is the reason that is printed. */
static void times_mean_nothing_under_a_sanitizer_or_valgrind(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    static const struct CMUnitTest none[] = {
        cmocka_unit_test(times_mean_nothing_under_a_sanitizer_or_valgrind),
    };
    static struct CMUnitTest tests[array_len(rows)];

    if (is_slowed_down())
        return cmocka_run_group_tests(none, NULL, NULL);
    rows_add(tests, 0, rows, time_does_not_tell);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
