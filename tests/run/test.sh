# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./dev test: builds what the suites run, and runs them. Sourced by ./dev.
source docker/image.sh
source tests/release/release.sh

run_tests() {
    case ${1-} in
    --release)
        test_in_release "${@:2}"
        return
        ;;
    '' | --all | --plain | --quick | --valgrind | [!-]*) ;;
    *) die "test knows --all, --quick, --plain, --valgrind and --release, not $1" ;;
    esac
    deps test
    configure build
    # ./dev build and ./dev run need no cmocka, and configure a build without tests where it is
    # missing.
    [ "$(<build/meson-info/intro-tests.json)" != '[]' ] ||
        quietly "adding the tests to build" meson configure build -Dtests=enabled
    compile build
    [[ ${1-} == --* && $1 != --all ]] || compile_sanitized
    [ "${1-}" = --quick ] || export_why_no_image
    exec node tests/run/main.mjs "$@"
}

compile_sanitized() {
    configure build-asan -Dbuildtype=debug -Doptimization=1 -Dwerror=true \
        -Db_sanitize=address,undefined -Db_lundef=false
    compile build-asan
    # With TSan, gcc sees null pointers where there are none.
    configure build-tsan -Dbuildtype=debug -Doptimization=1 -Dc_args=-Wno-null-dereference \
        -Db_sanitize=thread -Db_lundef=false
    compile build-tsan
}

# Tells tests/image why no image can be built: the suite is skipped then, and says so.
export_why_no_image() {
    NO_IMAGE=$(why_no_image)
    NO_IMAGE=${NO_IMAGE:-$(why_no_mirror bookworm)}
    export NO_IMAGE
}
