#include "engine/sql/postgres_lengths.h"

#include <utility>

namespace engine {

TypeName with_postgres_lengths(TypeName name) {
  for (TypeName& part : name.parts) part = with_postgres_lengths(std::move(part));
  const bool has_number = name.scale == 1;
  if (name.kind == TypeKind::String && name.custom_name.empty() && has_number) {
    name.kind = TypeKind::Null;
    name.custom_name = "VARCHAR";
  }
  const bool is_char = name.custom_name == "CHAR" || name.custom_name == "CHARACTER";
  if (name.kind != TypeKind::Null || (!is_char && name.custom_name != "BIT")) return name;
  if (is_char) name.custom_name = "BPCHAR";
  if (!has_number) name.precision = name.scale = 1;
  return name;
}

}  // namespace engine
