#!/bin/sh
# Runs inside the new root: installs Lynis of Debian 13 from the source $1, on Debian 12, too, so that both are judged alike.
set -eu
work=$(mktemp -d)
chmod 0755 "$work"
echo "$1" > "$work/sources.list"
mkdir -p "$work/lists/partial"
apt_get() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
        -o APT::Sandbox::User=root "$@"
}
apt_get update
(cd "$work" && apt_get download lynis)
dpkg --install "$work"/lynis_*.deb
rm -r "$work"
