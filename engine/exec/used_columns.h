// The columns that a scan uses.
#pragma once
#include <vector>

namespace engine {

// As long as the object exists, the scan steps of this thread decode only the used columns; other
// columns of the rows may be null pointers. Decoding takes most of the time of a scan, and most
// statements use only a few columns. Tables whose scans do not decode rows ignore the setting.
class UsedColumns {
 public:
  // `used` has one element for each of the first columns of the rows; later columns are not used. Null: all columns are
  // used.
  explicit UsedColumns(const std::vector<bool>* used);
  ~UsedColumns();
  UsedColumns(const UsedColumns&) = delete;
  UsedColumns& operator=(const UsedColumns&) = delete;

  // Returns null if all columns are used.
  static const std::vector<bool>* current();

 private:
  const std::vector<bool>* const before_;
};

}  // namespace engine
