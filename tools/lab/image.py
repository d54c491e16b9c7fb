"""Builds the lab's images: a base, pulled or made from the machine's own Debian mirror, and the recipe in image/."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from tools.lab.apt_sources import Source, for_suite, read_sources
from tools.lab.machine import debian_codename, need, only_one
from tools.lab.progress import say
from tools.lab.settings import BASE_IMAGE, BASES, IMAGE, LABEL_IMAGE, SUITES, LabError, cache_dir

RECIPE = Path(__file__).parent / "image"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NEEDED_BYTES = 4 * 1024**3
BUILD_SECONDS = 1800
PULL_PATIENCE = 15


def recipe_digest(distribution: str, recipe: Path = RECIPE) -> str:
    """Names the recipe's content: another recipe is another image."""
    digest = hashlib.sha256(distribution.encode())
    for path in sorted(recipe.iterdir()):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def image_name(distribution: str) -> str:
    """The image that `up` uses."""
    return f"{IMAGE}:{distribution}-{recipe_digest(distribution)}"


def build(client: docker.DockerClient, distributions: Iterable[str]) -> None:
    """Build what is missing; images are tagged only when they are whole."""
    with only_one("image-build"):
        missing = [name for name in distributions if not _exists(client, image_name(name))]
        if not missing:
            return
        _clean(client)
        _check_space(client)
        say(f"Building the image of {' and '.join(missing)}: once, some minutes")
        with ThreadPoolExecutor(len(missing)) as pool:
            list(pool.map(lambda name: _build_one(client, name), missing))
        _remove_old(client, missing)
        shutil.rmtree(_work_dir(), ignore_errors=True)


def _exists(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _work_dir() -> Path:
    return cache_dir() / "build"


def _clean(client: docker.DockerClient) -> None:
    """Remove what a killed build left: its directory, its containers, its untagged layers."""
    shutil.rmtree(_work_dir(), ignore_errors=True)
    for container in client.containers.list(all=True, filters={"label": LABEL_IMAGE}):
        if any("prepare.sh" in word for word in container.attrs["Config"]["Cmd"] or []):
            container.remove(force=True)
    client.images.prune(filters={"dangling": True, "label": LABEL_IMAGE})


def _check_space(client: docker.DockerClient) -> None:
    for path in {str(cache_dir()), client.info()["DockerRootDir"]}:
        free = shutil.disk_usage(path).free if Path(path).is_dir() else NEEDED_BYTES
        if free < NEEDED_BYTES:
            raise LabError(
                f"{path} has {free / 1024**3:.1f} GiB free, building the lab's images needs "
                f"{NEEDED_BYTES / 1024**3:.0f} GiB: make room, or set EVENKEEL_CACHE to a larger disk."
            )


def _build_one(client: docker.DockerClient, distribution: str) -> None:
    try:
        base = _base(client, distribution)
        say(f"{distribution}: installing systemd and sshd, downloading the roles' packages")
        image, _ = client.images.build(
            path=str(RECIPE),
            tag=image_name(distribution),
            buildargs={"BASE": base, "DISTRIBUTION": distribution},
            network_mode="host",
            timeout=BUILD_SECONDS,
            rm=True,
            forcerm=True,
        )
        image.tag(IMAGE, distribution)
        say(f"{distribution}: image {image_name(distribution)} is ready, {image.attrs['Size'] / 1e6:.0f} MB")
    except BuildError as error:
        log = "".join(str(entry.get("stream", "")) for entry in error.build_log)
        raise failure(f"Building the image of {distribution}", f"{log}\n{error.msg}") from error
    except (DockerException, OSError) as error:
        raise failure(f"Building the image of {distribution}", str(error)) from error


def _base(client: docker.DockerClient, distribution: str) -> str:
    """A bare system: the public image when a registry answers, else a Debian made from the machine's mirror."""
    name = f"{BASE_IMAGE}:{distribution}"
    if _exists(client, name):
        return name
    public = BASES[distribution]
    if _exists(client, public) or _registry_answers(public):
        say(f"{distribution}: using the public image {public}")
        if not _exists(client, public):
            client.images.pull(public)
        return public
    if distribution not in SUITES:
        raise LabError(
            f"{distribution} is made from the public image {public}, which no registry gives: there is no way to build "
            f"it here; {' and '.join(SUITES)} can also be made from a Debian mirror."
        )
    _bootstrap(client, distribution, name)
    return name


def _registry_answers(public: str) -> bool:
    try:
        docker.from_env(timeout=PULL_PATIENCE).images.get_registry_data(public)
    except (DockerException, OSError):
        return False
    return True


def _bootstrap(client: docker.DockerClient, distribution: str, name: str) -> None:
    suite = SUITES[distribution]
    sources = usable_sources(suite)
    mmdebstrap = need("mmdebstrap", "mmdebstrap")
    say(f"{distribution}: no registry answers, making {suite} from this machine's Debian mirror")
    _work_dir().mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_work_dir(), prefix=distribution) as work:
        tarball, later = Path(work, "base.tar"), Path(work, "updates.list")
        later.write_text("".join(f"{apt_line(source)}\n" for source in sources[1:]), encoding="ascii")
        command = [
            # Neither the processes nor the mounts of a killed build outlive it.
            *(
                "setpriv",
                "--pdeathsig",
                "KILL",
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ),
            *(mmdebstrap, "--variant=minbase", "--include=ca-certificates"),
            # Made of the release alone: what came out since is pending, as on a server before its patch window.
            f"--customize-hook=copy-in {later} /etc/apt/sources.list.d/",
            *(suite, str(tarball), apt_line(sources[0])),
        ]
        done = subprocess.run(
            command,
            env={**os.environ, "TMPDIR": work},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise failure(f"Making a base of {suite} with mmdebstrap", done.stderr)
        repository, tag = name.split(":")
        changes = [f"LABEL {LABEL_IMAGE}=1"]
        client.api.import_image_from_file(str(tarball), repository=repository, tag=tag, changes=changes)


def apt_line(source: Source) -> str:
    """The source as a line of sources.list."""
    return f"deb [signed-by={KEYRING}] {source.uri} {source.suite} main"


def failure(what: str, log: str) -> LabError:
    """A failed step, with the end of its log; a full disk is named first, for its message drowns in others."""
    full = ": the disk is full" if "no space left on device" in log.lower() else ""
    return LabError("\n".join([f"{what} failed{full}; its log ends with:", *log.splitlines()[-15:]]))


def usable_sources(suite: str) -> list[Source]:
    """The machine's Debian mirrors for a suite; updates and security where the mirror has them."""
    codename = debian_codename()
    found = for_suite(read_sources(), codename, suite) if codename else []
    if not found:
        raise LabError(
            "No registry gives the public image 'debian', and the sources in /etc/apt name no Debian mirror: "
            "make one of them reachable."
        )
    return [found[0], *(source for source in found[1:] if _reachable(source))]


def _reachable(source: Source) -> bool:
    if not source.uri.startswith(("http://", "https://")):
        return True
    request = urllib.request.Request(f"{source.uri}/dists/{source.suite}/InRelease", method="HEAD")  # noqa: S310  # scheme checked above
    try:
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310  # scheme checked above
            return True
    except (urllib.error.URLError, OSError):
        return False


def _remove_old(client: docker.DockerClient, distributions: Iterable[str]) -> None:
    """Drop images of earlier recipes that no container uses."""
    used = {container.attrs["ImageID"] for container in client.containers.list(all=True, sparse=True)}
    current = {image_name(name) for name in BASES} | {f"{IMAGE}:{name}" for name in BASES}
    for image in client.images.list(name=IMAGE):
        ours = any(tag.startswith(f"{IMAGE}:{name}") for tag in image.tags for name in distributions)
        if ours and image.id not in used and not current & set(image.tags):
            try:
                client.images.remove(image.id, force=True)
            except APIError as error:
                say(f"An old image stays: {error.explanation}")
