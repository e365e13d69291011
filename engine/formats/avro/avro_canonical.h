// Computes the canonical text of an Avro schema, which is equal for all spellings of the schema.
#pragma once
#include <string>

#include "engine/formats/json/json_tree.h"

namespace engine {

// Prints the schema as the Java library does, so that a registry recognises a schema from any client: the members that
// the specification names come first and in one order, then all others in their order; {"type": "int"} becomes "int";
// names are relative to the enclosing namespace. Accepts the schemas that AvroSchema::parse() accepts.
std::string avro_canonical_text(const JsonTree& schema);

}  // namespace engine
