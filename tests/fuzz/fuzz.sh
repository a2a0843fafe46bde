# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev fuzz: feeds what libFuzzer makes up to the programs of this folder. Sourced by ./dev.

# fuzz_target NAME SECONDS: keeps new inputs in build-fuzz/corpus. Fails if one breaks something.
fuzz_target() {
    local target=$1 seconds=$2 corpus=build-fuzz/corpus/$1 log=build-fuzz/$1.log status=0
    local options=("-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -verbosity=0 "-artifact_prefix=build-fuzz/findings/$target-")

    mkdir -p "$corpus" build-fuzz/findings
    [ ! -f "tests/fuzz/$target.dict" ] || options+=("-dict=tests/fuzz/$target.dict")
    say "... $target, $seconds s"
    build-fuzz/tests/fuzz/fuzz-"$target" "${options[@]}" "$corpus" "tests/fuzz/corpus/$target" \
        >"$log" 2>&1 || status=$?
    printf '%-20s %s executions, %s a second\n' "$target" \
        "$(awk '/^stat::number_of_executed_units/ { print $2 }' "$log")" \
        "$(awk '/^stat::average_exec_per_sec/ { print $2 }' "$log")"
    [ "$status" != 0 ] || return 0

    grep -v '^INFO\|NEW_FUNC' "$log" >&2
    say "FOUND by $target; all it said is in $log. To see it again:"
    sed -n 's/.*Test unit written to /    build-fuzz\/tests\/fuzz\/fuzz-'"$target"' /p' "$log" >&2
    return 1
}

fuzz() {
    local target='' seconds=60 name targets=() failed=0
    for name; do
        if [[ $name =~ ^[0-9]+$ ]]; then seconds=$name; else target=$name; fi
    done
    deps fuzz
    CC=clang configure build-fuzz -Dfuzz=true -Dtests=disabled -Dbuildtype=debug -Doptimization=1 \
        -Db_sanitize=address,undefined -Db_lundef=false
    compile build-fuzz
    for name in tests/fuzz/fuzz-*.c; do
        name=${name#tests/fuzz/fuzz-}
        targets+=("${name%.c}")
    done
    [ -z "$target" ] || [[ " ${targets[*]} " == *" $target "* ]] ||
        die "no such target: $target; there are ${targets[*]}"
    for name in ${target:-"${targets[@]}"}; do
        fuzz_target "$name" "$seconds" || failed=1
    done
    return "$failed"
}
