// Checks whether data that is written with one schema can be read with another.
#pragma once
#include <string>
#include <vector>

#include "engine/formats/schema/schema_text.h"
#include "engine/registry/effort.h"

namespace engine {

// Returns the problems that a reader with schema `reader` has with data that was written with
// schema `writer`; empty if it has none. Both schemas are of the same kind. Each problem is one
// line, which names its place. If `effort` is used up during the call, the result has no meaning.
std::vector<std::string> read_problems(const SchemaText& reader, const SchemaText& writer,
                                       Effort& effort);

std::vector<std::string> avro_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort);
std::vector<std::string> json_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort);
std::vector<std::string> protobuf_read_problems(const SchemaText& reader, const SchemaText& writer,
                                                Effort& effort);

}  // namespace engine
