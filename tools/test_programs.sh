#!/usr/bin/env bash
# Programs of the machine that some tests look with. A machine that lacks one runs the others, and prints what was skipped.
set -euo pipefail

# strace counts the system calls of the engine and watches the audit; promtool runs the tests of the alerts.
packages=()
command -v strace > /dev/null || packages+=(strace)
programs="${EVENKEEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel}/programs"
promtool=
command -v promtool > /dev/null || [ -x "$programs/promtool" ] || promtool=promtool

[ ${#packages[@]} -gt 0 ] || [ -n "$promtool" ] || exit 0
if [ "$(id -u)" != 0 ] || ! [ -e /etc/debian_version ]; then
    printf 'Not installed here: %s. Tests that need it are skipped with the reason.\n' "${packages[*]} $promtool"
    exit 0
fi
printf 'Installing %s with apt-get\n' "${packages[*]} $promtool"
apt-get update -q
if [ ${#packages[@]} -gt 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}"
fi
if [ -n "$promtool" ]; then
    # The package would start a server: only the program is taken out of it.
    unpacked=$(mktemp -d)
    trap 'rm -r "$unpacked"' EXIT
    (cd "$unpacked" && apt-get download -q -o APT::Sandbox::User=root prometheus && dpkg-deb -x prometheus_*.deb .)
    install -D -m 0755 "$unpacked/usr/bin/promtool" "$programs/promtool"
fi
