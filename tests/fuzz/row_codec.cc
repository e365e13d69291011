// Fuzz target: rows in the row codec, and the exchange values around them. A row that can be
// decoded stays the same after it is encoded again. The first byte chooses the columns.
#include <cassert>

#include "engine/exec/exchange_codec.h"
#include "tests/fuzz/every_type.h"

using namespace fuzz;

namespace {

void check_row(const std::vector<ColumnDef>& defs, std::string_view bytes) {
  const ExactBytes exact(bytes);
  const Columns columns = make_columns(defs);
  if (!engine::decode_row(exact.view(), pointers<Column*>(columns), engine::RowStrings::View))
    return;
  std::string encoded;
  engine::encode_row(pointers<const Column*>(columns), 0, encoded);
  const Columns again = make_columns(defs);
  const Status decoded =
      engine::decode_row(encoded, pointers<Column*>(again), engine::RowStrings::Copy);
  assert(decoded);
  for (size_t i = 0; i < columns.size(); ++i) assert(columns[i]->same(0, *again[i], 0));
}

void check_exchange_value(const std::vector<ColumnDef>& defs, std::string_view bytes) {
  const ExactBytes exact(bytes);
  const auto value = engine::decode_exchange_value(exact.view());
  if (!value) return;
  if (value->has_new) check_row(defs, value->new_row);
  if (value->has_old) check_row(defs, value->old_row);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const std::vector<ColumnDef> kColumns = every_column();
  const size_t choice = data[0] % (kColumns.size() + 1);
  const auto defs = choice == kColumns.size() ? kColumns : std::vector{kColumns[choice]};
  check_row(defs, bytes);
  check_exchange_value(defs, bytes);
  return 0;
}
