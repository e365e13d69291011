#include "engine/sql/foreign_constructs.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/types/ascii.h"

namespace engine {
namespace {

using grammar::MillraceLexer;

struct Construct {
  // Texts of tokens that follow each other: "'" is any text in quotes, "#" a whole number, "*" any token.
  std::vector<std::string_view> words;
  std::string_view hint;
  // Most tokens between the first word and the token at which the parser stopped; default: the number of words.
  std::optional<size_t> reach = {};
};

constexpr std::string_view kDates =
    "A continuous query uses CAST('2024-01-31' AS DATE), and the same for TIME and TIMESTAMP.";
constexpr std::string_view kWindows =
    "Windows follow FROM: ... FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k.";
constexpr std::string_view kWindowSize =
    "The size of a window is in parentheses: WINDOW TUMBLING (SIZE 1 MINUTE).";
constexpr std::string_view kConnectors =
    "CREATE STREAM s (...) WITH (KAFKA_TOPIC='...') reads a topic. Other systems exchange data "
    "with a topic through Kafka Connect.";

// Constructs at which the parser may stop anywhere in a statement. The first match counts, so a construct precedes each
// construct whose words are the beginning of its own words.
const std::vector<Construct>& constructs_within() {
  static const std::vector<Construct> constructs = {
      {{"DISTINCT", "ON"},
       "A continuous query has no DISTINCT ON. Use GROUP BY with these columns, and "
       "LATEST_BY_OFFSET or EARLIEST_BY_OFFSET of the others."},
      {{"ORDER", "BY"},
       "ORDER BY within a call requires a SELECT over tables, without EMIT. In a continuous query "
       "COLLECT_LIST keeps the order of the records."},
      {{"GROUPING", "SETS"},
       "A continuous query has no GROUPING SETS. Create a query for each of the sets."},
      {{"LATERAL"},
       "LATERAL requires a SELECT over tables, without EMIT. In a continuous query EXPLODE turns "
       "an array into rows."},
      {{"OFFSET"}, "OFFSET requires a SELECT over tables, without EMIT."},
      {{"LIMIT", "#", ","}, "Use LIMIT 10 OFFSET 20 for LIMIT 20, 10."},
      {{"LIMIT", "#", "EMIT"}, "LIMIT follows EMIT CHANGES: ... EMIT CHANGES LIMIT 10."},
      {{"TABLE", "(", "TUMBLE"}, kWindows},
      {{"TABLE", "(", "HOP"}, kWindows},
      {{"TUMBLE", "("}, kWindows, 8},
      {{"HOP", "("}, kWindows, 8},
      {{"WINDOW", "SLIDING"}, "A window is TUMBLING, HOPPING or SESSION."},
      {{"WINDOW", "TUMBLING", "SIZE"}, kWindowSize},
      {{"WINDOW", "HOPPING", "SIZE"}, kWindowSize},
      {{"WINDOW", "SESSION", "#"},
       "The gap of a session is in parentheses: WINDOW SESSION (30 SECONDS)."},
      {{"WINDOW", "TUMBLING"}, kWindows, 0},
      {{"WINDOW", "HOPPING"}, kWindows, 0},
      {{"WINDOW", "SESSION"}, kWindows, 0},
      {{"WATERMARK", "FOR"},
       "A stream has no watermarks. WITH (TIMESTAMP='column') names the column of the event time, "
       "and GRACE PERIOD in a window says how late a record may be."},
      {{"AS", "OF"},
       "A SELECT reads the present state. A table over windows keeps earlier counts."},
      {{"FOR", "SYSTEM_TIME"},
       "A SELECT reads the present state. A stream that is joined with a table finds the row of "
       "its time without this clause."},
      {{"MATCH_RECOGNIZE"},
       "MATCH_RECOGNIZE is not supported. Join the stream with itself WITHIN a time, or aggregate "
       "it in windows."},
      {{"STREAM", "OR", "REPLACE"}, "Use CREATE OR REPLACE STREAM."},
      {{"TABLE", "OR", "REPLACE"}, "Write CREATE OR REPLACE TABLE."},
      {{"DATE", "'"}, kDates},
      {{"TIME", "'"}, kDates},
      {{"TIMESTAMP", "'"}, kDates},
      {{"INTERVAL", "'"},
       "A continuous query has no intervals. Use TIMESTAMPADD(DAYS, 1, t) and TIMESTAMPSUB to "
       "shift a time. A continuous query evaluates now() only once."},
      {{"EXTRACT", "("},
       "A continuous query has no EXTRACT. Use FORMAT_TIMESTAMP(t, 'yyyy'), which returns a part "
       "as a text.",
       3},  // EXTRACT ( year FROM
      {{"IS", "TRUE"}, "In a continuous query use the condition itself, or x = TRUE."},
      {{"IS", "FALSE"}, "In a continuous query use NOT before the condition, or x = FALSE."},
      {{"IS", "UNKNOWN"}, "In a continuous query use x IS NULL."},
  };
  return constructs;
}

// Constructs at the beginning of a statement.
const std::vector<Construct>& constructs_at_the_beginning() {
  static const std::vector<Construct> constructs = {
      {{"CREATE", "SOURCE"}, kConnectors},
      {{"CREATE", "SINK"}, kConnectors},
      {{"CREATE", "CONNECTOR"}, kConnectors},
      {{"DESC"}, "Use DESCRIBE and the name."},
      {{"USE"}, "A server has one database, and every session is in it."},
      {{"LIST", "DATABASES"}, "A server has one database, and every session is in it."},
      {{"DROP", "TOPIC"},
       "DROP STREAM name DELETE TOPIC deletes the topic of a stream. kafka-topics --delete deletes "
       "a topic alone."},
      {{"DROP", "CONNECTOR"}, kConnectors},
      {{"DROP", "*"}, "The kind precedes the name: DROP STREAM name, or DROP TABLE name.", 1},
      {{"TERMINATE", "QUERY"}, "Use TERMINATE and the id of the query, which SHOW QUERIES lists."},
      {{"SHOW", "TABLE"}, "SHOW TABLES lists the tables; DESCRIBE and a name shows one."},
      {{"SHOW", "CREATE"},
       "DESCRIBE and the name shows the columns and, with EXTENDED, the statement."},
      {{"ALTER", "STREAM", "*", "DROP"},
       "A column stays, because earlier records have it. A view or a query that selects the other "
       "columns hides it."},
  };
  return constructs;
}

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

bool matches(const Construct& construct, size_t start, size_t at, StatementTokens& tokens) {
  const size_t size = construct.words.size();
  if (start + size > tokens.size() || start + construct.reach.value_or(size) < at) return false;
  for (size_t i = 0; i < size; ++i)
    if (!is_word_at(tokens, start + i, construct.words[i])) return false;
  return true;
}

}  // namespace

std::optional<std::pair<size_t, std::string_view>> foreign_construct(size_t at,
                                                                     StatementTokens& tokens) {
  constexpr size_t kFarthest = 8;
  // The construct that begins first encloses the others: TUMBLE(ts, INTERVAL '1' MINUTE).
  for (size_t start = at - std::min(at, kFarthest); start <= at; ++start)
    for (const Construct& construct : constructs_within())
      if (matches(construct, start, at, tokens)) return std::pair(start, construct.hint);
  return std::nullopt;
}

std::string_view foreign_statement(size_t at, StatementTokens& tokens) {
  for (const Construct& construct : constructs_at_the_beginning())
    if (matches(construct, 0, at, tokens)) return construct.hint;
  return "";
}

}  // namespace engine
