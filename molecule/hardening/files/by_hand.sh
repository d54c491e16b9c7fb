#!/bin/sh
# Checks of a host that was hardened with the profile strict, written by hand: they ask the host's own programs, and never read the
# catalogue. Run as root. With the argument `booted` also what takes effect at a boot is asked of the running kernel.
# Prints what is not met and the counts; status 1 when something is not met.
set -u
exec < /dev/null
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C
checked=0 unmet=0 left_out=0
booted=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

result() { # name, status, what was said
    checked=$((checked + 1))
    [ "$2" -eq 0 ] && return
    unmet=$((unmet + 1))
    printf 'not met: %s: %s\n' "$1" "$(printf '%s' "$3" | tr '\n' '|' | cut -c1-300)"
}
says() { # name, extended regular expression, command...: its output has a line that matches
    name=$1 expression=$2
    shift 2
    said=$("$@" 2>&1)
    printf '%s\n' "$said" | grep -Eq -- "$expression"
    result "$name" $? "$expression is not in: $said"
}
says_not() { # name, extended regular expression, command...: no line of its output matches
    name=$1 expression=$2
    shift 2
    said=$("$@" 2>&1)
    ! printf '%s\n' "$said" | grep -Eq -- "$expression"
    result "$name" $? "$expression is in: $(printf '%s\n' "$said" | grep -E -- "$expression")"
}
silent() { # name, command...: it says nothing
    name=$1
    shift
    said=$("$@" 2>&1)
    [ -z "$said" ]
    result "$name" $? "$said"
}
refused() { # name, command...: it fails
    name=$1
    shift
    said=$("$@" 2>&1)
    [ $? -ne 0 ]
    result "$name" $? "it was allowed: $said"
}
is() { # name, wanted, command...: its output is exactly this
    name=$1 wanted=$2
    shift 2
    said=$("$@" 2>&1)
    [ "$said" = "$wanted" ]
    result "$name" $? "is '$said', not '$wanted'"
}
mode() { # path, mode, owner:group; a path that is not there is not checked
    [ -e "$1" ] || return 0
    is "mode of $1" "$2 $3" stat --format '%a %U:%G' "$1"
}
leave_out() { left_out=$((left_out + 1)) && false; }
own_kernel() { # whether what only a kernel of the host's own can show is asked
    ! systemd-detect-virt --quiet --container || leave_out
}
after_boot() { if [ "$booted" = booted ]; then own_kernel; else leave_out; fi; }
unit_is_off() { # unit: neither runs nor starts at boot
    says_not "$1 does not run" '^active' systemctl is-active "$1"
    says_not "$1 does not start at boot" '^(enabled|static|alias)' systemctl is-enabled "$1"
}

# The SSH server, by what it goes by.
sshd -T > "$work/sshd"
for line in 'permitrootlogin no' 'permitemptypasswords no' 'passwordauthentication no' 'kbdinteractiveauthentication no' \
    'hostbasedauthentication no' 'ignorerhosts yes' 'permituserenvironment no' 'permituserrc no' 'usepam yes' 'strictmodes yes' \
    'loglevel VERBOSE' 'maxauthtries [1-4]' 'maxsessions ([1-9]|10)' 'maxstartups 10:30:60' 'logingracetime ([1-9]|[1-5][0-9]|60)' \
    'clientaliveinterval [1-9][0-9]*' 'clientalivecountmax [1-3]' 'tcpkeepalive no' 'banner /etc/issue.net' \
    'disableforwarding yes' 'allowtcpforwarding no' 'allowagentforwarding no' 'x11forwarding no' 'permittunnel no' \
    'gssapiauthentication no' 'requiredrsasize (3072|4096)'; do
    says "sshd: $line" "^$line\$" cat "$work/sshd"
done
says_not 'sshd: no weak cipher' '^ciphers .*(cbc|3des|arcfour|rijndael)' cat "$work/sshd"
says_not 'sshd: no weak MAC' '^macs .*(md5|sha1|umac-64|ripemd|hmac-sha2-(256|512)(,|$))' cat "$work/sshd"
says_not 'sshd: no weak key exchange' '^kexalgorithms .*(sha1|group1-|group14|nistp)' cat "$work/sshd"
says 'sshd: a key exchange that withstands quantum computers' '^kexalgorithms (sntrup|mlkem)' cat "$work/sshd"
says_not 'sshd: no ECDSA host key' '^hostkeyalgorithms .*ecdsa' cat "$work/sshd"
silent 'sshd: no small groups' awk '$1 !~ /^#/ && $5 < 3071' "$(awk '$1 == "modulifile" {print $2}' "$work/sshd")"
for key in /etc/ssh/ssh_host_*_key; do mode "$key" 600 root:root; done
for key in /etc/ssh/ssh_host_*_key.pub; do mode "$key" 644 root:root; done
mode /etc/ssh/sshd_config 600 root:root
says 'ssh: names of hosts are hashed' '^hashknownhosts (yes|true)' ssh -G example
says 'ssh: agents are not forwarded' '^forwardagent no' ssh -G example

# sudo and su.
says 'sudo: rules parse' 'parsed OK' visudo -c
for line in use_pty 'logfile=/var/log/sudo.log' 'timestamp_timeout=15' 'passwd_tries=3' env_reset '!visiblepw'; do
    says "sudo: $line" "$line" sudo -l -U root
done
silent 'sudo: no rule switches authentication off' grep -rhE '^[^#]*!authenticate' /etc/sudoers /etc/sudoers.d
mode /etc/sudoers 440 root:root
mode /etc/sudoers.d 750 root:root
says 'su: for members of its group only' '^auth[[:space:]]+required[[:space:]]+pam_wheel.so use_uid' cat /etc/pam.d/su
refused 'su: nobody becomes another' runuser -u nobody -- su daemon -s /bin/sh -c true

# Passwords and accounts.
says 'PAM: wrong passwords are counted' '^auth.*pam_faillock.so (preauth|authfail)' cat /etc/pam.d/common-auth
says 'PAM: locked accounts are refused' '^account.*pam_faillock.so' cat /etc/pam.d/common-account
says 'faillock: five tries' '^deny *= *[1-5]$' cat /etc/security/faillock.conf
says 'faillock: 15 minutes' '^unlock_time *= *(900|0)$' cat /etc/security/faillock.conf
says 'PAM: quality is checked' '^password.*pam_pwquality.so' cat /etc/pam.d/common-password
says 'PAM: 24 passwords are remembered' '^password.*pam_pwhistory.so.*remember=24' cat /etc/pam.d/common-password
says 'PAM: yescrypt' '^password.*pam_unix.so.*yescrypt' cat /etc/pam.d/common-password
cat /etc/security/pwquality.conf /etc/security/pwquality.conf.d/*.conf | grep -v '^#' > "$work/pwquality"
for line in 'minlen *= *(1[4-9]|[2-9][0-9])' 'difok *= *[2-9]' 'maxrepeat *= *[1-3]' 'maxsequence *= *[1-3]' 'dictcheck *= *1' 'minclass *= *4'; do
    says "pwquality: $line" "^$line\$" cat "$work/pwquality"
done
for line in 'PASS_MAX_DAYS[[:space:]]+365' 'PASS_MIN_DAYS[[:space:]]+1' 'PASS_WARN_AGE[[:space:]]+7' 'ENCRYPT_METHOD[[:space:]]+YESCRYPT' \
    'UMASK[[:space:]]+027' 'HOME_MODE[[:space:]]+0?700'; do
    says "login.defs: $line" "^$line\$" cat /etc/login.defs
done
says 'new accounts lock 45 days after their password expired' '^INACTIVE=45$' useradd --defaults
is 'root is alone' root awk -F: '$3 == 0 {print $1}' /etc/passwd
is 'the group of root is alone' root awk -F: '$3 == 0 {print $1}' /etc/group
silent 'no empty passwords' awk -F: '$2 == "" {print $1}' /etc/shadow
silent 'no hashes in passwd' awk -F: '$2 != "x" {print $1}' /etc/passwd
silent 'no account twice' sh -c 'cut -d: -f1 /etc/passwd | sort | uniq -d; cut -d: -f3 /etc/passwd | sort | uniq -d'
silent 'no group twice' sh -c 'cut -d: -f1 /etc/group | sort | uniq -d; cut -d: -f3 /etc/group | sort | uniq -d'
silent 'no login shell of a system account' awk -F: '$3 > 0 && $3 < 1000 && $7 !~ /(nologin|false|sync)$/ {print $1}' /etc/passwd
silent 'no password of a system account' sh -c "awk -F: '\$3 > 0 && \$3 < 1000 {print \$1}' /etc/passwd | while read -r name; do
    grep \"^\$name:[^!*]\" /etc/shadow; done"
silent 'nobody is in the group shadow' awk -F: '$1 == "shadow" && $4 != ""' /etc/group
silent 'nologin is no shell' grep nologin /etc/shells
is 'umask, idle time and core dumps of a login shell' '0027 900 0' bash --login -c 'echo $(umask) $TMOUT $(ulimit -Hc)'
is 'core dumps of a session of PAM' 0 runuser --login daemon --shell /bin/sh --command 'ulimit -Hc'
says_not "root's path has no empty and no relative part" '(^|:)(\.|:|$)' bash --login -c 'echo "$PATH"'

# Owners and modes.
for path in /etc/passwd /etc/passwd- /etc/group /etc/group- /etc/shells /etc/issue /etc/issue.net; do mode "$path" 644 root:root; done
for path in /etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow-; do mode "$path" 640 root:shadow; done
for path in /etc/crontab /etc/security/opasswd /boot/grub/grub.cfg; do mode "$path" 600 root:root; done
for path in /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly /etc/cron.d /root; do mode "$path" 700 root:root; done
mode /etc/cron.allow 640 root:crontab
mode /etc/audit/auditd.conf 640 root:root
mode /var/log/journal 2750 root:systemd-journal
silent 'nothing that everybody writes' find / -xdev -path /proc -prune -o -type f -perm -0002 -print
silent 'in directories of everybody only owners delete' find / -xdev -path /proc -prune -o -type d -perm -0002 ! -perm -1000 -print
silent 'nothing without an owner' find / -xdev -path /proc -prune -o \( -nouser -o -nogroup \) -print
silent 'no set-user-id outside of programs' find / -xdev -path /proc -prune -o -type f -perm /6000 ! -path '/usr/*' -print

# Kernel modules, mounts, parameters.
for module in cramfs freevxfs hfs hfsplus jffs2 squashfs udf overlay usb-storage firewire-core firewire-ohci dccp tipc rds sctp bluetooth; do
    says "module $module cannot be loaded" 'install /bin/(false|true)' modprobe --dry-run --verbose "$module"
done
own_kernel && refused 'a module that is blocked does not load' modprobe dccp
own_kernel && silent 'no blocked module is loaded' grep -E '^(cramfs|freevxfs|hfs|hfsplus|jffs2|udf|usb_storage|dccp|tipc|rds|sctp) ' /proc/modules
for option in nodev nosuid noexec; do
    says "/dev/shm is $option at boot" "(^|,)$option(,|\$)" findmnt --fstab --noheadings --output OPTIONS /dev/shm
    own_kernel && says "/dev/shm is $option" "(^|,)$option(,|\$)" findmnt --noheadings --output OPTIONS /dev/shm
done
own_kernel && refused 'nothing runs from /dev/shm' sh -c 'cp /bin/true /dev/shm/by-hand && { /dev/shm/by-hand; s=$?; rm /dev/shm/by-hand; exit $s; }'
/usr/lib/systemd/systemd-sysctl --cat-config | sed -n 's/^-\{0,1\}\([a-z][^ =]*\) *= */\1 /p' | tr / . > "$work/sysctl"
parameter() { # key, value: what the next boot sets, and what the running kernel has
    own_kernel || return 0
    is "$1 at boot" "$2" awk -v key="$1" '$1 == key {value = $2} END {print value}' "$work/sysctl"
    # Parameters that this kernel does not have are no weakness.
    [ -e "/proc/sys/$(printf %s "$1" | tr . /)" ] || return 0
    is "$1" "$2" sysctl -n "$1"
}
parameter kernel.randomize_va_space 2
parameter kernel.yama.ptrace_scope 1
parameter kernel.kptr_restrict 2
parameter kernel.dmesg_restrict 1
parameter kernel.unprivileged_bpf_disabled 1
parameter kernel.perf_event_paranoid 3
parameter kernel.sysrq 0
parameter kernel.kexec_load_disabled 1
parameter fs.suid_dumpable 0
parameter fs.protected_hardlinks 1
parameter fs.protected_symlinks 1
parameter fs.protected_fifos 2
parameter fs.protected_regular 2
parameter net.core.bpf_jit_harden 2
for scope in all default; do
    parameter "net.ipv4.conf.$scope.send_redirects" 0
    parameter "net.ipv4.conf.$scope.accept_redirects" 0
    parameter "net.ipv4.conf.$scope.secure_redirects" 0
    parameter "net.ipv4.conf.$scope.accept_source_route" 0
    parameter "net.ipv4.conf.$scope.rp_filter" 1
    parameter "net.ipv4.conf.$scope.log_martians" 1
    parameter "net.ipv6.conf.$scope.accept_redirects" 0
    parameter "net.ipv6.conf.$scope.accept_source_route" 0
    parameter "net.ipv6.conf.$scope.accept_ra" 0
done
for interface in /sys/class/net/*/; do
    own_kernel && is "$(basename "$interface") takes no IPv6 redirects" 0 cat "/proc/sys/net/ipv6/conf/$(basename "$interface")/accept_redirects"
done
parameter net.ipv4.ip_forward 0
parameter net.ipv4.tcp_syncookies 1
parameter net.ipv4.icmp_echo_ignore_broadcasts 1
parameter net.ipv4.icmp_ignore_bogus_error_responses 1
# Without the program there is nobody to refuse.
command -v kexec > /dev/null && own_kernel && refused 'another kernel is not started' sh -c 'kexec -l /boot/vmlinuz*'
own_kernel && says "a user does not read the kernel's log" 'not permitted' runuser -u nobody -- dmesg

# The firewall.
nft list table inet evenkeel > "$work/nft" 2>&1
says 'what nobody has allowed does not come in' 'hook input .*policy drop' cat "$work/nft"
says 'nothing is passed on' 'hook forward .*policy drop' cat "$work/nft"
says 'SSH comes in' 'tcp dport .*22' cat "$work/nft"
is 'the rules come back at boot' enabled systemctl is-enabled evenkeel-firewall.service

says 'who guesses is kept away' 'Currently banned' fail2ban-client status sshd
is 'fail2ban starts at boot' enabled systemctl is-enabled fail2ban
says 'a banned address reaches no port' 'meta l4proto (tcp|6) ip saddr @addr-set-sshd' sh -c '
    fail2ban-client set sshd banip 203.0.113.99; nft list table inet f2b-table; fail2ban-client set sshd unbanip 203.0.113.99'

# Services, packages, time.
for unit in avahi-daemon cups bluetooth xinetd ypserv tftpd-hpa autofs rpcbind nfs-server isc-dhcp-server named dnsmasq vsftpd slapd dovecot \
    rsync smbd snmpd squid systemd-journal-remote.socket; do
    unit_is_off "$unit"
done
for package in nis rsh-client talk telnet ldap-utils ftp prelink systemd-timesyncd; do
    says_not "package $package is not installed" '^ii' dpkg-query --show --showformat='${db:Status-Abbrev}' "$package"
done
is 'the clock is kept' enabled systemctl is-enabled chrony
own_kernel && is 'chrony runs' active systemctl is-active chrony
says 'chrony serves nobody' '^port 0' chronyd -p
says 'chrony has sources' '^(pool|server) ' chronyd -p

# Packages.
apt-config dump > "$work/apt"
says 'apt: signatures are needed' '^APT::Get::AllowUnauthenticated "false"' cat "$work/apt"
says 'apt: lists are signed' '^Acquire::AllowInsecureRepositories "false"' cat "$work/apt"
says 'apt: security updates install themselves' '^APT::Periodic::Unattended-Upgrade "1"' cat "$work/apt"
is 'apt: and are started' enabled systemctl is-enabled apt-daily-upgrade.timer
is 'apt: so are their lists' enabled systemctl is-enabled apt-daily.timer

# Records.
systemd-analyze cat-config systemd/journald.conf > "$work/journald" 2>&1
says 'the journal is kept' '^Storage=persistent' cat "$work/journald"
says 'the journal is bounded' '^SystemMaxUse=' cat "$work/journald"
says 'core dumps are not stored' '^Storage=none' systemd-analyze cat-config systemd/coredump.conf
says 'audit: full logs are kept' '^max_log_file_action *= *keep_logs' cat /etc/audit/auditd.conf
says 'audit: the system starts at boot' '^enabled' systemctl is-enabled auditd
for word in '-w /etc/sudoers -p wa' '-w /etc/passwd -p wa' '-w /etc/shadow -p wa' '-w /etc/localtime -p wa' '-w /var/log/lastlog -p wa' \
    '-w /var/run/utmp -p wa|-w /run/utmp -p wa' '-w /etc/apparmor/? -p wa' '-S .*adjtimex' '-S .*sethostname' '-S .*mount' '-S .*chmod' \
    '-S .*renameat2' '-S .*openat2' '-S .*unlink' '-S .*(init_module|finit_module)' 'path=/usr/bin/chcon' '-F exit=-EACCES'; do
    says "audit: $word is recorded from boot on" "$word" cat /etc/audit/audit.rules
    own_kernel && says "audit: $word is recorded" "$(printf %s "$word" | sed 's/-w \([^ ]*\) -p wa/(path|dir)=\1 .*perm=wa|-w \1 -p wa/')" auditctl -l
done
is 'audit: the rules are fixed' '-e 2' tail -n 1 /etc/audit/audit.rules
own_kernel && says 'audit: the rules are fixed now' '^enabled 2' auditctl -s
own_kernel && refused 'audit: the rules cannot be taken out' auditctl -D
is 'AIDE looks every day' enabled systemctl is-enabled dailyaidecheck.timer
says 'AIDE uses strong checksums' 'sha512' grep -h '^Checksums' /etc/aide/aide.conf
says_not 'no greeting names the release' 'Debian|GNU/Linux|\\[mrsv]' cat /etc/issue /etc/issue.net /etc/motd
[ -x /usr/sbin/logrotate ] && says "sudo's log is rotated" 'monthly +\(12 rotations\)' logrotate --debug /etc/logrotate.d/60-evenkeel-sudo
says 'the greeting tells the rules' 'authorized' cat /etc/issue.net

# The boot.
after_boot && says 'the kernel was started with auditing' '(^| )audit=1( |$)' cat /proc/cmdline
after_boot && says 'the kernel was started with AppArmor' '(^| )apparmor=1( |$)' cat /proc/cmdline
own_kernel && is 'AppArmor is on' Y cat /sys/module/apparmor/parameters/enabled
own_kernel && says 'AppArmor enforces' 'enforce' cat /sys/kernel/security/apparmor/profiles

echo "checked $checked by hand, not met $unmet, left out $left_out (they need a kernel of the host's own, or a boot)"
[ "$unmet" -eq 0 ]
