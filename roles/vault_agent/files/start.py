"""Start the agent by what this host has to log in with: a fresh wrapped secret-id, else the token it still holds."""

import json
import os
import sys

MANIFEST = "/etc/vault-agent/deliveries.json"
RENDERED = "/run/vault-agent/rendered"
WRAPPED = "/run/vault-agent/wrapped-secret-id"
TOKEN = "/var/lib/vault-agent/token"  # noqa: S105 - a path
# sysexits.h: EX_CONFIG. The unit does not try again after it.
NOTHING_TO_LOG_IN_WITH = 78


def forget():
    """Remove what templates of before, or an agent that was killed while it wrote, have left."""
    with open(MANIFEST, encoding="utf-8") as stream:
        wanted = {os.path.basename(item["source"]) for item in json.load(stream)["deliveries"]}
    for name in set(os.listdir(RENDERED)) - wanted:
        os.unlink(os.path.join(RENDERED, name))


def main(arguments):
    """Become the agent; return a status where that is no use."""
    way = next((name for name, path in (("approle", WRAPPED), ("token", TOKEN)) if os.path.exists(path)), None)
    if way is None:
        print(
            "This host has neither a wrapped secret-id nor a token: run the role vault_agent for it.", file=sys.stderr
        )
        return NOTHING_TO_LOG_IN_WITH
    forget()
    (program,) = arguments
    os.execv(program, [program, "agent", f"-config=/etc/vault-agent/{way}.hcl"])  # noqa: S606 - no shell is meant
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
