// A list of columns with one of each type, flat and nested, for targets that decode values.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/types/column.h"
#include "engine/types/schema.h"

namespace fuzz {

using engine::Column;
using engine::ColumnDef;
using engine::SqlType;
using engine::TypeKind;
using Columns = std::vector<std::unique_ptr<Column>>;

inline std::vector<ColumnDef> scalar_columns() {
  return {
      {"B", TypeKind::Boolean},       {"I", TypeKind::Integer},   {"L", TypeKind::Bigint},
      {"D", TypeKind::Double},        {"S", TypeKind::String},    {"N", SqlType::decimal(10, 2)},
      {"W", SqlType::decimal(38, 9)}, {"X", TypeKind::Bytes},     {"DAY", TypeKind::Date},
      {"T", TypeKind::Time},          {"TS", TypeKind::Timestamp}};
}

inline std::vector<ColumnDef> nested_columns() {
  const SqlType row = SqlType::structure(
      {{"A", TypeKind::Integer}, {"B", TypeKind::String}, {"C", SqlType::array(TypeKind::Double)}});
  return {{"AI", SqlType::array(TypeKind::Integer)},
          {"AS", SqlType::array(TypeKind::String)},
          {"M", SqlType::map(TypeKind::String, TypeKind::Bigint)},
          {"R", row},
          {"AR", SqlType::array(row)},
          {"MM", SqlType::map(TypeKind::String, SqlType::map(TypeKind::String, row))}};
}

inline std::vector<ColumnDef> every_column() {
  std::vector<ColumnDef> all = scalar_columns();
  for (ColumnDef& column : nested_columns()) all.push_back(std::move(column));
  return all;
}

inline Columns make_columns(const std::vector<ColumnDef>& defs) {
  Columns columns;
  for (const ColumnDef& def : defs) columns.push_back(std::make_unique<Column>(def.type));
  return columns;
}

template <class Pointer>
std::vector<Pointer> pointers(const Columns& columns) {
  std::vector<Pointer> all;
  for (const auto& column : columns) all.push_back(column.get());
  return all;
}

// Copies `bytes` into a block of exactly this size, so that AddressSanitizer finds a read beyond
// the end.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes)
      : size_(bytes.size()), block_(std::make_unique_for_overwrite<char[]>(bytes.size())) {
    bytes.copy(block_.get(), size_);
  }
  std::string_view view() const { return {block_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> block_;
};

}  // namespace fuzz
