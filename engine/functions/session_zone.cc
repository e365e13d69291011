#include "engine/functions/session_zone.h"

#include "engine/java/postgres_zone.h"

namespace engine {

ZoneClockPtr session_zone(const std::map<std::string, std::string>& properties) {
  static const std::string kName(kZoneProperty);
  const auto found = properties.find(kName);
  if (found == properties.end()) return nullptr;
  // The last zone is cached, because this function is called for each batch of rows.
  thread_local std::string last_name;
  thread_local ZoneClockPtr last;
  if (last_name != found->second) {
    auto zone = find_postgres_zone(found->second);
    last = zone ? zone->clock : nullptr;  // SET has accepted the name, so the zone exists
    last_name = found->second;
  }
  return last;
}

ZoneClockPtr session_zone(const EvalContext& context) {
  return context.properties ? session_zone(*context.properties) : nullptr;
}

TextForms session_forms(const std::map<std::string, std::string>& properties) {
  static const std::string kDates(kDateStyleProperty), kIntervals(kIntervalStyleProperty);
  TextForms forms{.zone = session_zone(properties)};
  // SET has checked the property, so reading it succeeds.
  if (const auto style = properties.find(kDates); style != properties.end())
    if (const Status status = read_date_style(style->second, forms); !status) return forms;
  if (const auto style = properties.find(kIntervals); style != properties.end())
    read_interval_style(style->second, forms);
  return forms;
}

TextForms session_forms(const EvalContext& context) {
  return context.properties ? session_forms(*context.properties) : TextForms();
}

std::map<std::string, std::string> without_session_forms(
    std::map<std::string, std::string> properties) {
  for (const std::string_view name : {kZoneProperty, kDateStyleProperty, kIntervalStyleProperty})
    properties.erase(std::string(name));
  return properties;
}

}  // namespace engine
