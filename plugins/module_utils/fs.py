# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that changes a file system.

Every primitive is exactly one changing system call, so that tests can let the process die after each of them. What is
composed of primitives is safe to be cut off at any point: it leaves the old thing, or the new thing, and at most one
temporary file whose name can be told from the target's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Mapping

# Names of the methods that change something or make a change durable; one system call each.
PRIMITIVES = (
    "create",
    "open_lock",
    "write",
    "truncate",
    "reserve",
    "fsync",
    "fsync_path",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "rmdir",
    "symlink",
    "chmod",
    "chown",
    "setxattr",
    "removexattr",
    "write_pseudo",
)

TEMPORARY_PREFIX = ".evenkeel-"
# Made by the kernel from the content: they cannot be set, and follow by themselves.
COMPUTED_XATTRS = frozenset({"security.ima", "security.evm"})
UNSUPPORTED = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)

REMEDIES = {
    errno.EROFS: "the file system is read-only; mount it read-write",
    errno.ENOSPC: "the disk is full; make room and run again",
    errno.EDQUOT: "the disk quota is used up; make room and run again",
    errno.EACCES: "permission denied; run with become, or choose a path that this user may write",
    errno.EPERM: "operation not permitted; run with become, and look for an immutable flag (lsattr)",
    errno.ENOENT: "no such file or directory",
    errno.EEXIST: "something else stands there already; remove it, or choose another path",
    errno.ENOTDIR: "a part of the path is not a directory",
    errno.ELOOP: "a symbolic link stands where a file is expected; name the file that it leads to",
}


def in_words(error: OSError) -> str:
    """What an OSError means to an operator: the path, what is wrong and what helps."""
    what = REMEDIES.get(error.errno or 0, error.strerror or str(error))
    return f"{error.filename}: {what}" if error.filename else what


def temporary_name(path: str) -> str:
    """Where `path` is written before it is renamed into place; one name per target, so that leftovers are found."""
    directory, name = os.path.split(path)
    return os.path.join(directory, TEMPORARY_PREFIX + hashlib.sha256(os.fsencode(name)).hexdigest()[:16])


class FileLayer:
    """File system calls that never follow a symbolic link in the last component of a path."""

    # --- primitives: one changing system call each ---

    def create(self, path: str, mode: int = 0o600) -> int:
        """Make a file that must not exist yet, open for writing; return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)

    def open_lock(self, path: str) -> int:
        """Open a lock file for reading and writing, and make it where it is missing."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, content: bytes | memoryview) -> int:
        """Write as much of `content` as the kernel takes; return how much that was."""
        return os.write(fd, content)

    def truncate(self, fd: int, size: int) -> None:
        """Cut an open file to `size` bytes."""
        os.ftruncate(fd, size)

    def reserve(self, fd: int, size: int) -> None:
        """Take `size` bytes of disk for an open file, so that they are there later."""
        os.posix_fallocate(fd, 0, size)

    def fsync(self, fd: int) -> None:
        """Make an open file's content and metadata durable."""
        os.fsync(fd)

    def fsync_path(self, path: str) -> None:
        """Make the metadata of a file, or the entries of a directory, durable."""
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: str, target: str) -> None:
        """Put `source` in the place of `target`, in one step."""
        os.rename(source, target)

    def link(self, source: str, target: str) -> None:
        """Give the file `source` the second name `target`."""
        os.link(source, target, follow_symlinks=False)

    def unlink(self, path: str) -> None:
        """Remove a name that is no directory."""
        os.unlink(path)

    def mkdir(self, path: str, mode: int = 0o700) -> None:
        """Make one directory."""
        os.mkdir(path, mode)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        os.rmdir(path)

    def symlink(self, to: str, path: str) -> None:
        """Make the symbolic link `path` that leads to `to`."""
        os.symlink(to, path)

    def chmod(self, path: str, mode: int) -> None:
        """Set permission bits; through a descriptor, because Linux' chmod follows links that appear meanwhile."""
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.chmod(f"/proc/self/fd/{fd}", mode)
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(fd)

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Set owner and group; -1 leaves one as it is."""
        os.chown(path, uid, gid, follow_symlinks=False)

    def setxattr(self, path: str, name: str, value: bytes) -> None:
        """Set one extended attribute (ACLs and security labels are such)."""
        os.setxattr(path, name, value, follow_symlinks=False)

    def removexattr(self, path: str, name: str) -> None:
        """Remove one extended attribute."""
        os.removexattr(path, name, follow_symlinks=False)

    def write_pseudo(self, path: str, content: bytes) -> None:
        """Write a value into a file of /proc or /sys, which is never made and takes one write."""
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.write(fd, content)
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(fd)

    # --- readers ---

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def read(self, path: str) -> bytes:
        """The content of a regular file."""
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "is no regular file", path)
            return stream.read()

    def lstat(self, path: str) -> os.stat_result:
        """What the inode says; symbolic links are not followed."""
        return os.lstat(path)

    def exists(self, path: str) -> bool:
        """Whether the name is there; a dangling symbolic link is."""
        return os.path.lexists(path)

    def listdir(self, path: str) -> list[str]:
        """The names in a directory, sorted."""
        return sorted(os.listdir(path))

    def readlink(self, path: str) -> str:
        """Where a symbolic link leads."""
        return os.readlink(path)

    def xattrs(self, path: str) -> dict[str, bytes]:
        """The extended attributes that can be restored; none where the file system has none."""
        try:
            names = os.listxattr(path, follow_symlinks=False)
            wanted = sorted(set(names) - COMPUTED_XATTRS)
            return {name: os.getxattr(path, name, follow_symlinks=False) for name in wanted}
        except OSError as error:
            if error.errno in UNSUPPORTED:
                return {}
            raise

    def is_read_only(self, path: str) -> bool:
        """Whether the file system of an existing path is mounted read-only."""
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)

    # --- composed of the above ---

    def write_all(self, fd: int, content: bytes) -> None:
        """Write all of `content`."""
        view = memoryview(content)
        while view:
            view = view[self.write(fd, view) :]

    def write_new(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file that is not there yet and make its content durable; its name is the caller's to make durable."""
        fd = self.create(path, mode)
        try:
            self.write_all(fd, content)
            self.fsync(fd)
        finally:
            self.close(fd)

    def write_atomic(
        self,
        path: str,
        content: bytes,
        mode: int = 0o600,
        uid: int | None = None,
        gid: int | None = None,
        xattrs: Mapping[str, bytes] | None = None,
    ) -> None:
        """Put a durable file with this content and metadata in the place of `path`, in one step."""
        temporary = temporary_name(path)
        self.discard(temporary)
        fd = self.create(temporary)
        try:
            try:
                self.write_all(fd, content)
                self.set_meta(temporary, mode, uid, gid, xattrs)
                self.fsync(fd)
            finally:
                self.close(fd)
            self.rename(temporary, path)
        except OSError:
            self.discard(temporary)
            raise
        self.fsync_path(os.path.dirname(path))

    def symlink_atomic(self, to: str, path: str, uid: int | None = None, gid: int | None = None) -> None:
        """Put a durable symbolic link in the place of `path`, in one step."""
        temporary = temporary_name(path)
        self.discard(temporary)
        self.symlink(to, temporary)
        try:
            self.set_meta(temporary, None, uid, gid, None)
            self.rename(temporary, path)
        except OSError:
            self.discard(temporary)
            raise
        self.fsync_path(os.path.dirname(path))

    def set_meta(
        self,
        path: str,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        xattrs: Mapping[str, bytes] | None = None,
    ) -> bool:
        """Bring owner, mode, then extended attributes to what is given (None: leave); return whether any differed."""
        now = self.lstat(path)
        if mode is None:
            mode = stat.S_IMODE(now.st_mode)
        changed = uid not in (None, now.st_uid) or gid not in (None, now.st_gid)
        if changed:
            self.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)
        if stat.S_ISLNK(now.st_mode):
            return changed
        if xattrs is not None and self.xattrs(path) != dict(xattrs):
            # Attributes of the user namespace can be set by an owner only while the owner may write.
            self._set_mode(path, mode | stat.S_IWUSR)
            self._set_xattrs(path, xattrs)
            changed = True
        # Again after the rest: chown takes set-id bits away, and an ACL brings its own idea of the group's bits.
        return self._set_mode(path, mode) or changed

    def _set_mode(self, path: str, mode: int) -> bool:
        if stat.S_IMODE(self.lstat(path).st_mode) == mode:
            return False
        self.chmod(path, mode)
        return True

    def _set_xattrs(self, path: str, wanted: Mapping[str, bytes]) -> None:
        present = self.xattrs(path)
        for name in sorted(set(present) - set(wanted)):
            self.removexattr(path, name)
        for name, value in sorted(wanted.items()):
            if present.get(name) != value:
                self.setxattr(path, name, value)

    def discard(self, path: str) -> bool:
        """Remove a name that is no directory where it is there; return whether it was."""
        try:
            if stat.S_ISDIR(self.lstat(path).st_mode):
                return False
            self.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def make_dirs(self, path: str, mode: int = 0o700) -> None:
        """Make a directory and its missing parents, durably."""
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path)
        self.make_dirs(parent, mode)
        try:
            self.mkdir(path, mode)
        except FileExistsError:
            if not os.path.isdir(path):
                raise
        self.fsync_path(parent)

    def remove_tree(self, path: str) -> None:
        """Remove a file or a directory with all that is in it; symbolic links are removed, not followed."""
        try:
            is_directory = stat.S_ISDIR(self.lstat(path).st_mode)
        except FileNotFoundError:
            return
        if not is_directory:
            self.unlink(path)
            return
        for name in self.listdir(path):
            self.remove_tree(os.path.join(path, name))
        self.rmdir(path)

    def fsync_dir(self, path: str) -> None:
        """Make the entries of a directory durable."""
        self.fsync_path(path)
