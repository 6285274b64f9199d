# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the built-in adapters, for ansible-doc; made by scripts/adapter_options.py."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of the built-in adapters."""

    DOCUMENTATION = r"""
options: {}
notes:
  - >-
    Options of the adapter V(file) - C(path), a string, required; C(format), one of yaml, json, jsonl, csv, tsv, toml, xlsx;
    C(document), a whole number of 1 or more; C(create), true or false, default V(false); C(mode), file permissions, default
    V(0600); C(encoding), a string, default V(utf-8); C(delimiter), a string; C(list_separator), a string, default V(,);
    C(storage_options), a dictionary, a secret.
  - >-
    Options of the adapter V(inventory) - C(source), a string or a list of strings, default V(play); C(variables), a list of
    strings; C(limit), a string; C(vault_password_file), a string; C(ansible_inventory), a string; C(timeout), a number of
    seconds above 0, default V(60).
  - >-
    Options of the adapter V(memory) - C(records), a list or a dictionary.
  - >-
    Options of the adapter V(nautobot) - C(url), a string, default NAUTOBOT_URL of the environment; C(token), a string,
    default NAUTOBOT_TOKEN of the environment, a secret; C(filters), a dictionary; C(page_size), a whole number of 1 or
    more, default V(1000); C(workers), a whole number of 1 or more, default V(4); C(batch_size), a whole number of 1 or
    more, default V(100); C(owner_tag), a string; C(cache), a string; C(full_every), a number of loads or a length of time,
    default V(P1D); C(connect_timeout), a number of seconds above 0, default V(10); C(read_timeout), a number of seconds
    above 0, default V(120); C(total_timeout), a number of seconds above 0, default V(600); C(max_wait), a number of seconds
    above 0, default V(60); C(verify), true or false, default V(true); C(ca_file), a string; C(trust_env), true or false,
    default V(false); C(tries), a whole number of 1 or more, default V(3); C(retry_unsafe), true or false, default V(false);
    C(rate_limit), a number above 0.
  - >-
    Options of the adapter V(netbox) - C(url), a string, default NETBOX_URL or NETBOX_API of the environment; C(token), a
    string, default NETBOX_TOKEN of the environment, a secret; C(changelog_message), a string; C(branch), a string or a
    dictionary; C(filters), a dictionary; C(page_size), a whole number of 1 or more, default V(1000); C(workers), a whole
    number of 1 or more, default V(4); C(batch_size), a whole number of 1 or more, default V(100); C(owner_tag), a string;
    C(cache), a string; C(full_every), a number of loads or a length of time, default V(P1D); C(connect_timeout), a number
    of seconds above 0, default V(10); C(read_timeout), a number of seconds above 0, default V(120); C(total_timeout), a
    number of seconds above 0, default V(600); C(max_wait), a number of seconds above 0, default V(60); C(verify), true or
    false, default V(true); C(ca_file), a string; C(trust_env), true or false, default V(false); C(tries), a whole number of
    1 or more, default V(3); C(retry_unsafe), true or false, default V(false); C(rate_limit), a number above 0.
  - >-
    Options of the adapter V(rest) - C(base_url), a string, required; C(endpoints), a dictionary; C(endpoints.*.list), a
    path, required; C(endpoints.*.request), a dictionary; C(endpoints.*.request.method), one of POST, PUT, PATCH, DELETE,
    GET, default V(POST); C(endpoints.*.request.body), any value; C(endpoints.*.empty), a list; C(endpoints.*.records), a
    path in an answer; C(endpoints.*.records_optional), true or false, default V(false); C(endpoints.*.pagination), a string
    or a dictionary; C(endpoints.*.key), a path in an answer, default V(id); C(endpoints.*.get), a path or a dictionary;
    C(endpoints.*.get.path), a path; C(endpoints.*.get.returns), a path in an answer; C(endpoints.*.if_match), true or
    false, default V(false); C(endpoints.*.finish), a dictionary; C(endpoints.*.finish.path), a path, required;
    C(endpoints.*.finish.method), one of POST, PUT, PATCH, DELETE, GET, default V(POST); C(endpoints.*.null_as), a string;
    C(endpoints.*.parts), a dictionary; C(endpoints.*.parts.*.get), a path; C(endpoints.*.parts.*.records), a path in an
    answer; C(endpoints.*.parts.*.from), a path in an answer; C(endpoints.*.parts.*.item), a path in an answer;
    C(endpoints.*.parts.*.only_if), a path in an answer; C(endpoints.*.parts.*.set), a path or a dictionary;
    C(endpoints.*.parts.*.set.path), a path, required; C(endpoints.*.parts.*.set.method), one of POST, PUT, PATCH, DELETE,
    GET; C(endpoints.*.parts.*.set.wrap), a path in an answer; C(endpoints.*.parts.*.set.envelope), a dictionary;
    C(endpoints.*.parts.*.clear), a path, false, or a dictionary; C(endpoints.*.parts.*.add), a path or a dictionary;
    C(endpoints.*.parts.*.remove), a path or a dictionary; C(endpoints.*.pairs), a dictionary; C(endpoints.*.pairs.key), a
    string, required; C(endpoints.*.pairs.value), a string, required; C(endpoints.*.create), a path, false, or a dictionary;
    C(endpoints.*.create.method), one of POST, PUT, PATCH, DELETE, GET; C(endpoints.*.create.path), a path;
    C(endpoints.*.create.wrap), a path in the body; C(endpoints.*.create.envelope), a dictionary;
    C(endpoints.*.create.extra), a dictionary; C(endpoints.*.create.bulk), true or false, default V(false);
    C(endpoints.*.create.returns), a path in an answer, or a dictionary; C(endpoints.*.create.job), a dictionary;
    C(endpoints.*.create.job.path), a path; C(endpoints.*.create.job.status), a path in an answer, default V(status);
    C(endpoints.*.create.job.done), a list, default V([done, success, successful, succeeded, complete, completed, finished,
    ok]); C(endpoints.*.create.job.failed), a list, default V([failed, failure, fail, error, errored, aborted, cancelled,
    canceled]); C(endpoints.*.create.job.every), a number of seconds above 0, default V(1);
    C(endpoints.*.create.job.timeout), a number of seconds above 0, default V(300); C(endpoints.*.create.job.returns), a
    path in an answer; C(endpoints.*.update), a path, false, or a dictionary; C(endpoints.*.update.send), one of changed,
    values, whole, nothing, key or a list; C(endpoints.*.delete), a path, false, or a dictionary; C(pagination), a string or
    a dictionary; C(pagination.type), one of none, page, offset, keyset, cursor, link, next, required; C(pagination.param),
    a string; C(pagination.size_param), a string, default V(limit); C(pagination.size), a whole number of 1 or more;
    C(pagination.first), a whole number of 0 or more, default V(1); C(pagination.next), a path in an answer, default
    V(next); C(pagination.total), a path in an answer; C(pagination.end), a list; C(pagination.sorted), true or false,
    default V(false); C(pagination.verify), true or false, default V(true); C(pagination.max_pages), a whole number of 1 or
    more, default V(100000); C(update_method), one of patch, put, default V(patch); C(username), a string; C(password), a
    string, a secret; C(token), a string, a secret; C(auth_header), a string; C(auth_scheme), a string; C(auth_query), a
    string; C(login), a dictionary; C(login.path), a string, required; C(login.method), a string, default V(POST);
    C(login.body), any value; C(login.form), true or false, default V(false); C(login.token), a path in an answer;
    C(login.lasts), a path in an answer, default V(expires_in); C(login.logout), a string; C(login.logout_method), a string,
    default V(POST); C(oauth2), a dictionary; C(oauth2.token_url), a string, required; C(oauth2.client_id), a string,
    required; C(oauth2.grant), one of client_credentials, password, default V(client_credentials); C(oauth2.scope), a
    string; C(client_secret), a string, a secret; C(sent_values), a string; C(sent_key), a string, a secret; C(headers), a
    dictionary; C(secret_headers), a dictionary, a secret; C(client_cert), a string; C(client_key), a string;
    C(client_key_password), a string, a secret; C(rewrite_links), true or false, default V(false); C(introspect), true or
    false, default V(true); C(workers), a whole number of 1 or more, default V(4); C(batch_size), a whole number of 1 or
    more, default V(50); C(connect_timeout), a number of seconds above 0, default V(10); C(read_timeout), a number of
    seconds above 0, default V(30); C(total_timeout), a number of seconds above 0, default V(600); C(max_wait), a number of
    seconds above 0, default V(60); C(verify), true or false, default V(true); C(ca_file), a string; C(trust_env), true or
    false, default V(false); C(tries), a whole number of 1 or more, default V(3); C(retry_unsafe), true or false, default
    V(false); C(rate_limit), a number above 0.
  - >-
    Options of the adapter V(snapshot) - C(path), a string, required.
  - >-
    Options of the adapter V(sql) - C(url), a string, required; C(username), a string; C(password), a string, a secret;
    C(schema), a string; C(transaction), one of all, batch, default V(all); C(batch_size), a whole number of 1 or more,
    default V(500); C(connect_timeout), a number of seconds above 0, default V(10); C(statement_timeout), a number of
    seconds above 0; C(ca_file), a string; C(upsert), true or false, default V(false); C(read_only), true or false, default
    V(false).
"""
