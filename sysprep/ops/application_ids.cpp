// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation application_ids_operation() {
    return {
        .name = "application-ids",
        .heading = "Remove node ids of servers and agents",
        .reason = "clusters and consoles take clones for one node",
        .source =
            "documentation of MySQL, RabbitMQ, Consul, Nomad, Elastic, netdata, osquery, Wazuh, Teleport",
        .rows = {"D15"},
        .remove = {"/var/lib/mysql/auto.cnf", "/var/lib/rabbitmq/.erlang.cookie",
                   "/{opt,var/lib}/consul/{data/,}node-id", "/var/lib/nomad/client/client-id",
                   "/opt/nomad/data/client/{client-id,secret-id}",
                   "/var/lib/netdata/registry/netdata.public.unique.id", "/var/osquery/osquery.db",
                   "/var/ossec/etc/client.keys", "/var/lib/teleport/{host_uuid,proc}",
                   "/var/lib/newrelic-infra/data/agent_id", "/etc/machine-fingerprint"},
        .perform =
            [](Cleaner& cleaner) {
                for (const std::string& path : cleaner.fs().glob_all(
                         {"/var/lib/kafka/meta.properties", "/var/lib/elasticsearch/_state",
                          "/etc/zabbix/*.psk", "/opt/CrowdStrike/falconctl", "/etc/opt/SentinelOne"})) {
                    cleaner.note(path + " may carry a node id that its vendor's tool must reset");
                }
            },
    };
}

}  // namespace imgforge::sysprep
