#!/usr/bin/env bash
# Programs of the machine that some tests look with. A machine that lacks one runs the others, and prints what was skipped.
set -euo pipefail

# strace counts the system calls of the engine and watches the audit, chromium opens the page of the audit,
# promtool runs the tests of the alerts.
programs=(strace chromium promtool)
kept="${EVENKEEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel}/programs"

missing=()
for program in "${programs[@]}"; do
    command -v "$program" > /dev/null || [ -x "$kept/$program" ] || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! [ -e /etc/debian_version ]; then
    printf 'Not installed here: %s. Tests that need it are skipped with the reason.\n' "${missing[*]}"
    exit 0
fi

install_program() {
    if [ "$1" != promtool ]; then
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$1"
        return
    fi
    # Its package would start a server: only the program is taken out of it.
    local unpacked
    unpacked=$(mktemp -d)
    (cd "$unpacked" && apt-get download -q -o APT::Sandbox::User=root prometheus && dpkg-deb -x prometheus_*.deb .) &&
        install -D -m 0755 "$unpacked/usr/bin/promtool" "$kept/promtool"
    rm -r "$unpacked"
}

apt-get update -q
# One by one: what cannot be had does not keep the others away.
for program in "${missing[@]}"; do
    printf 'Installing %s with apt-get\n' "$program"
    install_program "$program" || printf 'Not installed: %s. Tests that need it are skipped with the reason.\n' "$program"
done
