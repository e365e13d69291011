// What can be asked of consumer groups, over the wire. Errors are in the server's words, or librdkafka's.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/connection.h"

namespace client {

using PartitionName = std::pair<std::string, PartitionId>;  // of a topic
using Offsets = std::map<PartitionName, int64_t>;

struct GroupListing {
  std::string id, state;
};
struct GroupMember {
  std::string id, client_id, host;
  std::optional<std::string> instance_id;
  std::vector<PartitionName> partitions;  // that it reads
};
struct GroupDescription {
  std::string id = {}, state = {};  // "Dead": there is none
  std::string assignor = {};
  std::string coordinator = {};  // "host:port (id)"
  std::vector<GroupMember> members = {};
};

// By their ids.
Result<std::vector<GroupListing>> list_groups(Connection& connection);
Result<GroupDescription> describe_group(Connection& connection, const std::string& group);
// What the group has committed.
Result<Offsets> committed_offsets(Connection& connection, const std::string& group);
// Fails as a whole with the first partition's error.
Status commit_offsets(Connection& connection, const std::string& group, const Offsets& offsets);
Status delete_group(Connection& connection, const std::string& group);
// An error for each partition, or none.
Result<std::map<PartitionName, Status>> delete_offsets(
    Connection& connection, const std::string& group, const std::vector<PartitionName>& partitions);

// How far a group is in one partition.
struct PartitionProgress {
  PartitionName partition;
  std::optional<int64_t> committed, end;
  const GroupMember* reader = nullptr;  // in the description
  std::optional<int64_t> lag() const {
    return committed && end ? std::optional(*end - *committed) : std::nullopt;
  }
};
// Of what it has committed and what its members read, by topic and partition.
Result<std::vector<PartitionProgress>> group_progress(Connection& connection,
                                                      const GroupDescription& group);

// Where a group is to go on.
struct NewPosition {
  enum class Kind : uint8_t { Earliest, Latest, Time, ShiftBy, Offset, Current };
  Kind kind = Kind::Current;
  int64_t value = 0;  // milliseconds since 1970, records, or an offset
};
// For partitions of a topic, within what is there: what lies before or behind is its begin or end.
Result<Offsets> new_offsets(Connection& connection, const NewPosition& position,
                            const std::vector<PartitionName>& partitions, const Offsets& committed);
// "2026-01-31T12:30:00.000", with or without seconds and fractions, and a zone such as Z or +02:00
// (UTC without one); as Kafka's tools read it.
Result<int64_t> parse_datetime(const std::string& text);

// Of --topic: "orders", or "orders:0,2". Fails when there is no such topic or partition.
Result<std::vector<PartitionName>> named_partitions(Connection& connection,
                                                    const std::vector<std::string>& texts);

}  // namespace client
