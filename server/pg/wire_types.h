// How the types of the dialect look to PostgreSQL clients.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "engine/types/postgres_type.h"

namespace server::pg {

enum class Format : int16_t { Text = 0, Binary = 1 };

// The rule of Bind for its lists of formats: none means text, one is for all.
inline Format format_of(std::span<const Format> formats, size_t index) {
  if (formats.empty()) return Format::Text;
  return formats.size() == 1 ? formats[0] : formats[index];
}

namespace oid = engine::oid;
using WireType = engine::PostgresType;
inline WireType wire_type(const engine::SqlType& type) { return engine::postgres_type(type); }

// The type of values that a client declares or sends with this number; Null for "not given" and for
// the types that only text can tell (unknown). Nothing for numbers that we do not take.
std::optional<engine::SqlType> type_of_oid(uint32_t oid);

// The number of the type of which this one is the array; 0 if it is not one.
uint32_t element_oid(uint32_t array_oid);

}  // namespace server::pg
