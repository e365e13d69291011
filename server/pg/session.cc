#include "server/pg/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "server/pg/advisory_locks.h"
#include "server/pg/authentication.h"
#include "server/pg/client_encoding.h"
#include "server/pg/copy_input.h"
#include "server/pg/notifications.h"
#include "server/pg/startup.h"
#include "server/pg/statement_kinds.h"

namespace server::pg {

Session::Session(sql::Backend& backend, SessionHost& host, SessionPeers& peers, const Clock& clock,
                 SessionKey key, SessionLimits limits, MemoryAccount* memory,
                 SessionSecurity security)
    : backend_(backend),
      host_(host),
      peers_(peers),
      clock_(clock),
      key_(key),
      limits_(limits),
      memory_(memory),
      security_(security),
      began_us_(clock.monotonic_us()),
      input_(memory),
      context_{.clock = clock, .output_charge = {memory, MemoryKind::Results}},
      settings_charge_(memory, MemoryKind::Statements),
      notifications_charge_(memory, MemoryKind::Statements) {}

// Activities refer to portals, and portals to the backend, so they are destroyed in this order.
Session::~Session() {
  activity_.reset();
  if (script_) discard(std::move(script_->statements));
  portals_.clear();
  look_ups_.clear();
  parses_.clear();
  discard_prepared();
}

void Session::receive(std::string_view bytes) { input_.append(bytes); }

void Session::run() {
  has_more_ = false;
  if (phase_ == Phase::Ready && advisory_locks_ && advisory_locks_->has_lost_any())
    die({ErrorCode::ShuttingDown, "terminating connection: its advisory locks are lost",
         "This node was frozen, or cut off from the other nodes, so other sessions may have taken "
         "the locks.",
         "Reconnect, and take the locks again before you continue."});
  const int64_t until_us = clock_.monotonic_us() + limits_.max_run_us;
  while (phase_ != Phase::Over && step()) {
    idle_since_us_ = clock_.monotonic_us();
    const bool has_room =
        context_.output.size() < limits_.max_output_bytes || group_ == Group::Committing;
    if (has_room && idle_since_us_ < until_us) continue;
    has_more_ = true;
    host_.wake();  // run() is called again when the output is sent and other sessions have run
    break;
  }
  if (is_at_rest_ && !is_output_full_ && phase_ == Phase::Ready) send_notifications();
  end_if_idle();
  ask_for_room();
}

// Reserves space in the input buffer for a message that has arrived in part, if no other work can
// run.
void Session::ask_for_room() {
  refused_memory_.clear();
  input_.tidy();
  const bool may_take =
      copy_data_left_ == 0 && (copy_input_ ? copy_input_->wants_data() : !activity_ && !has_more_);
  const size_t size = input_.unread().size();
  const size_t whole = message_size(input_.unread());
  awaits_rest_ = phase_ == Phase::Ready && may_take && size > 0 && size < whole;
  if (awaits_rest_ && !input_.make_room(whole))
    refused_memory_ = "a message of " + format_bytes(whole);
}

std::string Session::take_output() {
  // The success of an INSERT is sent only after its record is durable. If the client sends Flush,
  // it gets the success earlier; then the answer to its Sync reports whether the commit succeeded.
  if (group_ == Group::Committing) return {};
  if (group_ == Group::Open && !is_output_due_ && context_.output.size() < limits_.max_output_bytes)
    return {};
  // As in PostgreSQL, messages that precede an answer are not sent alone: they wait and are sent
  // together with it.
  constexpr size_t kLeavesAtOnce = 8192;  // in bytes
  if (activity_ && activity_->output_may_wait() && !is_output_due_ &&
      context_.output.size() < kLeavesAtOnce)
    return {};
  is_output_due_ = false;
  context_.output_charge.resize(0);  // from here on the caller charges the output
  return std::exchange(context_.output, {});
}

bool Session::wants_input() const {
  // A COPY needs further input to continue, even if its message is longer than the limit of waiting
  // input.
  const bool awaits_more = copy_input_ && copy_input_->wants_data();
  const bool is_busy = (activity_ && !awaits_more) || is_output_full_ || has_more_;
  return !is_busy || input_.unread().size() < limits_.max_waiting_bytes;
}

void Session::set_output_full(bool is_full) {
  is_output_full_ = is_full;
  if (activity_) activity_->set_output_full(is_full);
}

std::optional<int64_t> Session::deadline_us() const {
  if (shut_down_reason_) return shut_down_at_us_;
  if (phase_ == Phase::Startup || phase_ == Phase::Authentication) return startup_deadline_us();
  return activity_ ? activity_->deadline_us() : idle_deadline_us();
}

std::optional<int64_t> Session::idle_deadline_us() const {
  if (phase_ != Phase::Ready || activity_ || script_ || is_output_full_ || has_more_)
    return std::nullopt;
  const bool is_open = transaction_ != TransactionStatus::Idle || group_ != Group::None;
  const int64_t timeout_ms = context_.settings.get_ms(
      is_open ? "idle_in_transaction_session_timeout" : "idle_session_timeout");
  if (timeout_ms <= 0) return std::nullopt;
  return idle_since_us_ + 1000 * timeout_ms;
}

// Disconnects a client that has been idle for too long. An open transaction would otherwise block
// other sessions from its tables.
void Session::end_if_idle() {
  const std::optional<int64_t> deadline = idle_deadline_us();
  if (!deadline || clock_.monotonic_us() < *deadline) return;
  if (transaction_ != TransactionStatus::Idle || group_ != Group::None)
    die({ErrorCode::IdleInTransaction,
         "terminating connection due to idle-in-transaction timeout"});
  else
    die({ErrorCode::IdleSession, "terminating connection due to idle-session timeout"});
}

void Session::cancel() {
  const Error reason{ErrorCode::QueryCanceled, "canceling statement due to user request"};
  if (activity_)
    activity_->cancel(reason);
  else if (script_)
    script_->cancelled = reason;  // no statement is running, so the next one is cancelled
  else
    return;
  host_.wake();
}

void Session::terminate() {
  shut_down({ErrorCode::ShuttingDown, "terminating connection due to administrator command"});
}

// Begins to end the session. If writes are in progress, the client still gets their outcome:
// programs repeat their work after the error 57P01, and would write the rows twice.
void Session::shut_down(Error reason) {
  constexpr int64_t kLastAnswerUs = 3'000'000;
  const bool is_stop = reason.code == ErrorCode::ShuttingDown;
  shut_down_reason_ = std::move(reason);
  shut_down_at_us_ = clock_.monotonic_us() + (is_stop ? kLastAnswerUs : 0);
  host_.wake();
}

bool Session::must_end() const {
  return shut_down_reason_ && (!is_asked_ || clock_.monotonic_us() >= shut_down_at_us_);
}

Error Session::take_last_words() {
  Error reason = *std::exchange(shut_down_reason_, std::nullopt);
  if (activity_) {
    reason.detail = "It is not known whether the running statement was completed.";
    reason.hint = "Check whether it was completed before you send it again.";
  }
  return reason;
}

// Refuses the client with this error. libpq reads an error only in answer to the startup packet or
// to the SSLRequest before it. An error sent in place of the answer to SSLRequest is reported as
// "server sent an error response during SSL exchange".
void Session::refuse(Error reason) {
  refusal_ = std::move(reason);
  host_.wake();
}

int64_t Session::startup_deadline_us() const {
  constexpr int64_t kRefusedTimeoutMs = 5'000;
  return began_us_ + 1000 * (refusal_ ? std::min(kRefusedTimeoutMs, limits_.startup_timeout_ms)
                                      : limits_.startup_timeout_ms);
}

std::function<void()> Session::waker() {
  return [this] { host_.wake(); };
}

bool Session::step() {
  if (must_end()) die(take_last_words());
  if (phase_ == Phase::Over) return false;
  // The activity is cancelled here and not in shut_down(), which the activity itself may have
  // called: SELECT pg_terminate_backend(pid) FROM pg_stat_activity.
  if (activity_ && shut_down_reason_ && !std::exchange(is_broken_off_, true))
    activity_->cancel(*shut_down_reason_);
  if (activity_) return step_activity();
  if (phase_ == Phase::Startup) return step_startup();
  if (phase_ == Phase::Authentication) return step_authentication();
  if (is_output_full_) return false;
  if (script_) return step_script();
  return step_message();
}

// ---- Running activities ----

bool Session::step_activity() {
  bool has_more = false;
  if (copy_input_)
    has_more = feed_copy();
  else
    look_for_end();
  if (phase_ == Phase::Over) return false;

  const Result<Progress> progress = activity_->advance();
  if (progress && *progress == Progress::Waiting) return has_more;
  activity_.reset();
  copy_input_ = nullptr;
  const bool was_commit = std::exchange(commits_transaction_, false);
  if (was_commit) end_transaction(progress.has_value());
  if (group_ == Group::Committing) group_ = Group::None;
  const bool was_broken_off = std::exchange(is_broken_off_, false);
  if (progress && owes_ready_) send_ready();
  if (progress) return true;
  const ErrorCode code = progress.error().code;
  if (was_broken_off && (code == ErrorCode::ShuttingDown || code == ErrorCode::QueryCanceled)) {
    Error reason = *std::exchange(shut_down_reason_, std::nullopt);
    reason.detail = progress.error().detail;
    die(std::move(reason));
  } else {
    fail(progress.error(), activity_text_);
  }
  return true;
}

// Ends the session immediately if the client terminates in the middle of an answer.
void Session::look_for_end() {
  if (input_.unread().starts_with(static_cast<char>(ClientMessage::Terminate)))
    phase_ = Phase::Over;
}

void Session::begin_activity(std::unique_ptr<Activity> activity, SharedText text) {
  activity_ = std::move(activity);
  activity_text_ = std::move(text);
  activity_->set_output_full(is_output_full_);
}

// ---- Messages ----

bool Session::step_message() {
  const std::optional<Frame> frame = next_message();
  if (!frame) return false;
  const bool is_handled = handle(*frame);
  if (is_handled) input_.consume(frame->size);
  return is_handled || activity_;
}

std::optional<Frame> Session::next_message() {
  // Skips the remaining bytes of a CopyData whose COPY has ended before the end of the message.
  const size_t skipped = std::min(copy_data_left_, input_.unread().size());
  input_.consume(skipped);
  copy_data_left_ -= skipped;
  Result<std::optional<Frame>> frame = next_frame(input_.unread(), limits_.max_message_bytes);
  if (frame) return *frame;
  die(frame.error());
  return std::nullopt;
}

bool Session::handle(const Frame& frame) {
  if (frame.type == ClientMessage::Terminate) {
    phase_ = Phase::Over;
    return true;
  }
  is_at_rest_ = false;
  is_asked_ = true;
  converted_.clear();
  if (skips_until_sync_ && frame.type != ClientMessage::Sync) return true;
  if (frame.type == ClientMessage::Sync && group_ == Group::Open) {
    begin_group_commit();
    return false;
  }
  switch (frame.type) {
    case ClientMessage::Query: {
      const auto text = decode_string(frame.body);
      if (text)
        handle_query(*text);
      else
        die(text.error());
      return true;
    }
    case ClientMessage::Sync:
      skips_until_sync_ = is_in_pipeline_ = false;
      settings_before_.reset();
      if (transaction_ == TransactionStatus::Idle) close_portals();
      send_ready();
      return true;
    case ClientMessage::Flush:
      is_output_due_ = true;
      return true;
    case ClientMessage::CopyData:  // messages that remain after a COPY has failed are ignored
    case ClientMessage::CopyDone:
    case ClientMessage::CopyFail:
      return true;
    case ClientMessage::FunctionCall:
      writer().error({ErrorCode::NotSupported, "function calls by number are not supported yet"},
                     "");
      send_ready();
      return true;
    default:
      break;
  }
  const Result<Begun> begun = handle_extended(frame);
  if (!begun) fail(begun.error(), activity_text_);
  return !begun || *begun == Begun::Now;
}

// ---- Implicit transactions ----

bool Session::joins_group(const PreparedStatement& statement) const {
  if (!statement.parsed) return true;
  if (!statement.plan || changes_rows(statement))
    return changes_rows(statement) || may_stand_in_group(*statement.parsed);
  if (statement.plan->kind != sql::ResultKind::Rows)
    return can_always_be_undone(statement.parsed->statement);
  // A query that writes another table or stream sees the inserted rows only after the commit. So
  // before a SELECT with FROM, which may read that table or stream, the implicit transaction has to
  // be committed if it has rows.
  const auto* query = std::get_if<engine::Query>(&statement.parsed->statement);
  const bool has_rows = writes_in_transaction_ != lasting_writes_;
  return !has_rows || (query && !query->from);
}

void Session::begin_group() {
  if (transaction_ != TransactionStatus::Idle || group_ == Group::Open) return;
  group_ = Group::Open;
  writes_in_transaction_ = lasting_writes_ = 0;
  context_.backend->begin(sql::SessionBackend::Begun::ByMessage);
}

void Session::begin_group_commit() {
  group_ = Group::Committing;
  begin_activity(make_commit_activity(context_, "", waker()), nullptr);
}

bool Session::drop_group() {
  if (group_ != Group::Open) return false;
  group_ = Group::None;
  context_.backend->rollback();
  return true;
}

// ---- Errors, and the end of the session ----

void Session::fail(Error error, const SharedText& text) {
  parse_errand_.reset();
  analyse_errand_.reset();
  bind_errand_.reset();
  parsing_.reset();
  inner_.reset();
  if (!error.ksqldb.empty() && context_.backend->speaks_ksqldb())
    error.message = std::move(error.ksqldb);
  writer().error(error, text ? *text : std::string());
  take_settings_back();
  // The next statement starts when the undo of the definitions is done.
  if (drop_group()) begin_activity(make_rollback_activity(context_, "", waker()), nullptr);
  if (transaction_ == TransactionStatus::InTransaction) {
    transaction_ = TransactionStatus::Failed;
    // Rolls back now, so that other sessions need not wait for the client's ROLLBACK. With a
    // savepoint the transaction may continue after ROLLBACK TO.
    if (savepoints_.empty()) context_.backend->rollback();
  }
  // Portals that are older than the last savepoint stay open, since the client can use them again
  // after ROLLBACK TO the savepoint.
  if (transaction_ == TransactionStatus::Failed && !savepoints_.empty())
    close_portals_since(savepoints_.back());
  else
    close_portals();
  if (!script_) {
    skips_until_sync_ = true;
  } else if (activity_) {
    // The script runs no further statements. It ends when activity_ ends, which waits until the definitions of the
    // implicit transaction are undone.
    discard(std::exchange(script_->statements, {}));
    script_->is_parsed = true;
    script_->next = 0;
  } else {
    finish_script();
  }
}

void Session::die(Error error) {
  activity_.reset();
  copy_input_ = nullptr;
  // The client may leave its socket open for a while. Its cursors, locks and transaction end now,
  // so that other sessions need not wait.
  portals_.clear();
  advisory_locks_.reset();
  if (context_.backend) context_.backend->rollback();
  // If the session ends now, it can no longer be determined whether the INSERTs of the implicit transaction are
  // durable. So their success must not be sent.
  if (std::exchange(group_, Group::None) != Group::None) context_.output.clear();
  writer().error(error, "", Severity::Fatal);
  const bool was_not_let_in =
      (phase_ == Phase::Authentication && error.code != ErrorCode::ShuttingDown) ||
      error.code == ErrorCode::InvalidPassword || error.code == ErrorCode::InvalidAuthorization;
  if (was_not_let_in || error.code == ErrorCode::LimitExceeded ||
      error.code == ErrorCode::OutOfMemory || error.code == ErrorCode::TooManyConnections)
    end_reason_ = error.detail.empty() ? error.message : error.message + ": " + error.detail;
  if (request_ && end_reason_.find(request_->user) == std::string::npos)
    end_reason_ += fmt::format(" (user {})", request_->user);
  phase_ = Phase::Over;
}

bool Session::is_settling() const {
  return (notifications_ && notifications_->is_sending()) ||
         (advisory_locks_ && advisory_locks_->is_releasing());
}

void Session::warn_of_silent_nodes() {
  const std::vector<int32_t> silent =
      notifications_ ? notifications_->take_silent() : std::vector<int32_t>();
  if (silent.empty()) return;
  writer().notice({sql::NoticeLevel::Warning,
                   fmt::format("notifications may not have reached the sessions of node {}",
                               fmt::join(silent, " and node ")),
                   "The cluster considers the node alive, but it has not answered for 10 seconds.",
                   "Notify again, or let listeners read the changed data from time to time."});
}

void Session::send_ready() {
  if (transaction_ == TransactionStatus::Idle && advisory_locks_)
    advisory_locks_->end_transaction();
  // A client that receives ReadyForQuery may continue on another connection, which must find the
  // locks released and the notifications delivered.
  if (!owes_ready_ && is_settling()) {
    owes_ready_ = true;
    return begin_activity(make_settle_activity([this] { return !is_settling(); }), nullptr);
  }
  owes_ready_ = false;
  warn_of_silent_nodes();
  for (const auto& [name, value] : context_.settings.take_reports())
    writer().parameter_status(name, value);
  is_asked_ = false;
  is_at_rest_ = transaction_ == TransactionStatus::Idle;
  if (is_at_rest_) send_notifications();
  if (phase_ == Phase::Over) return;  // send_notifications() has ended the session
  writer().ready_for_query(transaction_);
  is_output_due_ = true;
  if (context_.form) phase_ = Phase::Over;
  // The text is dropped, because megabytes of text would otherwise stay uncharged as long as the
  // client keeps its transaction open.
  activity_text_.reset();
  constexpr std::string_view kFailed = "idle in transaction (aborted)";
  const bool is_open = transaction_ != TransactionStatus::Idle;
  status_->rest(transaction_ == TransactionStatus::Failed ? kFailed
                : is_open                                 ? "idle in transaction"
                                                          : "idle",
                is_open, clock_.wall_ms());
}

Status Session::turn_into_utf8(std::string_view& text) {
  if (!context_.encoding) return {};
  text = converted_.emplace_back(TRY(context_.encoding->from_client(text)));
  return {};
}

SessionNotifications& Session::notifications() {
  if (!notifications_) {
    notifications_ =
        std::make_unique<SessionNotifications>(peers_.notifications(), peers_.waker_of(key_));
    if (transaction_ != TransactionStatus::Idle) notifications_->begin();
  }
  return *notifications_;
}

SessionAdvisoryLocks& Session::advisory_locks() {
  if (!advisory_locks_)
    advisory_locks_ = std::make_unique<SessionAdvisoryLocks>(peers_.locks(), peers_.waker_of(key_));
  return *advisory_locks_;
}

void Session::send_notifications() {
  if (!notifications_) return;
  const auto all = notifications_->take(key_.process_id);
  if (!all) return die(all.error());
  for (const NotificationPtr& each : *all) writer().notification(*each);
  is_output_due_ |= !all->empty();
}

}  // namespace server::pg
