# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev image: builds the container image, with whatever builds images here. Sourced by ./dev.
source tests/release/debian.sh

image_name=convex-relay
image_base=localhost/convex-relay-base:bookworm

# Who builds images here: docker, podman or buildah. Docker's command may be there without an
# engine.
image_engine() {
    if docker info >/dev/null 2>&1; then
        echo docker
    elif podman info >/dev/null 2>&1; then
        echo podman
    else
        echo buildah
    fi
}

# Why no image can be built here; nothing: it can.
why_no_image() {
    [ "$(image_engine)" = buildah ] || return 0
    if ! command -v buildah >/dev/null && ! command -v apt-get >/dev/null; then
        echo "there is neither Docker nor Podman nor buildah"
    elif [ "$(id -u)" != 0 ]; then
        echo "there is no Docker engine, and buildah with chroot isolation needs root"
    elif ! unshare --mount sh -c 'mount -t tmpfs none /mnt' 2>/dev/null; then
        echo "there is no Docker engine, and buildah needs to mount, which is not allowed here"
    fi
}

# build_image ENGINE NAME ARGUMENT...
build_image() {
    local engine=$1 name=$2 how=()
    shift 2
    # The OCI format knows no health check.
    [ "$engine" = docker ] || how=(--format docker --layers)
    # Limits may be lowered anywhere; later versions of buildah would raise them.
    [ "$engine" != buildah ] ||
        how+=(--isolation chroot --ulimit nofile=1024:1024 --ulimit nproc=4096:4096)
    "$engine" build "${how[@]}" --tag "$name" "$@"
}

make_base() {
    local engine=$1 folder=build-image
    ! "$engine" inspect "$image_base" >/dev/null 2>&1 || return 0
    deps release
    rm -rf "$folder"
    mkdir "$folder"
    quietly "making a Debian 12 for the image" bootstrap_debian bookworm "$folder/root"
    tar -C "$folder/root" -cf "$folder/root.tar" .
    printf 'FROM scratch\nADD root.tar /\n' >"$folder/Dockerfile"
    quietly "making a base of it" build_image "$engine" "$image_base" "$folder"
    rm -rf "$folder"
}

image() {
    local engine base version reason
    reason=$(why_no_image)
    [ -z "$reason" ] || die "no image: $reason"
    engine=$(image_engine)
    deps image

    base=$(sed -n 's/^ARG BASE=//p' docker/Dockerfile)
    if [ "${1-} ${2-}" = "--base debootstrap" ]; then
        base=
    elif ! "$engine" inspect "$base" >/dev/null 2>&1; then
        say "... pulling $base"
        timeout 120 "$engine" pull "$base" >/dev/null 2>&1 || base=
        [ -n "$base" ] || say "... no registry can be reached"
    fi
    if [ -z "$base" ]; then
        base=$image_base
        make_base "$engine"
    fi

    version=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
    quietly "building $image_name:$version with $engine" build_image "$engine" "$image_name" \
        --build-arg BASE="$base" --build-arg VERSION="$version" \
        --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
        --file docker/Dockerfile .
    "$engine" tag "$image_name" "$image_name:$version"
    "$engine" images "$image_name"
}
