// The state and the figures of a task of a connector.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "server/connect/connectors.h"

namespace server {

// The state of a task as SHOW CONNECTOR TASKS and metrics report it.
struct TaskFacts {
  ConnectorState state = ConnectorState::Unassigned;
  std::string trace;     // text of the last failure or, for a running task, the reason why it waits
  std::string position;  // the last committed position
  int64_t records = 0, bytes = 0, commits = 0, last_commit_us = 0, retries = 0, errors = 0;
  int64_t dead_letters = 0, restarts = 0, memory_bytes = 0;
  std::optional<int64_t> lag_bytes, lag_records;
};

}  // namespace server
