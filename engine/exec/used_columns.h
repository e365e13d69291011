// The columns that a scan uses.
#pragma once
#include <vector>

namespace engine {

// Sets the used columns for the scan steps that this thread makes during the lifetime of the object. Other columns of the
// rows may be null pointers. Decoding takes most of the time of a scan, and most statements use a few columns. Scans of
// other kinds of tables, which do not decode rows, ignore the used columns.
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
