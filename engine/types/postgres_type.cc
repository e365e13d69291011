#include "engine/types/postgres_type.h"

#include <iterator>

#include "engine/types/postgres_types.h"

namespace engine {

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
    {TypeKind::Array, oid::kJsonb, oid::kJsonbArray, -1},  // an array of arrays is jsonb
    {TypeKind::Map, oid::kJsonb, oid::kJsonbArray, -1},
    {TypeKind::Struct, oid::kJsonb, oid::kJsonbArray, -1},
};
static_assert(std::size(kKinds) == static_cast<size_t>(TypeKind::Struct) + 1);

const KindRow& row_of(TypeKind kind) { return kKinds[static_cast<size_t>(kind)]; }

uint32_t array_oid_of(const SqlType& element) {
  if (!element.name().empty()) return user_array_oid(element.name());
  if (element.label() == label::kRecord) return oid::kRecordArray;
  const PostgresLabelRow* labelled = find_label(element.label());
  return labelled != nullptr ? labelled->array_oid : row_of(element.kind()).array_oid;
}

}  // namespace

PostgresType postgres_type(const SqlType& type) {
  if (is_vector(type.label())) return {find_label(type.label())->oid, -1, -1};
  if (type.kind() == TypeKind::Array && type.element().kind() != TypeKind::Array)
    return {array_oid_of(type.element()), -1, postgres_type(type.element()).modifier};
  if (!type.name().empty()) {
    constexpr int16_t kEnumBytes = 4;
    const bool is_enum = type.label() == label::kEnum;
    return {user_type_oid(type.name()), is_enum ? kEnumBytes : int16_t{-1}, -1};
  }
  if (type.label() == label::kRecord) return {oid::kRecord, -1, -1};
  if (const PostgresLabelRow* labelled = find_label(type.label()))
    return {labelled->oid, labelled->size, type.modifier()};
  const KindRow& row = row_of(type.kind());
  return {row.oid, row.size, type.modifier()};
}

TypeKind kind_of_oid(uint32_t number) {
  for (const KindRow& row : kKinds)
    if (row.oid == number && row.kind != TypeKind::Null) return row.kind;
  return TypeKind::Null;
}

uint32_t element_of_oid(uint32_t array_oid) {
  for (const KindRow& row : kKinds)
    if (row.array_oid == array_oid && row.kind != TypeKind::Null) return row.oid;
  for (const PostgresLabelRow& row : postgres_labels())
    if (row.array_oid == array_oid) return row.oid;
  return 0;
}

}  // namespace engine
