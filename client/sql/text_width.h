// Computes how many columns of a terminal a text takes.
#pragma once
#include <cstddef>
#include <string_view>

namespace client {

// Returns how many columns the text takes: a character of East Asia takes two, a combining mark
// none, and a byte that is not UTF-8 one.
size_t display_width(std::string_view text);

}  // namespace client
