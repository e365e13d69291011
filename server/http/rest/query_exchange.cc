#include "server/http/rest/query_exchange.h"

#include <fmt/format.h>

#include <map>
#include <utility>
#include <variant>

#include "base/free_memory.h"
#include "server/http/rest/sql_errors.h"
#include "server/sql/read_only.h"

namespace server::http {

namespace {

// Interval of output: proxies close an answer that sends nothing for a minute (nginx after 60 s by default, and the
// load balancers of clouds).
constexpr int64_t kSilenceUs = 15'000'000;

// The memory that is reserved for a row before the row is written.
constexpr size_t kRowBytes = 4 * 1024;

// Returns the LIMIT of the query; nothing if it has none, or if the LIMIT is a parameter, which has
// no value in these requests.
std::optional<int64_t> limit_of(const engine::Query& query) {
  if (!query.limit) return std::nullopt;
  if (const auto* number = query.limit->as<engine::IntegerLiteral>()) return number->value;
  if (const auto* number = query.limit->as<engine::BigintLiteral>()) return number->value;
  return std::nullopt;
}

std::string source_of(const engine::Statement& statement) {
  const auto* query = std::get_if<engine::Query>(&statement);
  return query && query->from ? query->from->name.text : "QUERY";
}

std::vector<std::string> warnings_of(const std::vector<sql::Notice>& notices) {
  std::vector<std::string> warnings;
  for (const sql::Notice& notice : notices)
    if (notice.level == sql::NoticeLevel::Warning) warnings.push_back(notice.message);
  return warnings;
}

// Returns the warning as a header `Warning: 299 - "text"` (RFC 7234, section 5.5), which fits every query format and
// version of HTTP. Characters other than printable ASCII are replaced.
Header warning_header(std::string_view warning) {
  constexpr size_t kMostBytes = 1000;
  std::string value = "299 - \"";
  for (const char c : warning.substr(0, kMostBytes)) {
    if (c == '"' || c == '\\') value += '\\';
    value += c >= ' ' && c <= '~' ? c : c == '\n' ? ' ' : '?';
  }
  return {"warning", value + '"'};
}

}  // namespace

QueryExchange::QueryExchange(const SqlPages& pages, Request request, const ExchangeContext& context,
                             std::unique_ptr<QueryFormat> format, QueryRights rights)
    : SqlExchange(pages, std::move(request), context),
      format_(std::move(format)),
      rights_(rights) {}

QueryExchange::~QueryExchange() { *alive_ = false; }

void QueryExchange::on_read() {
  const auto& all = statements().statements;
  const bool is_select =
      all.size() == 1 && std::holds_alternative<engine::Query>(all.front()->statement);
  if (rights_ == QueryRights::ReadOnly) {
    if (!is_select)
      return refuse({ErrorCode::NotSupported,
                     "a GET request runs one SELECT",
                     {},
                     "Send other statements with POST to /ksql, and PRINT to /query-stream."});
    if (const std::string command = sql::refused_in_read_only(*all.front()); !command.empty()) {
      Error error = sql::read_only_error(command);
      error.detail = "A GET request only reads.";
      error.hint = "Send the statement with POST.";
      return refuse(std::move(error));
    }
  }
  const bool is_query =
      is_select ||
      (all.size() == 1 && std::holds_alternative<engine::Print>(all.front()->statement));
  if (is_query) return begin(all.front());
  is_over_ = true;
  responder().answer(statement_error(error_code::kBadStatement,
                                     "this path runs one SELECT or PRINT; send other statements to "
                                     "/ksql",
                                     statements().text));
}

bool QueryExchange::on_prepared(const sql::Prepared& prepared) {
  const engine::Statement& statement = statements().statements.front()->statement;
  is_print_ = std::holds_alternative<engine::Print>(statement);
  const bool is_push = prepared.kind == sql::ResultKind::PushRows;
  const std::map<std::string, std::string> properties = settings().properties();
  const auto reset = properties.find("auto.offset.reset");
  const bool is_latest = reset != properties.end() && reset->second == "latest";
  const std::string id =
      fmt::format("{}_{}_{}", is_push && is_latest ? "SCALABLE_PUSH_QUERY" : "transient",
                  source_of(statement), pages().queries.next_number());
  if (is_push)
    open_.emplace(pages().queries, id, [&loop = context().loop, alive = alive_, this] {
      loop.post([alive, this] {
        if (*alive) close();
      });
    });
  if (!is_print_)
    if (const Status begun = format_->begin({id, prepared}, out_); !begun) {
      fail_with(begun.error());
      return false;
    }
  // A push query has no end, so its header is sent immediately. Other queries may still fail before
  // their first row; the HTTP status then reports the failure.
  if (is_push) {
    has_head_ = true;
    responder().begin(head());
    send_rows();
  }
  return true;
}

bool QueryExchange::make_room(size_t more) {
  if (is_over_) return false;
  if (out_.size() + more <= out_charge_.bytes()) return true;
  if (out_charge_.try_resize(2 * out_.size() + more)) return true;
  fail_with(context().memory->refusal("rows that the client does not read"));
  return false;
}

void QueryExchange::on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
                            size_t end_row) {
  for (size_t row = first_row; row < end_row && make_room(kRowBytes); ++row) {
    if (is_print_) {
      out_ += columns[0]->data<std::string_view>()[row];
      out_ += '\n';
    } else {
      format_->row(columns, row, false, out_);
    }
    ++rows_;
  }
  responder().wake();
}

void QueryExchange::on_changes(std::span<const engine::ColumnPtr> columns, size_t first_row,
                               size_t end_row, const engine::Bitmap& present) {
  for (size_t row = first_row; row < end_row && make_room(kRowBytes); ++row) {
    format_->row(columns, row, !present.test(row), out_);
    ++rows_;
  }
  responder().wake();
}

void QueryExchange::send_rows() {
  if (is_over_) return;
  if (!has_head_) {
    // The header is sent with the first row or with the end of the answer.
    if (out_charge_.bytes() == 0) return;
    has_head_ = true;
    responder().begin(head());
  }
  const int64_t now_us = context().clock.monotonic_us();
  if (out_.empty() && now_us - written_us_ >= kSilenceUs && !is_print_)
    out_ = format_->sign_of_life();
  if (!out_.empty()) written_us_ = now_us;
  responder().write(out_);
  free_memory(out_);  // the capacity, too, because the charge ends here
  out_charge_.resize(0);
}

void QueryExchange::on_statement_done(const sql::Completion&) {
  const std::vector<std::string> warnings = warnings_of(notices());
  const auto* query = std::get_if<engine::Query>(&statements().statements.front()->statement);
  if (query) {
    const std::optional<int64_t> limit = limit_of(*query);
    format_->end(limit && rows_ >= *limit, warnings, out_);
  }
  if (!has_head_) {
    is_over_ = true;
    ResponseHead with_warnings = head();
    for (const std::string& warning : warnings)
      with_warnings.headers.push_back(warning_header(warning));
    return responder().answer({std::move(with_warnings), std::move(out_)});
  }
  send_rows();
  for (const std::string& warning : warnings) responder().add_trailer(warning_header(warning));
  is_over_ = true;
  responder().end();
}

void QueryExchange::on_statement_failed(const Error& error) {
  if (!has_head_) {
    is_over_ = true;
    return responder().answer(statement_error(error, statements().text));
  }
  format_->fail(error, out_);
  send_rows();
  is_over_ = true;
  responder().end();
}

ResponseHead QueryExchange::head() const {
  if (is_print_) return {.content_type = "text/plain; charset=utf-8"};
  return {.content_type = std::string(format_->content_type()), .headers = format_->headers()};
}

void QueryExchange::refuse(const Error& error) {
  is_over_ = true;
  responder().answer(statement_error(error, statements().text));
}

std::optional<int64_t> QueryExchange::deadline_us() const {
  if (!has_head_ || is_over_ || is_print_ || format_->sign_of_life().empty()) return std::nullopt;
  return written_us_ + kSilenceUs;
}

void QueryExchange::on_request_failed(const Error& error, std::string_view text) {
  is_over_ = true;
  responder().answer(statement_error(error, text));
}

void QueryExchange::close() {
  if (is_over_) return;
  stop_statement();
  send_rows();
  is_over_ = true;
  responder().end();
  responder().wake();
}

void QueryExchange::shut_down(const Error& reason) {
  if (open_) fail_with(reason);
}

}  // namespace server::http
