// The settings of statements: the names that SET '...' = '...' knows, and the values they take.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/catalog/catalog.h"

namespace engine {

// More windows would make one record the work of seconds and of gigabytes.
inline constexpr int64_t kMostWindowsPerRecord = 1'000'000;

struct StatementSetting {
  enum class Listed : bool { No, Yes };
  std::string_view name;      // in lower case
  std::string_view in_force;  // what holds where nobody has set it
  std::string_view values;    // for the hint, after "It is "
  bool (*takes)(std::string_view value);
  Listed listed = Listed::Yes;  // whether SHOW PROPERTIES shows it also where nobody has set it
};

std::span<const StatementSetting> statement_settings();

// Whether a statement may look at it; other names with a dot mean something to the client alone.
bool is_statement_setting(std::string_view name);

// Fails with InvalidParameter for a value that a setting does not take, and with UndefinedObject for
// a name that looks like one of ours and is none. Other names with a dot belong to the client, as
// in PostgreSQL. `others`: known names that somebody else checks.
Status check_statement_setting(std::string_view name, std::string_view value,
                               std::span<const std::string> others = {});

// Likewise of SET 'name' = 'value' and ALTER SYSTEM: any other name is UndefinedObject, unless a client of Kafka or
// ksqlDB's server knows it, of which nothing here depends.
Status check_property(std::string_view name, std::string_view value,
                      std::span<const std::string> others = {});

// The setting that a name means, also behind `ksql.streams.`; empty where it means none.
std::string setting_name(std::string_view name);

// 'ksql.streams.x' is the x of Kafka Streams: it counts as that, where x itself is not set.
void unfold_streams_prefix(Properties& properties);

// What is in force where no session has set it.
Properties default_statement_settings(const EngineSettings& settings);

}  // namespace engine
