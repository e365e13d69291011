#include "engine/sql/foreign_constructs.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/sql/foreign_words.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

using grammar::MillraceLexer;

constexpr std::string_view kUnits[] = {"SECOND", "SECONDS", "MINUTE", "MINUTES", "HOUR",
                                       "HOURS",  "DAY",     "DAYS",   "WEEK",    "WEEKS",
                                       "MONTH",  "MONTHS",  "YEAR",   "YEARS"};

bool is_word_at(StatementTokens& tokens, size_t place, std::string_view word) {
  const antlr4::Token& token = tokens.token(place);
  const size_t type = token.getType();
  if (type == antlr4::Token::EOF) return false;
  if (word == "*") return true;
  if (word == "'")
    return type == MillraceLexer::STRING_VALUE || type == MillraceLexer::ESCAPED_STRING_VALUE;
  if (word == "#") return type == MillraceLexer::INTEGER_VALUE;
  if (word == "#x") return type == MillraceLexer::DIGIT_IDENTIFIER;
  if (word == "**") return type == MillraceLexer::ASTERISK;
  if (word == "name") return type == MillraceLexer::IDENTIFIER;
  if (word == "unit") return std::ranges::count(kUnits, upper_case(token.getText())) > 0;
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

// Returns the hint with the texts of the statement in place of {2} and {2:}. `start` is the construct's first token.
std::string filled(std::string_view hint, size_t start, StatementTokens& tokens) {
  constexpr size_t kMostBytes = 300;  // a longer text would hide the error above it
  std::string text;
  while (true) {
    const size_t open = hint.find('{');
    const bool is_place = open + 2 < hint.size() && hint[open + 1] >= '0' && hint[open + 1] <= '9';
    if (open == hint.npos || !is_place) return text.append(hint);
    const size_t close = hint.find('}', open);
    const bool to_the_end = hint[close - 1] == ':';
    const size_t place = start + static_cast<size_t>(hint[open + 1] - '0');
    const antlr4::Token& first = tokens.token(std::min(place, tokens.size() - 1));
    const antlr4::Token& last = to_the_end ? tokens.token(tokens.size() - 2) : first;
    const size_t begin = first.getStartIndex();
    const size_t end = last.getStopIndex() + 1;
    text.append(hint.substr(0, open));
    text += end - begin > kMostBytes
                ? "..."
                : first.getInputStream()->getText(antlr4::misc::Interval(begin, end - 1));
    hint.remove_prefix(close + 1);
  }
}

using Found = std::optional<std::pair<size_t, std::string>>;

Found found(const Construct& construct, size_t start, StatementTokens& tokens) {
  return std::pair(start, filled(construct.hint, start, tokens));
}

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
      if (has_words_at(construct, start, tokens)) return found(construct, start, tokens);
    has_properties |= is_word_at(tokens, start, "WITH");
  }
  if (!has_properties) return std::nullopt;
  for (const Construct& construct : constructs_of_plain_tables())
    if (const size_t start = at - construct.least; has_words_at(construct, start, tokens))
      return found(construct, start, tokens);
  return std::nullopt;
}

}  // namespace

std::optional<std::pair<size_t, std::string>> foreign_construct(size_t at,
                                                                StatementTokens& tokens) {
  constexpr size_t kFarthest = 8;
  // A construct may contain another one: TUMBLE(ts, INTERVAL '1' MINUTE). The search finds the outer
  // one, because it begins first.
  for (size_t start = at - std::min(at, kFarthest); start <= at; ++start)
    for (const Construct& construct : constructs_within())
      if (matches(construct, start, at, tokens)) return found(construct, start, tokens);
  return option_of_create(at, tokens);
}

std::optional<ForeignStatement> foreign_statement(size_t at, StatementTokens& tokens) {
  for (const Construct& construct : constructs_at_the_beginning())
    if (matches(construct, 0, at, tokens))
      return ForeignStatement{filled(construct.hint, 0, tokens), construct.is_vague};
  return std::nullopt;
}

}  // namespace engine
