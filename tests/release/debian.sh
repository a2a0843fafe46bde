# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A Debian made by debootstrap, for the image and for the tests in another release.

# DEBIAN_MIRROR, or where this machine's apt has Debian from; nothing: debootstrap knows one.
debian_mirror() {
    local uri=${DEBIAN_MIRROR:-}
    if [ -z "$uri" ] && command -v apt-get >/dev/null; then
        # shellcheck disable=SC2016 # apt expands it
        uri=$(apt-get indextargets --format '$(REPO_URI)' \
            'Created-By: Packages' 'Label: Debian' 'Component: main' | grep -m 1 ^http || true)
    fi
    echo "${uri%/}"
}

# through_proxy COMMAND...: with apt's proxy, where the environment names none.
through_proxy() {
    local proxy=
    if command -v apt-config >/dev/null; then
        eval "$(apt-config shell proxy Acquire::http::Proxy)"
    fi
    http_proxy=${http_proxy:-$proxy} "$@"
}

# Why the mirror does not have that release for this machine; nothing: it has.
why_no_mirror() {
    local codename=$1 mirror
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || return 0
    through_proxy curl -fs --max-time 20 -o /dev/null "$mirror/dists/$codename/Release" ||
        echo "$mirror cannot be reached, or has no $codename"
}

# Why nothing can be mounted here, and no device be made; nothing: it can.
why_no_mounts() {
    # shellcheck disable=SC2016 # for the other shell
    local try='mount -t tmpfs tmpfs /mnt && mknod -m 666 /mnt/null c 1 3 && : >/mnt/null &&
        mount -t proc proc /proc'
    if [ "$(id -u)" != 0 ]; then
        echo "that needs root"
    elif ! unshare --mount --propagation private --pid --fork sh -c "$try" 2>/dev/null; then
        echo "that needs to mount and to make devices, which is not allowed here"
    fi
}

# bootstrap_debian CODENAME ROOT: without files that Debian's slim images lack, too; apt installs no
# more of them. debootstrap mounts, and does not unmount when killed: in a separate namespace, so
# that ROOT can be removed without reaching through a mount.
bootstrap_debian() {
    local codename=$1 root=$2 mirror path
    mirror=$(debian_mirror)
    # Callers may have switched errexit off.
    through_proxy unshare --mount --propagation private \
        debootstrap --variant=minbase "$codename" "$root" ${mirror:+"$mirror"} || return 1
    read -r _ mirror _ <"$root/etc/apt/sources.list" # the one that it took
    echo "deb ${mirror%/debian}/debian-security $codename-security main" \
        >>"$root/etc/apt/sources.list"
    for path in doc info locale man; do
        rm -rf "${root:?}/usr/share/$path"/*
        echo "path-exclude /usr/share/$path/*"
    done >"$root/etc/dpkg/dpkg.cfg.d/slim"
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*
}
