# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev bench: measures what an event costs, and bench micro its pure parts. Sourced by ./dev.

bench() {
    if [ "${1-}" = micro ]; then
        bench_micro
    else
        bench_scenarios "$@"
    fi
}

bench_scenarios() {
    deps bench
    compile_optimised
    quietly "building build-bench/tests/lib/libturns.so" ninja --quiet -C build-bench \
        tests/lib/libturns.so
    ulimit -n "$(ulimit -Hn)" # thousands of connections wait at once
    RELAY_BIN=build-bench/convex-relay exec node tests/bench/main.mjs "$@"
}

bench_micro() {
    deps build
    compile_optimised
    quietly "building build-bench/tests/bench/micro" ninja --quiet -C build-bench tests/bench/micro
    exec build-bench/tests/bench/micro
}

compile_optimised() {
    configure build-bench -Dbuildtype=release -Dtests=disabled
    compile build-bench
}
