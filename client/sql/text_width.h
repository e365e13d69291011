// Computes how many columns of a terminal a text takes.
#pragma once
#include <cstddef>
#include <string_view>

namespace client {

// Returns the width of the text: characters of East Asia take two columns, combining marks none. A byte that is not
// UTF-8 counts as one column.
size_t display_width(std::string_view text);

}  // namespace client
