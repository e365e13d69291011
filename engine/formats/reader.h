// Converts the bytes of records to columns.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/column.h"

namespace engine {

// The result for one payload.
enum class RowState : uint8_t {
  Value,
  Null,   // absent, or the format's null: all columns of the row are null
  Error,  // malformed, or not of the columns' types: all columns of the row are null
};

struct RowProblem {
  size_t row;           // index of the payload in its call (reading), or of the row (writing)
  std::string message;  // in user terms, without a full stop
};

// The outcome of one read, with a state for each payload.
struct RowStatus {
  // All rows with errors are marked, but only the first kMaxProblems - 1 of them and the last one
  // get a message, so that a topic full of invalid records does not fill the log.
  static constexpr size_t kMaxProblems = 32;

  std::vector<RowState> states;  // one for each payload
  std::vector<RowProblem> problems;
  size_t errors = 0;
  // The first row whose schema an external registry has not delivered yet. The states of this row
  // and of all later rows are not valid.
  std::optional<RowProblem> unavailable = {};

  void clear();
  void fail(size_t row, std::string message);  // precondition: row < states.size()
};

// Reads one side (key or value) of a topic's records into the columns of that side.
//
// Threads: one at a time; a reader keeps scratch memory between calls.
// Made by: make_reader() in format.h, for a list of columns of which some are needed.
class Reader {
 public:
  virtual ~Reader() = default;

  // Appends one row for each payload to each column in `outs`, and one state to `status`, which is
  // cleared first. `outs` has an entry for each column of the side (key or value); it is nullptr if
  // the column is not needed. The other columns have the right types, and all of them have the same
  // size.
  //
  // Strings in `outs` may be views into the payloads. So the payloads must live as long as the
  // columns, unless Column::keep() or a copy preserves the strings. No bytes after the end of a
  // payload are read.
  virtual void read(std::span<const std::optional<std::string_view>> payloads,
                    std::span<Column* const> outs, RowStatus& status) = 0;
};

}  // namespace engine
