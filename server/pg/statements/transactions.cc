// Runs BEGIN, COMMIT, ROLLBACK and savepoints.
#include <algorithm>
#include <iterator>
#include <utility>

#include "server/pg/advisory_locks.h"
#include "server/pg/notifications.h"
#include "server/pg/read_only.h"
#include "server/pg/session.h"
#include "server/pg/statement_kinds.h"
#include "server/pg/statements/own_statement.h"

namespace server::pg {

namespace {

constexpr size_t kSavepointBytes = 100;  // memory of a savepoint, in addition to its name

}  // namespace

Status Session::OwnStatement::operator()(const engine::Transaction& transaction) {
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

Status Session::OwnStatement::begin(const engine::Transaction& transaction) {
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
    if (settings().get(kDeferrableByDefault) == "on") TRY(settings().set_local(kDeferrable, "on"));
  }
  TRY(apply(modes));
  return done(transaction.tag.empty() ? "BEGIN" : transaction.tag);
}

Status Session::OwnStatement::apply(const TransactionModes& modes) {
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

Error Session::OwnStatement::must_come_first(std::string_view what, std::string_view how) {
  return Error{ErrorCode::ActiveTransaction,
               std::string(what) + " must be " + std::string(how) + " before any query"};
}

Status Session::OwnStatement::check_may_write() const {
  if (session.transaction_ != TransactionStatus::Idle && session.is_read_only() &&
      session.has_asked_)
    return must_come_first("transaction read-write mode", "set");
  return {};
}

void Session::OwnStatement::warn_of_isolation(const TransactionModes& modes) {
  if (modes.isolation != "REPEATABLE READ" && modes.isolation != "SERIALIZABLE") return;
  warn(ErrorCode::NotSupported, "isolation level " + modes.isolation +
                                    " is not supported yet: each statement sees what was "
                                    "committed before it, as with READ COMMITTED");
}

Status Session::OwnStatement::commit(const engine::Transaction& transaction) {
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

Status Session::OwnStatement::roll_back() {
  session.end_transaction(false);
  session.begin_activity(make_rollback_activity(context(), "ROLLBACK", session.waker()),
                         statement.text);
  return {};
}

Status Session::OwnStatement::savepoint(const engine::Transaction& transaction) {
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
    session.savepoints_.push_back({name, ++session.next_savepoint_, session.writes_in_transaction_,
                                   session.lasting_writes_, context().backend->savepoint(),
                                   std::move(charge), settings().savepoint()});
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
    return Error{ErrorCode::NotSupported,
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

}  // namespace server::pg
