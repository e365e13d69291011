// The base of the requests of ksqlDB's API that run statements.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/exchange.h"
#include "server/http/refusal_log.h"
#include "server/http/rest/sql_request.h"
#include "server/sql/port.h"
#include "server/sql/script.h"
#include "server/sql/session_settings.h"

namespace server::http {

class OpenQueries;
class CommandLog;

// The parts of the server that statements use. All of them outlive the front end.
struct SqlPages {
  std::vector<sql::Backend*> backends;  // one for each loop
  std::function<int64_t()> revision;    // returns the revision of the metadata
  OpenQueries& queries;
  CommandLog& commands;
  // The log of statements that were refused because the user lacks a right.
  std::shared_ptr<RefusalLog> refusals = std::make_shared<RefusalLog>();
  sql::OpenScript open_script = {};  // runs the statements of POST /sql
};
// Logs the error if it is a missing right.
void log_if_denied(const SqlPages& pages, const ExchangeContext& context, std::string_view user,
                   const Error& error);

// Returns the facts about a request for a SQL session of its own: its user, rights and read-only mode, and the audit of
// its changes.
sql::SessionInfo session_info(const Request& request, const ExchangeContext& context);

// Returns the error for work that is refused because the workers' queue is full.
Error too_much_waiting();

// A request with an SQL session of its own. The base class reads the request; the derived class
// then decides which statement runs next, one after the other. Long work is done on other threads.
//
//   read -> on_read() -> begin(statement) -> rows -> on_statement_done() or on_statement_failed() -> ...
//
// Threads: the connection's loop. The functions of Receiver only store the events and wake
//           the exchange; all other work happens in run().
class SqlExchange : public Exchange, protected sql::Receiver {
 public:
  SqlExchange(const SqlPages& pages, Request request, const ExchangeContext& context);
  ~SqlExchange() override;
  void run() override;

 protected:
  // Called when the statements are parsed and the request's settings are in force.
  virtual void on_read() = 0;
  // Called after the end of the statement. The execution of the statement is already destroyed.
  virtual void on_statement_done(const sql::Completion& completion) = 0;
  virtual void on_statement_failed(const Error& error) = 0;
  // Called before the statement starts, with a description of its rows. If it returns false, the
  // statement does not start; the derived class has then called fail_with().
  virtual bool on_prepared(const sql::Prepared& prepared) = 0;
  // Called if the request itself cannot be read or run.
  virtual void on_request_failed(const Error& error, std::string_view text) = 0;
  // Called in each run, for rows that have arrived.
  virtual void send_rows() {}

  void begin(std::shared_ptr<const engine::ParsedStatement> statement);
  // Checks all statements without running them. Calls `then` with the first statement that would be
  // rejected, or with nothing if all would be accepted.
  void try_all(std::function<void(std::optional<sql::SessionBackend::Rejection>)> then);
  void begin_entity(const std::shared_ptr<const engine::ParsedStatement>& statement);
  Status set(const std::string& name, const std::string& value);
  bool is_running() const { return execution_ || errand_; }
  bool has_ended() const { return completion_ || error_; }
  void stop_statement();
  void fail_with(Error error);  // ends the statement with this error

  const SqlPages& pages() const { return pages_; }
  Responder& responder() { return context_.responder; }
  const ExchangeContext& context() const { return context_; }
  const Request& request() const { return request_; }
  SqlRequest& statements() { return *statements_; }
  sql::SessionSettings& settings() { return settings_; }
  sql::SessionBackend& session() { return *session_; }
  const std::vector<sql::Notice>& notices() const { return notices_; }

  // --- Receiver
  bool has_room(size_t first_row_bytes) override;
  void on_notice(sql::Notice notice) override;
  void on_done(sql::Completion completion) override;
  void on_error(Error error) override;

 private:
  struct Reading;
  Status open_session();
  void read();
  void finish_reading();
  void start(Result<std::shared_ptr<const sql::Prepared>> prepared);
  void pace();

  const SqlPages& pages_;
  const ExchangeContext context_;
  Request request_;
  MemoryCharge charge_;
  sql::SessionSettings settings_;
  std::unique_ptr<sql::SessionBackend> session_;
  std::shared_ptr<Reading> reading_;
  std::optional<SqlRequest> statements_;
  std::vector<sql::Notice> notices_;  // notices of the running statement
  std::unique_ptr<sql::Errand> errand_;
  std::unique_ptr<sql::Execution> execution_;
  std::optional<sql::Completion> completion_;
  std::optional<Error> error_;
  bool has_begun_ = false, is_paused_ = false, awaits_room_ = false;
};

}  // namespace server::http
