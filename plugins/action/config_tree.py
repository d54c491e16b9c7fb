# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""config_tree on the controller: renders every file, sends one archive, confirms what was armed."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.evenkeel.ops.plugins.module_utils.tree_archive import pack
from ansible_collections.evenkeel.ops.plugins.plugin_utils import tree_render
from ansible_collections.evenkeel.ops.plugins.plugin_utils.guarded_action import GuardedAction

MODULE = "evenkeel.ops.config_tree"
# With the defaults of ansible.builtin.template.
TEMPLATE_OPTIONS = {"trim_blocks": True, "lstrip_blocks": False}


class ActionModule(GuardedAction):
    """Contents travel inside the module's arguments, which are no_log: never in a process list, output or log."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render, send, confirm."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        # The archive is never the user's to set.
        args.pop("archive", None)
        overrides = {name: boolean(args.pop(name, default)) for name, default in TEMPLATE_OPTIONS.items()}
        try:
            files = tree_render.read_files(args.pop("files", []))
            renderer = tree_render.Renderer(self._templar, self._loader, self._find_needle, variables)
            contents = [renderer.content(item, overrides) for item in files]
        except (tree_render.BadFiles, AnsibleError, OSError) as error:
            raise AnsibleActionFail(str(error)) from error
        sent = [{key: item[key] for key in tree_render.SENT if item.get(key) is not None} for item in files]
        return self.execute_guarded(MODULE, {**args, "files": sent, "archive": pack(contents)}, variables)
