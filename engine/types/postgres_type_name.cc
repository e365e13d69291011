#include "engine/types/postgres_type_name.h"

#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"

namespace engine {

std::string postgres_type_name(const SqlType& type) {
  if (!type.name().empty()) return display_name(type.name());
  if (type.label() == label::kRecord) return "record";
  if (const PostgresLabelRow* row = find_label(type.label())) return std::string(row->sql_name);
  switch (type.kind()) {
    case TypeKind::Null:
      return "unknown";
    case TypeKind::Boolean:
      return "boolean";
    case TypeKind::Integer:
      return "integer";
    case TypeKind::Bigint:
      return "bigint";
    case TypeKind::Double:
      return "double precision";
    case TypeKind::Decimal:
      return "numeric";
    case TypeKind::String:
      return "text";
    case TypeKind::Bytes:
      return "bytea";
    case TypeKind::Date:
      return "date";
    case TypeKind::Time:
      return "time without time zone";
    case TypeKind::Timestamp:
      return "timestamp with time zone";
    case TypeKind::Array:
      if (type.element().kind() != TypeKind::Array)
        return postgres_type_name(type.element()) + "[]";
      return "jsonb";
    case TypeKind::Map:
    case TypeKind::Struct:
      return "jsonb";
  }
  return "text";
}

}  // namespace engine
