// Converts a Protobuf message type to columns, and columns to a message type.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/protobuf/protobuf_schema.h"
#include "engine/types/schema.h"

namespace engine {

// Returns the fields of a message as a STRUCT. The fields of a oneof are in their own STRUCT, as in ksqlDB. Fails with
// InvalidStatement for messages that refer to themselves.
Result<SqlType> sql_type_of(const ProtobufMessage& message, NameCase names);

inline constexpr std::string_view kDefaultProtobufName = "ConnectDefault1";

// The representation of nulls: none (a null becomes zero or empty), an `optional` field, or a wrapper message.
enum class ProtobufNulls : uint8_t { Lost, Optional, Wrapper };

// Returns the schema for writing the columns: a message with a field for each column, numbered from 1.
std::string derive_protobuf_schema(std::span<const ColumnDef> columns, std::string_view full_name,
                                   ProtobufNulls nulls);

// For each name, returns the index of the field with that name, or -1. A field with exactly this
// name takes precedence over one whose name differs in letter case.
std::vector<int> match_protobuf_fields(const ProtobufMessage& message,
                                       const std::vector<std::string>& names);
// Returns the oneof whose STRUCT has this name, in any letter case; null if there is none. (Callers
// first look for a field with the name.)
const ProtobufOneof* match_protobuf_oneof(const ProtobufMessage& message, std::string_view name);

}  // namespace engine
