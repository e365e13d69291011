// Divides the bytes of a file into lines and CSV records (RFC 4180). Each is returned with its size
// in bytes, so that a reader can later continue after it.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// A longer line is an error. Without a limit, one missing quote or line end would make the reader
// collect the whole rest of the file in memory.
inline constexpr size_t kMaxLineBytes = size_t{1} << 20;

// Whether the text ends where the file ends (IsFinal). With MayGrow the file is still being
// written, and the text may end with half a line.
enum class TextEnd : bool { MayGrow, IsFinal };

// A line or CSV record at the front of a text.
struct TextRecord {
  std::string_view text;  // without its line end (\n or \r\n)
  size_t size = 0;        // in bytes, including the line end
};

// Returns the first line; nothing if the text has no complete line.
std::optional<TextRecord> first_line(std::string_view text, TextEnd end);
// Returns the first JSON value, which may extend over several lines; nothing if it is not complete.
// Its size includes the blanks before and after it. The text is empty if only blanks are left. A
// text that is neither an object nor an array ends at the end of its line.
std::optional<TextRecord> first_json_value(std::string_view text, TextEnd end);

struct CsvSettings {
  char separator = ',';
  char quote = '"';
  // An unquoted field with this text is NULL. If no text is set, no field is NULL.
  std::optional<std::string> null_text = "";
  bool is_quoted_empty_null = false;  // a quoted empty field ("") is NULL
  // A quote or an escape after this character is part of the field. RFC 4180 has no such character.
  std::optional<char> escape = std::nullopt;
  bool skips_blanks = false;  // blanks before an opening quote are not part of the field
};

// Returns the first CSV record, which may contain line ends within quotes; nothing if it is not complete.
std::optional<TextRecord> first_csv_record(std::string_view text, TextEnd end,
                                           const CsvSettings& settings);

// The fields of a CSV record. Fails with BadCopyFormat if a quoted field is not closed, or is followed by other text.
using CsvFields = std::vector<std::optional<std::string>>;
Result<CsvFields> split_csv(std::string_view record, const CsvSettings& settings);

}  // namespace engine
