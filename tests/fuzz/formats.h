// Checks properties of a format's reader and writer that must hold for any bytes.
#pragma once
#include <cassert>
#include <list>
#include <optional>
#include <string_view>

#include "engine/formats/format.h"
#include "tests/fuzz/every_type.h"

namespace fuzz {

using Payloads = std::vector<std::optional<std::string_view>>;

struct Rows {
  Columns columns;
  engine::RowStatus status;
};

// The largest number of payloads in an input, so that each input is processed quickly.
inline constexpr size_t kMaxPayloads = 64;

// Returns the lines of the input; an empty line is a null record.
inline std::list<ExactBytes> lines_of(std::string_view bytes) {
  std::list<ExactBytes> lines;
  while (!bytes.empty() && lines.size() < kMaxPayloads) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    lines.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return lines;
}

inline Payloads payloads_of(const std::list<ExactBytes>& lines) {
  Payloads payloads;
  for (const ExactBytes& line : lines)
    payloads.push_back(line.view().empty() ? std::nullopt : std::optional(line.view()));
  return payloads;
}

inline Rows read(engine::Reader& reader, const std::vector<ColumnDef>& defs,
                 const Payloads& payloads) {
  Rows rows{make_columns(defs), {}};
  const auto outs = pointers<Column*>(rows.columns);
  reader.read(payloads, outs, rows.status);
  assert(rows.status.states.size() == payloads.size());
  for (const auto& column : rows.columns) assert(column->size() == payloads.size());
  return rows;
}

inline void check_same_row(const Rows& left, size_t left_row, const Rows& right, size_t right_row) {
  assert(left.status.states[left_row] == right.status.states[right_row]);
  for (size_t i = 0; i < left.columns.size(); ++i)
    assert(left.columns[i]->same(left_row, *right.columns[i], right_row));
}

// Checks that a record is decoded to the same values alone and together with others. Also checks
// that values do not change when they are written and read again.
inline void check_format(const engine::FormatSpec& spec, const std::vector<ColumnDef>& defs,
                         std::string_view bytes) {
  const std::list<ExactBytes> lines = lines_of(bytes);
  const Payloads payloads = payloads_of(lines);
  const auto reader = engine::make_reader(spec, defs, engine::Side::Value).value();
  const Rows rows = read(*reader, defs, payloads);
  for (size_t row = 0; row < payloads.size(); ++row)
    check_same_row(rows, row, read(*reader, defs, {payloads[row]}), 0);

  engine::Bitmap present;
  for (const engine::RowState state : rows.status.states)
    present.push_back(state == engine::RowState::Value);
  engine::EncodedRows written;
  const auto writer = engine::make_writer(spec, defs, engine::Side::Value).value();
  writer->write(pointers<const Column*>(rows.columns), {0, payloads.size()}, &present, written);
  assert(written.size() == payloads.size());
  Payloads again;
  for (size_t row = 0; row < payloads.size(); ++row) again.push_back(written[row]);
  const Rows reread = read(*reader, defs, again);
  for (size_t row = 0; row < payloads.size(); ++row)
    if (written[row]) check_same_row(rows, row, reread, row);
}

}  // namespace fuzz
