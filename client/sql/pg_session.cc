#include "client/sql/pg_session.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "client/command_line.h"
#include "client/password_prompt.h"
#include "client/sql/statement_reader.h"

namespace client {

namespace {

constexpr int kLookMs = 100;  // time between two checks for Ctrl-C
// How long the first rows of a push query are collected before they are printed, so that the
// columns get a suitable width.
constexpr int kGatherMs = 50;
constexpr size_t kPrintBytes = 64 << 10;
constexpr const char* kDefaultHost = "127.0.0.1";
constexpr const char* kDefaultPort = "7432";

void write_out(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Prints a notice of libpq, whose messages include a line end.
void print_notice(void*, const char* message) {
  std::fflush(stdout);
  std::fputs(message, stderr);
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value;
}

// Returns the default parameters, followed by `given`, which overrides them. A default is left out
// if an environment variable sets this parameter.
PgParameters with_defaults(const PgParameters& given) {
  PgParameters all;
  const bool has_service = is_set("PGSERVICE");
  if (!has_service && !is_set("PGHOST") && !is_set("PGHOSTADDR"))
    all.emplace_back("host", kDefaultHost);
  if (!has_service && !is_set("PGPORT")) all.emplace_back("port", kDefaultPort);
  all.emplace_back("fallback_application_name", "millrace sql");
  all.insert(all.end(), given.begin(), given.end());
  return all;
}

PGconn* connect(const PgParameters& parameters, const std::string& password) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  if (!password.empty()) {
    names.push_back("password");
    values.push_back(password.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectdbParams(names.data(), values.data(), 1);
}

std::string without_line_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

void PgSession::Close::operator()(pg_conn* connection) const { PQfinish(connection); }
void PgSession::Clear::operator()(pg_result* result) const { PQclear(result); }

Result<PgSession> PgSession::open(const PgParameters& parameters, Password password) {
  const PgParameters all = with_defaults(parameters);
  std::string secret;
  if (password == Password::MustAsk) secret = TRY(ask_for_password("Password: "));
  PgSession session(connect(all, secret));
  PGconn* connection = session.connection_.get();
  if (PQstatus(connection) == CONNECTION_BAD && PQconnectionNeedsPassword(connection) &&
      password == Password::MayAsk) {
    secret = TRY(ask_for_password(fmt::format("Password for user {}: ", PQuser(connection))));
    session.connection_.reset(connect(all, secret));
    connection = session.connection_.get();
  }
  if (PQstatus(connection) != CONNECTION_OK) {
    Error failure{ErrorCode::NetworkFailure, without_line_end(PQerrorMessage(connection))};
    // libpq reports this error if an HTTP server answers: the answer begins with the H of "HTTP".
    if (failure.message.ends_with("invalid response to SSL negotiation: H"))
      failure.hint =
          "An HTTP server answers at this port. Connect to the address in --pg (port "
          "7432 by default).";
    else if (failure.message.find("Connection refused") != std::string::npos)
      failure.hint =
          "Start a server with millrace server, or name the address of a running one: millrace sql "
          "-h HOST -p PORT.";
    else if (failure.message.starts_with("could not translate host name"))
      failure.hint = "-h names the host of the server: millrace sql -h 127.0.0.1 -p 7432.";
    else if (failure.message.find("does not support SSL") != std::string::npos)
      failure.hint =
          "Set --tls-cert and --tls-key of the server, or use --sslmode prefer (PGSSLMODE=prefer).";
    return failure;
  }
  PQsetNoticeProcessor(connection, print_notice, nullptr);
  return session;
}

// The state of a statement that is running, and output that is not printed yet.
struct PgSession::Running {
  const Output& output;
  const CopyData& copy_data;
  bool is_push = false;
  bool has_rows = false;      // begin() of the printer was called
  bool is_cancelled = false;  // the user has pressed Ctrl-C
  bool is_lost = false;       // the connection is lost
  bool has_failed = false;
  bool has_copied_out = false;
  std::unique_ptr<ResultPrinter> printer = {};
  std::string text = {};  // output that has not been printed yet

  void print() {
    text += printer->take();
    if (!text.empty()) write_out(std::exchange(text, {}));
  }
};

PgSession::Outcome PgSession::run(const std::string& statement, const Output& output,
                                  const CopyData& copy_data) {
  PGconn* connection = connection_.get();
  Running running{output, copy_data, is_push_statement(statement)};
  running.printer = make_result_printer(output.format, output.rows_only);
  if (!PQsendQuery(connection, statement.c_str())) {
    print_notice(nullptr, PQerrorMessage(connection));
    return PQstatus(connection) == CONNECTION_OK ? Outcome::Failed : Outcome::ConnectionLost;
  }
  // Makes libpq return rows one by one, so that memory stays bounded, and the rows of a push query
  // appear at once.
  PQsetSingleRowMode(connection);
  while (const ResultHandle result = next_result(running)) take(*result, running);
  running.print();
  if (running.is_lost || PQstatus(connection) != CONNECTION_OK) return Outcome::ConnectionLost;
  if (running.is_cancelled) return Outcome::Interrupted;
  return running.has_failed ? Outcome::Failed : Outcome::Done;
}

// Returns the next result; null after the last result of the statement, or if the connection is
// lost.
PgSession::ResultHandle PgSession::next_result(Running& running) {
  PGconn* connection = connection_.get();
  while (PQisBusy(connection))
    if (!wait_for_server(running)) return nullptr;
  return ResultHandle(PQgetResult(connection));
}

bool PgSession::wait_for_server(Running& running) {
  PGconn* connection = connection_.get();
  pollfd ready{PQsocket(connection), POLLIN, 0};
  const int count = poll(&ready, 1, running.is_push ? kGatherMs : kLookMs);
  if (count <= 0 && running.is_push && running.has_rows) {
    running.printer->pause();
    running.print();
  }
  if (is_interrupted() && !running.is_cancelled) {
    running.is_cancelled = true;
    std::array<char, 256> problem{};
    const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection),
                                                                    PQfreeCancel);
    if (!PQcancel(cancel.get(), problem.data(), problem.size()))
      fmt::print(stderr, "could not send the request to cancel: {}\n", problem.data());
  }
  if (count <= 0 || PQconsumeInput(connection)) return true;
  print_notice(nullptr, PQerrorMessage(connection));
  running.is_lost = true;
  return false;
}

void PgSession::take(const pg_result& result, Running& running) {
  const auto begin = [&] {
    std::vector<ResultColumn> columns;
    for (int i = 0; i < PQnfields(&result); ++i)
      columns.push_back({PQfname(&result, i), PQftype(&result, i)});
    running.printer->begin(std::move(columns));
    running.has_rows = true;
  };
  switch (PQresultStatus(&result)) {
    case PGRES_SINGLE_TUPLE: {
      if (!running.has_rows) begin();
      std::vector<Cell> cells;
      for (int i = 0; i < PQnfields(&result); ++i)
        cells.push_back(PQgetisnull(&result, 0, i)
                            ? Cell()
                            : std::string_view(PQgetvalue(&result, 0, i),
                                               static_cast<size_t>(PQgetlength(&result, 0, i))));
      running.printer->row(cells);
      running.text += running.printer->take();
      if (running.is_push || running.text.size() > kPrintBytes) running.print();
      return;
    }
    case PGRES_TUPLES_OK:
      if (!running.has_rows) begin();
      running.printer->end();
      running.has_rows = false;
      return;
    case PGRES_COMMAND_OK:
      // The command tag is printed only in the table format. Programs that read CSV, JSON or copied
      // data expect nothing else.
      if (!std::exchange(running.has_copied_out, false) && !running.output.is_quiet &&
          running.output.format == ResultFormat::Table &&
          *PQcmdStatus(const_cast<pg_result*>(&result)))
        running.text += fmt::format("{}\n", PQcmdStatus(const_cast<pg_result*>(&result)));
      return;
    case PGRES_EMPTY_QUERY:
      return;
    case PGRES_COPY_IN:
      return copy_in(running);
    case PGRES_COPY_OUT:
      return copy_out(running);
    default:
      break;
  }
  // The rows before the error are printed, and their number below them.
  if (running.has_rows) {
    running.printer->end();
    running.has_rows = false;
  }
  running.print();
  running.has_failed = true;
  const char* state = PQresultErrorField(&result, PG_DIAG_SQLSTATE);
  const bool is_end_of_push =
      running.is_push && running.is_cancelled && state && std::string_view(state) == "57014";
  if (!is_end_of_push)
    print_notice(nullptr, (running.output.error_prefix + PQresultErrorMessage(&result)).c_str());
}

void PgSession::copy_in(Running& running) {
  PGconn* connection = connection_.get();
  std::string piece;
  for (;;) {
    const Result<bool> has_more = running.copy_data(piece);
    if (!has_more || is_interrupted()) {
      PQputCopyEnd(connection,
                   has_more ? "canceled by the user" : has_more.error().message.c_str());
      return;
    }
    if (!*has_more) break;
    // PQputCopyData() fails if the server has refused the data. The next result then contains the
    // server's error.
    if (PQputCopyData(connection, piece.data(), static_cast<int>(piece.size())) != 1) break;
  }
  PQputCopyEnd(connection, nullptr);
}

void PgSession::copy_out(Running& running) {
  PGconn* connection = connection_.get();
  running.has_copied_out = true;
  for (;;) {
    char* data = nullptr;
    const int size = PQgetCopyData(connection, &data, 1);
    if (size > 0) {
      running.text.append(data, static_cast<size_t>(size));
      PQfreemem(data);
      if (running.text.size() > kPrintBytes) running.print();
      continue;
    }
    if (size < 0) return;  // the data have ended, or the next result contains an error
    running.print();
    if (!wait_for_server(running)) return;
  }
}

Result<std::vector<std::vector<std::string>>> PgSession::ask(const std::string& statement) {
  const ResultHandle result(PQexec(connection_.get(), statement.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    const auto field = [&](int code) {
      const char* text = PQresultErrorField(result.get(), code);
      return std::string(text ? text : "");
    };
    std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
    if (message.empty()) message = without_line_end(PQerrorMessage(connection_.get()));
    return Error{ErrorCode::InvalidParameter, std::move(message), field(PG_DIAG_MESSAGE_DETAIL),
                 field(PG_DIAG_MESSAGE_HINT)};
  }
  std::vector<std::vector<std::string>> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    std::vector<std::string>& values = rows.emplace_back();
    for (int i = 0; i < PQnfields(result.get()); ++i)
      values.emplace_back(PQgetvalue(result.get(), row, i));
  }
  return rows;
}

bool PgSession::reconnect() {
  PQreset(connection_.get());
  return PQstatus(connection_.get()) == CONNECTION_OK;
}

bool PgSession::is_in_transaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

std::string PgSession::describe() const {
  return fmt::format("{}:{} as {}", PQhost(connection_.get()), PQport(connection_.get()),
                     PQuser(connection_.get()));
}

}  // namespace client
