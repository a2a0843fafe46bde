/* SPDX-License-Identifier: MIT */
/*
 * Runs every file of a folder through a fuzz target, each as a test case, where there is no
 * libFuzzer to do so. Speaks TAP. An input that breaks something ends the program, as with
 * libFuzzer: the last line before the failure names the input.
 */
#include <dirent.h>

#include "base/file.h"
#include "fuzz.h"

enum { REPLAY_BYTES_MAX = 1 << 20 };

static int replay_is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_one(const char *folder, const char *name)
{
    cleanup(buf_done) struct buf path = BUF_NULL;
    cleanup(buf_done) struct buf input = BUF_NULL;
    cleanup(buf_done) struct buf why = BUF_NULL;

    fuzz_check(buf_printf(&path, "%s/%s", folder, name) == 0 && buf_string(&path));
    fuzz_check(file_read(path.at, REPLAY_BYTES_MAX, &input, &why) == 0);
    (void)fprintf(stderr, "input: %s\n", path.at);
    char *copy = fuzz_copy(buf_span(&input));
    (void)LLVMFuzzerTestOneInput((const uint8_t *)copy, input.len);
    free(copy);
}

int main(int argc, char **argv)
{
    struct dirent **entries;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    (void)LLVMFuzzerInitialize(&argc, &argv);
    int n = scandir(argv[1], &entries, replay_is_input, alphasort);
    if (n < 0) {
        perror(argv[1]);
        return 1;
    }
    (void)printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        replay_one(argv[1], entries[i]->d_name);
        (void)printf("ok %d - %s\n", i + 1, entries[i]->d_name);
        (void)fflush(stdout);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
