# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets of the adapter rest, for ansible-doc; made by scripts/presets.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The presets of the adapter rest."""

    DOCUMENTATION = r"""
options: {}
notes:
  - >-
    Presets of the adapter V(rest) - V(aci), Cisco ACI; V(awx), AWX and automation controller; V(gitea), Gitea and Forgejo;
    V(grafana), Grafana; V(icinga2), Icinga 2; V(infoblox), Infoblox NIOS; V(keycloak), Keycloak; V(librenms), LibreNMS;
    V(meraki), Cisco Meraki Dashboard; V(nomad), HashiCorp Nomad; V(okta), Okta; V(opnsense), OPNsense; V(phpipam), phpIPAM;
    V(powerdns), PowerDNS Authoritative Server; V(proxmox), Proxmox VE; V(servicenow), ServiceNow CMDB; V(zabbix), Zabbix. A
    page of the collection, docs/presets, documents each of them.
"""
