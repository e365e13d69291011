// The records of an input while they are being decoded to columns. Used only by the source files of
// RecordDecoder.
#pragma once
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/exec/record_decoder.h"

namespace engine {

struct RecordDecoder::Records {
  std::vector<std::optional<std::string_view>> keys, values;
  std::vector<std::string_view> raw_headers;
  bool has_headers = false;  // whether at least one of the records has headers
  std::vector<int64_t> timestamps, offsets;
  std::vector<std::shared_ptr<const void>> owners;  // owners of the decompressed bytes
  // Keeps the decompressed bytes alive as long as a column of strings, which refers to them.
  // Columns of numbers have copies of their values and do not need these bytes.
  void keep_for(Column& column) const {
    if (!holds_strings(column.type())) return;
    for (const auto& owner : owners) column.keep(owner);
  }
  Offset next;
  std::map<size_t, std::string> failures;  // by row; the first reason of a row counts
  std::optional<RowProblem> unavailable;   // first record that must wait for its schema

  size_t size() const { return offsets.size(); }
  // Marks the records that a reader could not read as failed. `status` has the reasons for some of
  // them only.
  void take_failures(std::string_view side, const RowStatus& status, std::vector<bool>& keep) {
    if (status.unavailable && (!unavailable || status.unavailable->row < unavailable->row))
      unavailable = status.unavailable;
    for (const RowProblem& problem : status.problems)
      fail(problem.row, fmt::format("{}: {}", side, problem.message), keep);
    for (size_t row = 0; row < keep.size(); ++row)
      if (status.states[row] == RowState::Error)
        fail(row, fmt::format("{}: cannot be read, as others before it", side), keep);
  }
  void fail(size_t row, std::string message, std::vector<bool>& keep) {
    keep[row] = false;
    failures.try_emplace(row, std::move(message));
  }
};

}  // namespace engine
