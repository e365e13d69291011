// Finds the names for "Did you mean ...?" after a mistyped name.
#pragma once
#include <span>
#include <string>
#include <string_view>

// Returns the number of letters to insert, delete, replace or swap with a neighbour so that `a`
// becomes `b`. Letter case does not count.
size_t edit_distance(std::string_view a, std::string_view b);

// Returns the candidate that `word` most likely means; empty if none is near enough.
std::string nearest_name(std::string_view word, std::span<const std::string> candidates);

// Returns nearest_name() as SQL writes it: in backquotes if it differs from the word only in letter case, because names
// without quotes become upper case.
std::string closest_name(std::string_view word, std::span<const std::string> candidates);

// Returns the hint "Did you mean NAME?" with the name as SQL writes it. With `before` and `after`,
// the hint has the bare name between these two texts, such as the quotes of a topic or the dashes
// of an option. Returns `otherwise` if no candidate is near enough.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                         std::string_view otherwise = {}, std::string_view before = {},
                         std::string_view after = {});
