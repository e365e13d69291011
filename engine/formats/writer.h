// Converts columns to the bytes of records.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/reader.h"
#include "engine/types/column.h"

namespace engine {

enum class Side : uint8_t;

// The payloads of many rows, one after the other in one buffer. Reusing an object between batches
// saves allocations.
struct EncodedRows {
  std::string bytes;
  std::vector<size_t> ends;          // end of each row's payload in `bytes`
  Bitmap present;                    // rows with a payload; the others are null records
  std::vector<RowProblem> problems;  // rows that could not be written; they have no payload

  size_t size() const { return ends.size(); }
  std::optional<std::string_view> operator[](size_t row) const {
    if (!present.test(row)) return std::nullopt;
    const size_t begin = row == 0 ? 0 : ends[row - 1];
    return std::string_view(bytes).substr(begin, ends[row] - begin);
  }
  void clear();
  // Ends the row that was just appended to `bytes`. The row ends at `end`, even if `bytes` is longer at the moment.
  void close(size_t end, bool is_present);
  void close(bool is_present) { close(bytes.size(), is_present); }
};

struct RowRange {
  size_t first = 0, end = 0;
};

// Returns whether the row has a payload (see Writer::write()), for formats that can write a record of fields
// (`wrapped`) or one bare value.
bool has_payload(std::span<const Column* const> columns, size_t row, const Bitmap* present,
                 bool wrapped, Side side);

// Writes one side (key or value) of a topic's records.
//
// Threads: one at a time.
// Made by: make_writer() in format.h, for the list of columns of that side.
class Writer {
 public:
  virtual ~Writer() = default;

  // Appends one payload to `out` for each row of the range. Rows whose bit in `present` is not set
  // become null records; `present` is indexed like the columns. A single column that is not wrapped
  // also becomes a null record if it is null. If `present` is null, every value has a payload, and
  // so has every key with at least one column that is not null. A row that cannot be written (a
  // DECIMAL with more digits than its type) is listed in `out.problems` by its index in the
  // columns.
  virtual void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
                     EncodedRows& out) = 0;
};

}  // namespace engine
