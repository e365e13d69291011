#include "engine/sql/statement_forms.h"

#include <algorithm>

#include "engine/sql/tokens.h"

namespace engine {
namespace {

struct Form {
  std::string_view words;  // the first words of the statement, separated by blanks
  std::string_view hint;
};

constexpr std::string_view kSelect =
    "The clauses of a SELECT have this order: SELECT a, COUNT(*) AS n FROM t WHERE a > 1 "
    "GROUP BY a HAVING COUNT(*) > 1 ORDER BY n LIMIT 10. Commas separate columns.";
// A SELECT with EMIT, or within a CREATE STREAM or TABLE.
constexpr std::string_view kContinuousSelect =
    "The clauses of a continuous query have this order: SELECT a, COUNT(*) AS n FROM s WINDOW "
    "TUMBLING (SIZE 1 MINUTE) WHERE b > 1 GROUP BY a HAVING COUNT(*) > 1 EMIT CHANGES LIMIT 10. "
    "Commas separate columns.";
constexpr std::string_view kShow =
    "SHOW is followed by STREAMS, TABLES, TOPICS, QUERIES, TASKS, FUNCTIONS, TYPES, CONNECTORS, "
    "LINKS, PROPERTIES, VARIABLES, CONSUMER GROUPS, CONSUMER LAG, CLUSTER, SERVER, ALL, or the "
    "name of a setting.";
constexpr std::string_view kQueryId =
    "The id of a query follows: PAUSE id, RESUME id or TERMINATE id. SHOW QUERIES lists the ids.";

// The first match counts.
constexpr Form kForms[] = {
    {"CREATE STREAM",
     "The forms are CREATE STREAM s (id INT KEY, a VARCHAR) WITH (KAFKA_TOPIC = 's', "
     "VALUE_FORMAT = 'JSON'), and CREATE STREAM s WITH (PARTITIONS = 4) AS SELECT a, b FROM "
     "other."},
    {"CREATE TABLE",
     "The forms are CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR), and CREATE TABLE t AS "
     "SELECT a, COUNT(*) AS n FROM s GROUP BY a."},
    {"CREATE MATERIALIZED",
     "The form is CREATE MATERIALIZED VIEW v AS SELECT a, COUNT(*) AS n FROM t GROUP BY a."},
    {"CREATE SOURCE", "The form is CREATE SOURCE CONNECTOR c WITH (\"connector.class\" = '...')."},
    {"CREATE SINK", "The form is CREATE SINK CONNECTOR c WITH (\"connector.class\" = '...')."},
    {"CREATE USER", "The form is CREATE USER ann PASSWORD '...'."},
    {"CREATE TYPE",
     "The forms are CREATE TYPE address AS STRUCT<city VARCHAR, zip INT>, and CREATE TYPE mood AS "
     "ENUM ('sad', 'ok')."},
    {"CREATE",
     "CREATE makes a STREAM, TABLE, MATERIALIZED VIEW, VIEW, SOURCE CONNECTOR, SINK CONNECTOR, "
     "LINK, TYPE, USER or SEQUENCE."},
    {"SELECT", kSelect},
    {"WITH", kSelect},
    {"INSERT",
     "The forms are INSERT INTO t (a, b) VALUES (1, 'x'), and INSERT INTO s SELECT a, b FROM "
     "other."},
    {"UPDATE", "The form is UPDATE t SET a = 1 WHERE id = 2."},
    {"DELETE", "The form is DELETE FROM t WHERE id = 2."},
    {"SHOW", kShow},
    {"LIST", kShow},
    {"DESCRIBE",
     "The forms are DESCRIBE name, DESCRIBE name EXTENDED, and DESCRIBE FUNCTION name."},
    {"DROP",
     "The kind precedes the name, as in DROP STREAM s, DROP TABLE t and DROP STREAM s DELETE "
     "TOPIC."},
    {"ALTER TABLE",
     "The forms are ALTER TABLE t ADD COLUMN a INT, DROP COLUMN a, RENAME COLUMN a TO b, ALTER "
     "COLUMN a TYPE BIGINT, and RENAME TO u."},
    {"ALTER STREAM", "The form is ALTER STREAM s ADD COLUMN a INT."},
    {"ALTER",
     "The forms begin with ALTER TABLE, ALTER STREAM, ALTER TOPIC, ALTER SYSTEM, ALTER USER and "
     "ALTER CONSUMER GROUP."},
    {"SET",
     "The forms are SET lock_timeout = '1s', and SET 'auto.offset.reset' = 'earliest' for a name "
     "with dots."},
    {"PRINT", "The form is PRINT 'topic' FROM BEGINNING LIMIT 10."},
    {"EXPLAIN", "A SELECT or the id of a query follows EXPLAIN. SHOW QUERIES lists the ids."},
    {"GRANT",
     "The forms are GRANT SELECT, INSERT ON name TO user, GRANT SELECT ON ALL TO user, and GRANT "
     "CREATE ON ALL TO user."},
    {"REVOKE",
     "The forms are REVOKE SELECT, INSERT ON name FROM user, REVOKE SELECT ON ALL FROM user, and "
     "REVOKE CREATE ON ALL FROM user."},
    {"COPY",
     "The forms are COPY t FROM STDIN WITH (FORMAT csv, HEADER), and COPY (SELECT a FROM t) TO "
     "STDOUT WITH (FORMAT csv)."},
    {"PAUSE", kQueryId},
    {"RESUME", kQueryId},
    {"TERMINATE", kQueryId},
    {"DEFINE", "The form is DEFINE name = 'value'."},
    {"COMMENT", "The form is COMMENT ON TABLE t IS 'text'."},
};

bool is_word(StatementTokens& tokens, size_t place, std::string_view word) {
  return word_at(tokens, place) == word;
}

// Returns whether the statement begins with these words; OR REPLACE may follow CREATE.
bool begins_with(StatementTokens& tokens, std::string_view words) {
  const size_t replaces = is_word(tokens, 1, "OR") && is_word(tokens, 2, "REPLACE") ? 2 : 0;
  size_t place = 0;
  for (size_t at = 0; at <= words.size(); ++place) {
    const size_t end = std::min(words.find(' ', at), words.size());
    if (!is_word(tokens, place + (place > 0 ? replaces : 0), words.substr(at, end - at)))
      return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

std::string_view statement_form(StatementTokens& tokens) {
  const bool is_view =
      begins_with(tokens, "CREATE VIEW") || begins_with(tokens, "CREATE MATERIALIZED");
  const bool may_have_select =
      is_word(tokens, 0, "SELECT") || is_word(tokens, 0, "CREATE") || is_word(tokens, 0, "INSERT");
  for (size_t i = 0; may_have_select && i < tokens.size(); ++i) {
    const bool is_inner = i > 0 && !is_word(tokens, 0, "SELECT") && is_word(tokens, i, "SELECT");
    if (is_inner && is_view) return kSelect;
    if (is_inner || is_word(tokens, i, "EMIT")) return kContinuousSelect;
  }
  for (const Form& form : kForms)
    if (begins_with(tokens, form.words)) return form.hint;
  return {};
}

std::string_view first_words_of_statements() {
  return "A statement begins with a word such as SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, "
         "DROP, SHOW, DESCRIBE, PRINT, EXPLAIN, SET, COPY or GRANT.";
}

}  // namespace engine
