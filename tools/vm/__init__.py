"""A virtual machine with a kernel of its own: what a container cannot show (sysctl, mounts, reboots, power cuts)."""
