#include "tests/engine/sql/parse_helpers.h"

namespace engine {
namespace {

struct Mistake {
  std::string_view text, message, hint;
  uint32_t column;
};

TEST(SyntaxError, a_misspelt_keyword_is_named_and_suggested) {
  const Mistake mistakes[] = {
      {"SELEC * FROM orders;", "syntax error at \"SELEC\"", "Did you mean SELECT?", 1},
      {"CREATE STREM s (a INT)", "syntax error at \"STREM\"", "Did you mean STREAM?", 8},
      {"SELECT * FORM t", "syntax error at \"FORM\"", "Did you mean FROM?", 10},
      // The parser takes the misspelt word as an alias, and reports the word after it.
      {"SELECT a FORM t", "syntax error at \"FORM\"", "Did you mean FROM?", 10},
      {"SELECT * FROM t GRUP BY x", "syntax error at \"GRUP\"", "Did you mean GROUP?", 17},
      {"SELECT * FROM t EMIT CHANGE", "syntax error at \"CHANGE\"", "Did you mean CHANGES?", 22},
      {"SELECT * FROM a LEFT JION b ON a.x = b.x", "syntax error at \"JION\"", "Did you mean JOIN?",
       22},
      {"INSERT INTO t VALEUS (1)", "syntax error at \"VALEUS\"", "Did you mean VALUES?", 15},
  };
  for (const Mistake& mistake : mistakes) {
    const Error error = error_of(mistake.text);
    EXPECT_EQ(error.code, ErrorCode::SyntaxError);
    EXPECT_EQ(error.message, mistake.message);
    EXPECT_EQ(error.hint, mistake.hint) << mistake.text;
    EXPECT_EQ(error.position->column, mistake.column) << mistake.text;
  }
}

TEST(SyntaxError, the_hint_names_the_expected_tokens) {
  const Mistake mistakes[] = {
      {"SELECT a FROM table", "syntax error at \"table\"",
       "TABLE is a reserved word; as a name it needs quotes: `TABLE`.", 15},
      {"SELECT a, FROM t", "syntax error at \"FROM\"",
       "Something is missing after the comma, or the comma is superfluous.", 11},
      {"SELECT a, end FROM t", "syntax error at \"end\"",
       "END is a reserved word; as a name it needs quotes: `END`.", 11},
      {"SELECT * FROM t WHERE a = = b", "syntax error at \"=\"", "Use = once.", 25},
      {"DROP STREAM", "syntax error at end of input", "Expected a name.", 12},
      {"INSERT INTO t VALUES (1, 2", "syntax error at end of input", "Expected \",\" or \")\".",
       27},
      {"SELECT ${x} FROM t", "syntax error at \"${x}\"", "The variable ${x} is not defined.", 8},
      {"REINDEX t", "syntax error at \"REINDEX\"",
       "A statement begins with a word such as SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, "
       "DROP, "
       "SHOW, DESCRIBE, PRINT, EXPLAIN, SET, COPY or GRANT.",
       1},
      {"CREATE STREAM s (id INT KEY, when VARCHAR)", "syntax error at \"when\"",
       "WHEN is a reserved word; as a name it needs quotes: `WHEN`.", 30},
      {"CREATE TABLE t (end VARCHAR PRIMARY KEY)", "syntax error at \"end\"",
       "END is a reserved word; as a name it needs quotes: `END`.", 17},
  };
  for (const Mistake& mistake : mistakes) {
    const Error error = error_of(mistake.text);
    EXPECT_EQ(error.message, mistake.message);
    EXPECT_EQ(error.hint, mistake.hint) << mistake.text;
    EXPECT_EQ(error.position->column, mistake.column) << mistake.text;
  }
}

TEST(SyntaxError, statements_of_other_databases_get_an_alternative) {
  const Mistake mistakes[] = {
      {"DELETE FROM t WHERE id = 1", "DELETE is not supported yet", "INSERT one with NULL", 1},
      {"update t SET a = 1", "UPDATE is not supported yet", "INSERT a row with the same key", 1},
      {"  TRUNCATE t", "TRUNCATE is not supported yet", "CREATE it again", 3},
  };
  for (const Mistake& mistake : mistakes) {
    const Error error = error_of(mistake.text);
    EXPECT_EQ(error.code, ErrorCode::NotSupported);
    EXPECT_EQ(error.message, mistake.message);
    EXPECT_NE(error.hint.find(mistake.hint), std::string::npos) << error.hint;
    EXPECT_EQ(error.position->column, mistake.column) << mistake.text;
  }
}

TEST(SyntaxError, the_position_counts_in_the_whole_script) {
  const Error error = error_of("SELECT 1;\n\n  SELECT * FROM;");
  EXPECT_EQ(error.position, (TextPosition{3, 16, 26}));
}

// ksqlDB's own test cases search the detail for ksqlDB's wording.
TEST(SyntaxError, the_detail_has_the_words_of_ksqldb) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"ASSERT VALUES foo (id INT) VALUES (123);", "Syntax error at or near 'VALUES' at line 1:8"},
      {"SELECT 1;\nSELECT cast(f0 as NULL) FROM TEST;",
       "Syntax error at or near 'NULL' at line 2:19"},
      {"CREATE TABLE OUTPUT AS SELECT f1 FROM TEST GROUP BY f3, (f2, f1);",
       "line 1:60: Syntax Error\nmissing ')' at ','"},
      {"CREATE STREAM INPUT (K STRING (KEY)) WITH (kafka_topic='input',value_format='JSON');",
       "line 1:32: Syntax Error\nExpecting {'STRING', INTEGER_VALUE}\nStatement: CREATE STREAM "
       "INPUT (K STRING (KEY)) "
       "WITH (kafka_topic='input',value_format='JSON');"},
      {"CREATE STREAM INPUT (K VARCHAR(STRING) (KEY));",
       "line 1:40: Syntax Error\nExpecting {',', ')'}\nStatement: "},
      {"SELECT * FROM INPUT PARTITION BY NAME AND AGE;", "line 1:39: Syntax Error"},
      {"SELECT * FROM INPUT WHERE ID IN ( );", "line 1:35: Syntax Error"},
      {"SELECT * FROM t LIMIT heh;", "line 1:23: Syntax Error"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_NE(error_of(text).ksqldb.find(expected), std::string::npos) << error_of(text).ksqldb;
}

TEST(SyntaxError, an_unclosed_token_is_reported_with_its_beginning) {
  const Error string = error_of("SELECT 'abc FROM t;");
  EXPECT_EQ(string.message, "unterminated quoted string at \"'abc FROM t;\"");
  EXPECT_EQ(string.position->column, 8u);
  EXPECT_EQ(error_of("SELECT \"abc").message, "unterminated quoted identifier at \"\"abc\"");
  const Error comment = error_of("SELECT 1 /* a /* b */");
  EXPECT_EQ(comment.message, "unterminated /* comment");
  EXPECT_EQ(comment.position->column, 10u);
}

TEST(SyntaxError, a_character_is_quoted_whole) {
  EXPECT_EQ(error_of("SELECT é").message, "syntax error at \"é\"");
  EXPECT_EQ(error_of("SELECT 💧").message, "syntax error at \"💧\"");
}

}  // namespace
}  // namespace engine
