#!/bin/sh
# Writes what there is on the host into the file $1: names, modes, owners, links and contents.
# Logs grow by themselves, and Ansible's own temporary files come and go. Which servers are drained is noted by HAProxy's unit
# at run time, and stays as its other data does.
set -eu
{
    find /etc /home /root /opt /srv /usr /var/lib /var/spool -xdev -printf '%y %m %U:%G %p %l\n' |
        grep -v '__pycache__\|/\.ansible\| /var/lib/systemd/\| /var/lib/nginx/\| /var/lib/private\| /var/lib/haproxy/server-states ' | sort
    find /etc /root /opt /srv -xdev -type f ! -path '*/.ansible/*' -exec sha256sum {} + | sort -k 2
    systemctl list-unit-files --no-legend --no-pager | grep -v ' transient ' | sort
} > "$1"
