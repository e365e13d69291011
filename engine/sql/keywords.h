// The keywords of the dialect's grammar.
#pragma once
#include <string>
#include <vector>

namespace engine {

struct Keyword {
  std::string word;          // in upper case
  bool is_reserved = false;  // the word needs quotes if it is used as a name
};

// Returns the keywords in the order of the grammar.
const std::vector<Keyword>& keywords();

}  // namespace engine
