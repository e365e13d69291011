// The properties of a connector class as a table of rows. The defaults, the checks, the warnings,
// and the answer of GET /connector-plugins/{p}/config all use these rows.
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
  // The value of the property if the user sets none. Nothing: the property then has no value.
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
// A property of the configuration that the connector class does not have. `hint` names the property
// that the user may have meant.
struct UnknownProperty {
  std::string name;
  std::string hint;  // a sentence; empty: no known name is similar
};

struct CheckedProperties {
  std::vector<WrongProperty> wrong;
  std::vector<UnknownProperty> unknown;
};

// Checks a configuration against the rows of its class. If a value contains a reference (${...}),
// it is not checked here: the caller checks the configuration again when the reference has been
// replaced.
CheckedProperties check_properties(std::span<const PropertyRow> rows,
                                   const ConnectorProperties& config);

// The values of a configuration that has been checked. Properties that are not set have the
// defaults of their rows.
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
