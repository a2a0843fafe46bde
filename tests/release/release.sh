# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev test --release CODENAME [NAME...]: the tests in another release of Debian.
#
# The release is a folder that debootstrap makes once, under ~/.cache/convex-relay. There is a copy
# of the repository in that folder for each place on this machine that one was tested from, with
# build folders and node_modules of its own, so that builds for two releases do not meet. Of this
# machine the release is given what is needed to reach the network: names, certificates, proxies,
# and npm's settings.
source tests/release/debian.sh

release_cache=${XDG_CACHE_HOME:-$HOME/.cache}/convex-relay
release_certificates=/etc/machine.pem # in the release

why_no_release() {
    local codename=$1 reason
    reason=$(why_no_mounts)
    if [ -n "$reason" ] || [ -d "$release_cache/$codename" ]; then
        echo "$reason"
    elif ! command -v debootstrap >/dev/null && ! command -v apt-get >/dev/null; then
        echo "there is no debootstrap"
    else
        why_no_mirror "$codename"
    fi
}

# Of debootstrap's 500 lines those that say that something else is done now.
show_progress() {
    local word='' last='' line
    while IFS= read -r line; do
        [[ $line =~ ^I:\ (Retrieving|Extracting|Unpacking|Configuring)\  ]] || continue
        word=${BASH_REMATCH[1]}
        [ "$word" = "$last" ] || say "... ${word,} Debian's packages"
        last=$word
    done
}

# A half-made root has another name, and is never mistaken for a whole one.
make_release() {
    local codename=$1 new log=$release_cache/$1.log
    [ ! -d "$release_cache/$codename" ] || return 0
    deps release
    say "... making a Debian $codename in $release_cache, once; this takes some minutes"
    new=$(mktemp -d "$release_cache/$codename.XXXXXX")
    chmod 755 "$new"
    if ! (bootstrap_debian "$codename" "$new" 2>&1) | tee "$log" | show_progress; then
        tail -n 20 "$log" >&2
        die "making a Debian $codename failed; all that was said is in $log"
    fi
    mv -T "$new" "$release_cache/$codename"
}

# The file that npm's configuration names, if there is one.
npm_file() {
    local file=
    ! command -v npm >/dev/null || file=$(npm config get "$1" 2>/dev/null || true)
    [ ! -f "$file" ] || echo "$file"
}

# Everything that this machine trusts, as one file.
gather_certificates() {
    local file
    for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
        "${SSL_CERT_FILE-}" "${CURL_CA_BUNDLE-}" "${NODE_EXTRA_CA_CERTS-}" "$(npm_file cafile)"; do
        [ ! -f "$file" ] || realpath "$file"
    done | sort -u | xargs -rd '\n' cat
}

# equip_release ROOT: as this machine is now.
equip_release() {
    local root=$1 which file
    cp -L --remove-destination /etc/hosts /etc/resolv.conf "$root/etc/"
    gather_certificates >"$root$release_certificates"
    for which in userconfig globalconfig; do
        file=$(npm_file "$which")
        install -m 600 "${file:-/dev/null}" "$root/etc/npm-$which"
    done
    {
        ! command -v apt-config >/dev/null ||
            apt-config dump | grep -E '^Acquire::(https?::|Retries|ForceIP)' |
            grep -v '::Proxy-Auto-Detect' || true
        echo "Acquire::https::CaInfo \"$release_certificates\";"
    } >"$root/etc/apt/apt.conf.d/machine"
    # No package starts its server there.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

# copy_repository FOLDER: what git knows or would take. Unchanged files keep their times, so that
# only the rest is built.
copy_repository() {
    local folder=$1 path
    mkdir -p "$folder"
    touch "$folder.files"
    git ls-files --cached --others --exclude-standard -z | while IFS= read -rd '' path; do
        [ ! -e "$path" ] || printf '%s\0' "$path"
    done | LC_ALL=C sort -zu >"$folder.new"
    LC_ALL=C comm -z -23 "$folder.files" "$folder.new" | (cd "$folder" && xargs -0 -r rm -f --)
    tar --null --files-from "$folder.new" -cf - | tar -xf - -C "$folder"
    mv "$folder.new" "$folder.files"
}

# enter_release ROOT FOLDER COMMAND...: in namespaces that take mounts and processes along when they
# end.
enter_release() {
    local root=$1 folder=$2 name variables=()
    shift 2
    for name in $(compgen -e); do
        [[ ! ${name,,} =~ ^((https?|ftp|all|no)_proxy|npm_config_.*|relay_seed)$ ]] ||
            variables+=("$name=${!name}")
    done
    variables+=(HOME=/root "PATH=/usr/sbin:/usr/bin:/sbin:/bin" LANG=C.UTF-8 "TERM=${TERM:-dumb}"
        "NODE_EXTRA_CA_CERTS=$release_certificates" "npm_config_cafile=$release_certificates"
        npm_config_userconfig=/etc/npm-userconfig npm_config_globalconfig=/etc/npm-globalconfig
        "DEBIAN_MIRROR=$(debian_mirror)")
    # unshare does not listen to SIGTERM: KILL ends unshare with ./dev, and everything in there.
    env -i "${variables[@]}" setpriv --pdeathsig KILL \
        unshare --mount --propagation private --pid --fork --kill-child \
        tests/release/enter "$root" "$folder" "$@"
}

# test_in_release CODENAME [NAME...]
test_in_release() {
    local codename=${1-} reason root folder
    case $codename in
    bookworm | trixie) shift ;;
    *) die "test --release wants bookworm or trixie" ;;
    esac
    reason=$(why_no_release "$codename")
    if [ -n "$reason" ]; then
        printf '     skipped: Debian %s: %s\n0 passed, 0 failed, 1 skipped\n' "$codename" "$reason"
        return
    fi

    root=$release_cache/$codename
    folder=/srv/$(basename "$PWD")-$(pwd -P | cksum | cut -d ' ' -f 1)
    mkdir -p "$release_cache"
    exec {lock}>"$release_cache/$codename.lock"
    flock "$lock" # nobody else changes it meanwhile
    make_release "$codename"
    equip_release "$root"
    copy_repository "$root$folder"
    enter_release "$root" "$folder" ./dev deps test
    exec {lock}>&-
    say "... testing in Debian $(<"$root/etc/debian_version")"
    enter_release "$root" "$folder" ./dev test "$@"
}
