// The port to the coordinators of groups.
#pragma once
#include <algorithm>
#include <iterator>
#include <vector>

#include "server/coordinator/coordinators.h"
#include "server/coordinator/group_partition.h"

namespace server::coordinator {

struct ListedGroups {
  KafkaError error = KafkaError::None;
  std::vector<GroupListing> groups = {};

  void add(ListedGroups some) {
    if (some.error != KafkaError::None) error = some.error;
    std::ranges::move(some.groups, std::back_inserter(groups));
  }
  void add(const GroupPartition& partition) { add({.groups = partition.list()}); }
};

using Groups = Coordinators<GroupPartition, ListedGroups>;

}  // namespace server::coordinator
