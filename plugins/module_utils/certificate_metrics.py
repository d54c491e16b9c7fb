# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When certificates expire, for the node exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Mapping

from .certificate_pair import Certificate

METRICS = (
    ("not_before", "since when the certificate is valid"),
    ("not_after", "when the certificate expires"),
)


def render(certificates: Mapping[str, tuple[str, Certificate]]) -> str:
    """Source and certificate by name, in Prometheus' own format."""
    lines = []
    for field, meaning in METRICS:
        metric = f"evenkeel_certificate_{field}_timestamp_seconds"
        lines += [f"# HELP {metric} Unix time {meaning}.", f"# TYPE {metric} gauge"]
        for name, (source, certificate) in sorted(certificates.items()):
            value = int(getattr(certificate, field))
            lines.append(f'{metric}{{certificate="{name}",source="{source}"}} {value}')
    return "\n".join(lines) + "\n"
