# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""controls on the controller: reads catalogues, sends a host what it needs, joins the prose on return."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible_collections.evenkeel.ops.plugins.module_utils.controls_input import refusal
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import (
    CatalogueError,
    Selection,
    Wishes,
    join,
    load,
    select,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction

MODULE = "evenkeel.ops.controls"
# Handled here; the module gets what comes of them.
OURS = ("catalogue", "profile", "areas", "overrides", "disabled", "waivers", "aliases", "describe")
# Set here; never the user's to set.
INTERNAL = ("keep", "waived", "secrets")
LISTS = ("catalogue", "areas", "disabled", "waivers", "describe")
MAPPINGS = ("overrides", "aliases")
DESCRIBED = ("failed", "unknown", "changed", "would_change")


class ActionModule(GuardedAction):
    """One module call for all controls of a task."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Refuse bad input, run the module, say what its results are about."""
        super().run(tmp, task_vars)
        try:
            args = self._checked(dict(self._task.args))
            selection = self._select(args)
        except CatalogueError as error:
            return {"failed": True, "changed": False, "msg": refusal(error.problems)}
        result = self.execute_guarded(MODULE, self._module_args(args, selection), task_vars or {})
        # At -vvv it would repeat the catalogue for every host.
        result.pop("invocation", None)
        if args.get("profile") is not None:
            result["profile"] = args["profile"]
        described = args["describe"] if args.get("describe") is not None else DESCRIBED
        join(result.get("results") or [], selection.prose, described)
        return result

    @staticmethod
    def _checked(args: dict[str, Any]) -> dict[str, Any]:
        """The arguments with single items as lists; CatalogueError where a type is wrong."""
        problems = [f"{name} is set by the action plugin: leave it out" for name in INTERNAL if name in args]
        for name in LISTS:
            if isinstance(args.get(name), (str, Mapping)):
                args[name] = [args[name]]
            if args.get(name) is not None and not isinstance(args[name], (list, tuple)):
                problems.append(f"{name} is {args[name]!r}: allowed is a list")
        for name in MAPPINGS:
            if args.get(name) is not None and not isinstance(args[name], Mapping):
                problems.append(f"{name} is {args[name]!r}: allowed is a mapping by control id")
        if not args.get("catalogue") and args.get("controls") is None:
            problems.append("neither controls nor catalogue is given: one of them is needed")
        if args.get("controls") is not None and not isinstance(args["controls"], (list, tuple)):
            problems.append(f"controls is {args['controls']!r}: allowed is a list of controls")
        if problems:
            raise CatalogueError(problems)
        return args

    def _select(self, args: Mapping[str, Any]) -> Selection:
        catalogue = load([self._find(path) for path in args.get("catalogue") or ()], constants.DEFAULT_LOCAL_TMP)
        inline = args.get("controls") or []
        odd = [item for item in inline if not isinstance(item, Mapping) or not isinstance(item.get("id"), str)]
        if odd:
            raise CatalogueError([f"controls has {odd[0]!r}: allowed is a mapping with an id and one state key"])
        wishes = Wishes(
            args.get("profile"),
            args.get("areas"),
            args.get("overrides") or {},
            args.get("disabled") or (),
            args.get("waivers") or (),
            args.get("aliases") or {},
        )
        today = datetime.datetime.now(datetime.timezone.utc).date()
        return select([*catalogue, *inline], wishes, today)

    def _find(self, path: Any) -> str:
        """A catalogue beside the role's or the playbook's files."""
        if not isinstance(path, str):
            raise CatalogueError([f"catalogue has {path!r}: allowed are paths of files or directories"])
        try:
            found: str = self._find_needle("files", path)
        except AnsibleError:
            raise CatalogueError(
                [f"catalogue has {path!r}: there is no such file beside the role or playbook"]
            ) from None
        return found

    @staticmethod
    def _module_args(args: Mapping[str, Any], selection: Selection) -> dict[str, Any]:
        rest = {name: value for name, value in args.items() if name not in OURS}
        made: dict[str, Any] = {"controls": selection.public}
        if selection.keep:
            made["keep"] = selection.keep
        if selection.waived:
            made["waived"] = selection.waived
        if selection.secrets:
            made["secrets"] = json.dumps(selection.secrets)
        return {**rest, **made}
