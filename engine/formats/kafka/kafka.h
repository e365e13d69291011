// Implements the KAFKA format: one column in the encoding of the serializers of Kafka's clients.
#pragma once
#include <memory>
#include <span>

#include "engine/formats/writer.h"
#include "engine/types/schema.h"

namespace engine {

// Make a reader and a writer. INTEGER and BIGINT are 4 and 8 bytes, big-endian. DOUBLE is the 8
// bytes of its IEEE form, STRING its UTF-8 bytes; BYTES are unchanged. The key and the value of a
// record have at most one column each; if there is no column, the bytes are ignored.
std::unique_ptr<Reader> make_kafka_reader(std::span<const ColumnDef> columns);
std::unique_ptr<Writer> make_kafka_writer(std::span<const ColumnDef> columns);

}  // namespace engine
