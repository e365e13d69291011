// Makes the keys and values of a SpoolDir connector's records.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/connect/delimited_text.h"
#include "engine/connect/spooldir/spool_values.h"
#include "engine/connect/transforms/record_forms.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

// The properties of SpoolDirCsvSourceConnector and SpoolDirJsonSourceConnector that determine the
// records.
struct SpoolSchemas {
  // key.schema and value.schema, in JsonConverter's form. If one of them is not set, the connector
  // generates both for each file.
  std::optional<JsonTree> key, value;
  std::string key_name, value_name;     // names of generated schemas
  std::vector<std::string> key_fields;  // fields of a generated key
  SpoolTimes times;
  std::string timestamp_field;  // field with the timestamp of the record; empty: none
  RecordForms forms;            // Text is written as Json
  bool are_generated() const { return !key || !value; }
};

// The key, value and timestamp of a record.
struct SpoolRecord {
  std::string key, value;
  std::optional<int64_t> timestamp_ms;
};

// Converts the rows, or the JSON objects, of one file.
//
// Threads: one. Owner: the reader of the file.
class SpoolRecords {
 public:
  // `names` are the names of the CSV fields in their order, or those of the JSON objects' members.
  // They determine generated schemas. `schemas` outlives this object.
  SpoolRecords(const SpoolSchemas& schemas, std::vector<std::string> names);
  // Fail with InvalidText if a value does not have the type of its field, and with BadCopyFormat if
  // the row has fewer fields than names.
  Result<SpoolRecord> of_row(const CsvFields& row) const;
  Result<SpoolRecord> of_object(const JsonTree& object) const;

 private:
  Result<SpoolRecord> of_values(JsonTree object) const;

  const SpoolSchemas& schemas_;
  const std::vector<std::string> names_;
  JsonTree key_schema_, value_schema_;
  std::vector<size_t> columns_;  // for each field of the value its CSV field; SIZE_MAX: none
  // The beginnings of keys and values, {"schema":...,"payload":. Empty if schemas are not written.
  std::string key_start_, value_start_;
};

}  // namespace engine
