# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is reached over the network: the firewall's listeners and peers, services and their clients, forwarding."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..firewall_table import FirewallTable
from ..listening_ports import Socket
from ..providers.base import Control
from ..providers.firewall import waits_for_others
from ..providers.service import full_name, wanted_state
from .scene import Scene
from .touch import Touch

FORWARDING = ("net.ipv4.ip_forward", "net.ipv4.conf.", "net.ipv6.conf.")


def firewall(table: FirewallTable, scene: Scene) -> Iterator[Touch]:
    """Listeners that would be closed, whole or to some, and peers that could not come again."""
    waiting = [socket for socket in scene.listeners if waits_for_others(socket)]
    for socket in waiting:
        if not table.opens(socket.port, None, socket.protocol):
            yield Touch("listener", scene.port_name(socket), "nobody reaches it any more")
    names = {socket.port: scene.port_name(socket) for socket in waiting if socket.protocol == "tcp"}
    for connection in scene.connections:
        name = names.get(connection.port)
        if name and not table.opens(connection.port, connection.peer):
            yield Touch("connection", f"{connection.peer} to {name}", "stays open; a new one is dropped")


def service(control: Control, scene: Scene) -> Iterator[Touch]:
    """Processes of a unit that is to stop, what they listen on, and who talks to them."""
    unit, wanted = full_name(control.state["name"]), wanted_state(control)
    if wanted.get("active") is True:
        yield Touch("unit", unit, "starts")
        return
    if wanted.get("active") is not False:
        return
    processes = {process.pid: process for process in scene.processes if process.unit == unit}
    yield from (Touch("process", scene.named(process), f"ends with {unit}") for process in processes.values())
    own = [socket for socket in scene.listeners if scene.owners.get(socket.inode, (0, ""))[0] in processes]
    yield from (Touch("listener", scene.port_name(socket), "goes") for socket in own)
    yield from _clients(own, scene)


def _clients(own: list[Socket], scene: Scene) -> Iterator[Touch]:
    names = {socket.port: scene.port_name(socket) for socket in own if socket.protocol == "tcp"}
    for connection in scene.connections:
        if connection.port in names:
            yield Touch("connection", f"{connection.peer} to {names[connection.port]}", "is cut off")


def unit_of_drop_in(control: Control, scene: Scene) -> Iterator[Touch]:
    """A unit whose drop-in changes, if it runs."""
    directory = os.path.basename(os.path.dirname(str(control.state.get("file"))))
    unit = directory[: -len(".d")] if directory.endswith((".service.d", ".socket.d", ".timer.d")) else ""
    for process in scene.processes:
        if unit and process.unit == unit:
            yield Touch("process", scene.named(process), f"runs in {unit}, which gets new limits when it restarts")


def sysctl(control: Control, scene: Scene) -> Iterator[Touch]:
    """What is known to depend on a kernel parameter."""
    key, value = str(control.state.get("key")), str(control.state.get("value"))
    if key.startswith(FORWARDING) and key.endswith("forward" if "ip_forward" in key else "forwarding") and value == "0":
        for name in _forwarding_interfaces(scene):
            yield Touch("interface", name, "nothing is forwarded to or from it any more")
    elif key == "kernel.yama.ptrace_scope":
        for process in scene.processes:
            if process.tracer:
                yield Touch("process", scene.named(process), f"is traced by {process.tracer}; only a parent may trace")
    elif key in ("kernel.unprivileged_userns_clone", "user.max_user_namespaces") and value == "0":
        own = scene.namespace(1, "user")
        for process in scene.processes:
            if own and scene.namespace(process.pid, "user") not in ("", own):
                yield Touch("process", scene.named(process), "lives in a user namespace; no new one can be made")


def _forwarding_interfaces(scene: Scene) -> list[str]:
    """Bridges and tunnels: a host that has them often forwards for containers or networks behind it."""
    directory = scene.host.path("/sys/class/net")
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    return [name for name in names if _is_bridge(scene, name) or _is_tunnel(scene, name)]


def _is_bridge(scene: Scene, name: str) -> bool:
    return os.path.isdir(scene.host.path(f"/sys/class/net/{name}/bridge"))


def _is_tunnel(scene: Scene, name: str) -> bool:
    kind = scene.host.glance(f"/sys/class/net/{name}/uevent")
    return "DEVTYPE=wireguard" in kind or os.path.exists(scene.host.path(f"/sys/class/net/{name}/tun_flags"))
