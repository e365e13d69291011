#include "engine/sql/syntax_error.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "engine/sql/foreign_constructs.h"
#include "engine/sql/statement_forms.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

using grammar::MillraceLexer;

constexpr size_t kMaxQuotedLength = 40;
constexpr size_t kMaxTrialTokens = 5'000;  // a trial parses the statement again
constexpr size_t kMaxTrials = 8;           // limit for each word
constexpr size_t kMaxExpectedNamed = 4;

const antlr4::dfa::Vocabulary& vocabulary() {
  static ByteStream nothing("");
  static MillraceLexer lexer(&nothing);
  return lexer.getVocabulary();
}

std::string shortened(std::string text) {
  if (text.size() <= kMaxQuotedLength) return text;
  size_t end = kMaxQuotedLength;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

// Returns the token's text, shortened. If the token is the first byte of a longer character, the text is the whole
// character.
std::string text_of(const antlr4::Token& token) {
  size_t last = token.getStopIndex();
  antlr4::CharStream* stream = token.getInputStream();
  if (token.getType() == MillraceLexer::UNRECOGNIZED) {
    const auto next_byte = [&] {
      const std::string byte = stream->getText(antlr4::misc::Interval(last + 1, last + 1));
      return byte.empty() ? '\0' : byte[0];
    };
    while ((next_byte() & 0xC0) == 0x80) ++last;
  }
  return shortened(stream->getText(antlr4::misc::Interval(token.getStartIndex(), last)));
}

// Returns the keyword for a type of token, such as "SELECT"; an empty text for types of other tokens.
std::string keyword_of(size_t type) {
  const std::string literal = vocabulary().getLiteralName(type);
  if (literal.size() < 3 || literal[1] < 'A' || literal[1] > 'Z') return "";
  return literal.substr(1, literal.size() - 2);
}

bool is_word(const antlr4::Token& token) {
  return token.getType() == MillraceLexer::IDENTIFIER || !keyword_of(token.getType()).empty();
}

// Returns whether the token is a word, a number or a name in quotes, which was probably meant as a text or a name.
bool is_value(const antlr4::Token& token) {
  switch (token.getType()) {
    case MillraceLexer::DIGIT_IDENTIFIER:
    case MillraceLexer::QUOTED_IDENTIFIER:
    case MillraceLexer::BACKQUOTED_IDENTIFIER:
    case MillraceLexer::INTEGER_VALUE:
    case MillraceLexer::DECIMAL_VALUE:
      return true;
    default:
      return is_word(token);
  }
}

std::string without_quotes(const std::string& name) {
  const bool is_quoted = name.size() > 1 && (name.front() == '"' || name.front() == '`');
  return is_quoted ? name.substr(1, name.size() - 2) : name;
}

bool contains(const antlr4::misc::IntervalSet& types, size_t type) { return types.contains(type); }

struct Candidate {
  size_t distance;
  size_t type;
};

// Returns the keywords for which the word may be a misspelling, the most similar keyword first.
std::vector<Candidate> near_keywords(const std::string& word) {
  std::vector<Candidate> near;
  const size_t most = word.size() < 4 ? 1 : 2;
  if (word.size() > 20) return near;
  for (size_t type = MillraceLexer::ALL; type < MillraceLexer::EQ; ++type) {
    const std::string keyword = keyword_of(type);
    if (keyword.empty() || keyword == word) continue;
    const size_t distance = edit_distance(word, keyword);
    if (distance <= most && distance < keyword.size()) near.push_back({distance, type});
  }
  std::ranges::stable_sort(near, {}, &Candidate::distance);
  if (near.size() > kMaxTrials) near.resize(kMaxTrials);
  return near;
}

// Returns whether the parser gets beyond the place where it stopped if the token has another type.
bool gets_further(antlr4::CommonToken& token, size_t type, size_t stopped_at,
                  const Reparse& reparse) {
  const size_t written_type = token.getType();
  token.setType(type);
  const std::optional<SyntaxFailure> failure = reparse();
  token.setType(written_type);
  return !failure || failure->token_index > stopped_at;
}

// Returns the keyword that, in place of the token, lets the parser get beyond the place where it stopped; an empty text
// if no keyword does.
std::string meant_keyword(antlr4::CommonToken& token, size_t stopped_at, const Reparse& reparse) {
  if (!is_word(token)) return "";
  const std::vector<Candidate> near = near_keywords(upper_case(token.getText()));
  // If a name in place of the word lets the parser continue, the word is a reserved keyword that was used as a
  // name, and not a misspelt keyword.
  const bool is_name = token.getType() == MillraceLexer::IDENTIFIER;
  if (near.empty() ||
      (!is_name && gets_further(token, MillraceLexer::IDENTIFIER, stopped_at, reparse)))
    return "";
  for (const Candidate& candidate : near)
    if (gets_further(token, candidate.type, stopped_at, reparse)) return keyword_of(candidate.type);
  return "";
}

struct Suggestion {
  size_t token_index;
  std::string keyword;
};

// Suggests a replacement for the word at which the parser stopped, or the word before: `FROM t GRUP
// BY x` reads GRUP as an alias.
std::optional<Suggestion> suggest(const SyntaxFailure& failure, StatementTokens& tokens,
                                  const Reparse& reparse) {
  if (tokens.size() > kMaxTrialTokens) return std::nullopt;
  const size_t at = failure.token_index;
  if (std::string keyword = meant_keyword(tokens.token(at), at, reparse); !keyword.empty())
    return Suggestion{at, std::move(keyword)};
  if (at == 0 || tokens.token(at - 1).getType() != MillraceLexer::IDENTIFIER) return std::nullopt;
  if (std::string keyword = meant_keyword(tokens.token(at - 1), at, reparse); !keyword.empty())
    return Suggestion{at - 1, std::move(keyword)};
  return std::nullopt;
}

std::string display_name(size_t type) {
  if (type == antlr4::Token::EOF) return "the end of the statement";
  if (const std::string keyword = keyword_of(type); !keyword.empty()) return keyword;
  switch (type) {
    case MillraceLexer::STRING_VALUE:
      return "a 'text'";
    case MillraceLexer::INTEGER_VALUE:
      return "a whole number";
    case MillraceLexer::DECIMAL_VALUE:
      return "a number";
    case MillraceLexer::PARAMETER:
      return "a parameter";
    default:
      break;
  }
  const std::string literal = vocabulary().getLiteralName(type);
  return literal.empty() ? vocabulary().getSymbolicName(type)
                         : "\"" + literal.substr(1, literal.size() - 2) + "\"";
}

// Returns the tokens that would have been accepted, in the user's terms; an empty list if there are too many.
std::vector<std::string> expected_names(const antlr4::misc::IntervalSet& expected) {
  std::vector<std::string> names;
  const bool any_name = contains(expected, MillraceLexer::IDENTIFIER);
  const bool any_expression = any_name && contains(expected, MillraceLexer::CAST);
  if (any_expression) {
    names.push_back("an expression");
  } else if (any_name) {
    names.push_back("a name");
  }
  for (const ssize_t symbol : expected.toList()) {
    const auto type = static_cast<size_t>(symbol);
    if (type == MillraceLexer::ESCAPED_STRING_VALUE || type == MillraceLexer::FLOATING_VALUE)
      continue;
    if (any_name && type > MillraceLexer::WITH && type < MillraceLexer::EQ)
      continue;  // a word that is not reserved is an ordinary name
    if (any_name && type >= MillraceLexer::IDENTIFIER &&
        type <= MillraceLexer::BACKQUOTED_IDENTIFIER)
      continue;
    if (any_expression) continue;
    names.push_back(display_name(type));
    if (names.size() > kMaxExpectedNamed) return {};
  }
  return names;
}

std::string expected_hint(const antlr4::misc::IntervalSet& expected) {
  const std::vector<std::string> names = expected_names(expected);
  const bool is_end_alone = names.size() == 1 && contains(expected, antlr4::Token::EOF);
  if (is_end_alone) return "";  // the set does not contain the clauses that may follow
  std::string hint;
  for (size_t i = 0; i < names.size(); ++i)
    hint += (i == 0 ? "Expected " : i + 1 == names.size() ? " or " : ", ") + names[i];
  return hint.empty() ? hint : hint + ".";
}

// Reserved words that follow a list of expressions; other reserved words were probably meant as columns.
constexpr std::string_view kBehindLists[] = {"AS",    "EMIT",   "FROM",      "GROUP",  "HAVING",
                                             "INTO",  "LIMIT",  "PARTITION", "SELECT", "VALUES",
                                             "WHERE", "WINDOW", "WITH"};

// Returns the hint for a materialized view whose SELECT has a clause that only continuous queries have: the same
// statement with TABLE, ready to paste. Returns an empty text for other statements.
std::string table_for_view(StatementTokens& tokens, std::string_view script) {
  constexpr size_t kMostHintBytes = 2'000;  // a longer statement would hide the error above it
  const auto is = [&](size_t at, std::string_view word) { return word_at(tokens, at) == word; };
  const size_t at = is(1, "MATERIALIZED") ? 1 : is(3, "MATERIALIZED") ? 3 : 0;
  if (at == 0 || !is(0, "CREATE") || !is(at + 1, "VIEW")) return {};
  bool has_clause = false;
  for (size_t i = at + 2; i < tokens.size() && !has_clause; ++i)
    has_clause = is(i, "TUMBLING") || is(i, "HOPPING") || (is(i, "EMIT") && is(i + 1, "CHANGES")) ||
                 (is(i, "WINDOW") && is(i + 1, "SESSION"));
  const size_t begin = tokens.token(0).getStartIndex();
  const size_t kind = tokens.token(at).getStartIndex();
  const size_t kind_end = tokens.token(at + 1).getStopIndex() + 1;
  const size_t end = std::min<size_t>(tokens.end_token().getStartIndex(), script.size());
  if (!has_clause || end <= kind_end || end - begin > kMostHintBytes) return {};
  std::string rest(script.substr(kind_end, end - kind_end));
  // EMIT CHANGES before AS is removed: a CREATE TABLE does not allow it at this place, and does not need it.
  if (is(at + 3, "EMIT") && is(at + 5, "AS")) {
    const size_t emit = tokens.token(at + 3).getStartIndex() - kind_end;
    rest.erase(emit, tokens.token(at + 5).getStartIndex() - kind_end - emit);
  }
  while (rest.ends_with(' ') || rest.ends_with('\n') || rest.ends_with(';')) rest.pop_back();
  return "A materialized view takes neither WINDOW nor EMIT. A table takes both, and is kept up to "
         "date, too: " +
         std::string(script.substr(begin, kind - begin)) + "TABLE" + rest + ";";
}

// Returns the hint for a WITH (...) after the SELECT of a CREATE STREAM or CREATE TABLE: the same statement with WITH
// before AS, ready to paste. Returns an empty text for other statements.
std::string with_before_as(size_t at, StatementTokens& tokens, std::string_view script) {
  const auto is = [&](size_t place, std::string_view word) {
    return word_at(tokens, place) == word;
  };
  if (!is(0, "CREATE") || !(is(1, "STREAM") || is(1, "TABLE")) || !is(3, "AS")) return {};
  if (at < 5 || !is(at, "WITH") || !is(at + 1, "(") || !is(tokens.size() - 2, ")")) return {};
  const auto text = [&](size_t first, size_t last) {
    const size_t begin = tokens.token(first).getStartIndex();
    return std::string(script.substr(begin, tokens.token(last).getStopIndex() + 1 - begin));
  };
  return "WITH precedes AS: " + text(0, 2) + " " + text(at, tokens.size() - 2) + " " +
         text(3, at - 1) + ";";
}

std::string hint_for(const SyntaxFailure& failure, StatementTokens& tokens,
                     std::string_view script) {
  const size_t at = failure.token_index;
  if (std::string table = table_for_view(tokens, script); !table.empty()) return table;
  if (std::string with = with_before_as(at, tokens, script); !with.empty()) return with;
  const antlr4::Token& token = tokens.token(at);
  const std::string text = text_of(token);
  const bool ends_at_name =
      token.getType() == antlr4::Token::EOF && at > 2 && word_at(tokens, 0) == "ALTER";
  if (ends_at_name && word_at(tokens, at - 2) == "ADD")
    return "The type of the column is missing: ADD COLUMN " + text_of(tokens.token(at - 1)) +
           " VARCHAR.";
  if (text == "#") return "A comment begins with --.";
  if (text == "{") return "JSON is a text in single quotes: '{\"a\": 1}'.";
  // After a comma, a word such as FROM shows that an item is missing, but only if an expression could follow. In a list
  // of names the user probably meant the word as a name.
  const bool wants_expression = contains(failure.expected, MillraceLexer::CAST);
  const bool follows_comma = at > 0 && tokens.token(at - 1).getType() == MillraceLexer::COMMA;
  if (follows_comma &&
      (token.getType() == MillraceLexer::RPAREN ||
       (wants_expression && std::ranges::count(kBehindLists, upper_case(text)) > 0)))
    return "Something is missing after the comma, or the comma is superfluous.";
  if (token.getType() == MillraceLexer::VARIABLE)
    return "The variable " + text + " is not defined.";
  if (token.getType() == MillraceLexer::ALL && wants_expression &&
      tokens.token(at + 1).getType() == MillraceLexer::LPAREN)
    return "ALL(...) is not supported: use NOT x = ANY(array) for x <> ALL(array), and x NOT IN "
           "(...) for a list.";
  const bool is_property = at > 1 && tokens.token(at - 1).getType() == MillraceLexer::EQ;
  if (is_property && is_value(token) && !wants_expression &&
      contains(failure.expected, MillraceLexer::STRING_VALUE))
    return "A text needs single quotes: '" + without_quotes(text) + "'.";
  const bool wants_name = contains(failure.expected, MillraceLexer::QUOTED_IDENTIFIER);
  if (token.getType() == MillraceLexer::STRING_VALUE && wants_name && !wants_expression)
    return "A name has no single quotes: " + text.substr(1, text.size() - 2) + ".";
  if (wants_expression && at > 0 && std::ranges::count(kBehindLists, upper_case(text)) > 0)
    return "An expression is missing before " + upper_case(text) + ".";
  if (wants_name && is_reserved_word(upper_case(text)))
    return upper_case(text) + " is a reserved word; as a name it needs quotes: `" +
           upper_case(text) + "`.";
  if (contains(failure.expected, MillraceLexer::MILLISECONDS) && !wants_name && !wants_expression)
    return "A unit follows the number: MILLISECONDS, SECONDS, MINUTES, HOURS, DAYS, WEEKS, "
           "MONTHS or YEARS.";
  // In a list of names, ANTLR reports only the closing bracket as expected.
  if (failure.expected.size() == 1 && contains(failure.expected, MillraceLexer::RPAREN) &&
      is_value(token))
    return "Expected \",\" or \")\".";
  if (std::string expected = expected_hint(failure.expected); !expected.empty()) return expected;
  // The first words of statements are suggested only if the first token of a statement is wrong. No statement begins
  // with a name. So if a name was expected at the first token, the text was parsed as a single expression or type.
  const bool begins_statement = at == 0 && !wants_name;
  const std::string_view form = statement_form(tokens);
  return std::string(form.empty() && begins_statement ? first_words_of_statements() : form);
}

std::string message_at(const antlr4::Token& token) {
  switch (token.getType()) {
    case antlr4::Token::EOF:
      return "syntax error at end of input";
    case MillraceLexer::UNTERMINATED_STRING:
      return "unterminated quoted string at \"" + text_of(token) + "\"";
    case MillraceLexer::UNTERMINATED_IDENTIFIER:
      return "unterminated quoted identifier at \"" + text_of(token) + "\"";
    default:
      return "syntax error at \"" + text_of(token) + "\"";
  }
}

// Returns the error for a quote without an end, or for a quote inside a text, which ends the text: 'O'Brien'. The
// parser may stop at a token between them, and then the quote without an end is the last token.
std::optional<Error> quote_error(size_t at, StatementTokens& tokens) {
  const size_t end = tokens.size() - 1;
  if (end == 0) return std::nullopt;
  const antlr4::Token& last = tokens.token(end - 1);
  const bool is_text = last.getType() == MillraceLexer::UNTERMINATED_STRING;
  if (!is_text && last.getType() != MillraceLexer::UNTERMINATED_IDENTIFIER) return std::nullopt;
  const antlr4::Token& here = tokens.token(at);
  const bool follows_text = is_text && at > 0 && at + 1 < end &&
                            tokens.token(at - 1).getType() == MillraceLexer::STRING_VALUE &&
                            tokens.token(at - 1).getStopIndex() + 1 == here.getStartIndex();
  if (follows_text) {
    const std::string text = text_of(tokens.token(at - 1));
    return Error{
        .code = ErrorCode::SyntaxError,
        .message = message_at(here),
        .hint = "A quote inside a text is written twice: " + text + "'" + text_of(here) + "'.",
        .position = position_of(here)};
  }
  return Error{.code = ErrorCode::SyntaxError,
               .message = message_at(last),
               .hint = is_text ? "The text begins here, and its closing quote is missing. A quote "
                                 "inside a text is written twice: 'it''s'."
                               : "The name begins here, and its closing quote is missing.",
               .position = position_of(last)};
}

// Returns the index of OVER, FILTER or WITHIN in a call that only SELECTs over tables support, such as f(x) OVER (...).
// The parser reads the word as the alias of f(x) and stops at the next token.
std::optional<size_t> word_of_select_over_tables(size_t at, StatementTokens& tokens) {
  if (at == 0) return std::nullopt;
  const std::string here = upper_case(text_of(tokens.token(at)));
  const std::string before = upper_case(text_of(tokens.token(at - 1)));
  if (here == "(" && (before == "OVER" || before == "FILTER")) return at - 1;
  if (before == "WITHIN" && here == "GROUP") return at - 1;
  if (at > 1 && here == "(" && before == "GROUP" &&
      upper_case(text_of(tokens.token(at - 2))) == "WITHIN")
    return at - 2;
  if (here == "WITHIN" && tokens.token(at).getType() != antlr4::Token::EOF &&
      upper_case(text_of(tokens.token(at + 1))) == "GROUP")
    return at;
  return std::nullopt;
}

struct MissingStatement {
  std::string_view word, hint;
};
// Statements that database clients send, and that the dialect does not have.
constexpr MissingStatement kMissingStatements[] = {
    {"DELETE",
     "A record without a value deletes the row with its key: INSERT one with NULL through a stream "
     "on the table's topic WITH (VALUE_FORMAT='KAFKA') that has one column beside the key. DROP "
     "... DELETE TOPIC deletes all rows."},
    {"UPDATE", "INSERT a row with the same key, which replaces the earlier one."},
    {"MERGE", "INSERT a row with the same key, which replaces the earlier one."},
    {"TRUNCATE", "DROP it with DELETE TOPIC, and CREATE it again."},
};

std::optional<Error> missing_statement(const SyntaxFailure& failure, StatementTokens& tokens) {
  if (failure.token_index != 0) return std::nullopt;
  const std::string word = upper_case(text_of(tokens.token(0)));
  const auto* found = std::ranges::find(kMissingStatements, word, &MissingStatement::word);
  if (found == std::end(kMissingStatements)) return std::nullopt;
  return Error{.code = ErrorCode::NotSupported,
               .message = word + " is not supported yet",
               .hint = std::string(found->hint),
               .position = position_of(tokens.token(0))};
}

std::string place(const antlr4::Token& token) {
  return "line " + std::to_string(token.getLine()) + ":" +
         std::to_string(token.getCharPositionInLine());
}

// Returns the part of ANTLR's reason that ksqlDB adds to "Syntax Error".
std::string ksqldb_reason(const std::string& reason) {
  if (reason.starts_with("missing ")) return reason;
  const size_t expecting = reason.find(" expecting ");
  return expecting == std::string::npos ? "" : "Expecting " + reason.substr(expecting + 11);
}

// Returns ksqlDB's text for the error. Like ksqlDB, it reports the error twice: first as in the message, then with a
// reason that is not logged.
std::string ksqldb_message(const antlr4::Token& token, const std::string& reason) {
  const std::string text = token.getType() == antlr4::Token::EOF ? "<EOF>" : text_of(token);
  return place(token) + ": Syntax error at or near '" + text + "' at " + place(token) + "\n" +
         place(token) + ": Syntax Error\n" + reason;
}

// Returns ksqldb_message() with the statement, which ksqlDB appends to this text.
std::string ksqldb_detail(const SyntaxFailure& failure, StatementTokens& tokens,
                          std::string_view script) {
  const size_t start = tokens.token(0).getStartIndex();
  size_t end = tokens.end_token().getStartIndex();
  const size_t semicolon = script.find_first_not_of(" \t\r\n", end);
  if (semicolon != std::string_view::npos && script[semicolon] == ';') end = semicolon + 1;
  return ksqldb_message(tokens.token(failure.token_index), ksqldb_reason(failure.reason)) +
         "\nStatement: " + std::string(script.substr(start, end - start));
}

}  // namespace

Error syntax_error(const SyntaxFailure& failure, StatementTokens& tokens, std::string_view script,
                   const Reparse& reparse) {
  std::string detail = ksqldb_detail(failure, tokens, script);
  const std::optional<ForeignStatement> statement = foreign_statement(failure.token_index, tokens);
  if (auto quote = quote_error(failure.token_index, tokens)) {
    quote->ksqldb = std::move(detail);
    return *std::move(quote);
  }
  if (auto missing = statement ? std::nullopt : missing_statement(failure, tokens)) {
    missing->ksqldb = std::move(detail);
    return *std::move(missing);
  }
  if (const auto at = word_of_select_over_tables(failure.token_index, tokens)) {
    const antlr4::Token& word = tokens.token(*at);
    return Error{
        .code = ErrorCode::SyntaxError,
        .message = message_at(word),
        .hint =
            "OVER (window functions), FILTER and WITHIN GROUP require a SELECT without EMIT. "
            "Continuous queries do not support them.",
        .position = position_of(word),
        .ksqldb = std::move(detail)};
  }
  if (std::string table = table_of_mysql(failure.token_index, tokens); !table.empty()) {
    const antlr4::Token& word = tokens.token(failure.token_index);
    return Error{.code = ErrorCode::SyntaxError,
                 .message = message_at(word),
                 .hint = std::move(table),
                 .position = position_of(word),
                 .ksqldb = std::move(detail)};
  }
  const bool is_foreign_statement = statement && !statement->is_vague;
  if (const auto construct =
          is_foreign_statement ? std::nullopt : foreign_construct(failure.token_index, tokens)) {
    const antlr4::Token& word = tokens.token(construct->first);
    return Error{.code = ErrorCode::SyntaxError,
                 .message = message_at(word),
                 .hint = std::string(construct->second),
                 .position = position_of(word),
                 .ksqldb = std::move(detail)};
  }
  std::optional<Suggestion> suggestion;
  if (!is_foreign_statement) suggestion = suggest(failure, tokens, reparse);
  const antlr4::Token& token =
      tokens.token(suggestion ? suggestion->token_index : failure.token_index);
  return Error{.code = ErrorCode::SyntaxError,
               .message = message_at(token),
               .hint = suggestion  ? "Did you mean " + suggestion->keyword + "?"
                       : statement ? std::string(statement->hint)
                                   : hint_for(failure, tokens, script),
               .position = position_of(token),
               .ksqldb = std::move(detail)};
}

Error syntax_error_at(const antlr4::Token& token, std::string hint,
                      const std::string& ksqldb_reason) {
  return Error{.code = ErrorCode::SyntaxError,
               .message = message_at(token),
               .hint = std::move(hint),
               .position = position_of(token),
               .ksqldb = ksqldb_message(token, ksqldb_reason)};
}

Error statement_error(const antlr4::Token& token, std::string message) {
  // ksqlDB's column number is one larger for these errors than for syntax errors, as its test cases
  // show.
  const std::string ksqldb_place = "line " + std::to_string(token.getLine()) + ":" +
                                   std::to_string(token.getCharPositionInLine() + 1);
  std::string detail = "Failed to prepare statement: " + ksqldb_place + ": " + message;
  return Error{.code = ErrorCode::SyntaxError,
               .message = std::move(message),
               .position = position_of(token),
               .ksqldb = std::move(detail)};
}

}  // namespace engine
