// Administration of consumer groups over Kafka's protocol. Errors have the text of the server or of librdkafka.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/connection.h"

namespace client {

using PartitionName = std::pair<std::string, PartitionId>;  // topic and partition
using Offsets = std::map<PartitionName, int64_t>;

struct GroupListing {
  std::string id, state;
};
struct GroupMember {
  std::string id, client_id, host;
  std::optional<std::string> instance_id;
  std::vector<PartitionName> partitions;  // assigned partitions
};
struct GroupDescription {
  std::string id = {}, state = {};  // "Dead": the group does not exist
  std::string assignor = {};
  std::string coordinator = {};  // "host:port (id)"
  std::vector<GroupMember> members = {};
};

// Returns the groups, sorted by id.
Result<std::vector<GroupListing>> list_groups(Connection& connection);
Result<GroupDescription> describe_group(Connection& connection, const std::string& group);
// Returns the committed offsets of the group.
Result<Offsets> committed_offsets(Connection& connection, const std::string& group);
// Commits the offsets for the group. If partitions are refused, fails with the error of the first
// one.
Status commit_offsets(Connection& connection, const std::string& group, const Offsets& offsets);
Status delete_group(Connection& connection, const std::string& group);
// Deletes the offsets that the group has committed for the partitions. Returns the result for each
// partition.
Result<std::map<PartitionName, Status>> delete_offsets(
    Connection& connection, const std::string& group, const std::vector<PartitionName>& partitions);

// How far a consumer group has read a partition: its committed offset, and the end of the partition.
struct PartitionProgress {
  PartitionName partition;
  std::optional<int64_t> committed, end;
  // the member that reads the partition, in GroupDescription; null: none
  const GroupMember* reader = nullptr;
  std::optional<int64_t> lag() const {
    return committed && end ? std::optional(*end - *committed) : std::nullopt;
  }
};
// Returns the progress in each partition that is assigned or has a committed offset, sorted by
// topic and partition.
Result<std::vector<PartitionProgress>> group_progress(Connection& connection,
                                                      const GroupDescription& group);

// The offset to which `kafka-consumer-groups --reset-offsets` sets a group, as the user describes it.
struct NewPosition {
  enum class Kind : uint8_t { Earliest, Latest, Time, ShiftBy, Offset, Current };
  Kind kind = Kind::Current;
  int64_t value = 0;  // Time: milliseconds since 1970; ShiftBy: records; Offset: the offset
};
// Returns the new offset of each partition. An offset outside of a partition is replaced by the
// begin or the end of the partition.
Result<Offsets> new_offsets(Connection& connection, const NewPosition& position,
                            const std::vector<PartitionName>& partitions, const Offsets& committed);
// Parses a time as Kafka's tools do: "2026-01-31T12:30:00.000". Seconds and fractions may be
// missing. A zone such as Z or +02:00 may follow; the default is UTC.
Result<int64_t> parse_datetime(const std::string& text);

// Parses the values of --topic: "orders" or "orders:0,2". Fails if a topic or partition does not
// exist.
Result<std::vector<PartitionName>> named_partitions(Connection& connection,
                                                    const std::vector<std::string>& texts);

}  // namespace client
