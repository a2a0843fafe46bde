/* SPDX-License-Identifier: MIT */
/* Which bundles of certificates are one. */
#include "auth/bundle.h"

#include "tests/unit/lib/rows.h"

#define CERTIFICATE                                                                                \
    "-----BEGIN CERTIFICATE-----\n"                                                                \
    "MIIBjzCCATWgAwIBAgIUHz5dY1lI8wgUtu33rBrSEtwEdkgwCgYIKoZIzj0EAwIw\n"                           \
    "HDEaMBgGA1UEAwwRY29udmV4LXJlbGF5IHRlc3QwIBcNMjYxMTIyMTczNjExWhgP\n"                           \
    "MjEyNjEwMjkxNzM2MTFaMBwxGjAYBgNVBAMMEWNvbnZleC1yZWxheSB0ZXN0MFkw\n"                           \
    "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGKhsnPJ7yw0t/zzP6qf73uQ1QkykILpe\n"                           \
    "Buv62lzGMB63a5XXV2d++m8QDdKLHD0nFUnhTATiF5EiQ842e0fZvqNTMFEwHQYD\n"                           \
    "VR0OBBYEFGuzMikVimcXFw4poChEEB/VKxWVMB8GA1UdIwQYMBaAFGuzMikVimcX\n"                           \
    "Fw4poChEEB/VKxWVMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg\n"                           \
    "Bkc5BoT4hM0J5d5eUCi90DWCsz+7h+Xl10OZ27hnZqgCIQCs1sOuI4pR+6r8Np9l\n"                           \
    "pnJMdtopfw/gykIuW0PZP1k8Uw==\n"                                                               \
    "-----END CERTIFICATE-----\n"
#define KEY                                                                                        \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGKhsnPJ7yw0t/zzP6qf73uQ1Qkyk\n"                           \
    "ILpeBuv62lzGMB63a5XXV2d++m8QDdKLHD0nFUnhTATiF5EiQ842e0fZvg==\n"                               \
    "-----END PUBLIC KEY-----\n"

struct row {
    const char *name;
    struct span pem;
    int outcome;
    int count;
};

static struct row rows[] = {
    {"one", TEXT(CERTIFICATE), 0, 1},
    {"two, and what people write between them",
     TEXT("# ours\n" CERTIFICATE "\n# theirs\n" CERTIFICATE), 0, 2},
    {"line ends of Windows", TEXT("-----BEGIN CERTIFICATE-----\r\n"), BUNDLE_BROKEN, 0},
    {"one beside a key", TEXT(KEY CERTIFICATE), 0, 1},
    {"nothing", TEXT(""), BUNDLE_EMPTY, 0},
    {"text", TEXT("root:x:0:0:root:/root:/bin/bash\n"), BUNDLE_EMPTY, 0},
    {"a key alone", TEXT(KEY), BUNDLE_EMPTY, 0},
    {"a beginning alone", TEXT("-----BEGIN CERTIFICATE-----\n"), BUNDLE_BROKEN, 0},
    {"what is none inside",
     TEXT("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"), BUNDLE_BROKEN, 0},
    {"one, and one that is none",
     TEXT(CERTIFICATE "-----BEGIN CERTIFICATE-----\naGVsbG8=\n"
                      "-----END CERTIFICATE-----\n"),
     BUNDLE_BROKEN, 0},
    {"one, and one that is cut off",
     TEXT(CERTIFICATE "-----BEGIN CERTIFICATE-----\nMIIBjzCCATWgAwI"), BUNDLE_BROKEN, 0},
    {"NUL", TEXT("\0\0\0\0"), BUNDLE_EMPTY, 0},
};

static void bundle_is_counted(void **state)
{
    const struct row *row = *state;
    int count = 0;

    assert_int_equal(bundle_count(row->pem, &count), row->outcome);
    assert_int_equal(count, row->count);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rows)];

    (void)rows_add(tests, 0, rows, bundle_is_counted);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
