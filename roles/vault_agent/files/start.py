#!/usr/bin/python3 -I
"""Start the agent by what this host has to log in with: a fresh wrapped secret-id, else the token it still holds."""

import os
import sys

WRAPPED = "/run/vault-agent/wrapped-secret-id"
TOKEN = "/var/lib/vault-agent/token"  # noqa: S105 - a path
# sysexits.h: EX_CONFIG. The unit does not try again after it.
NOTHING_TO_LOG_IN_WITH = 78

way = next((name for name, path in (("approle", WRAPPED), ("token", TOKEN)) if os.path.exists(path)), None)
if way is None:
    print("This host has neither a wrapped secret-id nor a token: run the role vault_agent for it.", file=sys.stderr)
    sys.exit(NOTHING_TO_LOG_IN_WITH)
os.execv(sys.argv[1], [sys.argv[1], "agent", f"-config=/etc/vault-agent/{way}.hcl"])  # noqa: S606 - no shell is meant
