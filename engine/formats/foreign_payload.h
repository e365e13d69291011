// Guesses the format of a record that is not in the format of its stream.
#pragma once
#include <string_view>

namespace engine {

// Returns the end of an error about a record, with the format that the record seems to have, or "" without a guess.
// The record must not be in the format of its stream: the guess looks at the first bytes only.
std::string_view guessed_format(std::string_view payload);

}  // namespace engine
