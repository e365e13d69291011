#include "engine/query/seen_rows.h"

#include <utility>

namespace engine {

Result<std::vector<uint32_t>> SeenRows::first_ones(std::vector<ColumnPtr> columns, size_t rows) {
  constexpr size_t kBytesOfKey = 48;  // approximate bytes of a key without its text
  RowKeys keys(columns);
  std::vector<uint32_t> fresh;
  size_t bytes = 0;
  for (uint32_t row = 0; row < rows; ++row) {
    if (keys.repeats(row)) continue;
    const std::string_view key = keys.bytes(row);
    if (seen_.contains(key)) continue;
    seen_.insert(texts_.add(key));
    fresh.push_back(row);
    bytes += kBytesOfKey + key.size();
  }
  TRY(context_.add(bytes));
  return fresh;
}

}  // namespace engine
