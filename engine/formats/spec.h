// How one side (key or value) of a topic's records is written.
#pragma once
#include <optional>
#include <string>

namespace engine {

struct FormatSpec {
  std::string name;      // upper case: JSON, DELIMITED, KAFKA, NONE, ...
  char delimiter = ',';  // DELIMITED only
  // Whether a single column is written as a record of one field. Unset: the format's own way.
  std::optional<bool> wrap_single = {};
  bool operator==(const FormatSpec&) const = default;
};

}  // namespace engine
