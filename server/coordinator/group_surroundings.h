// The environment that the groups of a loop's coordinator share.
#pragma once
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/uuid.h"
#include "server/coordinator/deadlines.h"
#include "server/coordinator/group_settings.h"
#include "server/coordinator/share_state_calls.h"
#include "server/coordinator/shared_log.h"
#include "server/coordinator/state_size.h"
#include "storage/meta/group_configs.h"
#include "storage/meta/topic_table.h"

namespace server::coordinator {

struct GroupSurroundings {
  const GroupSettings& settings;
  const Clock& clock;
  Deadlines& deadlines;
  StateSize& size;
  std::function<std::shared_ptr<const storage::TopicSnapshot>()> topics;
  std::function<std::shared_ptr<const storage::GroupConfigs>()> configs;
  std::function<Uuid()> new_id;     // creates an id for a new member
  SharedLog* shared_log = nullptr;  // null: share groups are not supported
  // Null on a lone node, which coordinates all groups itself.
  ShareStateCalls* share_state = nullptr;
};

}  // namespace server::coordinator
