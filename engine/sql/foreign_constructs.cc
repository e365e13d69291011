#include "engine/sql/foreign_constructs.h"

#include <algorithm>
#include <string>

#include "engine/sql/foreign_words.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

using grammar::MillraceLexer;

bool is_word_at(StatementTokens& tokens, size_t place, std::string_view word) {
  const antlr4::Token& token = tokens.token(place);
  const size_t type = token.getType();
  if (type == antlr4::Token::EOF) return false;
  if (word == "*") return true;
  if (word == "'")
    return type == MillraceLexer::STRING_VALUE || type == MillraceLexer::ESCAPED_STRING_VALUE;
  if (word == "#") return type == MillraceLexer::INTEGER_VALUE;
  return upper_case(token.getText()) == word;
}

bool has_words_at(const Construct& construct, size_t start, StatementTokens& tokens) {
  if (start + construct.words.size() > tokens.size()) return false;
  for (size_t i = 0; i < construct.words.size(); ++i)
    if (!is_word_at(tokens, start + i, construct.words[i])) return false;
  return true;
}

bool matches(const Construct& construct, size_t start, size_t at, StatementTokens& tokens) {
  const size_t reach = construct.reach.value_or(construct.words.size());
  if (start + reach < at || start + construct.least > at) return false;
  if (!construct.stop.empty() && !is_word_at(tokens, at, construct.stop)) return false;
  return has_words_at(construct, start, tokens);
}

using Found = std::optional<std::pair<size_t, std::string_view>>;

// Finds an option of another system in a CREATE, from the place where the parser stopped to the end.
Found option_of_create(size_t at, StatementTokens& tokens) {
  constexpr size_t kMostTokens =
      2'000;  // a CREATE of many columns; the search is for an error only
  if (at < 3 || !is_word_at(tokens, 0, "CREATE")) return std::nullopt;
  // After SELECT the words may be names of columns: engine = 'x' may be a condition. So a CREATE
  // with a SELECT is not searched.
  for (size_t i = 0; i < at; ++i)
    if (is_word_at(tokens, i, "SELECT")) return std::nullopt;
  const size_t end = std::min(tokens.size(), at + kMostTokens);
  bool has_properties = is_word_at(tokens, 1, "STREAM") || is_word_at(tokens, 3, "STREAM");
  for (size_t start = at; start < end && !is_word_at(tokens, start, "SELECT"); ++start) {
    for (const Construct& construct : constructs_of_create())
      if (has_words_at(construct, start, tokens)) return std::pair(start, construct.hint);
    has_properties |= is_word_at(tokens, start, "WITH");
  }
  if (!has_properties) return std::nullopt;
  for (const Construct& construct : constructs_of_plain_tables())
    if (const size_t start = at - construct.least; has_words_at(construct, start, tokens))
      return std::pair(start, construct.hint);
  return std::nullopt;
}

}  // namespace

std::optional<std::pair<size_t, std::string_view>> foreign_construct(size_t at,
                                                                     StatementTokens& tokens) {
  constexpr size_t kFarthest = 8;
  // A construct may contain another one: TUMBLE(ts, INTERVAL '1' MINUTE). The search finds the outer
  // one, because it begins first.
  for (size_t start = at - std::min(at, kFarthest); start <= at; ++start)
    for (const Construct& construct : constructs_within())
      if (matches(construct, start, at, tokens)) return std::pair(start, construct.hint);
  return option_of_create(at, tokens);
}

std::optional<ForeignStatement> foreign_statement(size_t at, StatementTokens& tokens) {
  for (const Construct& construct : constructs_at_the_beginning())
    if (matches(construct, 0, at, tokens))
      return ForeignStatement{construct.hint, construct.is_vague};
  return std::nullopt;
}

}  // namespace engine
