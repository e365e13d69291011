#include "engine/pgsql/nesting.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/pgsql/convert.h"
#include "engine/pgsql/parse_postgres.h"
#include "engine/sql/ast_query.h"
#include "engine/sql/half_clause.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

// The largest number of tokens that may nest. A level of the tree takes about 250 bytes of stack, so 4,000 levels
// take one of the eight megabytes of a thread's stack.
constexpr size_t kMostBetween = 4'000;

// Reads the fields of a protobuf message in order: https://protobuf.dev/programming-guides/encoding/
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  struct Field {
    uint64_t number = 0, value = 0;
    std::string_view bytes = {};
  };
  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    const uint64_t tag = varint();
    Field field{.number = tag >> 3, .value = varint()};
    if ((tag & 7) != kLengthDelimited) return field;
    field.bytes = rest_.substr(0, field.value);
    rest_.remove_prefix(field.bytes.size());
    return field;
  }

 private:
  static constexpr uint64_t kLengthDelimited = 2;
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; !rest_.empty() && shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) break;
    }
    return value;
  }
  std::string_view rest_;
};

struct Scanned {
  PgQueryScanResult result;
  explicit Scanned(const std::string& text) : result(pg_query_scan(text.c_str())) {}
  ~Scanned() { pg_query_free_scan_result(result); }
  Scanned(const Scanned&) = delete;
  Scanned& operator=(const Scanned&) = delete;
};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view each) { return equals_ignoring_case(word, each); });
}

// Calls `take` with each token of PostgreSQL's scanner and its position, until `take` fails.
template <class Take>
Status for_each_word(const std::string& text, const Take& take) {
  const Scanned scanned(text);
  if (scanned.result.error) return Error{ErrorCode::SyntaxError, scanned.result.error->message};
  Message tokens({scanned.result.pbuf.data, scanned.result.pbuf.len});
  while (const auto field = tokens.next()) {
    if (field->number != 2) continue;
    uint64_t begin = 0, end = 0;
    Message token(field->bytes);
    while (const auto part = token.next()) {
      if (part->number == 1) begin = part->value;
      if (part->number == 2) end = part->value;
    }
    if (begin > end || end > text.size()) return Error{ErrorCode::SyntaxError, "not a statement"};
    TRY(take(std::string_view(text).substr(begin, end - begin), begin));
  }
  return {};
}

// Measures the texts of rows that are assigned to a list of columns, as in SET (a, b) = (1, 2).
// Such a text begins after the = and ends at the closing bracket.
class AssignedRows {
 public:
  static bool may_have_any(std::string_view text) {
    for (size_t at = text.find(')'); at != std::string_view::npos; at = text.find(')', at + 1)) {
      const size_t next = text.find_first_not_of(" \t\r\n", at + 1);
      // `/` or `-` may begin a comment that follows the bracket.
      if (next != std::string_view::npos &&
          (text[next] == '=' || text[next] == '/' || text[next] == '-'))
        return true;
    }
    return false;
  }
  void take(std::string_view word, size_t at) {
    if (word == "(") {
      const bool is_list = equals_ignoring_case(before_, "set") || before_ == ",";
      groups_.push_back({is_list, 1, row_columns_ > 0 ? at : 0, std::exchange(row_columns_, 0)});
    } else if (word == "," && !groups_.empty()) {
      ++groups_.back().items;
    } else if (word == ")" && !groups_.empty()) {
      const Group closed = groups_.back();
      groups_.pop_back();
      list_ = closed.is_list ? closed.items : 0;
    } else if (word == "=" && before_ == ")") {
      row_columns_ = list_;
    } else if (!equals_ignoring_case(word, "row")) {
      row_columns_ = 0;
    }
    for (const Group& group : groups_)
      if (group.columns > 0)
        most_bytes_ = std::max(most_bytes_, group.columns * (at - group.begin));
    before_ = word;
  }
  size_t most_bytes() const { return most_bytes_; }

 private:
  struct Group {
    bool is_list;
    size_t items, begin,
        columns;  // for a group that is an assigned row: its begin and its number of columns
  };
  std::vector<Group> groups_;
  std::string_view before_;
  size_t list_ = 0, row_columns_ = 0, most_bytes_ = 0;
};

// Computes an upper limit for the depth of the syntax tree from the tokens, without building the
// tree. A token makes the tree at most one level deeper. So the limit is the number of tokens,
// without those in closed brackets, and without those of completed items of lists.
class Nesting {
 public:
  // Returns the largest depth that the tree may have at this point, in tokens.
  size_t depth() const { return depth_; }

  // Returns false for a closing bracket without an opening one.
  bool take(std::string_view word) {
    if (is_one_of(word, {")", "]"})) return close();
    if (word == ";" && levels_.size() == 1) clear();
    // The items of a list do not nest within each other, and a chain of AND and OR is a list in the
    // tree. So at a comma, AND or OR, the tokens since the previous comma, AND or OR of this level
    // are subtracted from the depth. This does not apply to the AND of a BETWEEN.
    Level& level = levels_.back();
    const bool is_and = equals_ignoring_case(word, "and");
    if (is_and && level.open_betweens > 0)
      --level.open_betweens;
    else if (is_and || is_one_of(word, {",", "or"}))
      depth_ -= std::exchange(level.since, 0);
    if (equals_ignoring_case(word, "between")) ++level.open_betweens;
    // Chains of these words nest to the left, so the first part of a chain is the deepest. A comma
    // therefore does not subtract these words from the depth.
    const bool is_chain = is_one_of(word, {"union", "intersect", "except", "join"});
    ++(is_chain ? level.chain : level.since);
    ++depth_;
    const bool is_case = equals_ignoring_case(word, "case");
    if (is_case || is_one_of(word, {"(", "["})) levels_.push_back({.is_case = is_case});
    if (equals_ignoring_case(word, "end") && level_is_case()) return close();
    return true;
  }

 private:
  struct Level {
    size_t since = 0, chain = 0, open_betweens = 0;
    bool is_case = false;
  };
  bool level_is_case() const { return levels_.back().is_case; }
  void clear() {
    depth_ -= levels_.back().since + levels_.back().chain;
    levels_.back() = {};
  }
  bool close() {
    if (levels_.size() == 1) return false;
    clear();
    levels_.pop_back();
    return true;
  }

  std::vector<Level> levels_ = {{}};
  size_t depth_ = 0;  // the sum of `since` and `chain` over all open levels
};

}  // namespace

Status check_nesting(const std::string& text) {
  size_t words = 0;
  Nesting nesting;
  return for_each_word(text, [&](std::string_view word, size_t) -> Status {
    if (++words > kMaxPostgresWords)
      return Error{
          ErrorCode::LimitExceeded,
          fmt::format("a statement can have at most {} words and signs", kMaxPostgresWords)};
    if (!nesting.take(word)) return Error{ErrorCode::SyntaxError, "a bracket too many"};
    if (nesting.depth() > kMostBetween)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("a statement of more than {} KB can have at most {} words and signs "
                               "that belong together: between two commas, ANDs or ORs",
                               kShortPostgresText >> 10, kMostBetween)};
    return {};
  });
}

Status check_assigned_rows(const std::string& text) {
  AssignedRows rows;
  if (!AssignedRows::may_have_any(text)) return {};
  return for_each_word(text, [&](std::string_view word, size_t at) -> Status {
    rows.take(word, at);
    if (rows.most_bytes() <= kMostRepeatedBytes) return {};
    return Error{ErrorCode::LimitExceeded,
                 "UPDATE assigns a row of too many columns by too long a text",
                 fmt::format("The number of columns times the length of the text after the = can "
                             "be at most {} bytes.",
                             kMostRepeatedBytes),
                 "Assign the columns one by one, or UPDATE ... FROM (SELECT ...)."};
  });
}

namespace {

// Determines for each word whether it belongs to a FROM clause. There, a word without AS can be the
// alias of a relation.
class FromClauses {
 public:
  bool take(std::string_view word) {
    if (word == "(") {
      outer_.push_back(in_from_);
    } else if (word == ")" && !outer_.empty()) {
      in_from_ = outer_.back();
      outer_.pop_back();
    } else if (is_one_of(word, {"from", "join", "using", "update", "into"})) {
      in_from_ = true;
    } else if (is_one_of(word, {"select", "on", "where", "group", "having", "window", "order",
                                "limit", "offset", "set", "values", "returning", ";"})) {
      in_from_ = false;
    }
    return in_from_;
  }

 private:
  bool in_from_ = false;
  std::vector<bool> outer_;  // for each open bracket, whether it is in FROM
};

}  // namespace

Status check_half_clauses(const std::string& text, const Converter& positions) {
  FromClauses clauses;
  std::string_view before;
  // The error for the last word, if that word seems to be an alias. The error is dropped if a dot
  // follows the word, because the word is then the name of a table, as in final.id.
  std::optional<Error> alias;
  TRY(for_each_word(text, [&](std::string_view word, size_t at) -> Status {
    const std::string_view previous = std::exchange(before, word);
    const bool in_from = clauses.take(word);
    if (alias && word != ".") return *std::move(alias);
    alias.reset();
    const std::string_view hint = half_clause_hint(word);
    // An alias follows a name or a bracket. `word` itself is not a quoted name, because a quoted word still has its
    // quotes here.
    const bool may_be_alias =
        in_from && !previous.empty() &&
        !is_one_of(previous, {"as", "from", "join", "into", "update", "of", "only"}) &&
        (absl::ascii_isalnum(previous.back()) ||
         is_one_of(previous.substr(previous.size() - 1), {"_", "\"", ")"}));
    if (!hint.empty() && may_be_alias)
      alias = Error{ErrorCode::SyntaxError, fmt::format("syntax error at \"{}\"", word)}
                  .at(positions.position(static_cast<int64_t>(at)))
                  .with_hint(std::string(hint));
    return {};
  }));
  return alias ? Status(*std::move(alias)) : Status();
}

namespace {

size_t parts_of(const ExpressionPtr& expression) {
  return expression ? pgsql::parts_of(*expression) : 0;
}
size_t parts_of(const ExpressionList& list) {
  size_t parts = 0;
  for (const ExpressionPtr& each : list) parts += parts_of(each);
  return parts;
}

size_t parts_of(const Query& query) {
  size_t parts = parts_of(query.where) + parts_of(query.having) + parts_of(query.group_by) +
                 parts_of(query.distinct_on);
  const auto add = [&](const std::shared_ptr<const Query>& within) {
    if (within) parts += parts_of(*within);
  };
  for (const SelectItem& item : query.items) parts += parts_of(item.expression);
  for (const ExpressionList& row : query.values) parts += parts_of(row);
  for (const OrderItem& key : query.order_by) parts += parts_of(key.expression);
  for (const CommonTable& table : query.with) add(table.query);
  if (query.from) add(query.from->query);
  for (const Join& join : query.joins) {
    parts += 1 + parts_of(join.on);
    add(join.source.query);
  }
  if (query.combined) {
    add(query.combined->left);
    add(query.combined->right);
  }
  return parts;
}

}  // namespace

size_t parts_of(const Expression& expression) {
  size_t parts = 1;
  for (const Expression* child : children(expression)) parts += parts_of(*child);
  if (const auto* subquery = expression.as<Subquery>()) parts += parts_of(*subquery->query);
  return parts;
}

}  // namespace engine::pgsql
