// A schema with what it refers to in one text, as FormatSpec::schema has it.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

// The schema's text itself where it refers to nothing.
std::string bundle_schema(const SchemaText& schema);
// Fails with DataCorrupted on what bundle_schema() has not made.
Result<SchemaText> unbundle_schema(SchemaKind kind, std::string_view bundle);

}  // namespace engine
