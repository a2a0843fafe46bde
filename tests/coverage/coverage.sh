# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev coverage: how much of each room's lines and branches the tests reach. Sourced by ./dev.

# Assertions are left out: each is a branch that no test should take. A process that is killed
# counts for nothing.
coverage() {
    local status=0
    deps coverage
    CC=gcc configure build-coverage -Dtests=enabled -Dbuildtype=debug -Db_coverage=true \
        -Db_ndebug=true -Dc_args=-fprofile-update=atomic
    compile build-coverage
    find build-coverage -name '*.gcda' -delete
    node tests/run/main.mjs --coverage "$@" || status=$?
    mkdir -p build-coverage/html
    quietly "reading what was reached" \
        gcovr --root . --object-directory build-coverage build-coverage \
        --filter '(base|auth|convex|outbox|handlers|relay|cli|server)/' \
        --exclude-unreachable-branches --json-summary build-coverage/summary.json \
        --html-details build-coverage/html/index.html
    node tests/coverage/rooms.mjs build-coverage/summary.json
    say "line by line: build-coverage/html/index.html"
    return "$status"
}
