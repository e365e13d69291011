// The answers of POST /sql: one JSON value on each line. docs/HTTP.md describes them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/sql/script.h"

namespace server::http {

// Limit for the number of statements of one request that run at the same time.
inline constexpr size_t kMostTogether = 16;

// Writes the lines of one script.
//
// Threads: the session's loop. Owner: the request.
class SqlLines final : public sql::AnswerForm {
 public:
  // The request that the lines answer.
  class Events {
   public:
    // Called before the first row of a result. Returns the id of the query. `source` is the first
    // stream or table of the query, or "QUERY".
    virtual std::string begin_query(std::string_view source, sql::RowsKind kind) = 0;
    virtual void end_query() = 0;
    virtual void on_failure(const Error& error) = 0;

   protected:
    ~Events() = default;
  };
  struct Options {
    std::optional<uint64_t> max_rows = {};
    // Set if the statements of a request run at the same time: the index of the statement that this
    // script runs. Each row then begins with the number of the statement.
    std::optional<size_t> together = {};
    // The client is curl, whose user types the statements in a shell.
    bool is_from_shell = false;
  };
  SqlLines(Events& events, const Clock& clock, Options options)
      : events_(events), clock_(clock), options_(options) {}

  // Returns the number of statements in the text; 0 before it is parsed.
  size_t statement_count() const { return statement_count_; }

  Result<Range> begin_script(size_t statement_count) override;
  Status begin_statement(const engine::ParsedStatement& statement) override;
  Status accept(const sql::Prepared* prepared) override;
  std::optional<uint64_t> max_rows() const override { return options_.max_rows; }
  void begin_rows(std::string& out, std::span<const sql::ResultColumn> columns,
                  sql::RowsKind kind) override;
  void add_row(std::string& out, std::span<const engine::ColumnPtr> columns, size_t row) override;
  void add_notice(std::string& out, const sql::Notice& notice, std::string_view code) override;
  void end_statement(std::string& out, std::string_view tag) override;
  void fail(std::string& out, const Error& error, std::string_view text) override;

 private:
  void end_query();

  Events& events_;
  const Clock& clock_;
  const Options options_;
  size_t statement_count_ = 0;
  // compared as an address only, since the statement may have been freed
  const engine::ParsedStatement* current_ = nullptr;
  size_t number_ = 0;  // number of the current statement, from 1
  int64_t began_us_ = 0;
  std::string source_;
  TextPosition start_;
  sql::RowsKind kind_ = sql::RowsKind::Rows;
  bool has_head_ = false, has_more_ = false;
  uint64_t rows_ = 0;
};

// The text to which an error points.
struct MarkedText {
  uint32_t line = 1, column = 1;  // both count from 1, in characters
  uint32_t length = 0;            // in characters; 0: the end of the text
  std::string fix = {};           // the text that would replace the word; empty: not known
};
// Returns the word at the error's position; nothing if the error has no position in `text`.
std::optional<MarkedText> marked_text(const Error& error, std::string_view text);

// Returns the line of an error. `number`: the number of its statement; 0: none.
std::string error_line(const Error& error, std::string_view text, size_t number);
std::string beat_line(bool has_caught_up);

}  // namespace server::http
