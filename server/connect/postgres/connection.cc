#include "server/connect/postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace server {

namespace {

int64_t now_ms() {
  using std::chrono::steady_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

// SQLSTATE classes and codes (https://www.postgresql.org/docs/15/errcodes-appendix.html).
ErrorCode code_of(std::string_view state) {
  if (state == "42501") return ErrorCode::InsufficientPrivilege;
  if (state == "55006") return ErrorCode::ObjectState;       // object_in_use
  if (state == "53400") return ErrorCode::LimitExceeded;     // configuration_limit_exceeded
  if (state == "55000") return ErrorCode::InvalidParameter;  // wal_level, a slot that is lost
  if (state == "58P01") return ErrorCode::InvalidParameter;  // WAL that is removed already
  for (const std::string_view permanent : {"22", "28", "3D", "42"})
    if (state.starts_with(permanent)) return ErrorCode::InvalidParameter;
  return ErrorCode::NetworkFailure;
}

std::string hint_for(std::string_view state) {
  if (state.starts_with("28"))
    return "Check the user and the password of the connector, and the server's pg_hba.conf; then "
           "restart the connector.";
  if (state == "3D000") return "Check the name of the database in the connector's properties.";
  return {};
}

std::string one_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::string line;
  for (const char c : text) line += c == '\n' ? ' ' : c;
  return line;
}

}  // namespace

void PgConnection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }
void PgConnection::Finish::operator()(pg_result* result) const { PQclear(result); }
void PgConnection::Finish::operator()(char* buffer) const { PQfreemem(buffer); }

Result<PgConnection> PgConnection::open(const PgParameters& parameters, std::string place,
                                        bool is_replication) {
  // The options give the texts of values the same form on every server
  // (engine/connect/postgres/pg_types.h). Keepalives and the TCP timeout end calls to a host that
  // no longer answers.
  PgParameters all = {
      {"application_name", "millrace"},
      {"client_encoding", "UTF8"},
      {"options",
       "-c DateStyle=ISO -c TimeZone=UTC -c IntervalStyle=iso_8601 -c bytea_output=hex -c "
       "extra_float_digits=3 -c lc_monetary=C -c statement_timeout=0 -c "
       "idle_in_transaction_session_timeout=0"},
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "30000"},
  };
  if (is_replication) all.emplace_back("replication", "database");
  all.insert(all.end(), parameters.begin(), parameters.end());
  std::vector<const char*> names, values;
  for (const auto& [name, value] : all) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  PgConnection opened(PQconnectStartParams(names.data(), values.data(), 0), std::move(place));
  if (!opened.connection_)
    return Error{ErrorCode::OutOfMemory, "no memory for a connection to PostgreSQL"};
  pg_conn* const connection = opened.connection_.get();
  // By default, libpq prints notices of the server to the standard error of this process.
  PQsetNoticeProcessor(
      connection, [](void*, const char*) {}, nullptr);
  PQsetErrorVerbosity(connection,
                      PQERRORS_VERBOSE);  // the messages include the SQLSTATE of a refusal
  constexpr int64_t kConnectMs = 10'000;
  const int64_t deadline = now_ms() + kConnectMs;
  if (PQstatus(connection) == CONNECTION_BAD) return opened.failure();
  auto state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return opened.failure();
    const int64_t left = deadline - now_ms();
    if (left <= 0 ||
        !TRY(opened.await_socket(state == PGRES_POLLING_WRITING, static_cast<int>(left))))
      return Error{ErrorCode::NetworkFailure,
                   fmt::format("{}: no answer within {} s", opened.place_, kConnectMs / 1'000)};
    state = PQconnectPoll(connection);
  }
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  PQsetnonblocking(connection, 1);
  return opened;
}

Result<bool> PgConnection::await_socket(bool for_write, int wait_ms) const {
  pollfd socket{PQsocket(connection_.get()), static_cast<short>(for_write ? POLLOUT : POLLIN), 0};
  const int ready = ::poll(&socket, 1, wait_ms);
  if (ready < 0 && errno != EINTR)
    return Error{ErrorCode::NetworkFailure, fmt::format("{}: {}", place_, std::strerror(errno))};
  return ready > 0;
}

Error PgConnection::failure() {
  last_state_.clear();
  std::string_view text = PQerrorMessage(connection_.get());
  std::string_view state;
  // "...: FATAL:  28P01: password authentication failed\nLOCATION:  ..."
  constexpr std::string_view kFatal = "FATAL:  ";
  // as in "connection to server at ..., port 5432 failed: Connection refused\n\tIs the server
  // running ..."
  constexpr std::string_view kFailed = " failed: ";
  constexpr size_t kStateSize = 5;
  if (const size_t fatal = text.find(kFatal); fatal != text.npos) {
    text.remove_prefix(fatal + kFatal.size());
    if (text.size() > kStateSize && text[kStateSize] == ':') {
      state = text.substr(0, kStateSize);
      text.remove_prefix(kStateSize + 2);
    }
    text = text.substr(0, text.find("\nLOCATION:"));
  } else if (const size_t failed = text.find(kFailed); failed != text.npos) {
    text.remove_prefix(failed + kFailed.size());
    text = text.substr(0, text.find('\n'));
  }
  Error error{code_of(state), fmt::format("{}: {}", place_, one_line(text))};
  error.hint = hint_for(state);
  return error;
}

Error PgConnection::failure_of(const pg_result* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr || message == nullptr) return failure();
  last_state_ = state;
  Error error{code_of(state), fmt::format("{}: {}", place_, message)};
  if (const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL))
    error.detail = detail;
  if (const char* hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)) error.hint = hint;
  if (const char* context = PQresultErrorField(result, PG_DIAG_CONTEXT)) error.context = context;
  return error;
}

Result<PgConnection::ResultPtr> PgConnection::await_result(int most_ms) {
  const int64_t deadline = now_ms() + most_ms;
  while (PQflush(connection_.get()) == 1) {
    if (now_ms() > deadline) break;
    TRY(await_socket(true, static_cast<int>(deadline - now_ms())));
  }
  while (PQisBusy(connection_.get()) != 0) {
    const int64_t left = deadline - now_ms();
    if (left <= 0)
      return Error{ErrorCode::ReadTimeout,
                   fmt::format("{}: no answer within {} s", place_, most_ms / 1'000)};
    if (!TRY(await_socket(false, static_cast<int>(left)))) continue;
    if (PQconsumeInput(connection_.get()) == 0) return failure();
  }
  return ResultPtr(PQgetResult(connection_.get()));
}

Result<std::vector<PgRow>> PgConnection::query(const std::string& sql, int most_ms) {
  last_state_.clear();
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return failure();
  std::vector<PgRow> rows;
  while (true) {
    const ResultPtr result = TRY(await_result(most_ms));
    if (!result) return rows;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      Error error = failure_of(result.get());
      while (TRY(await_result(most_ms))) continue;
      return error;
    }
    for (int row = 0; row < PQntuples(result.get()); ++row) {
      PgRow& values = rows.emplace_back();
      for (int column = 0; column < PQnfields(result.get()); ++column) {
        if (PQgetisnull(result.get(), row, column) != 0)
          values.emplace_back();
        else
          values.emplace_back(
              std::string(PQgetvalue(result.get(), row, column),
                          static_cast<size_t>(PQgetlength(result.get(), row, column))));
      }
    }
  }
}

Status PgConnection::begin_copy(const std::string& sql) {
  has_ended_ = false;
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return failure();
  // The timeout is long, because before its answer the server may search for the start of decoding,
  // or sort a table.
  constexpr int kStartMs = 600'000;
  const ResultPtr result = TRY(await_result(kStartMs));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH) return failure_of(result.get());
  return {};
}

Result<std::optional<std::string_view>> PgConnection::next(int wait_ms) {
  bool has_waited = false;
  while (true) {
    row_.reset();
    char* buffer = nullptr;
    const int size = PQgetCopyData(connection_.get(), &buffer, 1);
    if (size > 0) {
      row_.reset(buffer);
      return std::optional(std::string_view(buffer, static_cast<size_t>(size)));
    }
    if (size == -2) return failure();
    if (size == -1) {
      has_ended_ = true;
      const ResultPtr result = TRY(await_result(kPatienceMs));
      if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR)
        return failure_of(result.get());
      while (TRY(await_result(kPatienceMs))) continue;
      return std::optional<std::string_view>();
    }
    if (has_waited) return std::optional<std::string_view>();
    has_waited = !TRY(await_socket(false, wait_ms));
    if (PQconsumeInput(connection_.get()) == 0) return failure();
  }
}

Status PgConnection::send_copy(std::string_view bytes) {
  while (true) {
    const int sent = PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (sent < 0) return failure();
    if (sent > 0) break;
    TRY(await_socket(true, kPatienceMs));
  }
  while (true) {
    const int left = PQflush(connection_.get());
    if (left < 0) return failure();
    if (left == 0) return {};
    if (!TRY(await_socket(true, kPatienceMs)))
      return Error{ErrorCode::NetworkFailure, fmt::format("{}: accepts no bytes", place_)};
  }
}

Status PgConnection::copy_in(const std::string& sql, std::string_view bytes, int most_ms) {
  last_state_.clear();
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return failure();
  {
    const ResultPtr begun = TRY(await_result(most_ms));
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN) {
      Error error = failure_of(begun.get());
      while (TRY(await_result(most_ms))) continue;
      return error;
    }
  }
  constexpr size_t kPieceBytes = 64 << 10;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kPieceBytes)))
    TRY(send_copy(bytes.substr(0, kPieceBytes)));
  while (true) {
    const int sent = PQputCopyEnd(connection_.get(), nullptr);
    if (sent < 0) return failure();
    if (sent > 0) break;
    TRY(await_socket(true, most_ms));
  }
  std::optional<Error> error;
  while (const ResultPtr result = TRY(await_result(most_ms)))
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK && !error)
      error = failure_of(result.get());
  if (error) return *std::move(error);
  return {};
}

std::string PgConnection::quoted_name(std::string_view name) const {
  const std::unique_ptr<char, Finish> quoted(
      PQescapeIdentifier(connection_.get(), name.data(), name.size()));
  return quoted ? std::string(quoted.get()) : std::string();
}

std::string PgConnection::quoted_text(std::string_view text) const {
  const std::unique_ptr<char, Finish> quoted(
      PQescapeLiteral(connection_.get(), text.data(), text.size()));
  return quoted ? std::string(quoted.get()) : std::string();
}

}  // namespace server
