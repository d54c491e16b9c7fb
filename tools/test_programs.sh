#!/usr/bin/env bash
# Programs of the machine that some tests look with. A machine that lacks one runs the others, and prints what was skipped.
set -euo pipefail

# strace counts the system calls of the engine and watches the audit; chromium opens the page of the audit.
programs=(strace chromium)

missing=()
for program in "${programs[@]}"; do
    command -v "$program" > /dev/null || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! [ -e /etc/debian_version ]; then
    printf 'Not installed here: %s. Tests that need it are skipped with the reason.\n' "${missing[*]}"
    exit 0
fi
apt-get update -q
# One by one: what cannot be had does not keep the others away.
for program in "${missing[@]}"; do
    printf 'Installing %s with apt-get\n' "$program"
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$program" ||
        printf 'Not installed: %s. Tests that need it are skipped with the reason.\n' "$program"
done
