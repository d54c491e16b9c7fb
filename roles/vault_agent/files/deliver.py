"""Bring the files that the agent rendered to their destinations, and tell the units that read them.

Runs as root without the network; the agent runs as its own user and cannot write anywhere else. What the agent left is
not trusted: only regular files of its own are taken.
"""

import contextlib
import grp
import json
import os
import pwd
import stat
import subprocess
import sys

MANIFEST = "/etc/vault-agent/deliveries.json"
FLAG = "/run/vault-agent/deliver"
LIST = "/var/lib/vault-agent-deliver/files.json"
LARGEST = 10_000_000
PATIENCE = 90


class NotYet(Exception):
    """The agent has not rendered this one."""


def rendered(path, user):
    """The content, where it is the agent's own regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotYet(f"{path} is not rendered yet") from None
    with open(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != user or found.st_size > LARGEST:
            raise OSError(f"{path} is not the agent's own regular file of at most {LARGEST} bytes")
        return stream.read()


def is_delivered(item, content):
    """Whether the destination is as it shall be."""
    path = item["destination"]
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            return False
        with open(path, "rb") as stream:
            same = stream.read() == content
    except FileNotFoundError:
        return False
    wanted = (int(item["mode"], 8), *ids(item))
    return same and (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == wanted


def ids(item):
    """User and group by number."""
    return pwd.getpwnam(item["owner"]).pw_uid, grp.getgrnam(item["group"]).gr_gid


def replace(path, content, mode, owner=0, group=0):
    """A whole file or the old one; never readable by somebody that it is not for."""
    new = f"{os.path.dirname(path)}/.{os.path.basename(path)}.vault-agent"
    with contextlib.suppress(FileNotFoundError):
        # Of a round that was killed; systemd runs one at a time.
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(content)
            os.fchown(descriptor, owner, group)
            os.fchmod(descriptor, mode)
            stream.flush()
            os.fsync(descriptor)
        os.rename(new, path)
    except BaseException:
        os.unlink(new)
        raise


class Kept:
    """What was delivered, and which units still have to be told: on disk before it is done, so that nothing is lost."""

    def __init__(self):
        self.files, self.directories, self.due, self.written = [], [], [], None
        with contextlib.suppress(FileNotFoundError), open(LIST, encoding="utf-8") as stream:
            self.written = json.load(stream)
            self.files, self.directories = self.written["files"], self.written["directories"]
            self.due = [tuple(pair) for pair in self.written["due"]]

    def note(self, files=(), directories=(), due=()):
        """Add, and write down."""
        self.files = sorted({*self.files, *files})
        self.directories = sorted({*self.directories, *directories})
        self.due = sorted({*self.due, *due})
        self.write()

    def write(self):
        """Replace the list where it is another one."""
        new = {"files": self.files, "directories": self.directories, "due": [list(pair) for pair in self.due]}
        if new != self.written:
            replace(LIST, json.dumps(new).encode(), 0o600)
            self.written = new


def deliver(manifest):
    """One round; returns what went wrong."""
    with contextlib.suppress(FileNotFoundError):
        # Before anything is read: what the agent renders from now on starts another round.
        os.unlink(FLAG)
    kept, troubles = Kept(), []
    kept.note(files=[manifest["token"]], directories=[os.path.dirname(manifest["token"]), os.path.dirname(LIST)])
    for path in withdrawn(manifest, kept):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            print(f"{path} withdrawn")
        kept.files.remove(path)
        kept.write()
    for item in manifest["deliveries"]:
        try:
            deliver_one(item, manifest["user"], kept)
        except NotYet as reason:
            print(reason)
        except (OSError, KeyError) as error:
            troubles.append(f"{item['destination']}: {error}")
    return troubles + tell(kept)


def withdrawn(manifest, kept):
    """Delivered before, and no longer wanted."""
    wanted = {manifest["token"], *(item["destination"] for item in manifest["deliveries"])}
    return [path for path in kept.files if path not in wanted]


def deliver_one(item, user, kept):
    """Bring one file to its destination."""
    content = rendered(item["source"], pwd.getpwnam(user).pw_uid)
    if is_delivered(item, content):
        return
    due = [(item["action"], item["unit"])] if item["unit"] else []
    kept.note(files=[item["destination"]], due=due)
    replace(item["destination"], content, int(item["mode"], 8), *ids(item))
    print(f"{item['destination']} delivered")


def tell(kept):
    """Reload or restart the units that are active; what fails stays due."""
    troubles = []
    for action, unit in list(kept.due):
        verb = "try-reload-or-restart" if action == "reload" else "try-restart"
        command = ["systemctl", verb, "--", unit]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            troubles.append(f"{verb} {unit}: {done.stderr.strip()}")
            continue
        print(f"{unit}: {verb}")
        kept.due.remove((action, unit))
        kept.write()
    return troubles


def check(manifest):
    """What is not delivered yet, and which units have still to be told."""
    troubles = []
    for item in manifest["deliveries"]:
        try:
            content = rendered(item["source"], pwd.getpwnam(manifest["user"]).pw_uid)
            if not is_delivered(item, content):
                troubles.append(f"{item['destination']} is not delivered yet")
        except (NotYet, OSError, KeyError) as error:
            troubles.append(str(error))
    return troubles + [f"{unit} has not taken it yet ({action})" for action, unit in Kept().due]


def main(arguments):
    """Deliver; with `check`: return 1 while something is missing."""
    with open(MANIFEST, encoding="utf-8") as stream:
        manifest = json.load(stream)
    troubles = check(manifest) if arguments == ["check"] else deliver(manifest)
    print("\n".join(troubles), file=sys.stderr, end="\n" if troubles else "")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
