// Reads and checks the options of COPY.
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
  bool header_must_match =
      false;  // for FROM: the header has the names of the columns, in their order
  bool has_column_list = false;  // the statement names the columns: COPY table (a, b)
  char delimiter = '\t', quote = '"', escape = '"';
  std::string null_text = "\\N";
  // A list of columns by name, or all columns.
  struct Columns {
    bool all = false;
    std::vector<engine::Name> names = {};
    bool empty() const { return !all && names.empty(); }
    // A name without quotes matches without regard to case.
    bool has(std::string_view column) const;
  };
  Columns force_quote;     // for TO: values are always quoted
  Columns force_not_null;  // for FROM: an unquoted NULL text is a text, not NULL
  Columns force_null;      // for FROM: a quoted NULL text is NULL, too
};

// Reads the options. Fails with SyntaxError (an unknown or repeated option), InvalidParameter (a
// bad value), and NotSupported (encodings other than UTF8).
Result<CopyOptions> read_copy_options(const engine::Copy& copy);

// Fails with UndefinedColumn if a FORCE option names a column that is not copied.
Status check_forced_columns(const CopyOptions& options, std::span<const sql::ResultColumn> columns);

}  // namespace server::pg
