// Decodes some columns of encoded rows (engine/types/row_codec.h).
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/column.h"

namespace engine {

// Decodes some columns of rows and skips the others.
//
// Owner: the reader of a few rows. The columns outlive it and do not move.
class RowColumns {
 public:
  // `columns` are all columns of the encoded rows, because the bytes can only be understood with
  // their types; none of them may be nested. `wanted` has one element for each of them.
  RowColumns(std::span<Column* const> columns, const std::vector<bool>& wanted);

  // Decodes the wanted columns into an existing row of nulls. Strings are copied. Fails with CorruptRecord if the
  // bytes end too early. Bytes after the last wanted column are not read.
  Status decode_at(std::string_view bytes, size_t row) const;

 private:
  struct Part {
    TypeKind kind;
    Column* column;  // null: not wanted
  };
  // The action for the next bytes of a row without nulls.
  struct Step {
    enum class Action { SkipBytes, SkipVarint, SkipString, Read } action;
    size_t bytes;  // of SkipBytes
    Part part;     // of Read
  };

  void add_steps();
  bool has_nulls(std::string_view nulls) const;

  std::vector<Part> parts_;  // parts of a row up to the last wanted column
  std::vector<Step> steps_;  // the same as parts_, for a row whose parts are not null
  size_t null_bytes_;
};

}  // namespace engine
