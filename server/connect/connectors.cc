#include "server/connect/connectors.h"

#include <utility>

namespace server {
namespace {

constexpr std::pair<ConnectorState, std::string_view> kConnectorStates[] = {
    {ConnectorState::Running, "RUNNING"},       {ConnectorState::Paused, "PAUSED"},
    {ConnectorState::Stopped, "STOPPED"},       {ConnectorState::Failed, "FAILED"},
    {ConnectorState::Restarting, "RESTARTING"}, {ConnectorState::Unassigned, "UNASSIGNED"},
};

}  // namespace

std::string_view connector_state_name(ConnectorState state) {
  for (const auto& [known, name] : kConnectorStates) {
    if (known == state) return name;
  }
  return "UNASSIGNED";
}

std::optional<ConnectorState> connector_state_named(std::string_view name) {
  for (const auto& [state, known] : kConnectorStates) {
    if (known == name) return state;
  }
  return std::nullopt;
}

size_t CheckedConfig::error_count() const {
  size_t count = 0;
  for (const CheckedProperty& property : properties) count += property.errors.size();
  return count;
}

}  // namespace server
