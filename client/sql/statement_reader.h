// Divides lines of text into SQL statements. A statement ends at a semicolon outside of quotes and
// comments.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace client {

struct SqlStatement {
  std::string text;  // with its semicolon; without blanks and comments before it
  int64_t line = 1;  // number of the line in which the text begins
  bool operator==(const SqlStatement&) const = default;
};

// Invariant: text_[0, scanned_) contains no whole statement. Threads: one.
class StatementReader {
 public:
  // Adds a line, which is without its end.
  void add_line(std::string_view line);
  // Returns the next statement if the lines that were read so far contain a whole statement.
  std::optional<SqlStatement> next();
  // Called at the end of the input. Returns the last statement, whose semicolon may be missing;
  // nothing if only blanks and comments are left.
  std::optional<SqlStatement> rest();
  // Returns whether a statement has begun that needs more lines.
  bool is_inside() const;
  // Drops the lines of the statement that is not complete yet.
  void clear();

 private:
  enum class Mode { Plain, Quoted, Escaped, Dollars, LineComment, Comment };
  void scan_plain();
  void scan_quoted();
  void scan_comment();
  void skip_to_end_of(std::string_view mark);
  bool begin_dollars();
  SqlStatement take(size_t end);

  std::string text_;
  size_t scanned_ = 0;
  size_t begin_ = std::string::npos;  // begin of the statement; npos: only blanks and comments
  int64_t first_line_ = 1;            // number of the first line in text_
  Mode mode_ = Mode::Plain;
  char quote_ = 0;
  int comment_depth_ = 0;
  std::string dollar_tag_;  // the delimiter of the open quote: $$ or $name$
  bool is_complete_ = false;
};

// Returns whether the rows of the statement never end: SELECT ... EMIT CHANGES, or PRINT.
bool is_push_statement(std::string_view statement);

// Returns whether the text contains `word`, which is in upper case, in any letter case.
bool has_word(std::string_view text, std::string_view word);

}  // namespace client
