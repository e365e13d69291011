// Runs the statements of cursors: DECLARE, FETCH, MOVE and CLOSE.
#include <algorithm>
#include <utility>

#include "server/pg/session.h"
#include "server/pg/setting_calls.h"
#include "server/pg/statement_kinds.h"
#include "server/pg/statements/own_statement.h"

namespace server::pg {

Status Session::OwnStatement::operator()(const engine::DeclareCursor& cursor) {
  const std::string name = session_name(cursor.name);
  if (!is_in_block() && !cursor.with_hold)
    return Error{ErrorCode::NoTransaction, "DECLARE CURSOR can only be used in transaction blocks",
                 "", "Begin a transaction, or declare the cursor WITH HOLD."};
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

Result<PreparedStatementPtr> Session::OwnStatement::analyse_query(engine::Query query) {
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

Result<PreparedStatementPtr> Session::OwnStatement::without_parameters(
    PreparedStatementPtr analysed) {
  if (!analysed->plan->parameters.empty())
    return Error{ErrorCode::UndefinedObject, "there is no parameter $1"};
  return analysed;
}

Session::OwnStatement::RowsToFetch Session::OwnStatement::rows_to_fetch(
    const engine::FetchCursor& fetch) const {
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

bool Session::OwnStatement::is_of_many(const engine::FetchCursor& fetch) {
  const bool counts = fetch.direction == engine::FetchDirection::Forward ||
                      fetch.direction == engine::FetchDirection::Backward;
  return counts && fetch.count != 0;
}

uint64_t Session::OwnStatement::size_of(int64_t count) {
  return count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
}

bool Session::OwnStatement::has_fetched_all(const engine::FetchCursor& fetch) const {
  if (!goes_on() || fetch.is_move) return false;
  if (bound->own.has_ended) return true;
  if (!is_of_many(fetch)) return bound->own.rows_sent > 0;
  return fetch.count && bound->own.rows_sent >= size_of(*fetch.count);
}

Status Session::OwnStatement::operator()(const engine::FetchCursor& fetch) {
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

Status Session::OwnStatement::operator()(const engine::CloseCursor& close) {
  if (!close.cursor) {
    session.close_portals(true);
    return done("CLOSE CURSOR ALL");
  }
  const std::string name = session_name(*close.cursor);
  if (session.portals_.erase(name) == 0)
    return Error{ErrorCode::UndefinedCursor, "cursor " + quoted(name) + " does not exist"};
  return done("CLOSE CURSOR");
}

}  // namespace server::pg
