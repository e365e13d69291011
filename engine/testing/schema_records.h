// Records of formats with schemas: from the JSON of cases to bytes, and what bytes hold.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/formats/format.h"
#include "engine/registry/registry.h"
#include "engine/testing/observed.h"

namespace engine {

// Whether records of the format are written and read here.
bool has_schema(const FormatSpec& format);

// One side of a topic's records. Without a registered schema, or where the format has none to
// register, the declared columns are the schema.
struct SchemaSide {
  const FormatSpec& format;
  std::span<const ColumnDef> columns;
  Side side;
  const std::string& topic;
  const SchemaRegistry& registry;
};

// As a producer would write it that takes the newest schema of the topic's subject. Fields are found by
// their names, in any case; what the schema does not have is left out.
Result<std::optional<std::string>> encode_with_schema(const CaseJson& node, const SchemaSide& side);

// Read in the schema that the record names.
Result<Observed> observe_with_schema(const std::string& bytes, const FormatSpec& format,
                                     std::span<const ColumnDef> columns, Side side,
                                     const SchemaRegistry& registry);

}  // namespace engine
