# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev lint: format, includes, and what the static analysers say. Sourced by ./dev.

# analyse DIRECTORY COMPILER MESON_OPTION...: no warning is let through.
analyse() {
    [ -f "$1/build.ninja" ] || CC=$2 meson setup "$1" -Dwerror=true "${@:3}"
    ninja -C "$1"
}

# find_ours TEST...: prints the files of the repository that find's tests choose, with a NUL behind
# each.
find_ours() {
    find . \( -name .git -o -path './build*' -o -name node_modules \) -prune -o \
        -type f \( "$@" \) -print0
}

# Shell scripts: files that ./dev sources, and files without a suffix whose first line names a
# shell.
find_shell() {
    find_ours -name '*.sh' -o -name '*.bash'
    find_ours ! -name '*.*' | xargs -0 grep -lZE '^#!.*\b(ba)?sh$'
}

lint() {
    local sources=(*/*.c) failed=0 # the rooms': a test's are deeper
    deps lint
    configure build
    check() { (quietly "$@") || failed=1; }
    check clang-format \
        xargs -0 clang-format --dry-run -Werror < <(find_ours -name '*.[ch]')
    check prettier \
        tests/node_modules/.bin/prettier --check '**/*.{mjs,ts}'
    check clang-tidy \
        xargs -P 2 -n 1 clang-tidy -p build --quiet < <(printf '%s\n' "${sources[@]}")
    check "clang's warnings" analyse build-clang clang -Dtests=enabled
    # The tests are left out: gcc's analyser does not know that a failed assertion of cmocka ends a
    # test. malloc-leak is off: gcc takes memory for lost that a list holds by a member in it;
    # LeakSanitizer and Valgrind see real leaks.
    check "gcc -fanalyzer" analyse build-fanalyzer gcc -Dtests=disabled \
        -Dc_args='-fanalyzer -Wno-analyzer-malloc-leak'
    # varFuncNullUB is off: NULL ends the argument lists of logs, and on Linux NULL is a pointer.
    # Leaks are off: cppcheck does not know the cleanup attribute; LeakSanitizer sees leaks in the
    # tests.
    check cppcheck \
        cppcheck --enable=warning,performance,portability --error-exitcode=1 --quiet \
        --std=c11 -D_GNU_SOURCE -I. --library=posix --library=gnu --library=bsd \
        --library=tests/checks/cppcheck.cfg \
        --suppress=varFuncNullUB --suppress=resourceLeak --suppress=memleak \
        "${sources[@]}"
    check shellcheck xargs -0 shellcheck < <(find_shell)
    check includes node --test --test-reporter=spec tests/checks/includes.test.mjs
    check lines node --test --test-reporter=spec tests/checks/lines.test.mjs
    return "$failed"
}
