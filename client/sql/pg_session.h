// A session with a server over PostgreSQL's protocol. Runs one statement at a time, and prints its
// rows as they arrive.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "client/sql/result_printer.h"

struct pg_conn;    // libpq's PGconn
struct pg_result;  // libpq's PGresult

namespace client {

// The parameters of a session by libpq's keywords: host, port, user, dbname, sslmode ... If dbname
// is a connection string or URI, the parameters in it count. Missing parameters are taken from
// libpq's environment variables and password file, and then from the defaults of this program.
using PgParameters = std::vector<std::pair<std::string, std::string>>;

// Returns the data of COPY ... FROM STDIN in pieces: sets `piece` to the next one, or returns false
// at the end.
using CopyData = std::function<Result<bool>(std::string& piece)>;

// Threads: one. Ctrl-C (watch_for_interrupts) cancels the running statement.
class PgSession {
 public:
  struct Output {
    ResultFormat format = ResultFormat::Table;
    bool rows_only = false;
    bool is_quiet = false;          // if true, command tags such as INSERT 0 1 are not printed
    std::string error_prefix = {};  // printed before ERROR, for example "orders.sql:3: "
  };
  enum class Password { MayAsk, MustAsk, NeverAsk };

  // Connects to the server. Fails with NetworkFailure; the message is libpq's.
  static Result<PgSession> open(const PgParameters& parameters, Password password);

  enum class Outcome { Done, Failed, Interrupted, ConnectionLost };
  // Runs one statement. Prints rows to the standard output, and errors and notices to stderr. If
  // Ctrl-C stops a statement that never ends by itself (a push query), the outcome is Interrupted,
  // not Failed.
  Outcome run(const std::string& statement, const Output& output, const CopyData& copy_data);

  // Runs one statement, and returns the values of its rows without printing them. Fails with the
  // server's error.
  Result<std::vector<std::vector<std::string>>> ask(const std::string& statement);

  // Connects again with the same parameters. Returns false if the server does not answer.
  bool reconnect();
  bool is_in_transaction() const;
  // Returns the address of the server and the user: "127.0.0.1:7432 as ann".
  std::string describe() const;

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  struct Clear {
    void operator()(pg_result* result) const;
  };
  using ResultHandle = std::unique_ptr<pg_result, Clear>;
  struct Running;

  explicit PgSession(pg_conn* connection) : connection_(connection) {}
  ResultHandle next_result(Running& running);
  bool wait_for_server(Running& running);
  void take(const pg_result& result, Running& running);
  void copy_in(Running& running);
  void copy_out(Running& running);

  std::unique_ptr<pg_conn, Close> connection_;
};

}  // namespace client
