// The columns that a scan uses.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/types/batch.h"

namespace engine {

// A condition on the rows of a scan. The scan evaluates it before it decodes the columns that the condition does not
// read: if few rows pass, decoding the other columns takes most of the time.
struct EarlyFilter {
  // The columns that the condition reads, with one element for each of the first columns.
  std::vector<bool> columns;
  // Returns the rows that are needed. The other columns of `rows` may be null pointers.
  std::function<std::vector<uint32_t>(const Batch& rows)> needed;
};

// As long as the object exists, the scan steps of this thread decode only the used columns; other
// columns of the rows may be null pointers. Decoding takes most of the time of a scan, and most
// statements use only a few columns. Tables whose scans do not decode rows ignore the setting.
class UsedColumns {
 public:
  // `used` has one element for each of the first columns of the rows; later columns are not used. Null: all columns are
  // used. With a filter, the scan may leave out rows that are not needed; null: it returns all rows.
  explicit UsedColumns(const std::vector<bool>* used, const EarlyFilter* filter = nullptr);
  ~UsedColumns();
  UsedColumns(const UsedColumns&) = delete;
  UsedColumns& operator=(const UsedColumns&) = delete;

  // Returns null if all columns are used.
  static const std::vector<bool>* current();
  // Returns null if all rows are needed.
  static const EarlyFilter* filter();

 private:
  const std::vector<bool>* const before_;
  const EarlyFilter* const filter_before_;
};

}  // namespace engine
