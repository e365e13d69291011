// What can be asked of share groups, which librdkafka does not know: by hand, of the server that clients are sent to.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "client/admin/groups.h"
#include "client/connection.h"

namespace client {

struct SharedPartition {
  PartitionName partition;
  int64_t start_offset = -1;  // -1: nobody has read it yet
  int64_t lag = -1;           // records that are not done; -1: not known
};
struct ShareGroupDescription {
  std::string id = {}, state = {};
  std::vector<GroupMember> members = {};
  std::vector<SharedPartition> partitions = {};  // sorted
};

// By their ids.
Result<std::vector<GroupListing>> list_share_groups(const Connection::Settings& server);
// Fails with UndefinedObject when there is no share group of this name.
Result<ShareGroupDescription> describe_share_group(const Connection::Settings& server,
                                                   const std::string& group);

}  // namespace client
