// The statements that a session answers itself: transactions, settings, cursors, COPY, prepared statements and
// notifications. Each source in this folder runs the statements of one group.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/pg/advisory_locks.h"
#include "server/pg/notifications.h"
#include "server/pg/read_only.h"
#include "server/pg/session.h"
#include "server/pg/setting_calls.h"

namespace server::pg {

inline constexpr std::string_view kTransactionReadOnly = "transaction_read_only",
                                  kReadOnlyByDefault = "default_transaction_read_only",
                                  kIsolation = "transaction_isolation",
                                  kIsolationByDefault = "default_transaction_isolation",
                                  kDeferrable = "transaction_deferrable",
                                  kDeferrableByDefault = "default_transaction_deferrable";

inline std::string quoted(const std::string& name) { return "\"" + name + "\""; }

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
  Status operator()(const engine::Transaction& transaction);
  Status begin(const engine::Transaction& transaction);

  // Applies the modes to the transaction that has begun.
  Status apply(const TransactionModes& modes);
  static Error must_come_first(std::string_view what, std::string_view how);
  // Fails if the transaction has already run a query while it was read-only: such a transaction has
  // to stay read-only.
  Status check_may_write() const;
  void warn_of_isolation(const TransactionModes& modes);
  Status commit(const engine::Transaction& transaction);
  Status roll_back();

  // Executes SAVEPOINT, RELEASE and ROLLBACK TO. ROLLBACK TO drops the written rows, the cursors
  // and the SET values since the savepoint; definitions and notifications cannot be undone this
  // way.
  Status savepoint(const engine::Transaction& transaction);

  // ---- Settings ----
  // Charges the memory of all settings, including this setting. Fails at the limit of a session.
  Status charge_settings(std::string_view name, std::string_view value);
  void release_settings() { session.settings_charge_.resize(settings().size_bytes()); }

  // Refuses SET ROLE to another role, since a session has the rights of the role that has logged
  // in.
  Status check_role(const std::string& role) const;

  // Returns the level in effect, as SHOW does. Higher levels are accepted with a warning, and act
  // as READ COMMITTED.
  Result<std::string> level_in_effect(std::string_view written);
  Status set(std::string_view name, const std::string& given, bool is_local);
  Status operator()(const engine::SetSetting& setting);
  Status operator()(const engine::SetProperty& property);
  Status operator()(const engine::UnsetProperty& property);
  Status operator()(const engine::SetTransaction& set);
  Status operator()(const engine::ResetSetting& setting);
  Status operator()(const engine::ShowSetting& show);

  // Returns the setting whose value SHOW returns. Outside of a transaction, a mode is the mode of
  // the next transaction.
  std::string_view of_next(std::string_view name) const;

  // ---- SELECT set_config(...), current_setting(...), pg_notify(...), pg_cancel_backend(...) ----
  std::optional<std::string> setting_in_force(const std::string& name);
  Status operator()(const engine::Query& query);

  // Returns the value of the call; nothing while it waits for its lock.
  Result<std::optional<SettingActions::Text>> lock(const AdvisoryCall& call, AdvisoryLock lock);

  // Sends the rows that earlier Execute messages have not sent, at most as many as this Execute
  // asks for.
  Status send_rows(const std::vector<sql::ResultColumn>& columns,
                   const std::vector<std::vector<std::optional<std::string>>>& rows,
                   std::string_view tag);
  Status operator()(const engine::Discard& discard);
  Status operator()(const engine::DefineVariable& variable);
  Status operator()(const engine::UndefineVariable& variable);

  // ---- Cursors ----
  Status operator()(const engine::DeclareCursor& cursor);
  Result<PreparedStatementPtr> analyse_query(engine::Query query);
  static Result<PreparedStatementPtr> without_parameters(PreparedStatementPtr analysed);

  // The rows of a FETCH that the present Execute message sends.
  struct RowsToFetch {
    std::optional<int64_t> count;
    bool can_suspend = false;
  };
  RowsToFetch rows_to_fetch(const engine::FetchCursor& fetch) const;
  // Whether the FETCH can return several rows. Other forms return a single row.
  static bool is_of_many(const engine::FetchCursor& fetch);
  static uint64_t size_of(int64_t count);
  // Whether earlier Execute messages have sent all rows of this FETCH.
  bool has_fetched_all(const engine::FetchCursor& fetch) const;
  Status operator()(const engine::FetchCursor& fetch);
  Status operator()(const engine::CloseCursor& close);

  // ---- Prepared statements ----
  Status operator()(const engine::Prepare& prepare);

  // EXPLAIN EXECUTE.
  Status operator()(const engine::Explain& explain);
  // Returns an EXPLAIN of the prepared statement, with the same parameters. Fails if the statement
  // cannot be explained.
  Result<PreparedStatementPtr> explained_statement(const engine::Explain& explain,
                                                   const PreparedStatement& prepared);
  // Returns the parameters that EXECUTE gives to the prepared statement.
  Result<std::vector<engine::Value>> values_of(const engine::ExecutePrepared& execute,
                                               const PreparedStatement& prepared);
  static Status check_arguments(const engine::ExecutePrepared& execute,
                                const PreparedStatement& prepared);
  Status operator()(const engine::ExecutePrepared& execute);
  Status run_prepared(std::shared_ptr<Portal> portal);
  Status operator()(const engine::Deallocate& deallocate);

  // ---- COPY ----
  Status operator()(const engine::Copy& copy);
  Status copy_in(const engine::Copy& copy, CopyOptions options);
  Status copy_out(const engine::Copy& copy, CopyOptions options);

  // ---- Maintenance ----
  Status operator()(const engine::Maintain& maintain);

  // ---- Notifications ----
  // Charges the memory of a notification of `bytes` bytes until it is sent, and the memory of the
  // channels.
  Status charge_notification(size_t bytes);
  Status operator()(const engine::Listen& listen);
  Status operator()(const engine::Unlisten& unlisten);
  Status notify_all(std::string channel, std::string payload);
  Status operator()(const engine::Notify& notify);

  template <class EngineStatement>
  Status operator()(const EngineStatement&) {
    return Error{ErrorCode::Internal, "a statement of the engine came to the session"};
  }
};

}  // namespace server::pg
