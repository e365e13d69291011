// The PostgreSQL type for each SqlType, in all places that PostgreSQL clients see.
#pragma once
#include <cstdint>

#include "engine/types/type.h"

namespace engine {

// The numbers of PostgreSQL's built-in types that the server sends or understands.
namespace oid {
inline constexpr uint32_t kBool = 16, kBytea = 17, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23,
                          kText = 25, kOid = 26, kJson = 114, kFloat4 = 700, kFloat8 = 701,
                          kUnknown = 705, kBpchar = 1042, kVarchar = 1043, kDate = 1082,
                          kTime = 1083, kTimestamp = 1114, kTimestamptz = 1184, kNumeric = 1700,
                          kRecord = 2249, kRecordArray = 2287, kUuid = 2950, kJsonb = 3802,
                          kJsonbArray = 3807;
}

struct PostgresType {
  uint32_t oid;
  int16_t size;      // size in bytes; -1: variable
  int32_t modifier;  // -1: none; for numeric precision and scale, for varchar the length plus 4
};

// Returns the PostgreSQL type of `type`. MAP and STRUCT are jsonb. So is an ARRAY of ARRAYs,
// because nested arrays are rectangular in PostgreSQL, and need not be rectangular in the dialect.
PostgresType postgres_type(const SqlType& type);

// Returns the kind for a type number; Null for unknown numbers.
TypeKind kind_of_oid(uint32_t oid);
// Returns the number of the array's element type; 0 if `array_oid` is not an array type that the
// server sends.
uint32_t element_of_oid(uint32_t array_oid);

}  // namespace engine
