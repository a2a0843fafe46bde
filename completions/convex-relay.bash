# SPDX-License-Identifier: MIT
# bash completion of convex-relay

_convex_relay() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=
    case $COMP_CWORD,${COMP_WORDS[1]-},${COMP_WORDS[2]-} in
    1,*) words='check health outbox --help --version' ;;
    2,outbox,*) words='stats list show replay discard backup adopt --help' ;;
    *,outbox,stats | *,outbox,show) words=--json ;;
    *,outbox,list) words='--state --model --json' ;;
    *,outbox,replay) words='--all --model --reason --before --dry-run --force' ;;
    *,outbox,discard) words='--all --model --reason --before --dry-run' ;;
    *,outbox,backup)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    esac
    case $before in
    --state) words='pending dead' ;;
    --model | --reason | --before) words= ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _convex_relay convex-relay
