#!/bin/sh
# Writes type, mode, owner, link target and content of all that a control can touch into the file $1.
# Logs grow by themselves, /usr belongs to packages: of these everything but the content.
set -eu
{
    find /etc /home /root /boot /srv /opt /usr /var/log /var/spool -xdev -printf '%y %m %U:%G %p %l\n' |
        grep -v '__pycache__\|/\.ansible\| /var/log/.*\.log\| /var/log/journal/' | sort
    find /etc /home /root /boot /srv /opt -xdev -type f ! -path "*/.ansible/*" -exec sha256sum {} + | sort -k 2
    findmnt --noheadings --raw --output TARGET,FSTYPE,OPTIONS | grep -v '^/run/user' | sort
    systemctl list-unit-files --no-legend --no-pager | grep -v ' transient ' | sort
} > "$1"
