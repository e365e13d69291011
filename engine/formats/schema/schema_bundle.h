// A schema and its references in one text, the form of FormatSpec::schema.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

// Returns the schema's own text if it has no references.
std::string bundle_schema(const SchemaText& schema);
// Fails with DataCorrupted for texts that bundle_schema() has not made.
Result<SchemaText> unbundle_schema(SchemaKind kind, std::string_view bundle);

}  // namespace engine
