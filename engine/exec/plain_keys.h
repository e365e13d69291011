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

// Reads keys that are JSON objects of integers, like {"ORDER_ID":7,"LINE":2}, without a JSON parser, whose work on short
// texts is most of the time of a scan.
class PlainKeys {
 public:
  // Returns nullopt if the format is not JSON, or if one of the columns is not INT or BIGINT, or if there is only one.
  static std::optional<PlainKeys> of(const FormatSpec& format,
                                     const std::vector<ColumnDef>& columns);

  // Appends the keys to the columns. If one of the keys has another form, with blanks or in another order, returns false
  // and appends nothing; the format's reader then reads the keys.
  bool read(std::span<const std::string_view> keys, std::span<Column* const> columns) const;

 private:
  bool append(std::string_view key, std::span<Column* const> columns) const;

  std::vector<std::string> before_;  // the text before each number
};

}  // namespace engine
