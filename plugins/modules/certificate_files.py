#!/usr/bin/python
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: verify certificates and install them as one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_files
short_description: Verify certificates with their keys, and put them where servers read them
version_added: 0.1.0
description:
  - Takes certificates from the controller, from a directory of the host, from certbot, or makes them on the host, and
    puts them below O(directory) as C(<name>/fullchain.pem), C(<name>/privkey.pem) and C(<name>/combined.pem), the last
    one with certificates and key, as HAProxy takes them.
  - What is expired, not yet valid, of another key, out of order, not for the names that are wanted, or no certificate
    at all is refused before anything is touched, with the file and the reason.
  - All of them are one transaction. The units in O(reload) that run are reloaded, a new handshake has to show the new
    certificate where that can be asked, and where anything fails everything is put back.
  - Certificates that it put there and that are no longer named are removed. M(evenkeel.ops.undo) takes a run back.
  - Where a certificate comes from the host, a program is installed that goes on with it without the controller,
    C(/usr/local/lib/evenkeel/certificates.pyz). Starting it is the role's business.
  - Certificates are read by the program C(openssl) of the host.
options:
  certificates:
    description: All certificates that shall be there.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the certificate, and of its directory.
        type: str
        required: true
      source:
        description:
          - V(files) takes contents, or files of the controller. V(directory) takes files of the host. V(acme) takes
            what certbot has below C(/etc/letsencrypt/live), and a self-signed one while there is none.
          - V(self_signed) makes one on the host, and keeps it until the last quarter of its time.
        type: str
        choices: [files, directory, acme, self_signed]
        required: true
      certificate:
        description: Content of the certificate in PEM, perhaps with those of its issuers behind it.
        type: str
      certificate_file:
        description: File of the controller with it.
        type: str
      key:
        description: Content of the private key in PEM, without a passphrase.
        type: str
      key_file:
        description: File of the controller with it.
        type: str
      chain:
        description: Content of the issuers' certificates.
        type: str
      chain_file:
        description: File of the controller with it.
        type: str
      directory:
        description: Directory of the host, for source V(directory).
        type: path
      certificate_name:
        description: Name of the file with the certificate in there. By default C(fullchain.pem).
        type: str
      key_name:
        description: Name of the file with the key in there. By default C(privkey.pem).
        type: str
      chain_name:
        description: Name of the file with the issuers' certificates in there. By default there is none.
        type: str
      names:
        description: Host names and addresses that the certificate has to cover; what V(self_signed) makes one for.
        type: list
        elements: str
        default: []
      days:
        description: How many days one of V(self_signed) is valid.
        type: int
        default: 365
      probe:
        description: Where a new handshake has to show the new certificate after a change.
        type: dict
        suboptions:
          host:
            description: Address to connect to, from the host itself.
            type: str
            default: 127.0.0.1
          port:
            description: Port.
            type: int
            default: 443
          server_name:
            description: Name to ask for.
            type: str
            default: ""
  directory:
    description: Where the certificates are put.
    type: path
    default: /etc/evenkeel/certificates
  reload:
    description: Units that are reloaded after a change, where they run.
    type: list
    elements: str
    default: []
  warn_days:
    description: How many days before its end a certificate is warned of.
    type: int
    default: 14
  metrics_dir:
    description: Directory of the node exporter's textfile collector. Empty writes no metrics.
    type: str
    default: ""
extends_documentation_fragment: [evenkeel.ops.engine]
attributes:
  check_mode:
    description:
      - Verifies, and predicts the real run. Files of the host that are not there yet are told as a warning.
    support: full
  diff_mode:
    description: One difference per file; keys are shown as digests.
    support: full
seealso:
  - module: evenkeel.ops.tls_server_info
  - module: evenkeel.ops.undo
author: [The evenkeel.ops maintainers (@evenkeel)]
"""

EXAMPLES = r"""
- name: Install what the Vault agent wrote
  evenkeel.ops.certificate_files:
    certificates:
      - name: shop
        source: directory
        directory: /etc/shop/tls
        names: [shop.example.net]
        probe: {server_name: shop.example.net}
    reload: [nginx.service]
  become: true
"""

RETURN = r"""
certificates:
  description: What is installed, or would be.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: shop
    source:
      description: Where it comes from.
      type: str
      sample: directory
    serial:
      description: Its serial number, in hex.
      type: str
      sample: 2E8E8E9CA7D85BA7
    sha256:
      description: Its fingerprint.
      type: str
      sample: 1b284ccc5ea2f079af0383a08bbcc5c34184a434d08c296bf7c5b561ca18d911
    names:
      description: What it covers.
      type: list
      elements: str
      sample: [shop.example.net]
    not_after:
      description: When it expires.
      type: str
      sample: 2027-02-24 09:00 UTC
    days_left:
      description: Whole days until then.
      type: int
      sample: 89
    placeholder:
      description: Whether it only stands in for one that certbot has still to get.
      type: bool
      sample: false
    changed:
      description: Whether any of its files was written.
      type: bool
      sample: true
watched:
  description: Whether the role's unit is there, which takes over what changes on the host.
  type: bool
  returned: success
removed:
  description: Files of certificates that are no longer named.
  type: list
  elements: str
  returned: success
reloaded:
  description: Commands that were run to reload.
  type: list
  elements: str
  returned: success
run:
  description: The run that M(evenkeel.ops.undo) can take back.
  type: str
  returned: success
record:
  description: The record in the journal.
  type: str
  returned: changed
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.evenkeel.ops.plugins.module_utils.certificate_files import CertificateFiles
from ansible_collections.evenkeel.ops.plugins.module_utils.certificate_sources import SOURCES, completed
from ansible_collections.evenkeel.ops.plugins.module_utils.module_args import ENGINE_ARGS, problems

PROBE = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str", "default": ""},
}
CERTIFICATE = {
    "name": {"type": "str", "required": True},
    "source": {"type": "str", "choices": list(SOURCES), "required": True},
    "certificate": {"type": "str"},
    "certificate_file": {"type": "str"},
    "key": {"type": "str", "no_log": True},
    "key_file": {"type": "str", "no_log": False},
    "chain": {"type": "str"},
    "chain_file": {"type": "str"},
    "directory": {"type": "path"},
    "certificate_name": {"type": "str"},
    "key_name": {"type": "str", "no_log": False},
    "chain_name": {"type": "str"},
    "names": {"type": "list", "elements": "str", "default": []},
    "days": {"type": "int", "default": 365},
    "probe": {"type": "dict", "options": PROBE},
}


def main() -> None:
    """Read the options, install, answer."""
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGS,
            "certificates": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": CERTIFICATE,
                "required_if": [("source", "directory", ["directory"])],
            },
            "directory": {"type": "path", "default": "/etc/evenkeel/certificates"},
            "reload": {"type": "list", "elements": "str", "default": []},
            "warn_days": {"type": "int", "default": 14},
            "metrics_dir": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    found = problems(module.params)
    if found:
        module.fail_json(msg="\n".join(found))
    options = {**module.params, "certificates": [completed(item) for item in module.params["certificates"]]}
    answer = CertificateFiles(options, module.check_mode).serve()
    for warning in answer.warnings:
        module.warn(warning)
    if answer.error:
        module.fail_json(msg=answer.error, **{**answer.values, "changed": answer.changed})
    module.exit_json(changed=answer.changed, **answer.values)


if __name__ == "__main__":
    main()
