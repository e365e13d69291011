#include "server/connect/hosts/local_connect_host.h"

#include <utility>

#include "engine/connect/state_record.h"

namespace server {

// The task does not wait until its record is durable, and does not write the record again if it is
// lost.
void LocalConnectHost::changed_state(const storage::ConnectorDefinition& definition, int32_t task,
                                     ConnectorState state, const std::string& trace) {
  std::string value = engine::encode_task_state(
      {std::string(connector_state_name(state)), trace, definition.id, clock_.wall_ms()});
  log_.commit({{},
               {{engine::task_state_key(definition.name, task), std::move(value)}},
               engine::connect_state_partition(definition.name, task),
               kNoCondition},
              [](const Result<Offset>&) {});
}

}  // namespace server
