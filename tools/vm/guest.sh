#!/bin/sh
# Runs inside the new root before it becomes a disk: network, the operator's login, an identity of its own.
set -eu
hostname=evenkeel-vm
echo "$hostname" > /etc/hostname
printf '127.0.0.1 localhost %s\n' "$hostname" > /etc/hosts
echo '/dev/vda / ext4 errors=remount-ro 0 1' > /etc/fstab
# The machine is started with its kernel given from outside; the boot loader's configuration is there to be changed.
mkdir -p /boot/grub
printf 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n' > /etc/default/grub
cat > /etc/systemd/network/10-dhcp.network <<'NETWORK'
[Match]
Name=en*
[Network]
DHCP=ipv4
NETWORK
systemctl enable -q systemd-networkd.service ssh.service
# Nobody sits at the console, and a machine that lives for minutes needs no package timers.
systemctl disable -q apt-daily.timer apt-daily-upgrade.timer systemd-networkd-wait-online.service
systemctl mask -q getty.target serial-getty@ttyS0.service

useradd --create-home --shell /bin/bash --gid operator operator
# As adduser makes it.
chmod 0700 /home/operator
install -d -m 0700 -o operator -g operator /home/operator/.ssh
install -m 0600 -o operator -g operator /root/authorized_keys /home/operator/.ssh/authorized_keys
rm /root/authorized_keys
echo 'operator ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/10-operator
chmod 0440 /etc/sudoers.d/10-operator
ssh-keygen -A
# A fixed identity: the disk's copies are one machine that is started again and again.
systemd-machine-id-setup
