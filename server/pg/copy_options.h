// The options of COPY, checked.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/sql/port.h"

namespace server::pg {

enum class CopyFormat : uint8_t { Text, Csv, Json, Binary };

struct CopyOptions {
  CopyFormat format = CopyFormat::Text;
  bool has_header = false;
  char delimiter = '\t', quote = '"', escape = '"';
  std::string null_text = "\\N";
  // Columns by name, or all of them.
  struct Columns {
    bool all = false;
    std::vector<engine::Name> names = {};
    bool empty() const { return !all && names.empty(); }
    // One that is named without quotes is meant in any case.
    bool has(std::string_view column) const;
  };
  Columns force_quote;     // of TO: in quotes whatever they hold
  Columns force_not_null;  // of FROM: what is written as NULL without quotes is that text
  Columns force_null;      // of FROM: what is written as NULL is NULL in quotes, too
};

// Fails with SyntaxError (an unknown or doubled option), InvalidParameter (a bad value),
// NotSupported (other encodings than UTF8).
Result<CopyOptions> read_copy_options(const engine::Copy& copy);

// Fails with UndefinedColumn where a FORCE option names what is not copied.
Status check_forced_columns(const CopyOptions& options, std::span<const sql::ResultColumn> columns);

}  // namespace server::pg
