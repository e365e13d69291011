// An Avro schema's text in the one form that all of its spellings have.
#pragma once
#include <string>

#include "engine/formats/json/json_tree.h"

namespace engine {

// As the Java library prints schemas, so that a registry knows one again whoever sends it: the members that the
// specification names first and in one order, then all others in theirs; {"type": "int"} as "int"; names relative to the
// namespace around them. For what AvroSchema::parse() takes.
std::string avro_canonical_text(const JsonTree& schema);

}  // namespace engine
