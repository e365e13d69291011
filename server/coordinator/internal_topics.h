// The topics in which coordinators, connectors, and the tasks of a cluster, store their state. Clients cannot write to them.
#pragma once
#include <string_view>

namespace server::coordinator {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
inline constexpr std::string_view kTransactionsTopic = "__transaction_state";

inline constexpr std::string_view kTaskJournalTopic = "__task_journal";
// The progress of connectors (engine/connect/state_record.h).
inline constexpr std::string_view kConnectStateTopic = "__connect_state";

inline bool is_coordinator_topic(std::string_view name) {
  return name == kOffsetsTopic || name == kTransactionsTopic || name == kTaskJournalTopic ||
         name == kConnectStateTopic;
}

}  // namespace server::coordinator
