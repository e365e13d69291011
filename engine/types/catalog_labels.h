// Labels of PostgreSQL's types that only columns and casts of the catalog have, in addition to those of
// postgres_types.h: the reg* types, whose values are numbers of objects and are shown as names, and the types of system
// columns. https://www.postgresql.org/docs/15/datatype-oid.html
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/types/type.h"

namespace engine {

namespace label {
inline constexpr PostgresLabel kRegprocedure{47}, kRegrole{48}, kRegcollation{49}, kRegconfig{50},
    kRegdictionary{51}, kRegoper{52}, kRegoperator{53}, kXid{54}, kTid{55}, kPgLsn{56};
}

// Returns whether the label is a reg* type. A value of such a type is kept as the name that
// PostgreSQL shows. If it is combined with a number, or cast to one, it becomes the number of the
// object (engine/functions/catalog_names.h).
bool is_registered_object(PostgresLabel label);
inline bool is_registered_object(const SqlType& type) {
  return type.kind() == TypeKind::String && is_registered_object(type.label());
}

}  // namespace engine
