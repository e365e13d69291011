// Fuzz target: the options of a COPY, on the first line, and the data of its client. The rows must
// not depend on the pieces in which the data arrives.
#include <cassert>

#include "engine/sql/parse.h"
#include "server/pg/copy_options.h"
#include "server/pg/copy_reader.h"
#include "tests/fuzz/every_type.h"

using namespace server;

namespace {

std::optional<pg::CopyOptions> options_of(std::string_view words) {
  const auto script = engine::parse_script("COPY t FROM STDIN " + std::string(words));
  if (!script || script->size() != 1) return std::nullopt;
  const auto* copy = std::get_if<engine::Copy>(&script->front().statement);
  if (!copy) return std::nullopt;
  auto options = pg::read_copy_options(*copy);
  if (!options) return std::nullopt;
  return *std::move(options);
}

std::vector<sql::ResultColumn> columns_of(const pg::CopyOptions& options) {
  std::vector<sql::ResultColumn> columns;
  if (options.format == pg::CopyFormat::Json) return columns;
  for (const fuzz::ColumnDef& def : fuzz::every_column()) columns.push_back({def.name, def.type});
  return columns;
}

struct Copied {
  sql::CopyRows rows;
  Status status;
};

Copied copy(const pg::CopyOptions& options, std::string_view data, size_t piece_size) {
  const auto reader = pg::make_copy_reader(options, columns_of(options), "T");
  Copied copied;
  while (!data.empty() && copied.status) {
    copied.status = reader->add(data.substr(0, piece_size));
    data.remove_prefix(std::min(piece_size, data.size()));
  }
  if (copied.status) copied.status = reader->end();
  copied.rows = reader->take_rows();
  return copied;
}

void check_same(const Copied& left, const Copied& right) {
  assert(left.status.has_value() == right.status.has_value());
  if (!left.status) assert(left.status.error().context == right.status.error().context);
  if (!left.status) return;  // how many rows precede the error depends on the pieces
  assert(left.rows.rows == right.rows.rows && left.rows.lines == right.rows.lines);
  for (size_t i = 0; i < left.rows.columns.size(); ++i)
    for (size_t row = 0; row < left.rows.rows; ++row)
      assert(left.rows.columns[i].same(row, right.rows.columns[i], row));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t line_end = bytes.find('\n');
  if (line_end == bytes.npos) return 0;
  const auto options = options_of(bytes.substr(0, line_end));
  if (!options) return 0;
  const std::string_view rows = bytes.substr(line_end + 1);
  const Copied whole = copy(*options, rows, rows.size());
  check_same(whole, copy(*options, rows, 1));
  check_same(whole, copy(*options, rows, 7));
  return 0;
}
