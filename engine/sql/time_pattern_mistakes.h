// Finds letters in patterns of times that are valid, but rarely mean what the author intended.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "engine/sql/likely_mistakes.h"

namespace engine {

// Checks a pattern of Java's DateTimeFormatter, such as 'YYYY-MM-DD', in which Y is the year of the week and D is the
// day of the year. The hint has the pattern that was probably meant.
std::optional<LikelyMistake> mistake_in_java_pattern(std::string_view pattern);

// Checks a pattern of PostgreSQL's to_char(), such as 'HH24:MM', in which MM is the month.
std::optional<LikelyMistake> mistake_in_to_char_pattern(std::string_view pattern);

}  // namespace engine
