#!/bin/sh
# Runs inside the image while it is built: install the operating system's part, download the roles' part.
set -eu
distribution=$1

apt_get() { apt-get -q -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"; }
dnf_quiet() { dnf -q -y --setopt=install_weak_deps=False "$@"; }

prepare_apt() {
    export DEBIAN_FRONTEND=noninteractive
    # A public base image deletes downloads and forbids services to start: a server does neither.
    rm -f /etc/apt/apt.conf.d/docker-clean /usr/sbin/policy-rc.d
    echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' > /etc/apt/apt.conf.d/10-lab-keep-downloads
    echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/lab
    apt_get update
    # From the release's own pocket: its security and other updates stay pending, for patch windows to have something to do.
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt_get install --no-install-recommends -o "APT::Default-Release=$release" \
        ca-certificates dbus iproute2 iputils-ping kmod less libpam-systemd nftables \
        openssh-server procps python3 python3-apt sudo systemd systemd-sysv
    rm -f /etc/dpkg/dpkg.cfg.d/lab
    systemctl disable -q ssh.socket apt-daily.timer apt-daily-upgrade.timer
    systemctl enable -q ssh.service
    packages=packages.txt
}
download_apt() { apt_get install --download-only "$@"; }

prepare_dnf() {
    printf 'keepcache=1\nmetadata_expire=-1\n' >> /etc/dnf/dnf.conf
    dnf_quiet makecache
    dnf_quiet upgrade
    dnf_quiet install \
        ca-certificates dbus iproute iputils kmod less nftables openssh-clients openssh-server \
        procps-ng python3 python3-libselinux shadow-utils sudo systemd systemd-pam
    systemctl disable -q dnf-makecache.timer
    systemctl enable -q sshd.service
    packages=packages-dnf.txt
}
download_dnf() { dnf_quiet install --downloadonly "$@"; }

case $distribution in
    rocky*) family=dnf ;;
    *) family=apt ;;
esac
"prepare_$family"

# Each line of its own, so that alternatives are resolved as they will be on the host.
sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "/opt/lab/$packages" | while read -r line; do
    case $line in
        "$distribution: "*) line=${line#*: } ;;
        *:*) continue ;;
    esac
    # shellcheck disable=SC2086  # a line may name several packages
    "download_$family" $line < /dev/null > /tmp/download.log 2>&1 || { cat /tmp/download.log; exit 1; }
done
rm -f /tmp/download.log
[ "$family" = dnf ] || {
    apt_get dist-upgrade --download-only
    python3 /opt/lab/trim_lists.py /opt/lab/lists
    apt-cache gencaches
}

# Hardware, consoles and unattended downloads have no place in a container.
systemctl mask -q console-getty.service getty.target getty-static.service systemd-udevd.service \
    systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
    systemd-modules-load.service systemd-remount-fs.service systemd-firstboot.service \
    dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount \
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount
systemctl set-default -q multi-user.target

# Ubuntu has a first user, Rocky Linux a system's `operator`: the fleet's operator is a person with sudo.
for user in ubuntu operator; do
    ! id "$user" > /dev/null 2>&1 || userdel "$user"
done
useradd --create-home --shell /bin/bash --uid 1000 --gid users operator
install -d -m 0700 -o operator -g users /home/operator/.ssh
install -d -m 0700 /root/.ssh
echo 'operator ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/10-operator
chmod 0440 /etc/sudoers.d/10-operator

# Every container gets an identity of its own at its first start.
install -m 0644 /opt/lab/lab-hostkeys.service /etc/systemd/system/lab-hostkeys.service
systemctl enable -q lab-hostkeys.service
chmod 0755 /opt/lab/lab-init
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id
: > /etc/machine-id
