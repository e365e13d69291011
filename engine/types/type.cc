#include "engine/types/type.h"

#include <cassert>

namespace engine {

SqlType SqlType::decimal(int precision, int scale) {
  SqlType type(TypeKind::Decimal);
  type.precision_ = static_cast<int16_t>(precision);
  type.scale_ = static_cast<int16_t>(scale);
  return type;
}

SqlType SqlType::array(SqlType element) {
  SqlType type(TypeKind::Array);
  type.parts_ =
      std::make_shared<const std::vector<Field>>(std::vector<Field>{{"", std::move(element)}});
  return type;
}

SqlType SqlType::map(SqlType key, SqlType value) {
  SqlType type(TypeKind::Map);
  type.parts_ = std::make_shared<const std::vector<Field>>(
      std::vector<Field>{{"", std::move(key)}, {"", std::move(value)}});
  return type;
}

SqlType SqlType::structure(std::vector<Field> fields) {
  SqlType type(TypeKind::Struct);
  type.parts_ = std::make_shared<const std::vector<Field>>(std::move(fields));
  return type;
}

const SqlType& SqlType::element() const {
  assert(kind_ == TypeKind::Array);
  return (*parts_)[0].type;
}
const SqlType& SqlType::key() const {
  assert(kind_ == TypeKind::Map);
  return (*parts_)[0].type;
}
const SqlType& SqlType::value() const {
  assert(kind_ == TypeKind::Map);
  return (*parts_)[1].type;
}
const std::vector<Field>& SqlType::fields() const {
  assert(kind_ == TypeKind::Struct);
  return *parts_;
}

int SqlType::field_index(std::string_view name) const {
  const auto& all = fields();
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].name == name) return static_cast<int>(i);
  return -1;
}

std::string SqlType::to_string() const {
  switch (kind_) {
    case TypeKind::Decimal:
      return "DECIMAL(" + std::to_string(precision_) + ", " + std::to_string(scale_) + ")";
    case TypeKind::Array:
      return "ARRAY<" + element().to_string() + ">";
    case TypeKind::Map:
      return "MAP<" + key().to_string() + ", " + value().to_string() + ">";
    case TypeKind::Struct: {
      std::string text = "STRUCT<";
      for (const Field& field : fields()) {
        if (text.size() > 7) text += ", ";
        text += "`" + field.name + "` " + field.type.to_string();
      }
      return text + ">";
    }
    default:
      return std::string(kind_name(kind_));
  }
}

bool SqlType::operator==(const SqlType& other) const {
  if (kind_ != other.kind_ || precision_ != other.precision_ || scale_ != other.scale_)
    return false;
  return parts_ == other.parts_ || (parts_ && other.parts_ && *parts_ == *other.parts_);
}

std::string_view kind_name(TypeKind kind) {
  switch (kind) {
    case TypeKind::Null:
      return "NULL";
    case TypeKind::Boolean:
      return "BOOLEAN";
    case TypeKind::Integer:
      return "INTEGER";
    case TypeKind::Bigint:
      return "BIGINT";
    case TypeKind::Double:
      return "DOUBLE";
    case TypeKind::Decimal:
      return "DECIMAL";
    case TypeKind::String:
      return "STRING";
    case TypeKind::Bytes:
      return "BYTES";
    case TypeKind::Date:
      return "DATE";
    case TypeKind::Time:
      return "TIME";
    case TypeKind::Timestamp:
      return "TIMESTAMP";
    case TypeKind::Array:
      return "ARRAY";
    case TypeKind::Map:
      return "MAP";
    case TypeKind::Struct:
      return "STRUCT";
  }
  return "?";
}

}  // namespace engine
