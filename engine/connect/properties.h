// The properties of a connector class as a table of rows: defaults, validation, warnings and the documentation of
// GET /connector-plugins/{p}/config come from the same rows.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/classes.h"

namespace engine {

enum class PropertyType : uint8_t { String, Int, Long, Boolean, List, Password };
// Returns the type as the REST API of Kafka Connect writes it, for example "STRING".
std::string_view property_type_name(PropertyType type);

struct PropertyRow {
  std::string_view name;
  PropertyType type = PropertyType::String;
  // The value if the user sets none. A property without a default has no value then.
  std::optional<std::string_view> default_value = {};
  std::string_view doc = {};
  bool is_required = false;
  int64_t least = 0, most = INT64_MAX;  // for Int and Long: the allowed range
  std::string_view words = {};          // the possible values, separated by blanks; empty: any text
};

using ConnectorProperties = std::map<std::string, std::string>;

// A property with a wrong value, or one that is missing.
struct WrongProperty {
  std::string name;
  std::string message;    // without a full stop, with the name of the property
  std::string hint = {};  // sentences; empty: the message is enough
};
// A property that the connector does not have, with the name that the user may have meant.
struct UnknownProperty {
  std::string name;
  std::string hint;  // a sentence; empty: no known name is similar
};

struct CheckedProperties {
  std::vector<WrongProperty> wrong;
  std::vector<UnknownProperty> unknown;
};

// Compares a configuration with the rows of its class. A value with a reference (${...}) is checked only after the
// reference has been replaced.
CheckedProperties check_properties(std::span<const PropertyRow> rows,
                                   const ConnectorProperties& config);

// The values of a configuration, with the defaults of its rows. The values were checked.
class PropertyValues {
 public:
  PropertyValues(std::vector<PropertyRow> rows, ConnectorProperties config)
      : rows_(std::move(rows)), config_(std::move(config)) {}

  // Returns the value or the default; nothing if the property has neither.
  std::optional<std::string> find(std::string_view name) const;
  std::string text(std::string_view name) const { return find(name).value_or(""); }
  int64_t number(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;  // the parts of a value with commas
  const ConnectorProperties& config() const { return config_; }

 private:
  std::vector<PropertyRow> rows_;
  ConnectorProperties config_;
};

// Returns the properties that every connector of the type has, such as tasks.max, errors.* and
// topic.creation.*.
std::vector<PropertyRow> common_properties(ConnectorType type);

}  // namespace engine
