#!/usr/bin/env bash
# Makes .venv with the pinned tools. Does nothing when everything is there; finishes or replaces what a killed run left.
# The Python is $PYTHON, else the newest of 3.11 to 3.14 that works, on PATH or in pyenv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
stamp=$venv/.evenkeel-setup
unfinished=$venv/.evenkeel-unfinished

fail() { printf 'ERROR: %s\n' "$*" >&2; exit 1; }

# Only what really runs counts: pyenv's shims exist for versions that are not active.
serves() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1
}

candidates() {
    local version directory
    for version in 3.14 3.13 3.12 3.11; do
        for directory in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin; do
            printf '%s\n' "$directory/python$version"
        done
        command -v "python$version" || true
    done
    command -v python3 || true
}

find_python() {
    local candidate
    while read -r candidate; do
        if serves "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done < <(candidates)
    return 1
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        serves "$PYTHON" || fail "PYTHON=$PYTHON does not serve: Python 3.11 or newer with venv and ensurepip is needed."
        command -v "$PYTHON"
        return
    fi
    find_python && return
    if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
        printf 'Installing python3-venv with apt-get\n' >&2
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3-venv; } \
            < /dev/null >&2 || fail "apt-get could not install python3-venv: see its message above."
        find_python && return
    fi
    fail "No Python serves: install Python 3.11 or newer with venv (Debian, Ubuntu: apt-get install python3-venv)."
}

# The collection is the checkout; a relative link lets both move together.
link_collection() {
    local namespace=$venv/collections/ansible_collections/evenkeel
    mkdir -p "$namespace"
    if [ "$(readlink "$namespace/ops" || true)" != ../../../.. ]; then
        ln -sfn ../../../.. "$namespace/ops.new"
        mv -T "$namespace/ops.new" "$namespace/ops"
    fi
}

install_tools() {
    local python=$1
    # A killed run may have left half a package: start again.
    if [ -e "$unfinished" ] || ! [ -x "$venv/bin/python" ] || ! same_python "$python"; then
        rm -rf "$venv"
    fi
    mkdir -p "$venv"
    touch "$unfinished"
    rm -f "$stamp"
    "$python" -m venv "$venv"
    printf 'Installing the pinned tools into %s: once, about a minute\n' "$venv"
    "$venv/bin/python" -m pip install --progress-bar off --disable-pip-version-check -r requirements-dev.txt > "$log" 2>&1 &
    pip=$!
    trap 'kill $pip 2> /dev/null' EXIT
    watch $pip || { tail -n 15 "$log" >&2; fail "pip could not install requirements-dev.txt; its log is $log."; }
    trap - EXIT
}

same_python() {
    [ "$("$1" -c "$identity")" = "$("$venv/bin/python" -c "$identity" 2> /dev/null)" ] && [ -x "$venv/bin/pip" ] &&
        head -n 1 "$venv/bin/pip" | grep -qF "#!$PWD/$venv/bin/python"
}

watch() {
    local seconds=0
    while kill -0 "$1" 2> /dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 10)) -ne 0 ] || printf '  %3d s: %d packages found\n' "$seconds" "$(grep -c ^Collecting "$log" || true)"
    done
    wait "$1"
}

mkdir -p build/logs
log=build/logs/setup-pip.log
exec 9> build/setup.lock
flock -n 9 || { printf 'Waiting for another setup of this checkout\n'; flock 9; }
identity='import sys; print(sys.version, sys.base_prefix)'
python=$(choose_python)
wanted=$({ cat requirements-dev.txt; "$python" -c "$identity"; printf '%s\n' "$PWD"; } | sha256sum)
if [ "$(cat "$stamp" 2> /dev/null || true)" != "$wanted" ]; then
    install_tools "$python"
    printf '%s\n' "$wanted" > "$stamp"
    rm -f "$unfinished"
fi
link_collection
printf '%s\n' "$SECONDS" > build/logs/setup.seconds
printf 'Python %s (%s), ansible-core %s\n' "$("$venv/bin/python" -c 'import platform; print(platform.python_version())')" "$python" \
    "$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("ansible-core"))')"
