// The messages of etcd's gateway, which offers etcd's API (version 3) as JSON over HTTP. Keys and
// values are in base64, and 64-bit numbers are texts.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/meta/etcd_client.h"

namespace server {

// The following functions return the bodies of requests.
std::string transaction_body(const storage::EtcdTransaction& transaction);
// Requests at most `limit` keys of the range at `revision`. If the revision is 0, they are read at
// the present one.
std::string range_body(const storage::EtcdRange& range, storage::EtcdRevision revision,
                       int64_t limit);
std::string watch_body(const storage::EtcdRange& range, storage::EtcdRevision first);
std::string compaction_body(storage::EtcdRevision revision);
std::string grant_body(int64_t ttl_s);
std::string keep_alive_body(storage::EtcdLease lease);
std::string remove_member_body(std::string_view id);
std::string add_member_body(std::string_view peers);

// The following functions read the bodies of answers. They fail with NetworkFailure if the body is
// not an answer of etcd; the request may have been executed nevertheless.
Result<storage::EtcdOutcome> read_transaction(std::string_view body);
struct EtcdPage {
  storage::EtcdFound found;
  bool has_more = false;
};
Result<EtcdPage> read_range(std::string_view body);
Result<storage::EtcdLease> read_grant(std::string_view body);
// Fails with OffsetOutOfRange if the lease no longer exists.
Result<storage::EtcdLease> read_keep_alive(std::string_view body);
// Reads one line of a watch. Also fails with OffsetOutOfRange, if the first requested revision has
// been compacted.
Result<storage::EtcdEvents> read_watched(std::string_view line);
// A member of etcd. A member that was added and has never started has no name. A member of the
// initial cluster has its name before it starts, but no URLs for clients.
struct EtcdMember {
  std::string id, name;
  std::vector<std::string> peers;  // URLs of the peers
  bool has_clients = false;        // the member has published URLs for clients
};
Result<std::vector<EtcdMember>> read_members(std::string_view body);
Result<storage::EtcdRevision> read_compaction(std::string_view body);
// Returns the reason, from the answer, why the gateway has refused a request. It is
// OffsetOutOfRange if etcd has compacted the revision of the request. All other errors are
// NetworkFailure.
Error read_refusal(int status, std::string_view body);

}  // namespace server
