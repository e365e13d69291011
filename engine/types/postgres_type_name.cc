#include "engine/types/postgres_type_name.h"

namespace engine {

std::string postgres_type_name(const SqlType& type) {
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
