# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The turn of a switch of HAProxy, journalled under the id of this run."""

from __future__ import annotations

from ansible_collections.evenkeel.ops.plugins.plugin_utils.run_action import RunAction


class ActionModule(RunAction):
    """Tells the module which run it belongs to."""

    module = "evenkeel.ops.haproxy_switch"
