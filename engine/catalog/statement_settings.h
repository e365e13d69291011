// The settings of statements: the names and values that SET '...' = '...' accepts.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/catalog/catalog.h"

namespace engine {

// With more windows, one record would cost seconds and gigabytes.
inline constexpr int64_t kMostWindowsPerRecord = 1'000'000;

struct StatementSetting {
  enum class Listed : bool { No, Yes };
  std::string_view name;      // in lower case
  std::string_view in_force;  // the default, as shown to users
  std::string_view values;    // for the hint, after "It is "
  bool (*takes)(std::string_view value);
  Listed listed = Listed::Yes;  // whether SHOW PROPERTIES lists it even if it is not set
};

std::span<const StatementSetting> statement_settings();

// Whether a statement reads the setting; other names with a dot matter to the client alone.
bool is_statement_setting(std::string_view name);

// Fails with InvalidParameter for a value that a setting does not take, and with UndefinedObject for an unknown name
// that looks like a setting. Other names with a dot belong to the client, as in PostgreSQL. `others`: known names that
// the caller checks.
Status check_statement_setting(std::string_view name, std::string_view value,
                               std::span<const std::string> others = {});

// Checks SET 'name' = 'value' and ALTER SYSTEM as check_statement_setting() does. Any unknown name is UndefinedObject,
// except the properties of Kafka's clients and of ksqlDB's server, which have no effect.
Status check_property(std::string_view name, std::string_view value,
                      std::span<const std::string> others = {});

// The setting that a name refers to, also with the prefix `ksql.streams.`; empty if it refers to
// none.
std::string setting_name(std::string_view name);

// 'ksql.streams.x' is the property x of Kafka Streams; it applies if x itself is not set.
void unfold_streams_prefix(Properties& properties);

// Values that apply if no session has set the property.
Properties default_statement_settings(const EngineSettings& settings);

}  // namespace engine
