// Checks whether data that is written with one schema can be read with another.
#pragma once
#include <string>
#include <vector>

#include "engine/formats/schema/schema_text.h"
#include "engine/registry/effort.h"

namespace engine {

// Returns the problems of reading data of `writer` with `reader`; empty if there are none. Both schemas are of the same
// kind. Each line has a place and a problem. The result is meaningless if the effort is spent afterwards.
std::vector<std::string> read_problems(const SchemaText& reader, const SchemaText& writer,
                                       Effort& effort);

std::vector<std::string> avro_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort);
std::vector<std::string> json_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort);
std::vector<std::string> protobuf_read_problems(const SchemaText& reader, const SchemaText& writer,
                                                Effort& effort);

}  // namespace engine
