#!/usr/bin/env bash
# Runs `ansible-test sanity` over the collection's files, as git would commit them, in an ansible_collections tree
# made for it. The workshop (tools/ and its tests, molecule/) is no part of the collection: `make lint` checks it.
# Usage: tools/sanity.sh [ansible-test sanity arguments, e.g. --test validate-modules]
# Environment: EVENKEEL_VENV (default .venv), EVENKEEL_CACHE (default ~/.cache/evenkeel), EVENKEEL_SANITY_PYTHONS (default: the
# oldest of targets, the oldest and the newest of controllers, and that of .venv; `make test-full` takes all).
set -euo pipefail

repository=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
venv=$(realpath "${EVENKEEL_VENV:-$repository/.venv}")
cache=${EVENKEEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel}/ansible-test
python=$venv/bin/python

[[ -x $venv/bin/ansible-test ]] || { echo "tools/sanity.sh: no ansible-test in $venv; run 'make setup' first" >&2; exit 2; }

own=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# shellcheck disable=SC2086 # words of a list
versions=$(printf '%s\n' ${EVENKEEL_SANITY_PYTHONS:-3.9 3.11 3.14} "$own" | sort -Vu | tr '\n' ' ')

work=$(mktemp -d "${TMPDIR:-/tmp}/evenkeel-sanity.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The tree is a git repository of its own, so that ansible-test leaves ignored files alone there too.
copy_tree() {
    tree=$work/ansible_collections/evenkeel/ops
    mkdir -p "$tree"
    git -C "$repository" ls-files -z --cached --others --exclude-standard -- . ':!tools' ':!tests/unit/tools' ':!molecule' |
        (cd "$repository" && xargs -0 -r sh -c 'for f; do [ ! -f "$f" ] || printf "%s\0" "$f"; done' sh) |
        tar -C "$repository" --null --no-recursion --files-from=- -cf - | tar -C "$tree" -xf -
    git -C "$tree" init -q
    git -C "$tree" add --all
}

runs_as() { # runs_as INTERPRETER VERSION
    [[ $("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) == "$2" ]]
}

# ansible-test takes the first pythonX.Y on PATH, also a shim that cannot run: offer only interpreters that answer.
offer_pythons() {
    mkdir -p "$work/bin"
    local version candidate
    for version in $versions; do
        for candidate in "$venv/bin/python$version" $(type -ap "python$version" || true) \
            "$HOME"/.pyenv/versions/"$version".*/bin/"python$version"; do
            if [[ -x $candidate ]] && runs_as "$candidate" "$version"; then
                ln -s "$candidate" "$work/bin/python$version"
                break
            fi
        done
    done
    path=$work/bin:$venv/bin:$(path_without_pythons)
}

path_without_pythons() {
    local directory kept=()
    while IFS= read -r -d: directory; do
        [[ $directory == */shims ]] || kept+=("$directory")
    done <<<"$PATH:"
    (IFS=:; echo "${kept[*]}")
}

# ansible-test downloads a bootstrap script for pip from its own site; one that unpacks pip's wheel does the same.
prepare_pip_bootstrap() {
    local source version script
    source=$("$python" -c 'import ansible_test._internal.python_requirements as m; print(m.__file__)')
    version=$(sed -nE "s/.*pip='([0-9.]+)'.*/\1/p" "$source" | head -n 1)
    script=$cache/.ansible/test/cache/get_pip_${version//./_}.py
    [[ ! -e $script ]] || return 0
    mkdir -p "$(dirname "$script")"
    "$python" -m pip download --quiet --no-deps --dest "$(dirname "$script")" "pip==$version"
    cat >"$script.new" <<EOF
import os
import runpy
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip-$version-py3-none-any.whl"))
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", "--upgrade"] + wanted
runpy.run_module("pip", run_name="__main__", alter_sys=True)
EOF
    mv "$script.new" "$script"
}

# ansible-test hides the PIP_ variables and, having another home, the user's pip.conf: hand their settings over.
hand_over_pip_settings() {
    trap 'rm -rf -- "$work" "$cache/.config"' EXIT
    mkdir -p "$cache/.config/pip"
    (umask 077 && "$python" - "$cache/.config/pip/pip.conf" <<'EOF'
import ast, configparser, subprocess, sys

settings = configparser.RawConfigParser()
settings["global"] = {"progress-bar": "off", "quiet": "1"}
pip = [sys.executable, "-m", "pip"]
listed = subprocess.run([*pip, "config", "list"], check=True, capture_output=True, text=True).stdout
for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
    name, _, value = line.partition("=")
    settings["global"][name.rpartition(".")[2]] = ast.literal_eval(value)
settings["global"]["cache-dir"] = subprocess.run([*pip, "cache", "dir"], check=True, capture_output=True, text=True).stdout.strip()
with open(sys.argv[1], "w", encoding="utf-8") as target:
    settings.write(target)
EOF
    )
}

# An ignore entry is allowed only with its reason beside it: "path test  # reason".
check_ignores() {
    local entries unexplained
    entries=$(cat "$tree"/tests/sanity/ignore-*.txt 2>/dev/null | grep -cvE '^\s*(#|$)' || true)
    unexplained=$(grep -HnvE '^\s*(#|$)|\S+ \S+ +# ?\S' "$tree"/tests/sanity/ignore-*.txt 2>/dev/null || true)
    if [[ -n $unexplained ]]; then
        printf 'Ignore entries without a reason beside them:\n%s\n' "${unexplained//"$tree/"/}" >&2
        return 1
    fi
    echo "Sanity ignore entries: $entries"
}

mkdir -p "$cache"
exec 9>"$cache/lock" && flock 9 # the cache serves one run at a time
copy_tree
check_ignores
offer_pythons
prepare_pip_bootstrap
hand_over_pip_settings
cd "$tree"
HOME=$cache PATH=$path ansible-test sanity --requirements --color no "$@" 9>&-
