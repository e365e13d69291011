// POST /query and /query-stream: one SELECT or PRINT, whose rows are sent as they arrive. GET
// /query-stream: one read-only SELECT.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "server/http/rest/open_queries.h"
#include "server/http/rest/query_format.h"
#include "server/http/rest/sql_exchange.h"

namespace server::http {

enum class QueryRights : uint8_t {
  All,  // all rights of the user
  // Statements that change something are refused, as in a READ ONLY transaction: a link on any page
  // can make a browser send a GET, and browsers repeat a GET.
  ReadOnly,
};

class QueryExchange final : public SqlExchange {
 public:
  QueryExchange(const SqlPages& pages, Request request, const ExchangeContext& context,
                std::unique_ptr<QueryFormat> format, QueryRights rights = QueryRights::All);
  ~QueryExchange() override;
  std::optional<int64_t> deadline_us() const override;
  void shut_down(const Error& reason) override;

 private:
  void on_read() override;
  void on_request_failed(const Error& error, std::string_view text) override;
  bool on_prepared(const sql::Prepared& prepared) override;
  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override;
  void on_changes(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row,
                  const engine::Bitmap& present) override;
  void on_statement_done(const sql::Completion& completion) override;
  void on_statement_failed(const Error& error) override;
  void send_rows() override;
  bool make_room(size_t more);
  ResponseHead head() const;
  void refuse(const Error& error);
  void close();  // ends the query when its client or another client requests it

  std::unique_ptr<QueryFormat> format_;
  const QueryRights rights_;
  int64_t written_us_ = 0;                  // time at which output was last sent to the client
  std::optional<OpenQueries::Entry> open_;  // set if the query is a push query
  std::string out_;                         // output that has not been sent yet
  MemoryCharge out_charge_{context().memory, MemoryKind::Results};
  int64_t rows_ = 0;
  bool has_head_ = false, is_over_ = false, is_print_ = false;
  // Its ownership is shared with callers on other threads, which may close the query.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace server::http
