// "Did you mean ...?" for names that people mistype.
#pragma once
#include <span>
#include <string>
#include <string_view>

// How many letters must be inserted, deleted, replaced or swapped with their neighbour; letter case
// counts little.
size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that `word` most likely means; empty when none is near enough. In backquotes when it
// is the same but for the case of letters: that is how SQL has to name it.
std::string closest_name(std::string_view word, std::span<const std::string> candidates);
