// Computes the canonical text of an Avro schema: the same text for all spellings of one schema.
#pragma once
#include <string>

#include "engine/formats/json/json_tree.h"

namespace engine {

// Prints the schema like Avro's Java library, so that a registry recognises the same schema from
// any client. The members that Avro's specification names come first, in a fixed order; all others
// follow in their own order. {"type": "int"} becomes "int", and names are relative to the enclosing
// namespace. Accepts the schemas that AvroSchema::parse() accepts.
std::string avro_canonical_text(const JsonTree& schema);

}  // namespace engine
