// millrace sql: runs statements from arguments, files or the terminal over PostgreSQL's protocol.
#include <absl/strings/ascii.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "client/command_line.h"
#include "client/commands.h"
#include "client/contexts/actions.h"
#include "client/line_source.h"
#include "client/sql/pg_session.h"
#include "client/sql/statement_reader.h"
#include "client/sql/terminal.h"

namespace client {

namespace {

// psql's exit statuses.
constexpr int kWrongCommandLine = 1;
constexpr int kCommandFailed = 1;  // exit status after a failed statement of -c
constexpr int kNoConnection = 2;
constexpr int kScriptFailed = 3;  // a statement of -f or of the standard input

constexpr Flag kFlags[] = {
    {.name = "command",
     .argument = "SQL",
     .doc = "Run these statements; may be repeated",
     .letter = 'c'},
    {.name = "file",
     .argument = "FILE",
     .doc = "Run the statements of a file; -: the standard input",
     .letter = 'f'},
    {.name = "format",
     .argument = "FORMAT",
     .doc = "table, csv, or json: an object a line [table]"},
    {.name = "csv", .doc = "The same as --format csv"},
    {.name = "tuples-only", .doc = "Rows only: no titles, no number of rows", .letter = 't'},
    {.name = "quiet", .doc = "No CREATE TABLE or INSERT 0 1", .letter = 'q'},
    {.name = "host",
     .argument = "HOST",
     .doc = "The server [$PGHOST, or 127.0.0.1]",
     .letter = 'h'},
    {.name = "port", .argument = "PORT", .doc = "Its port [$PGPORT, or 7432]", .letter = 'p'},
    {.name = "username",
     .argument = "USER",
     .doc = "The user [$PGUSER, or the name of the account]",
     .letter = 'U'},
    {.name = "dbname",
     .argument = "NAME",
     .doc = "The database, also as a plain word; or a connection string or URI: \"host=... "
            "sslmode=verify-full\", "
            "postgresql://USER@HOST:PORT",
     .letter = 'd'},
    {.name = "context",
     .argument = "NAME",
     .doc = "A server that \"millrace context\" knows, with its user and certificate"},
    {.name = "password", .doc = "Ask for the password at once", .letter = 'W'},
    {.name = "no-password", .doc = "Never ask for one", .letter = 'w'},
    {.name = "sslmode",
     .argument = "MODE",
     .doc = "disable, prefer, require, verify-ca, verify-full [$PGSSLMODE, or prefer]"},
    {.name = "sslrootcert",
     .argument = "FILE",
     .doc = "Certificates of authorities, for verify-ca and verify-full"},
    {.name = "sslcert", .argument = "FILE", .doc = "The user's certificate"},
    {.name = "sslkey", .argument = "FILE", .doc = "Its key"},
    {.name = "set", .argument = "NAME=VALUE", .letter = 'v'},
    {.name = "variable", .argument = "NAME=VALUE"},
    {.name = "no-psqlrc", .letter = 'X'},
    {.name = "help", .doc = "This text"}};

constexpr Help kHelp{
    "millrace sql [OPTIONS] [DBNAME [USERNAME]]",
    "Runs SQL statements, and prints their rows. Without -c and -f it reads them from the "
    "standard\n"
    "input: at a terminal with a prompt, editing and a history. A statement ends with a "
    "semicolon.\n"
    "The rows of a query with EMIT CHANGES are printed as they come, until Ctrl-C. The options "
    "about\n"
    "the connection are those of psql, and so are its variables (PGHOST, PGPORT, PGUSER, "
    "PGPASSWORD,\n"
    "PGSSLMODE, ...) and ~/.pgpass.\n"
    "\n"
    "The first error ends it, with the exit status of psql -v ON_ERROR_STOP=1: 1 for a statement "
    "of\n"
    "-c, 2 without a connection, 3 for a statement of a file or the standard input.",
    "  millrace sql\n"
    "  millrace sql -c \"SHOW TABLES\" -c \"SELECT * FROM by_city\"\n"
    "  millrace sql -f orders.sql\n"
    "  millrace sql --format json -c \"SELECT * FROM orders EMIT CHANGES\"\n"
    "  millrace sql -c \"COPY orders FROM STDIN CSV HEADER\" < orders.csv\n"
    "  millrace sql \"host=db.example.org user=ann sslmode=verify-full sslrootcert=ca.crt\"\n"};

struct SqlRequest {
  PgParameters parameters;
  PgSession::Password password = PgSession::Password::MayAsk;
  PgSession::Output output;
  struct Action {
    bool is_file;
    std::string text;  // statements, or the name of a file
  };
  std::vector<Action> actions;  // in the order of the command line
  bool stops_at_error = true;
};

// Returns whether a word that is given in place of the database name is probably a statement. The server accepts
// any name of a database, so the statement would be ignored without an error.
bool looks_like_a_statement(std::string_view word) {
  constexpr std::string_view kVerbs[] = {"SELECT", "SHOW", "CREATE", "INSERT", "DESCRIBE", "DROP"};
  const bool is_connection_string = word.find('=') != word.npos || word.find("://") != word.npos;
  return !is_connection_string &&
         (word.find(' ') != word.npos || word.starts_with('\\') ||
          std::ranges::count(kVerbs, absl::AsciiStrToUpper(std::string(word))) > 0);
}

// Refuses HOST:PORT, which Kafka's tools accept. A text with several colons may be an IPv6 address.
Status check_host(std::string_view host) {
  const size_t colon = host.find(':');
  const bool has_port = colon != host.npos && colon > 0 && host.find(':', colon + 1) == host.npos &&
                        parse_number(host.substr(colon + 1), 0, UINT16_MAX).has_value();
  if (!has_port) return {};
  return wrong_usage(
      fmt::format("\"{}\" is not the name of a host", host),
      fmt::format("Use -h {} -p {}.", host.substr(0, colon), host.substr(colon + 1)));
}

Result<PgParameters> parameters_of(const Flags& flags) {
  PgParameters parameters;
  if (flags.has("context")) {
    Contexts contexts = TRY(Contexts::load());
    const Context* context = TRY(contexts.find(flags.text("context")));
    parameters = sql_parameters(*context, TRY(chosen_key(*context)));
  }
  if (flags.has("dbname") && !flags.words().empty() && flags.words().size() > 1)
    return wrong_usage(fmt::format("\"{}\" is one word too many", flags.words()[1]));
  if (!flags.words().empty() && looks_like_a_statement(flags.words()[0]))
    return wrong_usage(
        fmt::format("\"{}\" stands where the name of a database is expected", flags.words()[0]),
        "Use -c to run a statement: millrace sql -c \"SELECT 1\".");
  if (!flags.words().empty() && flags.words()[0].starts_with("http"))
    if (flags.words()[0].find("://") != std::string::npos)
      return wrong_usage(fmt::format("\"{}\" is an address of HTTP", flags.words()[0]),
                         "SQL uses PostgreSQL's port: millrace sql -h HOST -p 7432.");
  const std::string user = flags.words().size() > 1 ? flags.words()[1] : flags.text("username");
  const std::string database = flags.text("dbname", flags.words().empty() ? "" : flags.words()[0]);
  TRY(check_host(flags.text("host")));
  if (!flags.words().empty()) TRY(check_host(flags.words()[0]));
  // dbname may be a connection string. It is the first parameter, so that the options after it
  // override parts of it.
  if (!database.empty()) parameters.emplace_back("dbname", database);
  for (const char* name : {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"})
    if (flags.has(name)) parameters.emplace_back(name, flags.text(name));
  if (!user.empty()) parameters.emplace_back("user", user);
  return parameters;
}

// Reads the variable ON_ERROR_STOP, which scripts for psql set; no other variable is supported.
Result<bool> stops_at_error(const Flags& flags) {
  bool stops = true;
  for (const auto& [name, value] : flags.in_order()) {
    if (name != "set" && name != "variable") continue;
    const size_t equals = value.find('=');
    if (value.substr(0, equals) != "ON_ERROR_STOP")
      return wrong_usage(
          fmt::format("the variable {} has no meaning here", value.substr(0, equals)),
          "The only one is ON_ERROR_STOP. psql replaces :NAME in statements, millrace sql "
          "does not.");
    const std::string setting = equals == value.npos ? "on" : value.substr(equals + 1);
    if (setting != "1" && setting != "on" && setting != "0" && setting != "off")
      return wrong_usage(fmt::format("ON_ERROR_STOP is on or off, not \"{}\"", setting));
    stops = setting == "1" || setting == "on";
  }
  return stops;
}

Result<SqlRequest> to_request(const Flags& flags) {
  SqlRequest request;
  request.parameters = TRY(parameters_of(flags));
  request.stops_at_error = TRY(stops_at_error(flags));
  if (flags.has("password")) request.password = PgSession::Password::MustAsk;
  if (flags.has("no-password")) request.password = PgSession::Password::NeverAsk;
  request.output.format =
      TRY(parse_result_format(flags.text("format", flags.has("csv") ? "csv" : "table")));
  request.output.rows_only = flags.has("tuples-only");
  request.output.is_quiet = flags.has("quiet");
  for (const auto& [name, value] : flags.in_order())
    if (name == "command" || name == "file") request.actions.push_back({name == "file", value});
  return request;
}

// Returns the exit status for an outcome; 0 means that the program continues. A lost connection was
// already reported.
int status_of(PgSession::Outcome outcome, int failure) {
  switch (outcome) {
    case PgSession::Outcome::Done:
      return 0;
    case PgSession::Outcome::Interrupted:
      return kInterrupted;
    case PgSession::Outcome::ConnectionLost:
      return kNoConnection;
    case PgSession::Outcome::Failed:
      break;
  }
  return failure;
}

// Returns the data of a COPY that is run with -c: everything on the standard input.
Result<bool> read_standard_input(std::string& piece) {
  constexpr size_t kPieceBytes = 256 << 10;
  piece.resize(kPieceBytes);
  const ssize_t got = read(STDIN_FILENO, piece.data(), piece.size());
  if (got < 0 && errno != EINTR)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot read the standard input: {}", std::strerror(errno))};
  piece.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return got != 0;
}

struct BackslashInstead {
  std::string_view command, instead;
};
constexpr BackslashInstead kBackslashInstead[] = {
    {"\\d", "DESCRIBE orders"}, {"\\d+", "DESCRIBE orders EXTENDED"},
    {"\\dt", "SHOW TABLES"},    {"\\dt+", "SHOW TABLES"},
    {"\\dm", "SHOW TABLES"},    {"\\ds", "SHOW STREAMS"},
    {"\\df", "SHOW FUNCTIONS"}, {"\\du", "SELECT usename FROM pg_user"},
    {"\\l", "SHOW SERVER"},     {"\\copy", "COPY orders FROM STDIN CSV HEADER"},
};

// Returns the error for a command of psql, such as \dt, which is not a statement.
Error not_a_statement(std::string_view line) {
  const std::string_view command = line.substr(0, line.find_first_of(" \t;"));
  if (command == "\\i")
    return {ErrorCode::SyntaxError,
            "millrace sql has no command \\i",
            {},
            "-f runs the statements of a file: millrace sql -f orders.sql."};
  const auto* known = std::ranges::find(kBackslashInstead, command, &BackslashInstead::command);
  const std::string_view instead =
      known == std::end(kBackslashInstead) ? "SHOW STREAMS" : known->instead;
  return {ErrorCode::SyntaxError,
          fmt::format("millrace sql has no command {}", command),
          {},
          fmt::format("Use millrace sql -c \"{}\"{}, or psql, which has {} over the same port.",
                      instead, command == "\\copy" ? " < orders.csv" : "", command)};
}

int run_text(PgSession& session, const SqlRequest& request, const std::string& text) {
  if (const size_t begin = text.find_first_not_of(" \t\n"); begin != text.npos)
    if (const std::string_view line = std::string_view(text).substr(begin);
        line.starts_with('\\')) {
      if (line.starts_with("\\q")) return 0;
      return report(not_a_statement(line), kCommandFailed);
    }
  StatementReader statements;
  statements.add_line(text);
  int last = 0;
  for (bool is_rest = false; !is_rest;) {
    std::optional<SqlStatement> statement = statements.next();
    if (!statement) {
      is_rest = true;
      statement = statements.rest();
    }
    if (!statement) break;
    last = status_of(session.run(statement->text, request.output, read_standard_input),
                     kCommandFailed);
    if (last != 0 && (request.stops_at_error || last != kCommandFailed)) return last;
  }
  return last;
}

// Waits for a line. Returns nothing at the end of the input, and after Ctrl-C.
Result<std::optional<std::string>> next_line(LineSource& source) {
  constexpr int kWaitMs = 100;
  std::string_view line;
  while (!is_interrupted()) {
    const LineSource::Next next = TRY(source.next(line, kWaitMs));
    if (next == LineSource::Next::Line) return std::optional<std::string>(line);
    if (next == LineSource::Next::End) break;
  }
  return std::optional<std::string>();
}

// Runs the statements in a file. `name` is the name of the file for messages; it is empty for the
// standard input.
int run_lines(PgSession& session, const SqlRequest& request, int fd, const std::string& name) {
  LineSource source(fd);
  StatementReader statements;
  // The data of a COPY in a file are the lines after the statement, up to a line with only \. in
  // it.
  int64_t data_lines = 0;
  const CopyData copy_data = [&](std::string& piece) -> Result<bool> {
    const std::optional<std::string> line = TRY(next_line(source));
    if (line) ++data_lines;
    if (!line || *line == "\\.") return false;
    piece = *line + '\n';
    return true;
  };
  int failure = 0;
  const auto run = [&](const SqlStatement& statement) {
    PgSession::Output output = request.output;
    if (!name.empty())
      output.error_prefix = fmt::format("{}:{}: ", name, statement.line + data_lines);
    const int status = status_of(session.run(statement.text, output, copy_data), kScriptFailed);
    return status == kScriptFailed && !request.stops_at_error ? 0 : status;
  };
  for (;;) {
    const Result<std::optional<std::string>> line = next_line(source);
    if (!line) return report(line.error(), kCommandFailed);
    if (is_interrupted()) return kInterrupted;
    if (*line) statements.add_line(**line);
    while (const std::optional<SqlStatement> statement = statements.next())
      if ((failure = run(*statement)) != 0) return failure;
    if (*line) continue;
    const std::optional<SqlStatement> rest = statements.rest();
    return rest ? run(*rest) : 0;
  }
}

int run_file(PgSession& session, const SqlRequest& request, const std::string& path) {
  if (path == "-") return run_lines(session, request, STDIN_FILENO, "");
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return report({ErrorCode::InvalidParameter,
                   fmt::format("cannot open {}: {}", path, std::strerror(errno))},
                  kCommandFailed);
  const int status = run_lines(session, request, fd, path);
  close(fd);
  return status;
}

// Executes a line that begins with a backslash. Supports only a few of psql's commands.
enum class Backslash { None, Done, Quit };
Backslash take_backslash(std::string_view line) {
  constexpr std::string_view kText =
      "Statements end with a semicolon and may have several lines.\n"
      "  SHOW STREAMS; SHOW TABLES; SHOW QUERIES; SHOW TOPICS;   lists\n"
      "  DESCRIBE orders;                                        the columns of orders\n"
      "  SELECT * FROM orders EMIT CHANGES;                      rows as they come, until Ctrl-C\n"
      "  \\q or Ctrl-D                                            ends the program\n";
  while (!line.empty() && (line.back() == ' ' || line.back() == ';' || line.back() == '\t'))
    line.remove_suffix(1);
  if (line == "\\q" || line == "exit" || line == "quit") return Backslash::Quit;
  if (line == "\\?" || line == "\\h" || line == "help") {
    fmt::print("{}", kText);
    return Backslash::Done;
  }
  if (!line.starts_with('\\')) return Backslash::None;
  fmt::print(stderr,
             "ERROR:  millrace sql has no command {0}\nHINT:  \\? shows what it has. Write SHOW "
             "TABLES or DESCRIBE NAME, "
             "or use psql, which has {0} over the same port.\n",
             line.substr(0, line.find(' ')));
  return Backslash::Done;
}

int run_terminal(PgSession& session, const SqlRequest& request) {
  fmt::print("Connected to {}. \\? shows help, \\q ends.\n\n", session.describe());
  Terminal terminal;
  StatementReader statements;
  std::string line;
  const CopyData copy_data = [&](std::string& piece) -> Result<bool> {
    if (terminal.read(">> ", piece) != Terminal::Next::Line || piece == "\\.") return false;
    piece += '\n';
    return true;
  };
  for (;;) {
    const char* prompt = statements.is_inside()        ? "millrace-> "
                         : session.is_in_transaction() ? "millrace=*> "
                                                       : "millrace=> ";
    const Terminal::Next next = terminal.read(prompt, line);
    if (next == Terminal::Next::End) break;
    if (next == Terminal::Next::Interrupted) {
      statements.clear();
      continue;
    }
    if (!statements.is_inside()) {
      const Backslash taken = take_backslash(line);
      if (taken == Backslash::Quit) return 0;
      if (taken == Backslash::Done) continue;
    }
    statements.add_line(line);
    while (const std::optional<SqlStatement> statement = statements.next()) {
      terminal.remember(statement->text);
      watch_for_ctrl_c();
      const PgSession::Outcome outcome = session.run(statement->text, request.output, copy_data);
      if (outcome != PgSession::Outcome::ConnectionLost) continue;
      statements.clear();
      const bool is_back = session.reconnect();
      fmt::print(stderr, "The connection to the server was lost. Connecting again: {}.\n",
                 is_back ? "succeeded" : "failed");
      if (!is_back) return kNoConnection;
      break;
    }
  }
  fmt::print("\n");
  return 0;
}

int run_actions(PgSession& session, const SqlRequest& request) {
  if (request.actions.empty()) {
    if (isatty(STDIN_FILENO)) return run_terminal(session, request);
    watch_for_interrupts();
    return run_lines(session, request, STDIN_FILENO, "");
  }
  watch_for_interrupts();
  int status = 0;
  for (const SqlRequest::Action& action : request.actions) {
    status = action.is_file ? run_file(session, request, action.text)
                            : run_text(session, request, action.text);
    if (status != 0 && (request.stops_at_error || status != kCommandFailed)) break;
  }
  return status;
}

}  // namespace

int run_sql_command(int argc, const char* const* argv) {
  const std::span arguments = std::span(argv, static_cast<size_t>(argc)).subspan(1);
  const Result<Flags> flags = Flags::parse(kFlags, arguments, 2);
  // In psql -h is the short form of --host, but -h without other arguments can only ask for help.
  if ((flags && flags->has("help")) ||
      (arguments.size() == 1 && std::string_view(arguments[0]) == "-h")) {
    print_help(kHelp, kFlags);
    return 0;
  }
  if (!flags) return report(flags.error(), kWrongCommandLine);
  const Result<SqlRequest> request = to_request(*flags);
  if (!request) return report(request.error(), kWrongCommandLine);
  Result<PgSession> session = PgSession::open(request->parameters, request->password);
  if (!session) return report(session.error(), kNoConnection);
  return run_actions(*session, *request);
}

}  // namespace client
