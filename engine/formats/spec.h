// How one side (key or value) of a topic's records is written.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace engine {

struct FormatSpec {
  std::string name;      // upper case: JSON, DELIMITED, KAFKA, NONE, ...
  char delimiter = ',';  // DELIMITED only
  // Whether a single column is written as a record of one field. Unset: the format's own way.
  std::optional<bool> wrap_single = {};
  // Formats with schemas only. What records that are written name as theirs; 0: the schema that is derived
  // from the columns, which no registry knows (what tasks keep for themselves).
  int32_t schema_id = 0;
  std::string schema = {};     // the text behind schema_id; empty: derived from the columns
  std::string full_name = {};  // of the record or message; empty: the format's own
  std::string nulls = {};      // of Protobuf: OPTIONAL, WRAPPER, or empty: they are lost
  bool operator==(const FormatSpec&) const = default;
};

}  // namespace engine
