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

// The payloads of many rows, one after the other in one buffer. Using the same object again for the
// next batch saves allocations.
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
  // Ends the row whose bytes were appended to `bytes` last. The row ends at `end`; `bytes` may be
  // longer, because RecordBuffer enlarges the string in advance.
  void close(size_t end, bool is_present);
  void close(bool is_present) { close(bytes.size(), is_present); }
};

struct RowRange {
  size_t first = 0, end = 0;
};

// Returns whether Writer::write() writes a payload for the row, instead of a null record.
// `wrapped`: the format writes the columns as fields of a record; false: it writes one bare value.
bool has_payload(std::span<const Column* const> columns, size_t row, const Bitmap* present,
                 bool wrapped, Side side);

// Writes one side (key or value) of a topic's records.
//
// Threads: one at a time.
// Made by: make_writer() in format.h, for the list of columns of that side.
class Writer {
 public:
  virtual ~Writer() = default;

  // Appends one payload to `out` for each row of the range. `present` is indexed like the columns;
  // a row whose bit is not set becomes a null record. If a single column is not wrapped, a null in
  // it also gives a null record. If `present` is null, every value gets a payload, and so does
  // every key with at least one column that is not null. A row that cannot be written (for example
  // a DECIMAL with more digits than its type) is added to `out.problems`, with its index in the
  // columns.
  virtual void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
                     EncodedRows& out) = 0;
};

}  // namespace engine
