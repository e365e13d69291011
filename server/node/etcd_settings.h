// Of a cluster's etcd: what `--etcd` and `--peers` say of it.
#pragma once
#include <atomic>
#include <map>
#include <optional>
#include <string_view>

#include "server/etcd/supervised_etcd.h"
#include "server/node/settings.h"

namespace server {

// Of "1=10.0.0.1:2380,2=...". Fails with InvalidParameter.
Result<std::map<int, Address>> parse_etcd_peers(std::string_view text);

// Whether the nodes are to start an etcd of their own.
bool starts_etcd(const NodeSettings& settings);

// What only goes together. Fails with InvalidParameter.
Status check_etcd_peers(const NodeSettings& settings);

// The member that this node starts; none where it uses an etcd that is there.
std::optional<SupervisedEtcdOptions> own_etcd(const NodeSettings& settings);

// Fails with NetworkFailure where somebody else listens at the ports of the member that this node is to start: the node
// would take that for its own etcd. Waits some seconds for a member that was started before and is about to end.
Status check_etcd_ports(const NodeSettings& settings, const std::atomic<bool>& must_stop);

}  // namespace server
