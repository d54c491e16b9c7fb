#!/bin/sh
# Writes type, mode, owner, link target and content of all that a control can touch into the file $1.
# Logs grow by themselves, /usr belongs to packages: of these everything but the content.
# Accounts that Debian's packages have made stay when the packages are purged, also in the copies that the tools keep.
set -eu
{
    find /etc /home /root /boot /srv /opt /usr /var/log /var/spool -xdev -printf '%y %m %U:%G %p %l\n' |
        grep -v '__pycache__\|/\.ansible\| /var/log/.*\.log\| /var/log/journal/\| /var/log/unattended-upgrades \| /var/log/aide' | sort
    find /etc /home /root /boot /srv /opt -xdev -type f ! -path "*/.ansible/*" \
        ! -regex '/etc/\(passwd\|shadow\|group\|gshadow\)-?' -exec sha256sum {} + | sort -k 2
    grep -v '^_\(aide\|chrony\):' /etc/passwd /etc/shadow /etc/group /etc/gshadow
    findmnt --noheadings --raw --output TARGET,FSTYPE,OPTIONS | grep -v '^/run/user' | sort
    systemctl list-unit-files --no-legend --no-pager | grep -v ' transient ' | sort
} > "$1"
