"""Runs on the virtual machine: a module call that hangs in the middle of its transaction, until the power goes."""

from __future__ import annotations

import sys

sys.path.insert(0, "/root/collections")

from ansible_collections.evenkeel.ops.plugins.module_utils.changes import Step
from ansible_collections.evenkeel.ops.plugins.module_utils.changes_basic import RunTool, SetState
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import transaction

STEP = Step(
    "unfinished",
    [
        SetState.file("/etc/sysctl.d/50-site.conf", b"net.ipv4.ip_forward = 1\n"),
        SetState.file("/etc/modules-load.d/fault.conf", b"dummy\n"),
        SetState.absent("/etc/ssh/sshd_config.d/50-site.conf"),
        RunTool(["sleep", "600"], [], timeout=600),
    ],
)

transaction({"state_dir": "/var/lib/evenkeel", "run": "cut-off", "run_by": "test"}, "test", False).run(
    [STEP], atomic=True
)
