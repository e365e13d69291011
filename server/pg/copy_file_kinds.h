// Recognizes files that COPY cannot read as text.
#pragma once
#include <optional>
#include <string_view>

#include "base/result.h"

namespace server::pg {

// Returns the error for the beginning of a file that is compressed, or in the form of a program, such as a spreadsheet.
// Its hint has the command that makes text of it. Returns nothing if the file may be a text.
std::optional<Error> not_a_text_file(std::string_view beginning);

}  // namespace server::pg
