// The format of one side (key or value) of a topic's records.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace engine {

struct FormatSpec {
  std::string name;      // in upper case: JSON, DELIMITED, KAFKA, NONE, ...
  char delimiter = ',';  // used by DELIMITED only
  // Whether a single column is written as a record of one field. Not set: the default of the format
  // applies.
  std::optional<bool> wrap_single = {};
  // The schema id that writers store in each record, for formats with schemas. 0 stands for the
  // schema that is derived from the columns. This schema is in no registry; tasks use it for
  // records that they write for themselves.
  int32_t schema_id = 0;
  std::string schema = {};     // the text of the schema; empty: derived from the columns
  std::string full_name = {};  // full name of the record or message; empty: the format's default
  std::string nulls = {};      // for Protobuf: OPTIONAL or WRAPPER; empty: nulls are lost
  bool operator==(const FormatSpec&) const = default;
};

}  // namespace engine
