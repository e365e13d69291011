#include "engine/types/type.h"

#include <algorithm>
#include <cassert>

#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"

namespace engine {

struct SqlType::Parts {
  std::vector<Field> fields;
  std::string name = {};  // name of a type made by CREATE TYPE
  int32_t modifier = -1;
};

SqlType SqlType::decimal(int precision, int scale) {
  SqlType type(TypeKind::Decimal);
  type.precision_ = static_cast<int16_t>(precision);
  type.scale_ = static_cast<int16_t>(scale);
  return type;
}

SqlType SqlType::array(SqlType element) {
  SqlType type(TypeKind::Array);
  type.parts_ = std::make_shared<const Parts>(Parts{{{"", std::move(element)}}});
  return type;
}

SqlType SqlType::map(SqlType key, SqlType value) {
  SqlType type(TypeKind::Map);
  type.parts_ =
      std::make_shared<const Parts>(Parts{{{"", std::move(key)}, {"", std::move(value)}}});
  return type;
}

SqlType SqlType::structure(std::vector<Field> fields) {
  SqlType type(TypeKind::Struct);
  type.parts_ = std::make_shared<const Parts>(Parts{std::move(fields)});
  return type;
}

SqlType SqlType::labelled(PostgresLabel label) const {
  SqlType type = *this;
  type.label_ = label;
  if (!type.is_nested()) type.parts_.reset();  // drops the parts of an enumeration, or its modifier
  return type;
}

SqlType SqlType::with_modifier(int32_t modifier) const {
  if (kind_ == TypeKind::Decimal || is_nested() || !name().empty()) return *this;
  SqlType type = *this;
  type.parts_ = modifier < 0 ? nullptr : std::make_shared<const Parts>(Parts{{}, {}, modifier});
  return type;
}

int32_t SqlType::modifier() const {
  // PostgreSQL packs precision and scale into one number, and adds a header of 4.
  if (kind_ == TypeKind::Decimal) return ((precision_ << 16) | scale_) + 4;
  return parts_ ? parts_->modifier : -1;
}

SqlType SqlType::named(SqlType type, PostgresLabel label, std::string name,
                       std::vector<Field> fields) {
  type.label_ = label;
  type.parts_ = std::make_shared<const Parts>(Parts{std::move(fields), std::move(name)});
  return type;
}

const std::string& SqlType::name() const {
  static const std::string kNone;
  return parts_ ? parts_->name : kNone;
}

const SqlType& SqlType::element() const {
  assert(kind_ == TypeKind::Array);
  return parts_->fields[0].type;
}
const SqlType& SqlType::key() const {
  assert(kind_ == TypeKind::Map);
  return parts_->fields[0].type;
}
const SqlType& SqlType::value() const {
  assert(kind_ == TypeKind::Map);
  return parts_->fields[1].type;
}
const std::vector<Field>& SqlType::fields() const {
  assert(kind_ == TypeKind::Struct || (!is_nested() && parts_));
  return parts_->fields;
}

int SqlType::field_index(std::string_view name) const {
  const auto& all = fields();
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].name == name) return static_cast<int>(i);
  return -1;
}

std::string SqlType::to_string() const {
  if (!name().empty()) return name();
  // Labels that only change the display of values concern clients and are not shown.
  if (is_normalized(*this)) return upper_case(find_label(label_)->name);
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
  // Enumerations are compared as texts, so their labels need not be equal.
  if (!is_nested() || parts_ == other.parts_) return true;
  return parts_->fields == other.parts_->fields;
}

bool SqlType::is_identical(const SqlType& other) const {
  if (!(*this == other) || label_ != other.label_ || name() != other.name() ||
      modifier() != other.modifier())
    return false;
  if (parts_ == other.parts_) return true;
  if (!parts_ || !other.parts_) return false;
  return std::ranges::equal(
      parts_->fields, other.parts_->fields, [](const Field& mine, const Field& others) {
        return mine.name == others.name && mine.type.is_identical(others.type);
      });
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
