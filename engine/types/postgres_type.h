// The PostgreSQL type for each of our types, in all places that PostgreSQL clients see.
#pragma once
#include <cstdint>

#include "engine/types/type.h"

namespace engine {

// The numbers of PostgreSQL's built-in types that we send or understand.
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
  int16_t size;      // -1: variable
  int32_t modifier;  // -1: none; of numeric precision and scale, of varchar the length and 4
};

// MAP and STRUCT are jsonb, and so is an ARRAY of ARRAYs: PostgreSQL's arrays are rectangular, ours
// need not be.
PostgresType postgres_type(const SqlType& type);

// The kind for a type number; Null for unknown numbers.
TypeKind kind_of_oid(uint32_t oid);
// The number of the array's element type; 0 if it is not an array type that we send.
uint32_t element_of_oid(uint32_t array_oid);

}  // namespace engine
