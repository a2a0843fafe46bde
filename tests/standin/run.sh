# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev run: builds and serves; without a Convex, against the local stand-in. Sourced by ./dev.

load_env_file() {
    local name value
    [ -f .env ] || return 0
    say "... reading .env"
    while IFS='=' read -r name value || [ -n "$name" ]; do
        [[ $name =~ ^[A-Z_]+$ ]] || continue
        value=${value#[\"\']} value=${value%[\"\']}
        [ -n "${!name+set}" ] || export "$name=$value" # the environment wins
    done <.env
}

run() {
    load_env_file
    if [ -n "${CONVEX_URL:-}" ]; then
        build
        exec build/convex-relay "$@"
    fi
    deps run
    build
    run_with_standin "$@"
}

# avoid_taken_port NAME DEFAULT: sets NAME to 0, where it is not set and the default is taken.
avoid_taken_port() {
    if [ -z "${!1:-}" ] && (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
        say "... port $2 is taken; taking a free one ($1=N chooses)"
        export "$1=0"
    fi
}

# The relay and the stand-in get separate process groups, so that Ctrl-C reaches this script alone,
# which stops first the relay, after draining, and then the stand-in. A second one stops at once.
run_with_standin() {
    local from_standin to_log log_reader relay line status interrupted=yes
    set -m
    coproc standin { exec node tests/standin/main.mjs --port 0 2>&1; }
    exec {from_standin}<&"${standin[0]}"
    # shellcheck disable=SC2154 # coproc sets standin_PID
    trap 'kill "$standin_PID" 2>/dev/null || true' EXIT

    read -r line <&"$from_standin" || die "the stand-in for Convex did not start"
    [[ $line =~ (http://[^ ]+)$ ]] || die "the stand-in for Convex says: $line"
    export CONVEX_URL=${BASH_REMATCH[1]}
    sed -u 's/^/convex stand-in: /' <&"$from_standin" &
    exec {from_standin}<&-

    export OUTBOX=${OUTBOX:-build/outbox.db}
    export SYNC_SECRET=${SYNC_SECRET:-$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')}
    avoid_taken_port PORT 3000
    avoid_taken_port ADMIN_PORT 3001

    exec {to_log}> >(show_log_and_hint)
    log_reader=$!
    build/convex-relay "$@" 2>&"$to_log" &
    relay=$!
    exec {to_log}>&-
    trap 'interrupted=yes; kill "$relay" 2>/dev/null || true' INT TERM HUP
    while [ -n "$interrupted" ]; do
        interrupted='' status=0
        wait "$relay" || status=$? # a signal ends the wait, too
    done
    wait "$log_reader" || true
    return "$status"
}

# Passes the relay's log on; once it listens, says what to do next.
show_log_and_hint() {
    local line hinted=
    trap '' INT
    while IFS= read -r line; do
        printf '%s\n' "$line" >&2
        if [[ -z $hinted && $line =~ listening.*[=\"]([^\"= ]+:[0-9]+) ]]; then
            hinted=yes
            hint "${BASH_REMATCH[1]}" >&2
        fi
    done
}

hint() {
    cat <<END

Send it a record, from another terminal:

curl -X POST http://$1/convex/sync \\
  -H "Content-Type: application/json" \\
  -H "X-Sync-Secret: $SYNC_SECRET" \\
  -d '{
    "model": "users",
    "operation": "add",
    "data": {
      "bladeId": "test123",
      "email": "test@example.com",
      "name": "Test User"
    },
    "hiveId": "test123"
  }'

It answers {"success":true}, and the stand-in for Convex shows the record here.
To go on with a real deployment, write these two into .env and start again:

CONVEX_URL=https://your-deployment.convex.cloud
SYNC_SECRET=$SYNC_SECRET

Ctrl-C stops both.

END
}
