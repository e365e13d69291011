#include "server/pg/wire_types.h"

#include <algorithm>
#include <iterator>

namespace server::pg {

using engine::SqlType;
using engine::TypeKind;

namespace {

// What clients also declare: narrower or differently named kinds of the same values.
struct AliasRow {
  uint32_t oid;
  TypeKind kind;
};
constexpr AliasRow kAliases[] = {
    {0, TypeKind::Null},
    {oid::kUnknown, TypeKind::Null},
    {oid::kInt2, TypeKind::Integer},  // psycopg 3 declares small numbers so
    {oid::kOid, TypeKind::Bigint},
    {oid::kFloat4, TypeKind::Double},
    {oid::kName, TypeKind::String},
    {oid::kVarchar, TypeKind::String},
    {oid::kBpchar, TypeKind::String},
    {oid::kUuid, TypeKind::String},
    {oid::kTimestamp, TypeKind::Timestamp},
    // A MAP's and a STRUCT's parts cannot be told from JSON, nor the digits of a DECIMAL from
    // numeric: the statement decides.
    {oid::kJson, TypeKind::Null},
    {oid::kJsonb, TypeKind::Null},
    {oid::kNumeric, TypeKind::Null},
};

struct ArrayAliasRow {
  uint32_t array_oid, element_oid;
};
constexpr ArrayAliasRow kArrayAliases[] = {
    {1005, oid::kInt2},   {1021, oid::kFloat4},    {1015, oid::kVarchar},
    {1014, oid::kBpchar}, {1115, oid::kTimestamp}, {199, oid::kJson},
};

}  // namespace

std::optional<SqlType> type_of_oid(uint32_t number) {
  if (const auto alias = std::ranges::find(kAliases, number, &AliasRow::oid);
      alias != std::end(kAliases))
    return SqlType(alias->kind);
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
  if (const auto alias = std::ranges::find(kArrayAliases, array_oid, &ArrayAliasRow::array_oid);
      alias != std::end(kArrayAliases))
    return alias->element_oid;
  return engine::element_of_oid(array_oid);
}

}  // namespace server::pg
