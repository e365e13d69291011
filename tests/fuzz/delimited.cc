// Fuzz target: values of a topic in DELIMITED, separated by zero bytes; the first byte is the
// delimiter.
#include "tests/fuzz/formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string delimiter(1, static_cast<char>(data[0]));
  const auto parsed = engine::parse_delimiter("VALUE_DELIMITER", delimiter);
  static const std::vector<fuzz::ColumnDef> kColumns = fuzz::scalar_columns();
  fuzz::check_format({.name = "DELIMITED", .delimiter = parsed ? *parsed : ','}, kColumns, bytes);
  return 0;
}
