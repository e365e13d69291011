// Reads stored keys that consist of several integers.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/spec.h"
#include "engine/types/column.h"
#include "engine/types/schema.h"

namespace engine {

// Reads keys that are JSON objects of integers, like {"ORDER_ID":7,"LINE":2}. No JSON parser is used, because parsing
// such short texts would take most of the time of a scan.
class PlainKeys {
 public:
  // Returns nullopt if the format is not JSON, if one of the columns is not INT or BIGINT, or if there is only one
  // column.
  static std::optional<PlainKeys> of(const FormatSpec& format,
                                     const std::vector<ColumnDef>& columns);

  // Appends the keys to the columns. If a key has another form, for example with blanks or in another order, returns
  // false and appends nothing. The caller then uses the reader of the format.
  bool read(std::span<const std::string_view> keys, std::span<Column* const> columns) const;

 private:
  bool append(std::string_view key, std::span<Column* const> columns) const;

  std::vector<std::string> before_;  // the text before each number
};

}  // namespace engine
