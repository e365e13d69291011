// Maps the types of the dialect to those of PostgreSQL clients.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "engine/types/postgres_type.h"

namespace server::pg {

enum class Format : int16_t { Text = 0, Binary = 1 };

// Returns the format of a column by the rule of the Bind message: without formats it is text, and a
// single format applies to all columns.
inline Format format_of(std::span<const Format> formats, size_t index) {
  if (formats.empty()) return Format::Text;
  return formats.size() == 1 ? formats[0] : formats[index];
}

namespace oid = engine::oid;
using WireType = engine::PostgresType;
inline WireType wire_type(const engine::SqlType& type) { return engine::postgres_type(type); }

// Returns the type of values that a client declares or sends with this number. Null if the client
// does not give a type, or gives `unknown`; nothing for numbers that are not supported.
std::optional<engine::SqlType> type_of_oid(uint32_t oid);

// Returns the number of the element type; 0 if `array_oid` is not the number of an array type.
uint32_t element_oid(uint32_t array_oid);

}  // namespace server::pg
