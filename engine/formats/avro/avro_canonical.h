// The canonical text of an Avro schema, equal for all of its spellings.
#pragma once
#include <string>

#include "engine/formats/json/json_tree.h"

namespace engine {

// Prints the schema as the Java library does, so that a registry recognises a schema from any client: the members that
// the specification names come first and in one order, then all others in their order; {"type": "int"} becomes "int";
// names are relative to the enclosing namespace. Accepts the schemas that AvroSchema::parse() accepts.
std::string avro_canonical_text(const JsonTree& schema);

}  // namespace engine
