// POST /ksql: runs statements one after the other and returns their results. All statements are
// checked first, so that none runs if one is invalid, as in ksqlDB.
#pragma once
#include <memory>
#include <string>

#include "server/http/rest/sql_exchange.h"

namespace server::http {

class KsqlExchange final : public SqlExchange {
 public:
  using SqlExchange::SqlExchange;

 private:
  void on_read() override;
  void on_request_failed(const Error& error, std::string_view text) override;
  bool on_prepared(const sql::Prepared& prepared) override;
  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override;
  void on_statement_done(const sql::Completion& completion) override;
  void on_statement_failed(const Error& error) override;

  // Runs the statements in order. Returns at the first statement that does not finish within the
  // call.
  void next();
  // Runs a statement whose effect is limited to this request, such as SET. Returns false for any
  // other statement.
  bool run_own(const engine::ParsedStatement& statement);
  void add_entity(std::string_view json);
  void add_status(const engine::ParsedStatement& statement, const sql::Completion& completion);
  const engine::ParsedStatement& current() { return *statements().statements[next_ - 1]; }

  size_t next_ = 0;
  std::string entities_;  // results so far: JSON objects, separated by commas
  MemoryCharge entities_charge_{context().memory, MemoryKind::Results};
  bool is_stepping_ = false, is_done_ = false;
};

// Returns ksqlDB's name of the command, such as "stream/`ORDERS`/create".
std::string command_id(const engine::Statement& statement, std::string_view query_id);

}  // namespace server::http
