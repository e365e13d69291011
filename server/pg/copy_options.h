// The options of COPY, checked.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"

namespace server::pg {

enum class CopyFormat : uint8_t { Text, Csv, Json, Binary };

struct CopyOptions {
  CopyFormat format = CopyFormat::Text;
  bool has_header = false;
  char delimiter = '\t', quote = '"', escape = '"';
  std::string null_text = "\\N";
  bool force_quote_all = false;
  std::vector<std::string> force_quote;  // columns
};

// Fails with SyntaxError (an unknown or doubled option), InvalidParameter (a bad value),
// NotSupported (other encodings than UTF8).
Result<CopyOptions> read_copy_options(const engine::Copy& copy);

}  // namespace server::pg
