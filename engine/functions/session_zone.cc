#include "engine/functions/session_zone.h"

#include "engine/java/postgres_zone.h"

namespace engine {

ZoneClockPtr session_zone(const std::map<std::string, std::string>& properties) {
  static const std::string kName(kZoneProperty);
  const auto found = properties.find(kName);
  if (found == properties.end()) return nullptr;
  // A name is looked up for each batch of rows.
  thread_local std::string last_name;
  thread_local ZoneClockPtr last;
  if (last_name != found->second) {
    auto zone = find_postgres_zone(found->second);
    last = zone ? zone->clock : nullptr;  // it was known when it was set
    last_name = found->second;
  }
  return last;
}

ZoneClockPtr session_zone(const EvalContext& context) {
  return context.properties ? session_zone(*context.properties) : nullptr;
}

std::map<std::string, std::string> without_session_zone(
    std::map<std::string, std::string> properties) {
  properties.erase(std::string(kZoneProperty));
  return properties;
}

}  // namespace engine
