# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What each command of ./dev needs, and how apt and npm install that. Sourced by ./dev.
#
# Each line of a list has what to look for (a command, a file, a pattern of files, or a module of
# pkg-config behind pc:), and Debian's package that brings it. No package is looked for, so that
# another Node or compiler will do as well.

needs_build='
cc                                   gcc
/usr/include/stdio.h                 libc6-dev
meson                                meson
ninja                                ninja-build
pkg-config                           pkg-config
pc:libmicrohttpd                     libmicrohttpd-dev
pc:libcurl                           libcurl4-openssl-dev
pc:libcjson                          libcjson-dev
pc:libcrypto                         libssl-dev
pc:sqlite3                           libsqlite3-dev
pc:libpq                             libpq-dev
/etc/ssl/certs/ca-certificates.crt   ca-certificates'

needs_standin='
node                                 nodejs
npm                                  npm
curl                                 curl'

needs_test='
pc:cmocka                            libcmocka-dev
openssl                              openssl
jq                                   jq
nginx                                nginx-light
prometheus                           prometheus
systemd-analyze                      systemd
mandoc                               mandoc
wrk                                  wrk
sqlite3                              sqlite3
/usr/lib/postgresql/*/bin/initdb     postgresql
/usr/sbin/pgbouncer                  pgbouncer
valgrind                             valgrind
readelf                              binutils
taskset                              util-linux'

needs_bench='
/usr/lib/nginx/modules/ngx_http_echo_module.so libnginx-mod-http-echo'

needs_profile='
perf                                           linux-perf'

# Later versions of buildah do not run without netavark, whatever the network.
needs_buildah='
buildah                              buildah
/usr/lib/podman/netavark             netavark'

needs_coverage='
gcc                                  gcc
gcovr                                gcovr'

# libFuzzer is a file whose place only clang knows: libfuzzer_file() names it, once clang is there.
needs_fuzz='
clang                                clang'

needs_debootstrap='
debootstrap                                     debootstrap
/usr/share/keyrings/debian-archive-keyring.gpg  debian-archive-keyring'

needs_lint='
gcc                                  gcc
clang                                clang
clang-format                         clang-format
clang-tidy                           clang-tidy
cppcheck                             cppcheck
shellcheck                           shellcheck'

# deps COMMAND: installs what that command of ./dev needs, after saying what is missing.
deps() {
    case $1 in
    build) install_packages "$needs_build" ;;
    run | soak)
        install_packages "$needs_build" "$needs_standin"
        install_node_modules tests
        ;;
    test | cost)
        install_packages "$needs_build" "$needs_standin" "$needs_test"
        install_node_modules tests
        ;;
    coverage)
        install_packages "$needs_build" "$needs_standin" "$needs_test" "$needs_coverage"
        install_node_modules tests
        ;;
    lint)
        install_packages "$needs_build" "$needs_standin" "$needs_test" "$needs_lint"
        install_node_modules tests
        ;;
    bench)
        install_packages "$needs_build" "$needs_standin" "$needs_test" "$needs_bench"
        # Ubuntu has no package linux-perf, but one for each kernel. The scenario profile says so
        # where there is no perf.
        [ -z "$(apt-cache policy linux-perf 2>/dev/null)" ] || install_packages "$needs_profile"
        install_node_modules tests
        install_node_modules tests/bench
        ;;
    fuzz)
        install_packages "$needs_build" "$needs_fuzz"
        install_packages "$(libfuzzer_file) libclang-rt-dev"
        ;;
    image)
        source docker/image.sh
        [ "$(image_engine)" != buildah ] || install_packages "$needs_buildah"
        ;;
    release) install_packages "$needs_debootstrap" ;;
    *)
        die "deps knows build, run, test, soak, bench, cost, coverage, lint, fuzz, image, release"
        ;;
    esac
}

libfuzzer_file() {
    echo "$(clang -print-resource-dir)/lib/linux/libclang_rt.fuzzer-$(uname -m).a"
}

is_there() {
    case $1 in
    *'*'*) compgen -G "$1" >/dev/null ;;
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_packages LIST...: installs, after saying so, the packages of lists as above that are
# missing.
install_packages() {
    local what package missing=() without_cluster=
    while read -r what package; do
        [ -z "$what" ] || is_there "$what" || missing+=("$package")
    done < <(printf '%s\n' "$@")
    [ ${#missing[@]} -gt 0 ] || return 0

    command -v apt-get >/dev/null ||
        die "please install (these are Debian's names): ${missing[*]}"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "please install, as root: apt-get install ${missing[*]}"
    say "dev: about to install, by apt: ${missing[*]}"
    quietly "reading the package lists" as_root apt-get -qq update
    [[ " ${missing[*]} " != *' postgresql '* ]] || without_cluster=without_main_cluster
    quietly "installing them" $without_cluster as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}"
    stop_servers "${missing[@]}"
}

# without_main_cluster COMMAND...: runs the command. Debian's postgresql makes and starts no cluster
# meanwhile: the tests make clusters of their own.
without_main_cluster() {
    local folder=/etc/postgresql-common/createcluster.d result=0
    as_root mkdir -p "$folder"
    as_root tee "$folder/convex-relay.conf" >/dev/null <<<'create_main_cluster = false'
    "$@" || result=$?
    as_root rm "$folder/convex-relay.conf"
    return "$result"
}

# stop_servers PACKAGE...: stops the servers that these packages have started at their installation.
# The tests start servers of their own.
stop_servers() {
    local server
    for server in nginx prometheus pgbouncer; do
        if [[ " $* " =~ \ $server(-light)?\  && -d /run/systemd/system ]]; then
            as_root systemctl --quiet disable --now "$server"
        fi
    done
}

# install_node_modules FOLDER: installs what the folder's package-lock.json lists, unless that is
# what was installed last.
install_node_modules() {
    local version folder=$1
    version=$(node -p 'process.versions.node')
    printf '18.19\n%s\n' "$version" | sort -CV || die "node is $version; 18.19 or newer is needed"

    cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed" ||
        quietly "installing npm packages in $folder/node_modules" \
            npm --prefix "$folder" ci --no-audit --no-fund
    cp "$folder/package-lock.json" "$folder/node_modules/.installed"
}
