// Explains numbers that are written with the separators of a language, or with a currency.
#pragma once
#include <string>
#include <string_view>

namespace engine {

// Returns the hint for a text that is not a number, with the number that was probably meant: 12.50 for "12,50". Returns
// an empty text without a guess. A single comma before three digits separates thousands, as in English.
std::string hint_for_written_number(std::string_view text);

}  // namespace engine
