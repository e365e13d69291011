// Runs the statements that a session answers itself: transactions, settings, cursors, COPY,
// prepared statements.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/formats/text_value.h"
#include "engine/sql/public_schema.h"
#include "engine/types/ascii.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/copy_input.h"
#include "server/pg/notifications.h"
#include "server/pg/portal_uses.h"
#include "server/pg/read_only.h"
#include "server/pg/session.h"
#include "server/pg/setting_calls.h"
#include "server/pg/statement_kinds.h"
#include "server/pg/table_listener.h"
#include "server/pg/unknown_setting.h"

namespace server::pg {

using engine::Column;
using engine::ColumnPtr;

namespace {

constexpr size_t kSavepointBytes = 100;  // memory of a savepoint, in addition to its name
constexpr std::string_view kTransactionReadOnly = "transaction_read_only",
                           kReadOnlyByDefault = "default_transaction_read_only",
                           kIsolation = "transaction_isolation",
                           kIsolationByDefault = "default_transaction_isolation",
                           kDeferrable = "transaction_deferrable",
                           kDeferrableByDefault = "default_transaction_deferrable";

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

// Returns the text of a constant argument of EXECUTE; nothing for NULL.
Result<std::optional<std::string>> constant_text(const engine::Expression& expression) {
  using Text = std::optional<std::string>;
  if (expression.is<engine::NullLiteral>()) return Text();
  if (const auto* literal = expression.as<engine::BooleanLiteral>())
    return Text(literal->value ? "t" : "f");
  if (const auto* literal = expression.as<engine::IntegerLiteral>())
    return Text(std::to_string(literal->value));
  if (const auto* literal = expression.as<engine::BigintLiteral>())
    return Text(std::to_string(literal->value));
  if (const auto* literal = expression.as<engine::DoubleLiteral>()) return Text(literal->text);
  if (const auto* literal = expression.as<engine::DecimalLiteral>()) return Text(literal->text);
  if (const auto* literal = expression.as<engine::StringLiteral>()) return Text(literal->value);
  // A cast of the argument has no effect: the declared type of the parameter decides.
  if (const auto* cast = expression.as<engine::Cast>()) return constant_text(*cast->operand);
  return Error{ErrorCode::NotSupported,
               "EXECUTE with other arguments than constants is not supported yet"}
      .at(expression.position);
}

// Returns the reason why a statement that PostgreSQL programs send has no effect.
std::string nothing_to_do(const std::string& tag) {
  if (tag == "CREATE INDEX" || tag == "DROP INDEX")
    return fmt::format("no index was {}: rows are found by their PRIMARY KEY, or by a scan",
                       tag == "DROP INDEX" ? "dropped" : "made");
  if (tag == "CREATE EXTENSION")
    return "extensions are not needed: gen_random_uuid() and uuid_generate_v4() are built in";
  return tag + " has no effect here";
}

// Returns the query for COPY source TO, which sends the rows of SELECT columns FROM source.
engine::Query query_of_source(const engine::Copy& copy) {
  engine::Query query;
  query.position = copy.source_position;
  query.from.emplace();
  query.from->name = copy.source;
  // The schema of a catalog, or public. Any other schema is a part of the name.
  for (const std::string_view schema :
       {engine::kPublicPrefix, std::string_view("PG_CATALOG."),
        std::string_view("INFORMATION_SCHEMA."), std::string_view("MILLRACE_CATALOG.")}) {
    if (!copy.source.text.starts_with(schema)) continue;
    query.from->schema = engine::Name{std::string(schema.substr(0, schema.size() - 1))};
    query.from->name.text = copy.source.text.substr(schema.size());
  }
  query.from->position = copy.source_position;
  const auto add_item = [&](engine::SelectItemKind kind, engine::ExpressionPtr expression) {
    query.items.push_back({kind, std::move(expression), {}, {}, copy.source_position});
  };
  for (const engine::Name& column : copy.columns) {
    engine::ColumnRef reference;
    reference.name = column;
    add_item(engine::SelectItemKind::Expression,
             engine::make_expression(std::move(reference), copy.source_position));
  }
  if (query.items.empty()) add_item(engine::SelectItemKind::AllColumns, nullptr);
  return query;
}

}  // namespace

// Has a call operator for each kind of statement. Work that takes time becomes an activity.
struct Session::OwnStatement {
  Session& session;
  const PreparedStatement& statement;
  const PortalRun::Start start;         // whether a row description is sent before the rows
  const std::shared_ptr<Portal> bound;  // the portal of an Execute; null in the simple protocol
  const uint64_t max_rows;              // limit of the Execute; 0: all
  const std::vector<Format> formats = bound ? bound->formats() : std::vector<Format>();
  // The parameters of the query of a cursor, or of a SELECT that calls set_config() and similar
  // functions.
  const std::span<const engine::Value> parameters =
      bound ? std::span<const engine::Value>(bound->parameters())
            : std::span<const engine::Value>();

  SessionContext& context() { return session.context_; }
  sql::SessionSettings& settings() { return session.context_.settings; }
  MessageWriter writer() { return session.writer(); }
  Status done(std::string_view tag) {
    writer().command_complete(tag);
    return {};
  }
  void warn(ErrorCode code, std::string_view message) {
    if (is_wanted(settings(), sql::NoticeLevel::Warning)) writer().warning(code, message);
  }
  bool is_in_transaction() const { return session.transaction_ != TransactionStatus::Idle; }
  // Whether the statement runs in a transaction block. Several statements of one Query count as a
  // block, since they are one transaction.
  bool is_in_block() const {
    return is_in_transaction() || (session.script_ && session.script_->statements.size() > 1);
  }
  bool goes_on() const { return bound && bound->own.has_begun; }

  // ---- Transactions ----

  Status operator()(const engine::Transaction& transaction) {
    using enum engine::TransactionAction;
    switch (transaction.action) {
      case Begin:
        return begin(transaction);
      case Commit:
        return commit(transaction);
      case Rollback:
        if (is_in_transaction()) return roll_back();
        if (session.drop_group())
          session.begin_activity(make_rollback_activity(context(), "ROLLBACK", session.waker()),
                                 statement.text);
        warn(ErrorCode::NoTransaction, "there is no transaction in progress");
        return session.activity_ ? Status() : done("ROLLBACK");
      default:
        return savepoint(transaction);
    }
  }

  Status begin(const engine::Transaction& transaction) {
    const TransactionModes modes = TRY(read_transaction_modes(transaction.modes));
    if (is_in_transaction()) {
      warn(ErrorCode::ActiveTransaction, "there is already a transaction in progress");
    } else {
      const bool is_read_only = session.is_read_only();
      session.group_ = Group::None;  // earlier statements of the message join the transaction
      context().backend->begin(sql::SessionBackend::Begun::ByClient);
      settings().begin_transaction();
      session.settings_before_.reset();
      session.transaction_ = TransactionStatus::InTransaction;
      if (session.notifications_) session.notifications_->begin();
      session.has_asked_ = false;
      if (is_read_only) TRY(settings().set_local(kTransactionReadOnly, "on"));
      TRY(settings().set_local(kIsolation, settings().get(kIsolationByDefault).value_or("")));
      if (settings().get(kDeferrableByDefault) == "on")
        TRY(settings().set_local(kDeferrable, "on"));
    }
    TRY(apply(modes));
    return done(transaction.tag.empty() ? "BEGIN" : transaction.tag);
  }

  // Applies the modes to the transaction that has begun.
  Status apply(const TransactionModes& modes) {
    warn_of_isolation(modes);
    if (!modes.isolation.empty()) {
      if (session.has_asked_) return must_come_first("SET TRANSACTION ISOLATION LEVEL", "called");
      const std::string level = TRY(level_in_effect(modes.isolation));
      TRY(settings().set_local(kIsolation, level));
    }
    if (modes.is_deferrable)
      TRY(settings().set_local(kDeferrable, *modes.is_deferrable ? "on" : "off"));
    if (!modes.is_read_only) return {};
    if (!*modes.is_read_only) TRY(check_may_write());
    return settings().set_local(kTransactionReadOnly, *modes.is_read_only ? "on" : "off");
  }
  static Error must_come_first(std::string_view what, std::string_view how) {
    return Error{ErrorCode::ActiveTransaction,
                 std::string(what) + " must be " + std::string(how) + " before any query"};
  }
  // Fails if the transaction has already run a query while it was read-only: such a transaction has
  // to stay read-only.
  Status check_may_write() const {
    if (session.transaction_ != TransactionStatus::Idle && session.is_read_only() &&
        session.has_asked_)
      return must_come_first("transaction read-write mode", "set");
    return {};
  }
  void warn_of_isolation(const TransactionModes& modes) {
    if (modes.isolation != "REPEATABLE READ" && modes.isolation != "SERIALIZABLE") return;
    warn(ErrorCode::NotSupported, "isolation level " + modes.isolation +
                                      " is not supported yet: each statement sees what was "
                                      "committed before it, as with READ COMMITTED");
  }

  Status commit(const engine::Transaction& transaction) {
    const std::string tag = transaction.tag.empty() ? "COMMIT" : transaction.tag;
    if (!is_in_transaction()) {
      warn(ErrorCode::NoTransaction, "there is no transaction in progress");
      return done(tag);
    }
    if (session.transaction_ == TransactionStatus::Failed) return roll_back();
    session.commits_transaction_ = true;
    session.begin_activity(make_commit_activity(context(), tag, session.waker()), statement.text);
    return {};
  }

  Status roll_back() {
    session.end_transaction(false);
    session.begin_activity(make_rollback_activity(context(), "ROLLBACK", session.waker()),
                           statement.text);
    return {};
  }

  // Executes SAVEPOINT, RELEASE and ROLLBACK TO. ROLLBACK TO drops the written rows, the cursors
  // and the SET values since the savepoint; definitions and notifications cannot be undone this
  // way.
  Status savepoint(const engine::Transaction& transaction) {
    using enum engine::TransactionAction;
    if (!is_in_transaction())
      return Error{ErrorCode::NoTransaction,
                   transaction.tag + " can only be used in transaction blocks"};
    const std::string name = session_name(transaction.savepoint);
    if (transaction.action == Savepoint) {
      MemoryCharge charge(session.memory_, MemoryKind::Statements);
      if (!charge.try_resize(kSavepointBytes + name.size() + settings().size_bytes()))
        return session.memory_->refusal("another savepoint, beside " +
                                        std::to_string(session.savepoints_.size()));
      session.savepoints_.push_back(
          {name, ++session.next_savepoint_, session.writes_in_transaction_, session.lasting_writes_,
           context().backend->savepoint(), std::move(charge), settings().savepoint()});
      return done("SAVEPOINT");
    }
    const auto last = std::ranges::find(session.savepoints_.rbegin(), session.savepoints_.rend(),
                                        name, &Session::Savepoint::name);
    if (last == session.savepoints_.rend())
      return Error{ErrorCode::UndefinedSavepoint, "savepoint " + quoted(name) + " does not exist"};
    if (transaction.action == Release) {
      session.savepoints_.erase(std::prev(last.base()), session.savepoints_.end());
      return done("RELEASE");
    }
    const Session::Savepoint& savepoint = *last;
    if (savepoint.held ? savepoint.lasting_writes != session.lasting_writes_
                       : savepoint.writes != session.writes_in_transaction_)
      return Error{
          ErrorCode::NotSupported,
          "ROLLBACK TO a savepoint after something was defined or notified is not supported "
          "yet",
          "", "Use ROLLBACK to drop the whole transaction."};
    if (savepoint.held) TRY(context().backend->rollback_to(*savepoint.held));
    session.writes_in_transaction_ = savepoint.writes;
    settings().rollback_to(savepoint.settings);
    release_settings();
    session.close_portals_since(savepoint);
    // Later savepoints are dropped.
    session.savepoints_.erase(last.base(), session.savepoints_.end());
    session.transaction_ = TransactionStatus::InTransaction;
    return done("ROLLBACK");
  }

  // ---- Settings ----

  // Charges the memory of all settings, including this setting. Fails at the limit of a session.
  Status charge_settings(std::string_view name, std::string_view value) {
    const size_t all = settings().size_bytes() + sql::SessionSettings::size_bytes(name, value);
    const size_t wanted = std::min(all, sql::SessionSettings::kMaxBytes);
    if (session.settings_charge_.try_resize(wanted)) return {};
    return session.memory_->refusal("settings and variables of " + format_bytes(wanted));
  }
  void release_settings() { session.settings_charge_.resize(settings().size_bytes()); }

  // Refuses SET ROLE to another role, since a session has the rights of the role that has logged
  // in.
  Status check_role(const std::string& role) const {
    const std::string own = session.context_.settings.get("session_authorization").value_or("");
    if (role == "none" || role == own) return {};
    return Error{ErrorCode::NotSupported, fmt::format("SET ROLE \"{}\" is not supported yet", role),
                 "A session has the rights of the role that logged in.",
                 "Connect as that role. SET ROLE NONE, and SET ROLE to your own, are accepted."};
  }

  // Returns the level in effect, as SHOW does. Higher levels are accepted with a warning, and act
  // as READ COMMITTED.
  Result<std::string> level_in_effect(std::string_view written) {
    const std::string level = lower_case(std::string(written));
    if (level == "read committed" || level == "read uncommitted") return level;
    if (level != "repeatable read" && level != "serializable")
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("invalid value for parameter \"{}\": \"{}\"", kIsolation, written),
                   {},
                   "Available values: serializable, repeatable read, read committed, read "
                   "uncommitted."};
    return std::string("read committed");
  }

  Status set(std::string_view name, const std::string& given, bool is_local) {
    const std::string key = sql::SessionSettings::spelling(name);
    std::string value = given;
    if (key == "role") TRY(check_role(value));
    if (key == kIsolation || key == kIsolationByDefault) {
      warn_of_isolation({.isolation = engine::upper_case(given)});
      value = TRY(level_in_effect(given));
    }
    // These settings always apply to the transaction only, also if SET is written without LOCAL.
    is_local |= key == kTransactionReadOnly || key == kIsolation || key == kDeferrable;
    if (key == kTransactionReadOnly &&
        (value == "off" || value == "false" || value == "no" || value == "0"))
      TRY(check_may_write());
    if (key == kIsolation && is_in_transaction() && session.has_asked_ &&
        settings().get(key) != value)
      return must_come_first("SET TRANSACTION ISOLATION LEVEL", "called");
    if (key.find('.') != std::string::npos || key == "search_path")
      TRY(context().backend->check_setting(key, value));
    TRY(charge_settings(key, value));
    return is_local ? settings().set_local(key, value) : settings().set(key, value);
  }
  Status operator()(const engine::SetSetting& setting) {
    if (setting.name == "session_authorization" && session.has_rights_of_user())
      return Error{ErrorCode::InsufficientPrivilege,
                   "SET SESSION AUTHORIZATION is not supported yet: connect as the other user"};
    if (setting.value)
      TRY(set(setting.name, *setting.value, setting.is_local));
    else
      TRY(settings().reset(setting.name));
    return done("SET");
  }
  Status operator()(const engine::SetProperty& property) {
    const std::string key = sql::SessionSettings::spelling(property.name);
    TRY(context().backend->check_property(key, property.value));
    TRY(charge_settings(key, property.value));
    TRY(settings().set(key, property.value));
    return done("SET");
  }
  Status operator()(const engine::UnsetProperty& property) {
    const Status known = settings().reset(property.name);
    // If check_property() fails, too, its error is returned, because it is more exact.
    if (!known) TRY(context().backend->check_property(property.name, ""));
    TRY(known);
    release_settings();
    return done("UNSET");
  }
  Status operator()(const engine::SetTransaction& set) {
    const TransactionModes modes = TRY(read_transaction_modes(set.modes));
    if (set.for_session) {
      warn_of_isolation(modes);
      if (!modes.isolation.empty()) {
        const std::string level = TRY(level_in_effect(modes.isolation));
        TRY(settings().set(kIsolationByDefault, level));
      }
      if (modes.is_read_only)
        TRY(settings().set(kReadOnlyByDefault, *modes.is_read_only ? "on" : "off"));
      if (modes.is_deferrable)
        TRY(settings().set(kDeferrableByDefault, *modes.is_deferrable ? "on" : "off"));
    } else if (is_in_transaction()) {
      TRY(apply(modes));
    } else {
      warn(ErrorCode::NoTransaction, "SET TRANSACTION can only be used in transaction blocks");
    }
    return done("SET");
  }
  Status operator()(const engine::ResetSetting& setting) {
    if (setting.name == "all")
      settings().reset_all();
    else
      TRY(settings().reset(setting.name));
    release_settings();
    return done("RESET");
  }
  Status operator()(const engine::ShowSetting& show) {
    std::vector<std::vector<std::optional<std::string>>> rows;
    if (show.name == "all") {
      for (const auto& [name, value, description] : settings().all())
        rows.push_back({name, value, description});
    } else {
      const auto value = setting_in_force(show.name);
      if (!value) return unknown_to_show(show.name);
      rows.push_back({*value});
    }
    return send_rows(show_columns(show.name), rows, "SHOW");
  }

  // Returns the setting whose value SHOW returns. Outside of a transaction, a mode is the mode of
  // the next transaction.
  std::string_view of_next(std::string_view name) const {
    if (is_in_transaction()) return name;
    return name == kTransactionReadOnly ? kReadOnlyByDefault
           : name == kIsolation         ? kIsolationByDefault
           : name == kDeferrable        ? kDeferrableByDefault
                                        : name;
  }

  // ---- SELECT set_config(...), current_setting(...), pg_notify(...), pg_cancel_backend(...) ----

  std::optional<std::string> setting_in_force(const std::string& name) {
    return settings().get(of_next(engine::lower_case(name)));
  }
  Status operator()(const engine::Query& query) {
    // An earlier Execute of this portal has already made the settings.
    if (goes_on()) return done("SELECT 0");
    // The actions outlive this call if the statement has to wait for a lock.
    SettingActions actions;
    actions.get = [own = *this](const std::string& name) mutable {
      return own.setting_in_force(name);
    };
    actions.set = [own = *this](const std::string& name, const std::optional<std::string>& value,
                                bool is_local) mutable -> Status {
      if (name == "session_authorization" && own.session.has_rights_of_user())
        return Error{ErrorCode::InsufficientPrivilege,
                     "SET SESSION AUTHORIZATION is not supported yet: connect as the other user"};
      if (value) return own.set(name, *value, is_local);
      return own.settings().reset(name);
    };
    actions.notify = [own = *this](const std::string& channel, const std::string& payload) mutable {
      return own.notify_all(channel, payload);
    };
    actions.end = [own = *this](int32_t process_id, SessionEnd what) mutable -> Result<bool> {
      const bool is_there = TRY(own.session.end_session(process_id, what));
      if (!is_there)
        own.warn(ErrorCode::UndefinedObject,
                 fmt::format("PID {} is not a PostgreSQL server process", process_id));
      return is_there;
    };
    actions.lock = [own = *this](const AdvisoryCall& call, std::string key) mutable {
      return own.lock(call, {std::move(key), call.is_shared, call.is_of_transaction});
    };
    const auto run = std::make_shared<SettingRun>(query, parameters, std::move(actions));
    auto step = [own = *this, columns = columns_of_settings(query), run]() mutable -> Result<bool> {
      const std::optional<SettingRun::Row> row = TRY(run->advance());
      if (!row) return false;
      own.session.follow_settings();  // ParameterStatus for settings changed by set_config()
      TRY(own.send_rows(columns, {*row}, "SELECT 1"));
      return true;
    };
    if (TRY(step())) return {};
    session.begin_activity(make_lock_activity(context(), session.advisory_locks(), step),
                           statement.text);
    return {};
  }

  // Returns the value of the call; nothing while it waits for its lock.
  Result<std::optional<SettingActions::Text>> lock(const AdvisoryCall& call, AdvisoryLock lock) {
    using Text = SettingActions::Text;
    SessionAdvisoryLocks& locks = session.advisory_locks();
    const auto answer = [](const char* text) { return std::optional<Text>(std::in_place, text); };
    using Wait = SessionAdvisoryLocks::Wait;
    const auto ask = [&](Wait wait) {
      return locks.is_waiting() ? locks.take_answer() : locks.ask(lock, wait);
    };
    switch (call.does) {
      case AdvisoryCall::Does::Lock:
        return TRY(ask(Wait::Blocks)) ? answer("") : std::optional<Text>();
      case AdvisoryCall::Does::TryLock: {
        const std::optional<bool> has_it = TRY(ask(Wait::None));
        return has_it ? answer(*has_it ? "t" : "f") : std::optional<Text>();
      }
      case AdvisoryCall::Does::UnlockAll:
        locks.unlock_all();
        return answer("");
      case AdvisoryCall::Does::Unlock:
        break;
    }
    const bool had_it = locks.unlock(lock);
    if (!had_it)
      warn(ErrorCode::ObjectState, fmt::format("you don't own a lock of type {}",
                                               lock.is_shared ? "ShareLock" : "ExclusiveLock"));
    return answer(had_it ? "t" : "f");
  }

  // Sends the rows that earlier Execute messages have not sent, at most as many as this Execute
  // asks for.
  Status send_rows(const std::vector<sql::ResultColumn>& columns,
                   const std::vector<std::vector<std::optional<std::string>>>& rows,
                   std::string_view tag) {
    const size_t first_row = bound ? std::min<size_t>(bound->own.rows_sent, rows.size()) : 0;
    const size_t left = rows.size() - first_row;
    const size_t count = max_rows > 0 ? std::min<size_t>(max_rows, left) : left;
    if (start == PortalRun::Start::DescribedRows) writer().row_description(columns, formats);
    std::vector<ColumnPtr> data;
    for (size_t i = 0; i < columns.size(); ++i) {
      auto column = std::make_shared<Column>(columns[i].type);
      for (const auto& row : rows) {
        if (!row[i])
          column->append_null();
        else if (columns[i].type.kind() == engine::TypeKind::Boolean)
          column->append(static_cast<uint8_t>(*row[i] == "t"));
        else
          column->append_copy(*row[i]);
      }
      data.push_back(std::move(column));
    }
    TRY(session.make_row_encoder(columns, formats)
            ->append_rows(context().output, data, first_row, first_row + count, kMaxRowBytes));
    if (bound) bound->own.rows_sent += count;
    if (max_rows == 0 || count < max_rows) return done(tag);
    writer().portal_suspended();
    return {};
  }

  Status operator()(const engine::Discard& discard) {
    session.look_ups_.clear();
    if (discard.target == engine::DiscardTarget::Temporary) context().backend->discard_temporary();
    if (discard.target == engine::DiscardTarget::Sequences) context().backend->forget_sequences();
    if (discard.target != engine::DiscardTarget::All)
      return done(discard.target == engine::DiscardTarget::Plans       ? "DISCARD PLANS"
                  : discard.target == engine::DiscardTarget::Sequences ? "DISCARD SEQUENCES"
                                                                       : "DISCARD TEMP");
    if (is_in_block())
      return Error{ErrorCode::ActiveTransaction,
                   "DISCARD ALL cannot run inside a transaction block"};
    if (session.is_in_pipeline_)
      return Error{ErrorCode::ActiveTransaction,
                   "DISCARD ALL cannot be executed within a pipeline"};
    session.close_portals(true);
    session.discard_prepared();
    if (session.notifications_) session.notifications_->unlisten_all();
    if (session.advisory_locks_) session.advisory_locks_->unlock_all();
    context().backend->discard_temporary();
    context().backend->forget_sequences();
    settings().undefine_all();
    settings().reset_all();
    release_settings();
    return done("DISCARD ALL");
  }

  Status operator()(const engine::DefineVariable& variable) {
    TRY(charge_settings(variable.name.text, variable.value));
    TRY(settings().define(variable.name.text, variable.value));
    return done("DEFINE");
  }
  Status operator()(const engine::UndefineVariable& variable) {
    settings().undefine(variable.name.text);
    release_settings();
    return done("UNDEFINE");
  }

  // ---- Cursors ----

  Status operator()(const engine::DeclareCursor& cursor) {
    const std::string name = session_name(cursor.name);
    if (!is_in_block() && !cursor.with_hold)
      return Error{ErrorCode::NoTransaction,
                   "DECLARE CURSOR can only be used in transaction blocks", "",
                   "Begin a transaction, or declare the cursor WITH HOLD."};
    if (session.portals_.contains(name))
      return Error{ErrorCode::DuplicateCursor, "cursor " + quoted(name) + " already exists"};
    if (statement.inner && parameters.size() != statement.inner->parameter_oids.size())
      return Error{ErrorCode::UndefinedObject, "there is no parameter $1"};
    const PreparedStatementPtr query =
        statement.inner ? statement.inner : TRY(analyse_query(engine::clone(cursor.query)));
    auto portal = std::make_shared<Portal>(
        query, std::vector<engine::Value>(parameters.begin(), parameters.end()),
        std::vector<Format>{cursor.is_binary ? Format::Binary : Format::Text}, session.waker());
    if (cursor.with_hold && !statement.parsed->row_locks.tables.empty())
      return Error{ErrorCode::NotSupported,
                   "DECLARE CURSOR WITH HOLD ... FOR UPDATE/SHARE is not supported", "",
                   "Holdable cursors must be READ ONLY."};
    if (cursor.is_scroll && query->plan->kind != sql::ResultKind::Rows)
      return Error{ErrorCode::NotSupported, "SCROLL over a query that never ends is not supported",
                   "", "DECLARE the cursor with NO SCROLL."};
    if (cursor.is_scroll) portal->make_scrollable();
    session.use_form(*portal);
    portal->is_holdable = cursor.with_hold;
    portal->is_uncommitted = session.transaction_ != TransactionStatus::Idle;
    portal->charge_rows_to(session.memory_);
    // The portal starts now, though no row is sent, so that changes between DECLARE and the first
    // FETCH are not missed.
    TRY(portal->start(*context().backend));
    session.has_asked_ = true;
    portal->last_savepoint = session.next_savepoint_;
    session.portals_[name] = std::move(portal);
    return done("DECLARE CURSOR");
  }

  Result<PreparedStatementPtr> analyse_query(engine::Query query) {
    if (session.inner_) return without_parameters(session.inner_->analysed);
    auto parsed = std::make_shared<engine::ParsedStatement>();
    parsed->text = statement.parsed->text;
    parsed->start = query.position;
    parsed->statement = std::move(query);
    parsed->row_locks = statement.parsed->row_locks;
    PreparedStatementPtr analysed = TRY(session.analyse(std::move(parsed), statement.text, {}, {}));
    if (!analysed->plan)
      return Error{
          ErrorCode::NotSupported,
          "set_config and current_setting as rows of a cursor or COPY are not supported yet"};
    return without_parameters(std::move(analysed));
  }

  static Result<PreparedStatementPtr> without_parameters(PreparedStatementPtr analysed) {
    if (!analysed->plan->parameters.empty())
      return Error{ErrorCode::UndefinedObject, "there is no parameter $1"};
    return analysed;
  }

  // The rows of a FETCH that the present Execute message sends.
  struct RowsToFetch {
    std::optional<int64_t> count;
    bool can_suspend = false;
  };
  RowsToFetch rows_to_fetch(const engine::FetchCursor& fetch) const {
    if (!bound || fetch.is_move) return {fetch.count};
    if (!is_of_many(fetch)) return {fetch.count, max_rows == 1};
    if (!fetch.count && max_rows == 0) return {};
    if (!fetch.count) return {static_cast<int64_t>(max_rows), true};
    const uint64_t wanted = size_of(*fetch.count);
    const uint64_t left = wanted - std::min(wanted, bound->own.rows_sent);
    const bool is_cut = max_rows > 0 && max_rows <= left;
    const auto count = static_cast<int64_t>(is_cut ? max_rows : left);
    return {*fetch.count < 0 ? -count : count, is_cut};
  }
  // Whether the FETCH can return several rows. Other forms return a single row.
  static bool is_of_many(const engine::FetchCursor& fetch) {
    const bool counts = fetch.direction == engine::FetchDirection::Forward ||
                        fetch.direction == engine::FetchDirection::Backward;
    return counts && fetch.count != 0;
  }
  static uint64_t size_of(int64_t count) {
    return count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  }
  // Whether earlier Execute messages have sent all rows of this FETCH.
  bool has_fetched_all(const engine::FetchCursor& fetch) const {
    if (!goes_on() || fetch.is_move) return false;
    if (bound->own.has_ended) return true;
    if (!is_of_many(fetch)) return bound->own.rows_sent > 0;
    return fetch.count && bound->own.rows_sent >= size_of(*fetch.count);
  }

  Status operator()(const engine::FetchCursor& fetch) {
    if (has_fetched_all(fetch)) return done("FETCH 0");
    const std::string name = session_name(fetch.cursor);
    const auto found = session.portals_.find(name);
    if (found == session.portals_.end() || !found->second->statement()->plan)
      return unknown_cursor(name);
    const std::shared_ptr<Portal> portal = found->second;
    if (!portal->is_scrollable() &&
        (fetch.direction != engine::FetchDirection::Forward || fetch.count.value_or(0) < 0))
      return Error{ErrorCode::ObjectState, "cursor can only scan forward", "",
                   "Declare it with SCROLL option to enable backward scan."};
    PortalRun run;
    run.portal = portal;
    run.command = fetch.is_move ? "MOVE" : "FETCH";
    const RowsToFetch rows = rows_to_fetch(fetch);
    if (portal->is_scrollable())
      run.limit = portal->begin_fetch(fetch.direction, rows.count);
    else if (rows.count)
      run.limit = static_cast<uint64_t>(*rows.count);
    run.can_suspend = rows.can_suspend;
    run.fetch = bound;
    if (!fetch.is_move) {
      run.start = start;
      // The format of a BINARY cursor applies in the simple protocol; in the extended protocol the
      // formats of the Bind message apply.
      run.encoder = session.make_row_encoder(portal->statement()->plan->columns,
                                             formats.empty() ? portal->formats() : formats);
    }
    session.begin_activity(make_portal_activity(context(), std::move(run)), statement.text);
    return {};
  }

  Status operator()(const engine::CloseCursor& close) {
    if (!close.cursor) {
      session.close_portals(true);
      return done("CLOSE CURSOR ALL");
    }
    const std::string name = session_name(*close.cursor);
    if (session.portals_.erase(name) == 0)
      return Error{ErrorCode::UndefinedCursor, "cursor " + quoted(name) + " does not exist"};
    return done("CLOSE CURSOR");
  }

  // ---- Prepared statements ----

  Status operator()(const engine::Prepare& prepare) {
    const std::string name = session_name(prepare.name);
    if (session.statements_.contains(name))
      return Error{ErrorCode::DuplicateStatement,
                   "prepared statement " + quoted(name) + " already exists"};
    std::vector<engine::SqlType> types;
    for (const engine::TypeName& type : prepare.parameter_types)
      types.push_back(TRY(engine::resolve_type(type)));
    MemoryCharge charge = TRY(session.charge_statement(*statement.text));
    auto analysed =
        session.inner_
            ? session.inner_->analysed
            : TRY(session.analyse(session.inner_of(statement), statement.text, {}, types));
    analysed->is_of_prepare = true;
    TRY(session.keep_statement(name, std::move(analysed), std::move(charge)));
    return done("PREPARE");
  }

  // Answers EXPLAIN EXECUTE with a plan of one step. Programs such as sqlx's query! read only the
  // columns of the answer.
  Status operator()(const engine::Explain& explain) {
    const auto& execute = std::get<engine::ExecutePrepared>(explain.statement->statement);
    const PreparedStatementPtr prepared = TRY(session.find_statement(session_name(execute.name)));
    if (!prepared->plan) return cannot_be_executed();
    TRY(check_arguments(execute, *prepared));
    const bool changes = prepared->plan->columns.empty();
    const std::string_view type = changes ? "ModifyTable" : "Result";
    const std::vector<std::optional<std::string>> row = {
        fmt::format("[{{\"Plan\": {{\"Node Type\": \"{}\"}}}}]", type)};
    return send_rows(explained_columns(explain), {row}, "EXPLAIN");
  }

  static Status check_arguments(const engine::ExecutePrepared& execute,
                                const PreparedStatement& prepared) {
    const size_t count = prepared.plan->parameters.size();
    if (count == execute.arguments.size()) return {};
    return Error{
        ErrorCode::SyntaxError,
        "wrong number of parameters for prepared statement " + quoted(session_name(execute.name)),
        "Expected " + std::to_string(count) + " parameters but got " +
            std::to_string(execute.arguments.size()) + "."};
  }

  Status operator()(const engine::ExecutePrepared& execute) {
    if (goes_on()) return run_prepared(bound->own.executed);
    const PreparedStatementPtr prepared = TRY(session.find_statement(session_name(execute.name)));
    if (!prepared->plan) return cannot_be_executed();
    TRY(session.check_read_only(*prepared->parsed));
    const std::vector<engine::SqlType>& types = prepared->plan->parameters;
    TRY(check_arguments(execute, *prepared));
    std::vector<engine::Value> values;
    for (size_t i = 0; i < types.size(); ++i) {
      const auto text = TRY(constant_text(*execute.arguments[i]));
      if (text)
        values.push_back(TRY(engine::parse_text_value(
            types[i], *text, "parameter $" + std::to_string(i + 1), context().forms)));
      else
        values.emplace_back();
    }
    auto portal = std::make_shared<Portal>(prepared, std::move(values), formats, session.waker());
    session.use_form(*portal);
    portal->charge_rows_to(session.memory_);
    session.count_write(*prepared);
    if (bound) bound->own.executed = portal;
    return run_prepared(std::move(portal));
  }

  Status run_prepared(std::shared_ptr<Portal> portal) {
    const PreparedStatementPtr prepared = portal->statement();
    PortalRun run;
    run.portal = std::move(portal);
    run.encoder = session.make_row_encoder(prepared->plan->columns, formats);
    run.start = start;
    run.can_suspend = bound != nullptr;
    run.limit = max_rows > 0 ? std::optional(max_rows) : session.form_limit(*prepared);
    session.begin_activity(make_portal_activity(context(), std::move(run)), prepared->text);
    return {};
  }

  Status operator()(const engine::Deallocate& deallocate) {
    if (!deallocate.name) {
      session.discard_prepared();
      return done("DEALLOCATE ALL");
    }
    const std::string name = session_name(*deallocate.name);
    TRY(session.find_statement(name));
    session.statements_.erase(name);
    return done("DEALLOCATE");
  }

  // ---- COPY ----

  Status operator()(const engine::Copy& copy) {
    CopyOptions options = TRY(read_copy_options(copy));
    return copy.direction == engine::CopyDirection::FromStdin ? copy_in(copy, std::move(options))
                                                              : copy_out(copy, std::move(options));
  }

  Status copy_in(const engine::Copy& copy, CopyOptions options) {
    auto input = std::make_unique<CopyInput>(context(), copy, std::move(options), session.waker(),
                                             session.memory_);
    TRY(input->begin());
    session.copy_input_ = input.get();
    ++session.writes_in_transaction_;
    session.has_asked_ = true;
    session.begin_activity(std::move(input), statement.text);
    return {};
  }

  Status copy_out(const engine::Copy& copy, CopyOptions options) {
    if (options.format == CopyFormat::Json)
      return Error{ErrorCode::NotSupported, "COPY TO with format \"json\" is not supported yet", "",
                   "Use text or csv."};
    const PreparedStatementPtr query =
        TRY(analyse_query(copy.query ? engine::clone(*copy.query) : query_of_source(copy)));
    TRY(check_forced_columns(options, query->plan->columns));
    PortalRun run;
    run.portal = std::make_shared<Portal>(query, std::vector<engine::Value>{},
                                          std::vector<Format>{}, session.waker());
    run.portal->charge_rows_to(session.memory_);
    run.encoder = make_copy_encoder(query->plan->columns, std::move(options), context().encoding,
                                    context().forms);
    run.start = PortalRun::Start::CopyOut;
    run.command = "COPY";
    session.begin_activity(make_portal_activity(context(), std::move(run)), statement.text);
    return {};
  }

  // ---- Maintenance ----

  Status operator()(const engine::Maintain& maintain) {
    if (maintain.tag == "SET CONSTRAINTS") {
      if (!is_in_transaction())
        warn(ErrorCode::NoTransaction, "SET CONSTRAINTS can only be used in transaction blocks");
      return done(maintain.tag);
    }
    const bool is_of_database = maintain.tag.ends_with(" DATABASE");
    if (is_in_transaction() && (is_of_database || maintain.tag == "VACUUM"))
      return Error{ErrorCode::ActiveTransaction,
                   maintain.tag + " cannot run inside a transaction block"};
    if (is_of_database)
      warn(ErrorCode::NotSupported,
           std::string("all names refer to the only database: nothing was ") +
               (maintain.tag == "DROP DATABASE" ? "dropped" : "made"));
    else if (is_wanted(settings(), sql::NoticeLevel::Notice))
      writer().notice({sql::NoticeLevel::Notice, nothing_to_do(maintain.tag)});
    return done(maintain.tag);
  }

  // ---- Notifications ----

  // Charges the memory of a notification of `bytes` bytes until it is sent, and the memory of the
  // channels.
  Status charge_notification(size_t bytes) {
    constexpr size_t kBytesBeside = 512;
    const size_t all = session.notifications().size_bytes() + kBytesBeside + 2 * bytes;
    if (!session.notifications_charge_.try_resize(all))
      return session.memory_->refusal("channels and notifications of " + format_bytes(all));
    if (is_in_transaction()) ++session.writes_in_transaction_, ++session.lasting_writes_;
    return {};
  }
  Status operator()(const engine::Listen& listen) {
    const std::string channel = session_name(listen.channel);
    TRY(check_notification(channel, ""));
    TRY(charge_notification(channel.size()));
    std::unique_ptr<TableListener> table;
    if (TableListener::is_meant(channel) && !session.notifications().channels().contains(channel))
      table = TRY(TableListener::begin(context(), channel, session.waker()));
    session.notifications().listen(channel, std::move(table));
    return done("LISTEN");
  }
  Status operator()(const engine::Unlisten& unlisten) {
    const std::string channel = unlisten.channel ? session_name(*unlisten.channel) : "";
    TRY(charge_notification(channel.size()));
    session.notifications().unlisten(channel);
    return done("UNLISTEN");
  }
  Status notify_all(std::string channel, std::string payload) {
    Notification notification{session.key_.process_id, std::move(channel), std::move(payload)};
    TRY(check_notification(notification.channel, notification.payload));
    TRY(charge_notification(notification.channel.size() + notification.payload.size()));
    session.notifications().notify(std::move(notification));
    return {};
  }
  Status operator()(const engine::Notify& notify) {
    TRY(notify_all(session_name(notify.channel), notify.payload));
    return done("NOTIFY");
  }

  template <class EngineStatement>
  Status operator()(const EngineStatement&) {
    return Error{ErrorCode::Internal, "a statement of the engine came to the session"};
  }
};

std::shared_ptr<const engine::ParsedStatement> Session::inner_of(
    const PreparedStatement& own) const {
  // The pointer shares ownership of the PREPARE, which contains the statement.
  if (const auto* prepare = std::get_if<engine::Prepare>(&own.parsed->statement))
    return {own.parsed, prepare->statement.get()};
  const engine::Query* query = nullptr;
  if (const auto* cursor = std::get_if<engine::DeclareCursor>(&own.parsed->statement))
    query = &cursor->query;
  if (const auto* copy = std::get_if<engine::Copy>(&own.parsed->statement))
    query = copy->query ? &*copy->query : nullptr;
  if (!query) return nullptr;
  auto inner = std::make_shared<engine::ParsedStatement>();
  inner->text = own.parsed->text;
  inner->start = query->position;
  inner->statement = engine::clone(*query);
  inner->row_locks = own.parsed->row_locks;
  return inner;
}

Result<Session::Begun> Session::run_own(const PreparedStatement& statement, PortalRun::Start start,
                                        const std::shared_ptr<Portal>& bound, uint64_t max_rows) {
  TRY(analyse_inner(statement));
  if (inner_ && !inner_->analysed) return Begun::Later;
  keep_settings(*statement.parsed);
  const Status run = std::visit(OwnStatement{*this, statement, start, bound, max_rows},
                                statement.parsed->statement);
  inner_.reset();
  follow_settings();
  if (!run) return run.error();
  return Begun::Now;
}

Status Session::check_transaction(const engine::ParsedStatement& statement) const {
  if (transaction_ != TransactionStatus::Failed || may_end_transaction(statement)) return {};
  return in_failed_transaction();
}

Status Session::apply_setting(const std::string& name, const std::string& value) {
  if (sql::SessionSettings::spelling(name) == "session_authorization")
    return Error{ErrorCode::InsufficientPrivilege,
                 "SET SESSION AUTHORIZATION is not supported yet: connect as the other user"};
  const PreparedStatement none;
  return OwnStatement{*this, none, PortalRun::Start::Rows, nullptr, 0}.set(name, value, false);
}

bool Session::is_read_only() const {
  if (request_of_script_ && request_of_script_->is_read_only) return true;
  const bool is_open = transaction_ != TransactionStatus::Idle;
  return context_.settings.get(is_open ? kTransactionReadOnly : kReadOnlyByDefault) == "on";
}

Status Session::check_read_only(const engine::ParsedStatement& statement) const {
  if (!is_read_only()) return {};
  const Status checked = sql::check_read_only(statement);
  // The refused statement does not reach the engine's session, which would report it to the audit,
  // so it is reported here.
  if (!checked && request_of_script_ && request_of_script_->on_change)
    request_of_script_->on_change(statement, &checked.error());
  return checked;
}

Status Session::check_not_in_use(const engine::ParsedStatement& statement) const {
  if (portals_.empty()) return {};
  const TakenTables taken = tables_taken_by(statement.statement);
  for (const engine::Name& table : taken.tables)
    for (const auto& [name, portal] : portals_) {
      const auto& read = portal->statement()->parsed;
      const bool goes_on = read && portal->has_started() && !portal->is_exhausted();
      // A holdable cursor whose transaction has ended does not prevent the statement, because its
      // rows stay available.
      const bool is_kept = portal->is_holdable && !portal->is_uncommitted;
      if (goes_on && !is_kept && reads_table(read->statement, table))
        return Error{ErrorCode::StorageInUse,
                     fmt::format("cannot {} \"{}\" because it is being used by active queries in "
                                 "this session",
                                 taken.command, engine::display_name(table.text))};
    }
  return {};
}

// Whether the statement changes rows. TRUNCATE counts, too, since in a transaction it can be undone
// like changes of rows.
bool Session::changes_rows(const PreparedStatement& statement) {
  return statement.plan && (statement.plan->kind == sql::ResultKind::Insert ||
                            std::holds_alternative<engine::Truncate>(statement.parsed->statement));
}

bool Session::changes_anything(const PreparedStatement& statement) {
  return changes_rows(statement) ||
         (statement.parsed && !changing_command(*statement.parsed).empty());
}

void Session::count_write(const PreparedStatement& statement) {
  if (changes_rows(statement)) {
    ++writes_in_transaction_;
  } else if (!changing_command(*statement.parsed).empty()) {
    ++writes_in_transaction_;
    ++lasting_writes_;
  }
  has_asked_ = true;
}

void Session::end_transaction(bool committed) {
  if (committed) {
    context_.settings.commit_transaction();
    if (notifications_) notifications_->commit();
  } else {
    if (notifications_) notifications_->rollback();
    context_.settings.rollback_transaction();
    context_.backend->rollback();
  }
  if (advisory_locks_) advisory_locks_->end_transaction();
  follow_settings();
  transaction_ = TransactionStatus::Idle;
  writes_in_transaction_ = lasting_writes_ = 0;
  savepoints_.clear();
  if (!committed)
    std::erase_if(portals_, [](const auto& entry) { return entry.second->is_uncommitted; });
  for (auto& [name, portal] : portals_) portal->is_uncommitted = false;
  close_portals();
}

}  // namespace server::pg
