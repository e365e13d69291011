// How many columns of a terminal a text takes.
#pragma once
#include <cstddef>
#include <string_view>

namespace client {

// Characters of East Asia take two columns, marks that combine with others none. A byte that is not UTF-8 counts as one.
size_t display_width(std::string_view text);

}  // namespace client
