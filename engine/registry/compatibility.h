// Whether what was written in one schema can be read by another.
#pragma once
#include <string>
#include <vector>

#include "engine/formats/schema/schema_text.h"
#include "engine/registry/effort.h"

namespace engine {

// What stands in the way when data of `writer` is read with `reader`, both of the same kind; empty if
// nothing does. Each line says where and what. They say nothing when the effort is spent with that.
std::vector<std::string> read_problems(const SchemaText& reader, const SchemaText& writer,
                                       Effort& effort);

std::vector<std::string> avro_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort);
std::vector<std::string> json_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort);
std::vector<std::string> protobuf_read_problems(const SchemaText& reader, const SchemaText& writer,
                                                Effort& effort);

}  // namespace engine
