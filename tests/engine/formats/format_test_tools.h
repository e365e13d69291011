// Reads and writes rows, for tests of formats.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/formats/format.h"

namespace engine {

using Payload = std::optional<std::string_view>;

// The columns of one side, filled by a reader.
struct ReadRows {
  std::vector<std::unique_ptr<Column>> columns;
  RowStatus status;

  Value at(size_t row, size_t column) const { return columns[column]->value_at(row); }
};

inline ReadRows read_rows(const FormatSpec& spec, const std::vector<ColumnDef>& columns,
                          const std::vector<Payload>& payloads, Side side = Side::Value,
                          std::vector<bool> needed = {}) {
  ReadRows got;
  std::vector<Column*> outs;
  for (size_t i = 0; i < columns.size(); ++i) {
    got.columns.push_back(std::make_unique<Column>(columns[i].type));
    outs.push_back(needed.empty() || needed[i] ? got.columns.back().get() : nullptr);
  }
  auto reader = make_reader(spec, columns, side, needed);
  EXPECT_TRUE(reader) << reader.error().message;
  (*reader)->read(payloads, outs, got.status);
  return got;
}

inline EncodedRows write_rows(const FormatSpec& spec, const std::vector<ColumnDef>& columns,
                              const std::vector<std::unique_ptr<Column>>& data,
                              Side side = Side::Value, const Bitmap* present = nullptr) {
  std::vector<const Column*> in;
  for (const auto& column : data) in.push_back(column.get());
  auto writer = make_writer(spec, columns, side);
  EXPECT_TRUE(writer) << writer.error().message;
  EncodedRows out;
  (*writer)->write(in, {0, data.empty() ? 0 : data[0]->size()}, present, out);
  return out;
}

}  // namespace engine
