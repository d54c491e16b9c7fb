"""The lab: systemd containers, reached over SSH, for every inventory host that has `lab_distribution`."""
