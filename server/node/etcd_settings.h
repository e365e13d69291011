// Of a cluster's etcd: what `--etcd` and `--peers` say of it.
#pragma once
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

}  // namespace server
