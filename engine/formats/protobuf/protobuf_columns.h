// Columns out of a Protobuf message, and a message out of columns.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/protobuf/protobuf_schema.h"
#include "engine/types/schema.h"

namespace engine {

// The fields of a message as a STRUCT; those of a oneof lie in a STRUCT of their own, as in ksqlDB. Fails with InvalidStatement on messages that refer to
// themselves.
Result<SqlType> sql_type_of(const ProtobufMessage& message, NameCase names);

inline constexpr std::string_view kDefaultProtobufName = "ConnectDefault1";

// How a field says that it is null: not at all (a null becomes zero or empty), as an `optional` field, or
// by a message around it.
enum class ProtobufNulls : uint8_t { Lost, Optional, Wrapper };

// The schema in which the columns are written: a message with a field for each, numbered from 1.
std::string derive_protobuf_schema(std::span<const ColumnDef> columns, std::string_view full_name,
                                   ProtobufNulls nulls);

// Of each name: the index of the field of that name, -1 if none. The exact one goes before one in other
// case.
std::vector<int> match_protobuf_fields(const ProtobufMessage& message,
                                       const std::vector<std::string>& names);
// The oneof whose STRUCT has this name, in any case; null: none. (A field of that name goes before it.)
const ProtobufOneof* match_protobuf_oneof(const ProtobufMessage& message, std::string_view name);

}  // namespace engine
