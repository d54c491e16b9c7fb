"""Brings lab hosts up and down. A container that matches its description and works is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from tools.lab import access, image
from tools.lab.inventory import Host
from tools.lab.network import check_network, ensure_network, port_bindings, refuse_taken_port, remove_network
from tools.lab.progress import say
from tools.lab.settings import LABEL, LABEL_DIGEST, LOGIN, NETWORK, LabError

START_SECONDS = 120
# Numeric owner and group in the image: the operator is the first ordinary user, in the group `users`.
HOMES = {"root": (0, 0), f"home/{LOGIN}": (1000, 100)}


def container_options(cgroup_version: str) -> dict[str, Any]:
    """What systemd needs, and no more: privileged is neither needed nor allowed everywhere."""
    options: dict[str, Any] = {
        "cap_add": ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"],
        "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
        "tmpfs": {"/run": "mode=755,exec", "/run/lock": "mode=1777"},
        "cgroupns": "private",
    }
    if cgroup_version == "1":
        options |= {"cgroupns": "host", "volumes": ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]}
    return options


class Lab:
    """The lab on one engine."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self.options = container_options(client.info().get("CgroupVersion", "1"))

    def up(self, hosts: list[Host], *, fresh: bool = False) -> None:
        """Bring these hosts up, all at once."""
        access.key_path()
        image.build(self.client, sorted({host.distribution for host in hosts}))
        check_network(self.client)
        self._refuse_taken_addresses(hosts)
        kept = [host for host in hosts if not fresh and self._keep(host)]
        new = [host for host in hosts if host not in kept]
        for host in new:
            self._remove(host.container)
        for host in new:
            for item in host.publish:
                refuse_taken_port(host.name, item)
        ensure_network(self.client)
        keys = dict(_for_all(hosts, lambda host: self._bring_up(host, host in new)))
        access.remember_hosts(keys)
        _for_all(hosts, self._wait_for_login)
        say(f"{len(hosts)} hosts answer over SSH ({len(kept)} were there)")

    def down(self, hosts: list[Host] | None) -> None:
        """Remove the containers of these hosts, or all that the lab's label marks; then the network if it is empty."""
        found = self.client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
        if hosts is not None:
            names = {host.container for host in hosts}
            found = [container for container in found if container.name in names]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda container: self._remove(container.name), found))
        if hosts is not None:
            access.remember_hosts({host.address: [] for host in hosts})
        else:
            for volume in self.client.volumes.list(filters={"label": LABEL}):
                volume.remove(force=True)
        remove_network(self.client)
        say(f"Removed {len(found)} containers")

    def status(self, hosts: list[Host]) -> bool:
        """Print one line for each host; true when all are running."""
        states = {host: self._state(host) for host in hosts}
        for host, state in states.items():
            ports = " ".join(f"http://{item.address}:{item.port}" for item in host.publish)
            print(f"{host.name:<16} {host.address:<16} {host.distribution:<10} {state:<12} {ports}".rstrip())
        return all(state in ("running", "degraded") for state in states.values())

    def _find(self, name: str) -> Container | None:
        try:
            return self.client.containers.get(name)
        except NotFound:
            return None

    def _state(self, host: Host) -> str:
        container = self._find(host.container)
        if container is None:
            return "absent"
        if container.status != "running":
            return str(container.status)
        return _system_state(container)

    def _digest(self, host: Host) -> str:
        image_id = self.client.images.get(image.image_name(host.distribution)).id
        public_key = access.key_path().with_suffix(".pub").read_text(encoding="ascii")
        return host.digest(f"{image_id} {public_key}", self.options)

    def _keep(self, host: Host) -> bool:
        """Is this host's container there, whole, and made of what the inventory now says?"""
        container = self._find(host.container)
        if container is None or container.labels.get(LABEL_DIGEST) != self._digest(host):
            return False
        if container.status == "exited":
            # Stopped from outside, or with the engine: it was whole once. Its network may be gone meanwhile.
            try:
                container.start()
            except APIError:
                return False
            container.reload()
        return bool(container.status == "running")

    def _remove(self, name: str) -> None:
        container = self._find(name)
        if container is None:
            return
        if LABEL not in container.labels:
            raise LabError(f"A container named '{name}' exists that is not the lab's: rename or remove it.")
        container.remove(force=True, v=True)

    def _refuse_taken_addresses(self, hosts: Iterable[Host]) -> None:
        """Two checkouts, or a lab and a test, may want the same address: say who has it."""
        wanted = {host.address: host for host in hosts}
        for container in self.client.containers.list(filters={"network": NETWORK}, ignore_removed=True):
            address = container.attrs["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
            if address in wanted and container.name != wanted[address].container:
                raise LabError(
                    f"Host {wanted[address].name} wants {address}, which the container '{container.name}' has: "
                    "run `make lab-down`, or give the host another ansible_host."
                )

    def _bring_up(self, host: Host, new: bool) -> tuple[str, list[str]]:
        container = self._create(host) if new else self.client.containers.get(host.container)
        self._wait_for_system(host, container)
        done = container.exec_run(["sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub"])
        if done.exit_code:
            raise LabError(f"Host {host.name} has no SSH host keys: {done.output.decode(errors='replace').strip()}")
        return host.address, [" ".join(line.split()[:2]) for line in done.output.decode("ascii").splitlines()]

    def _create(self, host: Host) -> Container:
        say(f"{host.name}: starting {host.distribution} at {host.address}")
        endpoint = self.client.api.create_endpoint_config(ipv4_address=host.address)
        container = self.client.containers.create(
            image.image_name(host.distribution),
            name=host.container,
            hostname=host.name,
            labels={LABEL: "1", LABEL_DIGEST: self._digest(host)},
            network=NETWORK,
            networking_config={NETWORK: endpoint},
            ports=port_bindings(host.publish),
            **self.options,
        )
        public_key = access.key_path().with_suffix(".pub").read_text(encoding="ascii")
        container.put_archive("/", access.authorized_keys_archive(public_key, HOMES))
        try:
            container.start()
        except APIError as error:
            container.remove(force=True)
            raise LabError(f"Host {host.name} does not start: {error.explanation}") from error
        return container

    def _wait_for_system(self, host: Host, container: Container) -> None:
        state = _until(lambda: _system_state(container), ("running", "degraded"))
        if state == "degraded":
            failed = container.exec_run(
                ["systemctl", "list-units", "--failed", "--plain", "--no-legend"]
            ).output.decode()
            say(f"{host.name}: systemd is degraded: {', '.join(line.split()[0] for line in failed.splitlines())}")
        elif state != "running":
            log = container.logs(tail=15).decode(errors="replace")
            raise LabError(f"Host {host.name}: systemd is '{state}' after {START_SECONDS} s; its log ends with:\n{log}")

    def _wait_for_login(self, host: Host) -> None:
        trouble = _until(lambda: access.login_works(host.address), ("",))
        if trouble:
            raise LabError(f"Host {host.name} refuses SSH as {LOGIN}@{host.address} after {START_SECONDS} s: {trouble}")
        say(f"{host.name}: SSH answers")


def _system_state(container: Container) -> str:
    """What systemd says of itself; `offline` until it can be asked."""
    try:
        output = container.exec_run(["systemctl", "is-system-running"]).output
    except APIError:
        return "offline"
    words = output.decode(errors="replace").split()
    return words[-1] if words else "offline"


def _until(ask: Callable[[], str], good: tuple[str, ...]) -> str:
    """Ask until the answer is good or the time is over; returns the last answer."""
    deadline = time.monotonic() + START_SECONDS
    while (answer := ask()) not in good and time.monotonic() < deadline:
        time.sleep(0.3)
    return answer


def _for_all(hosts: list[Host], action: Callable[[Host], Any]) -> list[Any]:
    """Do it for all hosts at once; the first trouble is raised when all have ended."""
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        jobs = [pool.submit(action, host) for host in hosts]
        for job in as_completed(jobs):
            job.exception()
        return [job.result() for job in jobs]
