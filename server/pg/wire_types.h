// How the types of the dialect look to PostgreSQL clients.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "engine/types/type.h"

namespace server::pg {

enum class Format : int16_t { Text = 0, Binary = 1 };

// The rule of Bind for its lists of formats: none means text, one is for all.
inline Format format_of(std::span<const Format> formats, size_t index) {
  if (formats.empty()) return Format::Text;
  return formats.size() == 1 ? formats[0] : formats[index];
}

// The numbers of PostgreSQL's built-in types that we send or understand.
namespace oid {
inline constexpr uint32_t kBool = 16, kBytea = 17, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23,
                          kText = 25, kOid = 26, kJson = 114, kFloat4 = 700, kFloat8 = 701,
                          kUnknown = 705, kBpchar = 1042, kVarchar = 1043, kDate = 1082,
                          kTime = 1083, kTimestamp = 1114, kTimestamptz = 1184, kNumeric = 1700,
                          kUuid = 2950, kJsonb = 3802, kJsonbArray = 3807;
}

struct WireType {
  uint32_t oid;
  int16_t size;      // -1: variable
  int32_t modifier;  // -1: none; of numeric: precision and scale
};

// MAP and STRUCT are jsonb, and so is an ARRAY of ARRAYs: PostgreSQL's arrays are rectangular, ours
// need not be.
WireType wire_type(const engine::SqlType& type);

// The type of values that a client declares or sends with this number; Null for "not given" and for
// the types that only text can tell (unknown). Nothing for numbers that we do not take.
std::optional<engine::SqlType> type_of_oid(uint32_t oid);

// The number of the type of which this one is the array; 0 if it is not one.
uint32_t element_oid(uint32_t array_oid);

}  // namespace server::pg
