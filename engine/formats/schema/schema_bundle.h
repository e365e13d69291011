// Converts a schema and its references to one text, which is the form of FormatSpec::schema.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

// Returns the bundle of the schema, which is the schema's own text if it has no references.
std::string bundle_schema(const SchemaText& schema);
// Returns the schema of a bundle. Fails with DataCorrupted for texts that bundle_schema() has not
// made.
Result<SchemaText> unbundle_schema(SchemaKind kind, std::string_view bundle);

}  // namespace engine
