// A connection to a PostgreSQL server by libpq. All calls have a time limit, so that a task can be
// stopped at any time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

struct pg_conn;
struct pg_result;

namespace server {

using PgRow = std::vector<std::optional<std::string>>;
using PgParameters = std::vector<std::pair<std::string, std::string>>;

// After a network error the connection is unusable.
//
// Errors: NetworkFailure for errors that may pass (connection, restart, too many clients);
// ObjectState for an object that another process uses; InsufficientPrivilege and InvalidParameter
// for missing rights and wrong configurations. All messages begin with `place`.
//
// Threads: one. Owner: any.
class PgConnection {
 public:
  // `place` is HOST:PORT, and is used in messages. If `is_replication` is true, the connection
  // accepts commands of the replication protocol.
  static Result<PgConnection> open(const PgParameters& parameters, std::string place,
                                   bool is_replication);

  // Runs a statement without parameters, or a replication command, and returns its rows. Fails with
  // ReadTimeout after `most_ms`; the connection is then unusable.
  static constexpr int kPatienceMs = 20'000;
  Result<std::vector<PgRow>> query(const std::string& sql, int most_ms = kPatienceMs);

  // Starts COPY ... TO STDOUT or START_REPLICATION.
  Status begin_copy(const std::string& sql);
  // Returns the next row or message of a COPY; it is valid until the next call. Waits at most
  // `wait_ms`. After the last one, has_ended() is true.
  Result<std::optional<std::string_view>> next(int wait_ms);
  bool has_ended() const { return has_ended_; }
  Status send_copy(std::string_view bytes);
  // Runs COPY ... FROM STDIN with these bytes.
  Status copy_in(const std::string& sql, std::string_view bytes, int most_ms = kPatienceMs);

  // SQLSTATE of the error of the last statement; empty after a success, and after a network error.
  const std::string& last_state() const { return last_state_; }

  std::string quoted_name(std::string_view name) const;
  std::string quoted_text(std::string_view text) const;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
    void operator()(pg_result* result) const;
    void operator()(char* buffer) const;
  };
  using ResultPtr = std::unique_ptr<pg_result, Finish>;

  PgConnection(pg_conn* connection, std::string place)
      : connection_(connection), place_(std::move(place)) {}
  // Waits until the socket is ready. Returns false after `wait_ms`.
  Result<bool> await_socket(bool for_write, int wait_ms) const;
  Result<ResultPtr> await_result(int most_ms);
  Error failure();                            // the connection's last error
  Error failure_of(const pg_result* result);  // the error of a statement

  std::unique_ptr<pg_conn, Finish> connection_;
  std::string place_;
  std::unique_ptr<char, Finish> row_;
  bool has_ended_ = false;
  std::string last_state_;
};

}  // namespace server
