// Parses and analyses statements of clients: short statements on the loop, others on another thread
// while the loop continues.
#include "engine/sql/parse.h"
#include "server/auth/access.h"
#include "server/pg/session.h"
#include "server/pg/session_ends.h"
#include "server/pg/session_functions.h"
#include "server/pg/statement_kinds.h"

namespace server::pg {

using engine::ParsedStatement;

struct Session::ParseErrand {
  const SharedText text;
  const sql::SessionSettings settings;
  const std::string database;
  const int32_t process_id;
  const std::vector<PreparedFact> prepared;
  const std::vector<SessionStatus> statuses;
  Result<Statements> statements = Statements();
};

struct Session::AnalyseErrand {
  const std::shared_ptr<const ParsedStatement> statement;
  EndingQuery ending;
  sql::SessionBackend::Preparation prepare;
  Result<std::shared_ptr<const sql::Prepared>> prepared = nullptr;
};

namespace {

Result<std::vector<std::shared_ptr<const ParsedStatement>>> parse_text(
    const std::string& text, const SessionFacts& facts,
    const std::atomic<bool>* is_cancelled = nullptr) {
  std::vector<std::shared_ptr<const ParsedStatement>> statements;
  for (ParsedStatement& statement : TRY(parse_statements(text, is_cancelled))) {
    answer_session_functions(statement, facts);
    statements.push_back(std::make_shared<const ParsedStatement>(std::move(statement)));
  }
  return statements;
}

}  // namespace

Result<SharedText> Session::with_variables(SharedText text) const {
  const auto& variables = context_.settings.variables();
  // parse_statements() will refuse a text of this length
  const bool is_too_long = text->size() > kMaxStatementBytes;
  if (variables.empty() || is_too_long) return text;
  const auto enabled = context_.settings.get("ksql.variable.substitution.enable");
  if (enabled && *enabled == "false") return text;
  return std::make_shared<const std::string>(
      TRY(engine::substitute_variables(*text, variables, kMaxStatementBytes)));
}

Result<std::vector<PreparedFact>> Session::prepared_facts(std::string_view text) const {
  std::vector<PreparedFact> facts;
  if (!asks_prepared(text)) return facts;
  constexpr size_t kMostBytes = 1024 * 1024;
  size_t bytes = 0;
  for (const auto& [name, statement] : statements_) {
    if (name.empty()) continue;  // as in PostgreSQL, the unnamed statement is not listed
    PreparedFact fact{
        name, *statement->text, statement->kept_since_ms, {}, statement->is_of_prepare};
    for (const uint32_t number : statement->parameter_oids)
      fact.parameter_types.push_back(name_of_oid(number));
    bytes += fact.name.size() + fact.statement.size() + 32 * fact.parameter_types.size() + 256;
    if (bytes > kMostBytes)
      return Error{ErrorCode::LimitExceeded,
                   "the prepared statements are too long to be shown: more than 1 MB"};
    facts.push_back(std::move(fact));
  }
  return facts;
}

// Conceals the activity of other users, unless this user has all rights.
std::vector<SessionStatus> Session::statuses(std::string_view text) const {
  if (!asks_statuses(text)) return {};
  std::vector<SessionStatus> all = peers_.statuses();
  const std::string user = context_.settings.get("session_authorization").value_or("");
  if (has_rights_of_user() && !security_.access->has_all_rights(user))
    for (SessionStatus& each : all) each.is_concealed = each.user != user;
  return all;
}

Result<std::shared_ptr<const sql::Prepared>> Session::with_ends(
    Result<std::shared_ptr<const sql::Prepared>> plan, EndingQuery ending) {
  if (!plan || !ending.numbers) return plan;
  return std::shared_ptr<const sql::Prepared>(std::make_shared<const PreparedEnds>(
      *std::move(plan), std::move(ending.columns),
      [this](int32_t process_id, SessionEnd what) { return end_session(process_id, what); }));
}

Result<bool> Session::end_session(int32_t process_id, SessionEnd what) {
  const std::vector<SessionStatus> all = peers_.statuses();
  const auto other = std::ranges::find(all, process_id, &SessionStatus::process_id);
  if (other == all.end()) return false;
  const std::string user = context_.settings.get("session_authorization").value_or("");
  if (has_rights_of_user() && other->user != user && !security_.access->has_all_rights(user))
    return Error{
        ErrorCode::InsufficientPrivilege,
        what == SessionEnd::Statement
            ? "must be a member of the role whose query is being canceled or a superuser"
            : "must be a member of the role whose process is being terminated or a superuser"};
  // If the session ends itself, the statement that contains the call fails.
  if (process_id == key_.process_id) {
    if (what == SessionEnd::Statement)
      return Error{ErrorCode::QueryCanceled, "canceling statement due to user request"};
    terminate();
    return Error{ErrorCode::ShuttingDown, "terminating connection due to administrator command"};
  }
  peers_.end_session(process_id, what);
  return true;
}

Result<std::optional<Session::Statements>> Session::parse(SharedText text) {
  if (text->size() <= limits_.max_text_on_loop) {
    SessionFacts facts{context_.settings, database_, key_.process_id};
    facts.prepared = TRY(prepared_facts(*text));
    facts.statuses = statuses(*text);
    return std::optional(TRY(parse_text(*text, facts)));
  }
  if (const std::shared_ptr<ParseErrand> ended = std::exchange(parse_errand_, nullptr);
      ended && ended->text == text)
    return std::optional(TRY(std::move(ended->statements)));
  std::vector<PreparedFact> prepared = TRY(prepared_facts(*text));
  parse_errand_ = std::make_shared<ParseErrand>(ParseErrand{
      text, context_.settings, database_, key_.process_id, std::move(prepared), statuses(*text)});
  const auto work = [errand = parse_errand_](const std::atomic<bool>& is_cancelled) {
    errand->statements = parse_text(*errand->text,
                                    {errand->settings, errand->database, errand->process_id,
                                     errand->prepared, errand->statuses},
                                    &is_cancelled);
  };
  begin_activity(make_errand_activity(context_, text->size(), work, waker()), text);
  return std::optional<Statements>();
}

Result<std::optional<PreparedStatementPtr>> Session::analyse_here_or_aside(
    const std::shared_ptr<const ParsedStatement>& statement, SharedText text,
    const std::vector<uint32_t>& parameter_oids, std::span<const engine::SqlType> parameter_types) {
  if (statement && std::holds_alternative<engine::DeclareCursor>(statement->statement) &&
      engine::parameter_count(*statement) > 0) {
    // Analyses the query of the cursor. If this happens on a worker, later calls find the same
    // inner statement.
    if (!inner_ || inner_->outer != statement) {
      PreparedStatement own;
      own.parsed = statement;
      inner_.emplace(InnerStatement{statement, inner_of(own)});
    }
    const auto query =
        TRY(analyse_here_or_aside(inner_->statement, text, parameter_oids, parameter_types));
    if (!query) return std::optional<PreparedStatementPtr>();
    inner_.reset();
    const PreparedStatementPtr inner = *query;
    return std::optional(
        TRY(finish_analysis(statement, std::move(text), inner->parameter_oids, nullptr, inner)));
  }
  const bool is_long =
      statement && !is_own_statement(*statement) && context_.backend->takes_long(*statement);
  if (!is_long)
    return std::optional(TRY(analyse(statement, std::move(text), parameter_oids, parameter_types)));
  if (const std::shared_ptr<AnalyseErrand> ended = std::exchange(analyse_errand_, nullptr);
      ended && ended->statement == statement)
    return std::optional(
        TRY(finish_analysis(statement, std::move(text), parameter_oids,
                            with_ends(std::move(ended->prepared), std::move(ended->ending)))));
  EndingQuery ending = numbers_to_end(*statement);
  auto prepare =
      context_.backend->preparation(ending.numbers ? ending.numbers : statement, parameter_types);
  analyse_errand_ = std::make_shared<AnalyseErrand>(
      AnalyseErrand{statement, std::move(ending), std::move(prepare)});
  const auto work = [errand = analyse_errand_](const std::atomic<bool>& is_cancelled) {
    errand->prepared = errand->prepare(is_cancelled);
  };
  begin_activity(make_errand_activity(context_, statement->text.size(), work, waker()),
                 std::move(text));
  return std::optional<PreparedStatementPtr>();
}

Status Session::analyse_inner(const PreparedStatement& own) {
  if (own.inner) return {};  // analysed by Parse, with the types that the client declared
  if (inner_ && inner_->outer != own.parsed) inner_.reset();
  if (!inner_) {
    std::shared_ptr<const ParsedStatement> inner = inner_of(own);
    if (!inner || is_own_statement(*inner) || !context_.backend->takes_long(*inner)) return {};
    inner_.emplace(InnerStatement{own.parsed, std::move(inner)});
  }
  std::vector<engine::SqlType> types;
  if (const auto* prepare = std::get_if<engine::Prepare>(&own.parsed->statement))
    for (const engine::TypeName& type : prepare->parameter_types)
      types.push_back(TRY(engine::resolve_type(type)));
  const auto analysed = TRY(analyse_here_or_aside(inner_->statement, own.text, {}, types));
  if (analysed) inner_->analysed = *analysed;
  return {};
}

}  // namespace server::pg
