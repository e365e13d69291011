// Fuzz target: values of a topic in JSON, separated by zero bytes, into columns of every type. The
// first byte chooses between one bare column and a record.
#include "tests/fuzz/formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const std::vector<fuzz::ColumnDef> kColumns = fuzz::every_column();
  const size_t choice = data[0] % (kColumns.size() + 1);
  if (choice == kColumns.size())
    fuzz::check_format({.name = "JSON"}, kColumns, bytes);
  else
    fuzz::check_format({.name = "JSON", .wrap_single = false}, {kColumns[choice]}, bytes);
  return 0;
}
