// A session with a server over PostgreSQL's protocol. It runs one statement at a time, and prints rows as they arrive.
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

// The address and the user of a session, by libpq's keywords: host, port, user, dbname, sslmode ... A connection string
// or URI as dbname counts as the parameters in it. Missing parameters are taken from libpq's environment variables and
// password file, and then from our defaults.
using PgParameters = std::vector<std::pair<std::string, std::string>>;

// Reads the data of COPY ... FROM STDIN: sets the next piece, or returns false at the end.
using CopyData = std::function<Result<bool>(std::string& piece)>;

// Threads: one. Ctrl-C (watch_for_interrupts) cancels the running statement.
class PgSession {
 public:
  struct Output {
    ResultFormat format = ResultFormat::Table;
    bool rows_only = false;
    bool is_quiet = false;          // if set, command tags such as INSERT 0 1 are not printed
    std::string error_prefix = {};  // printed before ERROR, for example "orders.sql:3: "
  };
  enum class Password { MayAsk, MustAsk, NeverAsk };

  // Connects to the server. Fails with NetworkFailure, in libpq's words.
  static Result<PgSession> open(const PgParameters& parameters, Password password);

  enum class Outcome { Done, Failed, Interrupted, ConnectionLost };
  // Runs one statement. Rows go to the standard output, errors and notices to stderr. A statement without
  // an end (a push query) that Ctrl-C stops is Interrupted, not Failed.
  Outcome run(const std::string& statement, const Output& output, const CopyData& copy_data);

  // Runs one statement without printing, and returns the values of its rows. Fails with the server's error.
  Result<std::vector<std::vector<std::string>>> ask(const std::string& statement);

  // Connects again with the same parameters. Returns false if the server does not answer.
  bool reconnect();
  bool is_in_transaction() const;
  // Returns the server and the user: "127.0.0.1:7432 as ann".
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
