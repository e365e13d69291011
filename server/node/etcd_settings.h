// The settings for the etcd of a cluster: `--etcd` and `--peers`.
#pragma once
#include <atomic>
#include <map>
#include <optional>
#include <string_view>

#include "server/etcd/supervised_etcd.h"
#include "server/node/settings.h"

namespace server {

// Parses "1=10.0.0.1:2380,2=...". Fails with InvalidParameter.
Result<std::map<int, Address>> parse_etcd_peers(std::string_view text);

// Whether the nodes start an etcd of their own.
bool starts_etcd(const NodeSettings& settings);

// Checks that the options fit together. Fails with InvalidParameter.
Status check_etcd_peers(const NodeSettings& settings);

// Returns the options of the etcd member that this node starts; none if the node uses an existing etcd.
std::optional<SupervisedEtcdOptions> own_etcd(const NodeSettings& settings);

// Fails with NetworkFailure if another program listens at the ports of this node's etcd member: the node would take
// that program for its own etcd. Waits some seconds for an earlier member that is about to end.
Status check_etcd_ports(const NodeSettings& settings, const std::atomic<bool>& must_stop);

}  // namespace server
