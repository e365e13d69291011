// Encodes records in formats with schemas from the JSON of cases, and decodes the bytes of such records.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/formats/format.h"
#include "engine/registry/registry.h"
#include "engine/testing/observed.h"

namespace engine {

// Returns whether these functions support the format.
bool has_schema(const FormatSpec& format);

// One side (key or value) of a topic's records. If no schema is registered, or the format has none
// to register, the declared columns are the schema.
struct SchemaSide {
  const FormatSpec& format;
  std::span<const ColumnDef> columns;
  Side side;
  const std::string& topic;
  const SchemaRegistry& registry;
};

// Encodes the record as a producer that uses the newest schema of the topic's subject would encode it. Fields are found
// by name, in any letter case. Fields that the schema does not have are left out.
Result<std::optional<std::string>> encode_with_schema(const CaseJson& node, const SchemaSide& side);

// Decodes bytes with the schema whose id the record contains.
Result<Observed> observe_with_schema(const std::string& bytes, const FormatSpec& format,
                                     std::span<const ColumnDef> columns, Side side,
                                     const SchemaRegistry& registry);

}  // namespace engine
