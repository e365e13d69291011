#include "server/pg/wire_types.h"

#include <algorithm>
#include <iterator>

namespace server::pg {

using engine::SqlType;
using engine::TypeKind;

namespace {

struct KindRow {
  TypeKind kind;
  uint32_t oid, array_oid;
  int16_t size;
};
constexpr KindRow kKinds[] = {
    {TypeKind::Null, oid::kText, 1009, -1},
    {TypeKind::Boolean, oid::kBool, 1000, 1},
    {TypeKind::Integer, oid::kInt4, 1007, 4},
    {TypeKind::Bigint, oid::kInt8, 1016, 8},
    {TypeKind::Double, oid::kFloat8, 1022, 8},
    {TypeKind::Decimal, oid::kNumeric, 1231, -1},
    {TypeKind::String, oid::kText, 1009, -1},
    {TypeKind::Bytes, oid::kBytea, 1001, -1},
    {TypeKind::Date, oid::kDate, 1182, 4},
    {TypeKind::Time, oid::kTime, 1183, 8},
    {TypeKind::Timestamp, oid::kTimestamptz, 1185, 8},
    {TypeKind::Array, oid::kJsonb, oid::kJsonbArray, -1},  // of arrays
    {TypeKind::Map, oid::kJsonb, oid::kJsonbArray, -1},
    {TypeKind::Struct, oid::kJsonb, oid::kJsonbArray, -1},
};
static_assert(std::size(kKinds) == static_cast<size_t>(TypeKind::Struct) + 1);

const KindRow& row_of(TypeKind kind) { return kKinds[static_cast<size_t>(kind)]; }

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

WireType wire_type(const SqlType& type) {
  if (type.kind() == TypeKind::Array && type.element().kind() != TypeKind::Array)
    return {row_of(type.element().kind()).array_oid, -1, wire_type(type.element()).modifier};
  const KindRow& row = row_of(type.kind());
  // PostgreSQL packs both numbers into one, after a header of 4.
  const int32_t modifier =
      type.kind() == TypeKind::Decimal ? ((type.precision() << 16) | type.scale()) + 4 : -1;
  return {row.oid, row.size, modifier};
}

std::optional<SqlType> type_of_oid(uint32_t number) {
  if (const auto alias = std::ranges::find(kAliases, number, &AliasRow::oid);
      alias != std::end(kAliases))
    return SqlType(alias->kind);
  for (const KindRow& row : kKinds)
    if (row.oid == number && row.kind != TypeKind::Null) return SqlType(row.kind);
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
  for (const KindRow& row : kKinds)
    if (row.array_oid == array_oid && row.kind != TypeKind::Null) return row.oid;
  return 0;
}

}  // namespace server::pg
