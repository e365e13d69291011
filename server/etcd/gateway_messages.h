// What is said to etcd's gateway: its API (version 3) as JSON over HTTP, keys and values in base64, numbers of
// 64 bits as texts.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/meta/etcd_client.h"

namespace server {

// Bodies of requests.
std::string transaction_body(const storage::EtcdTransaction& transaction);
// At most `limit` keys, as of `revision`, or as of now where that is 0.
std::string range_body(const storage::EtcdRange& range, storage::EtcdRevision revision,
                       int64_t limit);
std::string watch_body(const storage::EtcdRange& range, storage::EtcdRevision first);
std::string compaction_body(storage::EtcdRevision revision);
std::string grant_body(int64_t ttl_s);
std::string keep_alive_body(storage::EtcdLease lease);
std::string remove_member_body(std::string_view id);
std::string add_member_body(std::string_view peers);

// Bodies of answers. All fail with NetworkFailure where they are no answer of an etcd: what was asked for may
// have happened all the same.
Result<storage::EtcdOutcome> read_transaction(std::string_view body);
struct EtcdPage {
  storage::EtcdFound found;
  bool has_more = false;
};
Result<EtcdPage> read_range(std::string_view body);
Result<storage::EtcdLease> read_grant(std::string_view body);
// Also with OffsetOutOfRange: there is no such lease any more.
Result<storage::EtcdLease> read_keep_alive(std::string_view body);
// One line of a watch. Also fails with OffsetOutOfRange: what was to be told first has been compacted.
Result<storage::EtcdEvents> read_watched(std::string_view line);
// Of the etcd itself. A member that was added and has never started has no name; one of those that the etcd was made of has
// its name before, but nothing for clients.
struct EtcdMember {
  std::string id, name;
  std::vector<std::string> peers;  // URLs
  bool has_clients = false;        // it has said where it is for them
};
Result<std::vector<EtcdMember>> read_members(std::string_view body);
Result<storage::EtcdRevision> read_compaction(std::string_view body);
// Why the gateway refused a request, from its answer. OffsetOutOfRange: etcd has forgotten the revision that it was
// about. All others are NetworkFailure.
Error read_refusal(int status, std::string_view body);

}  // namespace server
