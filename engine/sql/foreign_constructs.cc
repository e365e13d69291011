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

// Returns the declaration of the column, without its options: a INT. Empty if no column before the token `end` has this
// name.
std::string declared_column(const std::string& name, size_t end, StatementTokens& tokens) {
  constexpr std::string_view kOptions[] = {"NOT",     "NULL",       "DEFAULT",   "CHECK",
                                           "UNIQUE",  "REFERENCES", "PRIMARY",   "KEY",
                                           "COLLATE", "CONSTRAINT", "GENERATED", ","};
  int depth = 0;
  for (size_t i = 2; i < end; ++i) {
    const std::string before = word_at(tokens, i - 1);
    depth += before == "(" ? 1 : before == ")" ? -1 : 0;
    if (depth != 1 || (before != "(" && before != ",") || word_at(tokens, i) != name) continue;
    size_t last = i;
    for (int inner = 0; last + 1 < end; ++last) {
      const std::string word = word_at(tokens, last + 1);
      inner += word == "(" ? 1 : word == ")" ? -1 : 0;
      if (inner == 0 && std::ranges::count(kOptions, std::string_view(word)) > 0) break;
    }
    const antlr4::Token& first = tokens.token(i);
    return first.getInputStream()->getText(
        antlr4::misc::Interval(first.getStartIndex(), tokens.token(last).getStopIndex()));
  }
  return {};
}

// Returns the hint for PRIMARY KEY (a, b), whose first token is `start`, with the declarations of these columns. Empty
// if a column is not declared before.
std::string hint_for_keys(size_t start, StatementTokens& tokens) {
  std::string declared;
  size_t keys = 0;
  for (size_t i = start + 3; i + 1 < tokens.size() && word_at(tokens, i) != ")"; ++i) {
    if (word_at(tokens, i) == ",") continue;
    const std::string column = declared_column(word_at(tokens, i), start, tokens);
    if (column.empty()) return {};
    declared += (keys++ == 0 ? "" : ", ") + column + " PRIMARY KEY";
  }
  if (keys < 2) return declared.empty() ? "" : "PRIMARY KEY follows the column: " + declared + ".";
  return "PRIMARY KEY follows each column: " + declared +
         ". A key of several columns requires KEY_FORMAT='JSON'.";
}

// Finds an option of another system in a CREATE. Searches from token `at`, at which the parser has
// stopped, to the end.
Found option_of_create(size_t at, StatementTokens& tokens) {
  constexpr size_t kMostTokens = 2'000;  // enough for a CREATE with many columns
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
    if (const size_t start = at - construct.least; has_words_at(construct, start, tokens)) {
      Found match = found(construct, start, tokens);
      if (construct.words.front() == "PRIMARY")
        if (std::string keys = hint_for_keys(start, tokens); !keys.empty())
          match->second = std::move(keys);
      return match;
    }
  return std::nullopt;
}

// Called for a statement with a WATERMARK of Flink. Returns whether it is a CREATE TABLE without a
// key, so that the records of the table are events.
bool is_table_of_events(StatementTokens& tokens) {
  if (!is_word_at(tokens, 0, "CREATE") || !is_word_at(tokens, 1, "TABLE")) return false;
  for (size_t i = 2; i + 1 < tokens.size(); ++i)
    if (is_word_at(tokens, i, "PRIMARY")) return false;
  return true;
}

// Converts a CREATE TABLE of MySQL to PostgreSQL's form. A unique key stays, so that the user sees the error for it.
// Secondary indexes and the settings of the storage engine are left out, because they change no result.
class MysqlTable {
 public:
  explicit MysqlTable(StatementTokens& tokens) : tokens_(tokens) {}

  std::string converted() {
    while (at_ + 1 < tokens_.size()) {
      const bool is_end = depth_ == 1 && word() == ")";
      if (!(begins_item_ && skip_index()) && !skip_option()) take();
      if (is_end) break;
    }
    return text_;
  }

 private:
  std::string word(size_t further = 0) { return word_at(tokens_, at_ + further); }

  // Skips KEY name (columns), and removes a comma before it.
  bool skip_index() {
    const bool is_index = word() == "KEY" || word() == "INDEX" || word() == "FULLTEXT";
    if (!is_index || (word(1) != "(" && word(2) != "(" && word(3) != "(")) return false;
    if (text_.ends_with(',')) text_.pop_back();
    for (int inner = 0; at_ + 1 < tokens_.size(); ++at_) {
      if (word() == "(") ++inner;
      if (inner == 0 && (word() == "," || word() == ")")) break;
      if (word() == ")") --inner;
    }
    begins_item_ = false;
    return true;
  }

  // Skips or converts an option of a column. Returns false at other words.
  bool skip_option() {
    struct Option {
      std::string_view word;
      size_t tokens;
    };
    constexpr Option kSkipped[] = {
        {"UNSIGNED", 1}, {"ZEROFILL", 1}, {"COLLATE", 2}, {"CHARACTER", 3}};
    for (const Option& option : kSkipped)
      if (word() == option.word) return skip(option.tokens);
    if (word() == "COMMENT" && is_word_at(tokens_, at_ + 1, "'")) return skip(2);
    if (word() == "ON" && word(1) == "UPDATE" && word(2) == "CURRENT_TIMESTAMP")
      return skip(word(3) == "(" ? 5 : 3);
    const bool is_unique = at_ > 0 && word_at(tokens_, at_ - 1) == "UNIQUE";
    if (is_unique && (word() == "KEY" || word() == "INDEX")) return skip(word(1) == "(" ? 1 : 2);
    if (word() == "AUTO_INCREMENT" && type_ < text_.size()) {
      const bool is_long = upper_case(text_.substr(type_)).starts_with("BIGINT");
      text_.resize(type_);
      text_ += is_long ? "BIGSERIAL" : "SERIAL";
      return skip(1);
    }
    return false;
  }

  bool skip(size_t count) {
    at_ += count;
    return true;
  }

  void take() {
    const antlr4::Token& token = tokens_.token(at_);
    std::string text = token.getText();
    if (token.getType() == MillraceLexer::BACKQUOTED_IDENTIFIER) {
      text.front() = text.back() = '"';
    } else if (is_type_) {
      constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
          {"TINYINT", "INT"},   {"MEDIUMINT", "INT"},   {"DATETIME", "TIMESTAMP"},
          {"TINYTEXT", "TEXT"}, {"MEDIUMTEXT", "TEXT"}, {"LONGTEXT", "TEXT"}};
      for (const auto& [foreign, ours] : kTypes)
        if (word() == foreign) text = ours;
    }
    const bool is_number = word() == "INT" || word().ends_with("INT") || word() == "INTEGER";
    const bool has_width = is_type_ && is_number && word(1) == "(" && word(3) == ")";
    const size_t before = at_ > 0 ? tokens_.token(at_ - 1).getStopIndex() + 1 : 0;
    if (at_ > 0 && before < token.getStartIndex() && !text_.ends_with('(') && text != ",")
      text_ += ' ';
    if (is_type_) type_ = text_.size();
    depth_ += text == "(" ? 1 : text == ")" ? -1 : 0;
    is_type_ = begins_item_ && token.getType() == MillraceLexer::BACKQUOTED_IDENTIFIER;
    begins_item_ = depth_ == 1 && (text == "(" || text == ",");
    text_ += text;
    at_ += has_width ? 4 : 1;
  }

  StatementTokens& tokens_;
  std::string text_;
  size_t at_ = 0;     // the next token
  size_t type_ = -1;  // the place in text_ where the type of the present column begins
  int depth_ = 0;     // open brackets
  bool begins_item_ = false,
       is_type_ = false;  // whether the next token begins a column, or is its type
};

}  // namespace

std::string table_of_mysql(size_t at, StatementTokens& tokens) {
  constexpr size_t kMostHintBytes = 2'000;  // a longer statement would hide the error above it
  constexpr std::string_view kOptions[] = {
      "NOT",        "DEFAULT",        "UNIQUE",   "CHECK",  "REFERENCES", "FOREIGN",   "COMMENT",
      "CONSTRAINT", "AUTO_INCREMENT", "UNSIGNED", "ENGINE", "COLLATE",    "CHARACTER", "PRIMARY",
      "KEY",        "INDEX"};
  if (!is_word_at(tokens, 0, "CREATE") || !is_word_at(tokens, 1, "TABLE") || at < 4) return {};
  bool has_backquotes = false, has_options = false;
  for (size_t i = 2; i + 1 < tokens.size(); ++i) {
    const std::string word = word_at(tokens, i);
    if (word == "WITH" || word == "SELECT") return {};
    has_backquotes |= tokens.token(i).getType() == MillraceLexer::BACKQUOTED_IDENTIFIER;
    // The parser has stopped at token `at`. This token is an option, or it follows an option or a
    // type with a width such as INT(11). Therefore only options from the token before `at` on
    // count.
    has_options |= i + 1 >= at && std::ranges::count(kOptions, std::string_view(word)) > 0;
  }
  if (!has_backquotes || !has_options) return {};
  const std::string table = MysqlTable(tokens).converted();
  return "Names in backquotes select ksqlDB's grammar, which lacks NOT NULL, DEFAULT and other "
         "options of columns. "
         "Write the names of the whole script in double quotes or without quotes" +
         (table.size() > kMostHintBytes ? "." : ": " + table + ";");
}

std::optional<std::pair<size_t, std::string>> foreign_construct(size_t at,
                                                                StatementTokens& tokens) {
  constexpr size_t kFarthest = 8;
  // A construct may contain another one: TUMBLE(ts, INTERVAL '1' MINUTE). The search finds the outer
  // one, because it begins first.
  for (size_t start = at - std::min(at, kFarthest); start <= at; ++start)
    for (const Construct& construct : constructs_within())
      if (matches(construct, start, at, tokens)) {
        Found match = found(construct, start, tokens);
        if (construct.words.front() == "WATERMARK" && is_table_of_events(tokens))
          match->second = filled(
              "Events are a STREAM: CREATE STREAM name (columns) WITH (KAFKA_TOPIC = 'name', "
              "VALUE_FORMAT = 'JSON', TIMESTAMP = '{2}'). A stream has no watermarks: TIMESTAMP "
              "names the column of the event time, and GRACE PERIOD in a window says how late a "
              "record may be.",
              start, tokens);
        return match;
      }
  return option_of_create(at, tokens);
}

std::optional<ForeignStatement> foreign_statement(size_t at, StatementTokens& tokens) {
  for (const Construct& construct : constructs_at_the_beginning())
    if (matches(construct, 0, at, tokens))
      return ForeignStatement{filled(construct.hint, 0, tokens), construct.is_vague};
  return std::nullopt;
}

}  // namespace engine
