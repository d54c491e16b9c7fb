#!/usr/bin/env bash
# Programs of the machine that some tests look with. A machine that lacks one runs the others, and prints what was skipped.
set -euo pipefail

# strace counts the system calls of the engine and watches the audit.
programs=(strace)

missing=()
for program in "${programs[@]}"; do
    command -v "$program" > /dev/null || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! [ -e /etc/debian_version ]; then
    printf 'Not installed here: %s. Tests that need it are skipped with the reason.\n' "${missing[*]}"
    exit 0
fi
printf 'Installing %s with apt-get\n' "${missing[*]}"
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
