// Tables of other systems' syntax. Used only by the source files of foreign_constructs.h.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace engine {

// Words of another system, and the hint for them.
struct Construct {
  // Texts of tokens that follow each other. Some words stand for several tokens: "'" for any text in quotes, "#" for a
  // whole number, "#x" for a number that is joined to a word, "name" for a name, "unit" for a unit of time, "**" for an
  // asterisk, and "*" for any token.
  std::vector<std::string_view> words;
  // In the hint, {2} is replaced by the text of the token of words[2], and {2:} by the text of the statement from this
  // token to its end.
  std::string_view hint;
  // The token at which the parser stops is `least` to `reach` tokens after the first word. The
  // default of `reach` is the number of words.
  std::optional<size_t> reach = {};
  size_t least = 0;
  std::string_view stop = {};  // text of the token at which the parser stops; empty: any token
  // True: the construct is reported only if no keyword of the dialect is similar to the next word.
  bool is_vague = false;
};

// Constructs at which the parser may stop anywhere in a statement.
const std::vector<Construct>& constructs_within();

// Options of columns and tables in a CREATE. They may come after the token at which the parser
// stopped: it stops at the first option that the dialect does not have, and PostgreSQL's parser
// accepts some of these options.
const std::vector<Construct>& constructs_of_create();

// Options of columns that only a CREATE TABLE without WITH may have.
const std::vector<Construct>& constructs_of_plain_tables();

// Constructs at the beginning of a statement.
const std::vector<Construct>& constructs_at_the_beginning();

}  // namespace engine
