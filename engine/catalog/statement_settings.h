// The settings of statements, with the names and values that SET '...' = '...' accepts.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/catalog/catalog.h"

namespace engine {

// Limit for the property max.windows.per.record. With more windows, one record would cost seconds and gigabytes.
inline constexpr int64_t kMostWindowsPerRecord = 1'000'000;

struct StatementSetting {
  enum class Listed : bool { No, Yes };
  std::string_view name;      // in lower case
  std::string_view in_force;  // the default, as shown to users
  std::string_view values;    // the allowed values, as a text that can follow "It is " in a hint
  bool (*takes)(std::string_view value);
  Listed listed = Listed::Yes;  // SHOW PROPERTIES lists the setting even if it is not set
};

std::span<const StatementSetting> statement_settings();

// Returns whether the name is a setting of statements. Other names with a dot are the client's own
// and have no meaning here.
bool is_statement_setting(std::string_view name);

// Checks the value of a setting. Fails with InvalidParameter if the setting does not accept the
// value, and with UndefinedObject if the name is unknown and looks like a setting. Other names with
// a dot are the client's own, as in PostgreSQL. `others` are known names whose values the caller
// checks.
Status check_statement_setting(std::string_view name, std::string_view value,
                               std::span<const std::string> others = {});

// Checks SET 'name' = 'value' and ALTER SYSTEM. Works like check_statement_setting(), but fails
// with UndefinedObject for every unknown name. The properties of Kafka's clients and of ksqlDB's
// server count as known; they have no effect.
Status check_property(std::string_view name, std::string_view value,
                      std::span<const std::string> others = {});

// Returns the setting to which a name refers, even if the name has the prefix `ksql.streams.`; empty if it refers to
// none.
std::string setting_name(std::string_view name);

// For each property 'ksql.streams.x', adds the property x, unless x is set itself. In ksqlDB the
// prefix denotes the property x of Kafka Streams.
void unfold_streams_prefix(Properties& properties);

// Returns the values that apply if no session has set the property.
Properties default_statement_settings(const EngineSettings& settings);

}  // namespace engine
