// Administration of share groups. librdkafka does not support them, so this module encodes the requests itself, and
// sends them to a bootstrap server.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "client/admin/groups.h"
#include "client/connection.h"

namespace client {

struct SharedPartition {
  PartitionName partition;
  int64_t start_offset = -1;  // -1: not read yet
  int64_t lag = -1;           // records still to be processed; -1: not known
};
struct ShareGroupDescription {
  std::string id = {}, state = {};
  std::vector<GroupMember> members = {};
  std::vector<SharedPartition> partitions = {};  // sorted
};

// Returns the groups, sorted by id.
Result<std::vector<GroupListing>> list_share_groups(const Connection::Settings& server);
// Describes the group. Fails with UndefinedObject if no share group has this name.
Result<ShareGroupDescription> describe_share_group(const Connection::Settings& server,
                                                   const std::string& group);

}  // namespace client
