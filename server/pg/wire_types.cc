#include "server/pg/wire_types.h"

#include <algorithm>
#include <iterator>

#include "engine/types/postgres_types.h"

namespace server::pg {

using engine::PostgresLabel;
using engine::SqlType;
using engine::TypeKind;
namespace label = engine::label;

namespace {

// Type numbers that give no type (not declared, unknown, record): the statement decides the type.
struct AliasRow {
  uint32_t oid;
  TypeKind kind;
};
constexpr AliasRow kAliases[] = {
    {0, TypeKind::Null},
    {oid::kUnknown, TypeKind::Null},
    {oid::kRecord, TypeKind::Null},
};

// Returns the declared type of a parameter. For a type whose values are kept as texts (json,
// numeric), returns Null with a label: the declared type is only a hint, and the type that the
// statement expects decides. Drivers declare json for a MAP, and numeric for a DECIMAL.
SqlType declared_type(const engine::PostgresLabelRow& row) {
  const SqlType type = engine::type_of(row);
  return engine::is_normalized(type) ? SqlType().labelled(row.label) : type;
}

}  // namespace

std::optional<SqlType> type_of_oid(uint32_t number) {
  if (const auto alias = std::ranges::find(kAliases, number, &AliasRow::oid);
      alias != std::end(kAliases))
    return SqlType(alias->kind);
  // These types are only hints: the statement decides whether the value is kept as it is written,
  // or with a precision of milliseconds.
  for (const PostgresLabel each :
       {label::kExactDate, label::kExactTime, label::kExactTimestamp, label::kExactTimestamptz})
    if (engine::find_label(each)->oid == number) return SqlType().labelled(each);
  // Names of catalog objects are hints, too.
  for (const PostgresLabel each :
       {label::kRegclass, label::kRegtype, label::kRegnamespace, label::kRegproc})
    if (engine::find_label(each)->oid == number) return SqlType().labelled(each);
  const auto rows = engine::postgres_labels();
  if (const auto row = std::ranges::find(rows, number, &engine::PostgresLabelRow::oid);
      row != rows.end())
    return declared_type(*row);
  if (const auto row = std::ranges::find(rows, number, &engine::PostgresLabelRow::array_oid);
      row != rows.end() && row->label != engine::label::kNumeric)
    return SqlType::array(engine::type_of(*row));
  if (const TypeKind kind = engine::kind_of_oid(number); kind != TypeKind::Null)
    return SqlType(kind);
  const uint32_t element = element_oid(number);
  if (element == 0) return std::nullopt;
  const auto type = type_of_oid(element);
  if (!type || type->is_null()) return SqlType::null();
  return SqlType::array(*type);
}

uint32_t element_oid(uint32_t array_oid) {
  if (array_oid == 0) return 0;
  return engine::element_of_oid(array_oid);
}

}  // namespace server::pg
