// Handles the messages of the extended protocol: Parse, Bind, Describe, Execute, Close.
#include <algorithm>
#include <array>

#include "engine/formats/text_value.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_bytes.h"
#include "engine/types/zoned_texts.h"
#include "server/pg/binary.h"
#include "server/pg/client_encoding.h"
#include "server/pg/session.h"
#include "server/pg/session_ends.h"
#include "server/pg/session_tables.h"
#include "server/pg/setting_calls.h"
#include "server/pg/statement_kinds.h"

namespace server::pg {

using engine::ParsedStatement;
using engine::SqlType;

namespace {

// Estimates the memory of a parsed and planned statement: its text a few times, and nodes that are
// much larger than their tokens (measured: 4.4 bytes per byte of a long literal, 285 bytes per
// token of a list, at least 2 KB).
size_t statement_memory(std::string_view text) {
  constexpr size_t kLeastBytes = 2048, kTextCopies = 4, kTokenBytes = 300;
  enum Kind : uint8_t { Blank, Word, Other };
  // Uses one table look-up per byte, since the text may have megabytes and is read on a loop.
  static constexpr auto kinds = [] {
    std::array<Kind, 256> table{};
    table.fill(Other);
    table[' '] = table['\n'] = Blank;
    for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = Word;
    for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = Word;
    for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = Word;
    table['_'] = table['.'] = Word;
    return table;
  }();
  size_t tokens = 0, is_quoted = 0;
  Kind before = Blank;
  for (const char c : text) {
    const Kind kind = kinds[static_cast<unsigned char>(c)];
    is_quoted ^= static_cast<size_t>(c == '\'');
    const bool begins = kind == Other || (kind == Word && before != Word);
    tokens += static_cast<size_t>(begins) & (is_quoted ^ 1);
    before = kind;
  }
  return kLeastBytes + kTextCopies * text.size() + kTokenBytes * tokens;
}

constexpr size_t kPortalBytes = 1024;  // memory of a portal, in addition to its parameters

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

// Returns the type as a hint, which does not decide the type of the parameter. For types made by
// CREATE TYPE, too, type_of_oid() returns only a hint.
SqlType as_hint(const SqlType& type) {
  if (type.kind() == engine::TypeKind::Array) return type;
  return SqlType::named(SqlType(), type.label(), type.name(), type.fields());
}

Result<std::vector<SqlType>> types_of_oids(const sql::SessionBackend& backend,
                                           std::span<const uint32_t> oids) {
  std::vector<SqlType> types;
  for (const uint32_t number : oids) {
    if (auto type = type_of_oid(number)) {
      types.push_back(*std::move(type));
    } else if (const auto made = backend.type_of_oid(number)) {
      types.push_back(as_hint(*made));
    } else {
      return Error{ErrorCode::NotSupported,
                   "parameters of type " + std::to_string(number) + " are not supported yet"};
    }
  }
  return types;
}

// The encoding and the text forms of parameters.
struct ClientForms {
  ClientEncoding* encoding;
  engine::TextForms forms;
};

Result<engine::Value> decode_parameter(const SqlType& type, uint32_t type_oid, Format format,
                                       std::string_view bytes, const std::string& what,
                                       const ClientForms& client) {
  ClientEncoding* const encoding = client.encoding;
  const engine::TextForms& forms = client.forms;
  std::string converted;
  if (format == Format::Binary)
    bytes = converted = TRY(text_of_binary(type, type_oid, bytes, encoding));
  else if (encoding != nullptr)
    bytes = converted = TRY(encoding->from_client(bytes));
  if (!engine::is_utf8(bytes))
    return Error{ErrorCode::InvalidEncoding, "invalid byte sequence for encoding \"UTF8\""};
  // The byte 0 is refused, since most clients would treat it as the end of the text.
  if (bytes.find('\0') != std::string_view::npos)
    return Error{ErrorCode::InvalidEncoding, "invalid byte sequence for encoding \"UTF8\": 0x00"};
  // Neither a column nor a cast to char(n) stores trailing blanks, so they are removed.
  if (type.label() == engine::label::kBpchar)
    bytes = bytes.substr(0, bytes.find_last_not_of(' ') + 1);
  // A timestamptz is converted to the local time in the session's zone if the parameter is a
  // timestamp, date or time, which takes parts of the local time.
  const bool drops_zone =
      forms.zone && type_oid == oid::kTimestamptz &&
      type.label() != engine::label::kExactTimestamptz &&
      (type.label() == engine::label::kTimestamp || is_exact_time(type.label()) ||
       type.kind() == engine::TypeKind::Date || type.kind() == engine::TypeKind::Time);
  if (drops_zone) {
    std::string buffer;
    const std::string_view iso = TRY(engine::iso_text(bytes, forms.date_order, buffer));
    const int64_t us = TRY(engine::parse_instant_us_in(forms.zone.get(), iso));
    const std::string shown =
        engine::clock_text_of_instant(forms.zone.get(), engine::instant_text_in(nullptr, us));
    return engine::parse_text_value(type, shown, what);
  }
  return engine::parse_text_value(type, bytes, what, forms);
}

// The types of a statement's parameters.
struct ParameterTypes {
  std::shared_ptr<const sql::Prepared> plan;  // null: an own statement, whose parameters are texts
  std::vector<uint32_t> oids;

  static ParameterTypes of(const PreparedStatement& statement) {
    return {statement.inner ? statement.inner->plan : statement.plan, statement.parameter_oids};
  }
  SqlType type(size_t i) const { return plan ? plan->parameters[i] : engine::TypeKind::String; }
};

Result<std::vector<engine::Value>> decode_parameters(const ParameterTypes& types,
                                                     const BindMessage& message,
                                                     const ClientForms& forms) {
  std::vector<engine::Value> values;
  for (size_t i = 0; i < message.parameters.size(); ++i) {
    if (!message.parameters[i]) {
      values.emplace_back();
      continue;
    }
    values.push_back(TRY(
        decode_parameter(types.type(i), types.oids[i], format_of(message.parameter_formats, i),
                         *message.parameters[i], "parameter $" + std::to_string(i + 1), forms)));
  }
  return values;
}

}  // namespace

Result<Session::Begun> Session::handle_extended(const Frame& frame) {
  activity_text_.reset();
  switch (frame.type) {
    case ClientMessage::Parse:
      return handle_parse(frame.body);
    case ClientMessage::Bind:
      return handle_bind(frame.body);
    case ClientMessage::Describe:
      TRY(handle_describe(frame.body));
      break;
    case ClientMessage::Execute:
      return handle_execute(frame);
    case ClientMessage::Close:
      TRY(handle_close(frame.body));
      break;
    default:
      break;
  }
  return Begun::Now;
}

Result<Session::Begun> Session::handle_parse(std::string_view body) {
  ParseMessage message = TRY(decode_parse(body));
  for (std::string_view* text : {&message.statement, &message.sql}) TRY(turn_into_utf8(*text));
  // While a long text is parsed on another thread, this message is handled several times. parse() recognizes the result
  // of the other thread by the pointer parsing_->text. With a new object in parsing_ it would not find this result, and
  // would parse the text again.
  if (!parsing_ || *parsing_->sent != message.sql) {
    if (TRY(parse_as_before(message))) return Begun::Now;
    const auto sent = std::make_shared<const std::string>(message.sql);
    auto text = TRY(with_variables(sent));
    parsing_.emplace(ParsingMessage{sent, std::move(text)});
    status_->work(*sent, clock_.wall_ms());
  }
  const Result<Begun> begun = continue_parse(message);
  if (!begun || *begun == Begun::Now) parsing_.reset();
  return begun;
}

Result<Session::Begun> Session::continue_parse(const ParseMessage& message) {
  activity_text_ = parsing_->text;
  if (!message.statement.empty() && statements_.contains(message.statement))
    return Error{ErrorCode::DuplicateStatement,
                 "prepared statement " + quoted(message.statement) + " already exists"};
  statements_.erase(std::string(message.statement));

  if (!parsing_->statements) {
    // The memory that the statement will need is charged before the text is parsed.
    if (!parsing_->is_charged) {
      auto charge = charge_statement(*parsing_->text);
      if (!charge && !parses_.is_empty()) {
        parses_.clear();  // the kept statements give way to a statement that the client needs now
        charge = charge_statement(*parsing_->text);
      }
      parsing_->charge = TRY(std::move(charge));
    }
    parsing_->is_charged = true;
    parsing_->statements = TRY(parse(parsing_->text));
    if (!parsing_->statements) return Begun::Later;
  }
  const Statements& parsed = *parsing_->statements;
  if (parsed.size() > 1)
    return Error{ErrorCode::SyntaxError,
                 "cannot insert multiple commands into a prepared statement"};
  if (!parsed.empty()) TRY(check_transaction(*parsed[0]));
  const std::vector<SqlType> types = TRY(types_of_oids(*context_.backend, message.parameter_oids));
  const std::optional<PreparedStatementPtr> analysed = TRY(analyse_here_or_aside(
      parsed.empty() ? nullptr : parsed[0], parsing_->text, message.parameter_oids, types));
  if (!analysed) return Begun::Later;
  (*analysed)->tells_of_sessions = asks_statuses(*parsing_->text);
  TRY(keep_statement(std::string(message.statement), *analysed, std::move(parsing_->charge)));
  note_parse(message, *analysed);
  writer().parse_complete();
  return Begun::Now;
}

namespace {

KnownParses::Key key_of(const ParseMessage& message, const sql::SessionSettings& settings) {
  return {message.sql, message.parameter_oids, settings.version()};
}

}  // namespace

Result<bool> Session::parse_as_before(const ParseMessage& message) {
  if (!message.statement.empty() || parses_.is_empty()) return false;
  const PreparedStatementPtr known = parses_.find(key_of(message, context_.settings));
  if (!known || !context_.backend->is_current(*prepared_by_engine(known->plan))) return false;
  activity_text_ = known->text;
  status_->work(*known->text, clock_.wall_ms());
  statements_.erase(std::string());
  TRY(check_transaction(*known->parsed));
  statements_[std::string()] = known;
  writer().parse_complete();
  return true;
}

void Session::note_parse(const ParseMessage& message, const PreparedStatementPtr& statement) {
  // Statements about sessions have their rows put in by the analysis. Definitions are not repeated.
  const bool is_reusable =
      message.statement.empty() && message.sql.size() <= KnownParses::kMostTextBytes &&
      statement->plan && !statement->tells_of_sessions && !asks_prepared(*statement->text) &&
      (std::holds_alternative<engine::Query>(statement->parsed->statement) ||
       std::holds_alternative<engine::InsertValues>(statement->parsed->statement) ||
       std::holds_alternative<engine::UpdateRows>(statement->parsed->statement) ||
       std::holds_alternative<engine::DeleteRows>(statement->parsed->statement));
  if (is_reusable) parses_.note(key_of(message, context_.settings), parsing_->sent, statement);
}

Result<PreparedStatementPtr> Session::analyse(std::shared_ptr<const ParsedStatement> statement,
                                              SharedText text, std::vector<uint32_t> parameter_oids,
                                              std::span<const SqlType> parameter_types) {
  if (!statement || is_own_statement(*statement)) {
    PreparedStatementPtr inner;
    if (statement && std::holds_alternative<engine::DeclareCursor>(statement->statement) &&
        engine::parameter_count(*statement) > 0)
      inner = TRY(analyse_cursor(statement, text, parameter_oids, parameter_types));
    if (inner) parameter_oids = inner->parameter_oids;
    return finish_analysis(std::move(statement), std::move(text), std::move(parameter_oids),
                           nullptr, std::move(inner));
  }
  EndingQuery ending = numbers_to_end(*statement);
  auto plan =
      context_.backend->prepare(ending.numbers ? ending.numbers : statement, parameter_types);
  plan = with_ends(std::move(plan), std::move(ending));
  return finish_analysis(std::move(statement), std::move(text), std::move(parameter_oids),
                         std::move(plan));
}

Result<PreparedStatementPtr> Session::analyse_cursor(
    const std::shared_ptr<const ParsedStatement>& declare, const SharedText& text,
    const std::vector<uint32_t>& parameter_oids, std::span<const SqlType> parameter_types) {
  PreparedStatement own;
  own.parsed = declare;
  const std::shared_ptr<const ParsedStatement> query = inner_of(own);
  if (context_.backend->takes_long(*query))
    return Error{
        ErrorCode::NotSupported,
        "parameters in a cursor's query that is long or calls functions are not supported yet"};
  return analyse(query, text, parameter_oids, parameter_types);
}

Result<PreparedStatementPtr> Session::finish_analysis(
    std::shared_ptr<const ParsedStatement> statement, SharedText text,
    std::vector<uint32_t> parameter_oids, Result<std::shared_ptr<const sql::Prepared>> plan,
    PreparedStatementPtr inner) {
  auto analysed = std::make_shared<PreparedStatement>();
  analysed->inner = std::move(inner);
  analysed->parsed = std::move(statement);
  if (!plan || *plan) {
    if (!plan) return std::move(plan).error();
    analysed->plan = std::move(plan).take();
    parameter_oids.resize(analysed->plan->parameters.size());
    for (size_t i = 0; i < parameter_oids.size(); ++i)
      if (parameter_oids[i] == 0 || parameter_oids[i] == oid::kUnknown)
        parameter_oids[i] = wire_type(analysed->plan->parameters[i]).oid;
  } else if (!analysed->inner) {
    const bool asks = analysed->parsed && is_setting_query(analysed->parsed->statement);
    const std::vector<uint32_t> usual =
        asks ? parameters_of_settings(std::get<engine::Query>(analysed->parsed->statement))
             : std::vector<uint32_t>();
    parameter_oids.resize(usual.size());
    for (size_t i = 0; i < usual.size(); ++i)
      if (parameter_oids[i] == 0 || parameter_oids[i] == oid::kUnknown)
        parameter_oids[i] = usual[i];
  }
  analysed->text = std::move(text);
  analysed->parameter_oids = std::move(parameter_oids);
  return analysed;
}

Result<MemoryCharge> Session::charge_statement(std::string_view text) const {
  MemoryCharge charge(memory_, MemoryKind::Statements);
  if (!charge.try_resize(statement_memory(text)))
    return memory_->refusal("a statement of " + format_bytes(text.size()));
  return charge;
}

Status Session::keep_statement(std::string name, PreparedStatementPtr statement,
                               MemoryCharge charge) {
  // Charges each parameter, since `$65535` is a short text with many parameters.
  constexpr size_t kSlotBytes = sizeof(SqlType) + sizeof(uint32_t);
  const size_t slots = statement->parameter_oids.size();
  if (!charge.try_resize(charge.bytes() + slots * kSlotBytes + name.size()))
    return memory_->refusal("a statement of " + std::to_string(slots) + " parameters");
  statement->charge = std::move(charge);
  statement->kept_since_ms = clock_.wall_ms();
  statements_[std::move(name)] = std::move(statement);
  return {};
}

// The input and output of the work that decodes parameters on another thread. The work may still run when the session
// and its memory account were destroyed, so its data are not charged to that account. (A prepared statement is charged
// to it.)
struct BindWork {
  const std::string body;
  const ParameterTypes types;
  Result<std::vector<engine::Value>> parameters = std::vector<engine::Value>();
};

// The part of the work that only the session uses.
struct Session::BindErrand {
  const PreparedStatementPtr statement;
  MemoryCharge charge;
  const std::shared_ptr<BindWork> work;
};

// Decodes the parameters. Returns nothing while a worker decodes them; bind_errand_ then holds the
// charge.
Result<std::optional<std::vector<engine::Value>>> Session::decode_here_or_aside(
    const PreparedStatementPtr& statement, const BindMessage& message, std::string_view body,
    MemoryCharge& charge) {
  if (message.parameters.empty()) return std::optional(std::vector<engine::Value>());
  if (body.size() <= limits_.max_parameters_on_loop)
    return std::optional(TRY(decode_parameters(ParameterTypes::of(*statement), message,
                                               {context_.encoding.get(), context_.forms})));
  if (const std::shared_ptr<BindErrand> ended = std::exchange(bind_errand_, nullptr);
      ended && ended->statement == statement && ended->work->body == body)
    return std::optional(TRY(std::move(ended->work->parameters)));
  auto decoding =
      std::make_shared<BindWork>(BindWork{std::string(body), ParameterTypes::of(*statement)});
  bind_errand_ = std::make_shared<BindErrand>(BindErrand{statement, std::move(charge), decoding});
  // The worker gets a copy of the encoding, since the session uses its own in the meantime, for
  // example for the error of a cancel.
  auto encoding = context_.encoding ? ClientEncoding::make(context_.encoding->name()) : nullptr;
  const auto work = [decoding = std::move(decoding), encoding = std::move(encoding),
                     forms = context_.forms](const std::atomic<bool>&) {
    const auto again = decode_bind(decoding->body);
    decoding->parameters =
        again ? decode_parameters(decoding->types, *again, {encoding.get(), forms}) : again.error();
  };
  begin_activity(make_errand_activity(context_, body.size(), work, waker()), statement->text);
  return std::optional<std::vector<engine::Value>>();
}

Result<PreparedStatementPtr> Session::as_of_now(PreparedStatementPtr statement) {
  const std::string& text = *statement->text;
  if (!statement->plan || !statement->tells_of_sessions || text.size() > limits_.max_text_on_loop)
    return statement;
  const std::optional<Statements> parsed = TRY(parse(statement->text));
  if (!parsed || parsed->size() != 1) return statement;
  return analyse(parsed->front(), statement->text, statement->parameter_oids,
                 statement->plan->parameters);
}

Result<Session::Begun> Session::handle_bind(std::string_view body) {
  BindMessage message = TRY(decode_bind(body));
  for (std::string_view* text : {&message.portal, &message.statement}) TRY(turn_into_utf8(*text));
  const PreparedStatementPtr prepared = TRY(find_statement(message.statement));
  const PreparedStatementPtr statement = TRY(as_of_now(prepared));
  activity_text_ = statement->text;
  if (statement->parsed) TRY(check_transaction(*statement->parsed));
  TRY(check_columns(*statement));
  const size_t wanted = statement->parameter_oids.size();
  if (message.parameters.size() != wanted)
    return Error{ErrorCode::ProtocolViolation,
                 "bind message supplies " + std::to_string(message.parameters.size()) +
                     " parameters, but prepared statement " + quoted(message.statement) +
                     " requires " + std::to_string(wanted)};
  const size_t column_count = TRY(columns_of(*statement)).size();
  if (message.result_formats.size() > 1 && message.result_formats.size() != column_count)
    return Error{ErrorCode::ProtocolViolation,
                 "bind message has " + std::to_string(message.result_formats.size()) +
                     " result formats but query has " + std::to_string(column_count) + " columns"};
  if (!message.portal.empty() && portals_.contains(message.portal))
    return Error{ErrorCode::DuplicateCursor,
                 "cursor " + quoted(message.portal) + " already exists"};

  // The parameters are charged, since a portal may stay until the end of the transaction.
  MemoryCharge charge = bind_errand_ ? std::move(bind_errand_->charge)
                                     : MemoryCharge(memory_, MemoryKind::Statements);
  const size_t values_bytes = message.parameters.size() * sizeof(engine::Value);
  if (!charge.try_resize(kPortalBytes + 2 * body.size() + values_bytes))
    return memory_->refusal("a portal of " + format_bytes(body.size()));
  auto parameters = TRY(decode_here_or_aside(statement, message, body, charge));
  if (!parameters) return Begun::Later;
  auto portal = std::make_shared<Portal>(statement, *std::move(parameters),
                                         std::move(message.result_formats), waker());
  portal->charge = std::move(charge);
  portal->charge_rows_to(memory_);
  portal->last_savepoint = next_savepoint_;
  portals_[std::string(message.portal)] = std::move(portal);
  writer().bind_complete();
  return Begun::Now;
}

Status Session::handle_describe(std::string_view body) {
  TargetMessage message = TRY(decode_target(body));
  TRY(turn_into_utf8(message.name));
  PreparedStatementPtr statement;
  // Empty for a statement: its formats are unknown before Bind, so each column is described as text.
  std::vector<Format> formats;
  if (message.target == Target::Statement) {
    statement = TRY(find_statement(message.name));
  } else {
    const std::shared_ptr<Portal> portal = TRY(find_portal(message.name));
    statement = portal->statement();
    formats = portal->formats();
  }
  const auto columns = columns_of(*statement);
  // In a failed transaction, a client may describe only statements that return no rows, such as
  // ROLLBACK.
  if (transaction_ == TransactionStatus::Failed && (!columns || !columns->empty()))
    return in_failed_transaction();
  if (!columns) return columns.error();
  if (message.target == Target::Statement) {
    TRY(check_columns(*statement));
    writer().parameter_description(statement->parameter_oids);
  }
  if (columns->empty())
    writer().no_data();
  else
    writer().row_description(*columns, formats);
  return {};
}

Status Session::check_columns(const PreparedStatement& statement) const {
  const PreparedStatement& engines = statement.inner ? *statement.inner : statement;
  return engines.plan ? context_.backend->check_columns(*prepared_by_engine(engines.plan))
                      : Status();
}

Result<std::vector<sql::ResultColumn>> Session::columns_of(
    const PreparedStatement& statement) const {
  if (statement.plan) return statement.plan->columns;
  if (!statement.parsed) return std::vector<sql::ResultColumn>{};
  const engine::Statement& own = statement.parsed->statement;
  if (const auto* show = std::get_if<engine::ShowSetting>(&own)) return show_columns(show->name);
  if (const auto* query = std::get_if<engine::Query>(&own))
    return columns_of_settings(*query, statement.parameter_oids);
  if (explains_execute(own)) return explained_columns(std::get<engine::Explain>(own));
  if (const auto* fetch = std::get_if<engine::FetchCursor>(&own); fetch && !fetch->is_move) {
    const auto portal = TRY(find_portal(session_name(fetch->cursor)));
    if (!portal->statement()->plan) return unknown_cursor(session_name(fetch->cursor));
    return portal->statement()->plan->columns;
  }
  if (const auto* execute = std::get_if<engine::ExecutePrepared>(&own)) {
    // Returns the columns of the prepared statement that EXECUTE names. If that statement is an EXECUTE again, it has
    // no plan and cannot be executed: a chain of EXECUTEs could contain itself.
    const PreparedStatementPtr prepared = TRY(find_statement(session_name(execute->name)));
    if (!prepared->plan) return cannot_be_executed();
    return prepared->plan->columns;
  }
  return std::vector<sql::ResultColumn>{};
}

Result<Session::Begun> Session::handle_execute(const Frame& frame) {
  ExecuteMessage message = TRY(decode_execute(frame.body));
  TRY(turn_into_utf8(message.portal));
  // The portals of a failed transaction are closed already.
  if (transaction_ == TransactionStatus::Failed && !portals_.contains(message.portal))
    return in_failed_transaction();
  const std::shared_ptr<Portal> portal = TRY(find_portal(message.portal));
  const PreparedStatementPtr statement = portal->statement();
  activity_text_ = statement->text;
  status_->work(*statement->text, clock_.wall_ms());
  if (!statement->parsed) {
    writer().empty_query();
    return Begun::Now;
  }
  TRY(check_transaction(*statement->parsed));
  TRY(check_read_only(*statement->parsed));
  TRY(check_not_in_use(*statement->parsed));
  if (has_run(*portal))
    return Error{ErrorCode::ObjectState, "portal " + quoted(message.portal) + " cannot be run"};
  const bool is_part = joins_group(*statement);
  if (!is_part && group_ == Group::Open) {
    begin_group_commit();
    return Begun::Later;
  }
  if (is_part && transaction_ == TransactionStatus::Idle && changes_anything(*statement)) {
    // If one write is executed alone, it is committed alone; several writes before the next Sync
    // form one transaction. Only the next message shows which case it is, so the session waits for
    // it. The delay does no harm: a client that has sent neither Sync nor Flush does not expect an
    // answer yet.
    const std::string_view rest = input_.unread().substr(frame.size);
    if (rest.empty()) return Begun::Later;
    if (static_cast<ClientMessage>(rest.front()) != ClientMessage::Sync) begin_group();
  }
  const uint64_t max_rows = message.max_rows > 0 ? static_cast<uint64_t>(message.max_rows) : 0;
  if (!statement->plan) {
    const Begun begun = TRY(run_own(*statement, PortalRun::Start::Rows, portal, max_rows));
    if (begun == Begun::Later) return begun;
    portal->own.has_begun = true;
    // The statements before a COMMIT are no longer part of the pipeline.
    is_in_pipeline_ = !std::holds_alternative<engine::Transaction>(statement->parsed->statement);
    return begun;
  }
  is_in_pipeline_ = true;

  PortalRun run;
  run.portal = portal;
  run.encoder = make_data_row_encoder(statement->plan->columns, portal->formats(),
                                      context_.encoding, context_.forms);
  run.can_suspend = true;
  if (max_rows > 0) run.limit = max_rows;
  count_write(*statement);
  begin_activity(make_portal_activity(context_, std::move(run)), statement->text);
  return Begun::Now;
}

bool Session::has_run(const Portal& portal) {
  const PreparedStatement& statement = *portal.statement();
  if (statement.plan) return portal.has_started() && statement.plan->columns.empty();
  if (!portal.own.has_begun) return false;
  const engine::Statement& own = statement.parsed->statement;
  if (portal.own.executed) return portal.own.executed->statement()->plan->columns.empty();
  const auto* fetch = std::get_if<engine::FetchCursor>(&own);
  const bool gives_rows = (fetch && !fetch->is_move) ||
                          std::holds_alternative<engine::ShowSetting>(own) ||
                          std::holds_alternative<engine::Query>(own);
  return !gives_rows;
}

Status Session::handle_close(std::string_view body) {
  TargetMessage message = TRY(decode_target(body));
  TRY(turn_into_utf8(message.name));
  if (message.target == Target::Statement)
    statements_.erase(std::string(message.name));
  else
    portals_.erase(std::string(message.name));
  writer().close_complete();
  return {};
}

Result<PreparedStatementPtr> Session::find_statement(std::string_view name) const {
  if (const auto found = statements_.find(name); found != statements_.end()) return found->second;
  if (name.empty())
    return Error{ErrorCode::UndefinedStatement, "unnamed prepared statement does not exist"};
  return Error{ErrorCode::UndefinedStatement,
               "prepared statement " + quoted(name) + " does not exist"};
}

Result<std::shared_ptr<Portal>> Session::find_portal(std::string_view name) const {
  if (const auto found = portals_.find(name); found != portals_.end()) return found->second;
  return Error{ErrorCode::UndefinedCursor, "portal " + quoted(name) + " does not exist"};
}

void Session::close_portals(bool with_holdable) {
  std::erase_if(portals_,
                [&](const auto& entry) { return with_holdable || !entry.second->is_holdable; });
}

void Session::close_portals_since(const Savepoint& savepoint) {
  std::erase_if(portals_, [&](const auto& entry) {
    return entry.second->last_savepoint >= savepoint.number;
  });
}

}  // namespace server::pg
