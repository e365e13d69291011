#include "server/pg/session.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "engine/java/postgres_zone.h"
#include "server/net/foreign_client.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/authentication.h"
#include "server/pg/client_encoding.h"
#include "server/pg/copy_input.h"
#include "server/pg/notifications.h"
#include "server/pg/startup.h"
#include "server/pg/statement_kinds.h"

namespace server::pg {

using engine::ParsedStatement;

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

// ---- Start-up ----

bool Session::startup_is_over() {
  if (clock_.monotonic_us() < startup_deadline_us()) return false;
  if (refusal_)
    die(*refusal_);
  else
    phase_ = Phase::Over;
  return true;
}

bool Session::step_startup() {
  if (startup_is_over()) return false;
  if (is_output_full_) return false;
  const bool is_http = is_http_request(input_.unread());
  if (is_http || is_kafka_request(input_.unread())) {
    const std::string reason =
        wrong_port(is_http ? WireProtocol::Http : WireProtocol::Kafka, WireProtocol::Postgres);
    die({ErrorCode::ProtocolViolation, reason});
    // replaces the message that die() has written
    if (is_http) context_.output = http_refusal(WireProtocol::Postgres);
    end_reason_ = reason;
    return false;
  }
  const auto packet = next_startup_packet(input_.unread());
  if (!packet) {
    die(packet.error());
    return false;
  }
  if (!*packet) return false;
  input_.consume((*packet)->size);
  if (const Status accepted = accept_startup((*packet)->body, (*packet)->code); !accepted)
    die(accepted.error());
  return true;
}

Status Session::accept_startup(std::string_view body, int32_t code) {
  const StartupRequest request = TRY(read_startup(code, body));
  if (std::holds_alternative<EncryptionRequest>(request)) {
    context_.output += 'N';
    return {};
  }
  if (const auto* other = std::get_if<CancelRequest>(&request)) {
    peers_.cancel_session({other->process_id, other->secret});
    phase_ = Phase::Over;
    return {};
  }
  if (refusal_) return *refusal_;
  return authenticate(std::make_unique<SessionRequest>(std::get<SessionRequest>(request)));
}

bool Session::has_rights_of_user() const {
  if (request_of_script_) return request_of_script_->has_rights_of_user;
  return security_.access && !security_.access->is_open();
}

Status Session::authenticate(std::unique_ptr<SessionRequest> request) {
  if (request->must_negotiate)
    writer().negotiate_version(kProtocolVersion, request->unknown_options);
  if (!has_rights_of_user()) return open_session(*request);
  authentication_ = std::make_unique<Authentication>(*security_.access, *security_.channel,
                                                     request->user, request->database);
  request_ = std::move(request);
  phase_ = Phase::Authentication;
  if (TRY(authentication_->begin(writer())) == Authentication::Progress::Done)
    return open_session(*request_);
  return {};
}

bool Session::step_authentication() {
  if (startup_is_over() || is_output_full_) return false;
  const auto message = next_password(input_.unread());
  if (!message) die(message.error());
  if (!message || !*message) return false;
  const auto progress = authentication_->answer((*message)->body, writer());
  input_.consume((*message)->size);
  Status opened = progress ? Status{} : Status{progress.error()};
  if (progress && *progress == Authentication::Progress::Done) opened = open_session(*request_);
  if (!opened) die(opened.error());
  return true;
}

Status Session::open_session(const SessionRequest& request) {
  sql::SessionSettings& settings = context_.settings;
  if (security_.is_reserved && has_rights_of_user() && (*security_.is_reserved)() &&
      !security_.access->has_all_rights(request.user))
    return Error{ErrorCode::TooManyConnections,
                 "remaining connection slots are reserved for roles with the SUPERUSER attribute",
                 {},
                 "Close connections that are not needed, or raise max-connections."};
  writer().authentication_ok();
  settings.preset("session_authorization", request.user);
  for (const auto& [name, value] : request.settings) {
    // A client must not set this option: it names the authenticated user.
    if (name == "session_authorization") continue;
    const Status set = settings.set(name, value);
    if (set) settings.note_given(name);
    if (set) continue;
    // Drivers send parameters of their own. One that the server does not know must not prevent the
    // connection.
    if (set.error().code == ErrorCode::UndefinedObject) {
      log_debug("start-up parameter ignored name={}", name);
      continue;
    }
    return set;
  }
  const std::string application_name = settings.get("application_name").value_or("");
  is_psql_ = application_name == "psql";
  database_ = request.database;
  sql::SessionInfo info{request.user,    request.database, application_name,
                        key_.process_id, memory_,          has_rights_of_user()};
  if (request_of_script_) {
    info.open_queries = request_of_script_->open_queries;
    info.is_read_only = request_of_script_->is_read_only;
    info.on_change = request_of_script_->on_change;
  }
  context_.backend = TRY(backend_.open_session(info, settings));
  // Only the backend can check the values of settings with a dot and of search_path, and it did not
  // exist yet when the settings were stored.
  for (const auto& [name, value] : request.settings)
    if (name.find('.') != std::string::npos || name == "search_path")
      TRY(context_.backend->check_setting(name, value));
  settings.keep_as_defaults();
  follow_settings();
  for (const auto& [name, value] : settings.take_reports()) writer().parameter_status(name, value);
  writer().backend_key(key_.process_id, key_.secret);
  writer().ready_for_query(transaction_);
  status_->let_in(key_.process_id, database_, request.user, clock_.wall_ms());
  phase_ = Phase::Ready;
  authentication_.reset();
  // Reset last, since `request` may refer to it.
  request_.reset();
  return {};
}

Status Session::begin_script(const sql::ScriptRequest& request, sql::AnswerForm& form) {
  request_of_script_ = &request;
  context_.form = &form;
  SessionRequest opened;
  opened.user = request.user;
  opened.database = "millrace";
  opened.settings.emplace_back("application_name", request.application_name);
  TRY(open_session(opened));
  for (const auto& [name, value] : request.settings) TRY(apply_setting(name, value));
  for (const auto& [name, value] : request.variables) TRY(context_.settings.define(name, value));
  settings_charge_.resize(context_.settings.size_bytes());
  follow_settings();
  is_asked_ = true;
  handle_query(request.text);
  return {};
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

// Passes the next bytes of a COPY to copy_input_. A CopyData is processed as its bytes arrive,
// since one message may be as long as the limit.
bool Session::feed_copy() {
  // The loop ends after kPieceBytes, because processing rows takes time and the clock is checked
  // between steps.
  size_t fed_bytes = 0;
  while (copy_input_->wants_data()) {
    if (fed_bytes >= CopyInput::kPieceBytes) return true;
    const size_t before = input_.unread().size();
    if (copy_data_left_ > 0)
      feed_copy_data();
    else if (!begin_copy_message())
      return false;
    const size_t fed = before - input_.unread().size();
    if (fed == 0) return false;
    fed_bytes += fed;
  }
  return false;
}

bool Session::begin_copy_message() {
  const auto head = next_head(input_.unread(), limits_.max_message_bytes);
  if (head && *head && (*head)->type == ClientMessage::CopyData) {
    input_.consume(FrameHead::kBytes);
    copy_data_left_ = (*head)->body_bytes;
    return true;
  }
  const std::optional<Frame> frame = next_message();
  if (!frame) return false;
  input_.consume(frame->size);
  feed_copy_end(*frame);
  return phase_ != Phase::Over;
}

void Session::feed_copy_data() {
  const std::string_view piece =
      input_.unread().substr(0, std::min(copy_data_left_, CopyInput::kPieceBytes));
  copy_input_->add(piece);
  input_.consume(piece.size());
  copy_data_left_ -= piece.size();
}

std::string Session::message_of_copy_fail(const Frame& frame) {
  std::string_view text = decode_string(frame.body).value_or("");
  return turn_into_utf8(text) ? std::string(text) : std::string();
}

void Session::feed_copy_end(const Frame& frame) {
  switch (frame.type) {
    case ClientMessage::CopyDone:
      copy_input_->end();
      break;
    case ClientMessage::CopyFail:
      copy_input_->cancel(
          {ErrorCode::QueryCanceled, "COPY from stdin failed: " + message_of_copy_fail(frame)});
      break;
    // Ignored: in the extended protocol, the client has already sent its Sync.
    case ClientMessage::Flush:
    case ClientMessage::Sync:
      break;
    case ClientMessage::Terminate:
      phase_ = Phase::Over;
      break;
    default:
      copy_input_->cancel(
          {ErrorCode::ProtocolViolation, "unexpected message type " +
                                             std::to_string(static_cast<int>(frame.type)) +
                                             " during COPY from stdin"});
  }
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

// ---- The simple protocol ----

void Session::handle_query(std::string_view text) {
  is_in_pipeline_ = false;
  // As in PostgreSQL, a Query destroys the unnamed statement and the unnamed portal.
  statements_.erase(std::string());
  portals_.erase(std::string());
  script_.emplace(Script{});
  if (const Status converted = turn_into_utf8(text); !converted)
    return fail(converted.error(), nullptr);
  status_->work(text, clock_.wall_ms());
  script_->text = std::make_shared<const std::string>(text);
  auto with_values = with_variables(script_->text);
  if (!with_values) return fail(with_values.error(), nullptr);
  script_->text = std::move(with_values).take();
  if (answer_at_hand()) return finish_script();
  auto charge = charge_statement(*script_->text);
  if (!charge) return fail(charge.error(), script_->text);
  script_->charge = std::move(charge).take();
}

bool Session::step_script() {
  if (script_->cancelled) {
    fail(*std::exchange(script_->cancelled, std::nullopt), script_->text);
    return true;
  }
  if (!script_->is_parsed) {
    auto statements = parse(script_->text);
    if (!statements) {
      fail(statements.error(), script_->text);
    } else if (*statements) {
      script_->is_parsed = true;
      script_->statements = std::move(**statements);
      if (script_->statements.empty()) {
        writer().empty_query();
      } else if (context_.form) {
        if (const Status chosen = choose_statements(); !chosen) fail(chosen.error(), nullptr);
      }
    }
    return true;
  }
  if (script_->next == script_->statements.size()) {
    if (group_ == Group::Open)
      begin_group_commit();
    else
      finish_script();
    return true;
  }
  activity_text_ = script_->text;
  const Result<Begun> begun = begin_statement(script_->statements[script_->next]);
  if (!begun)
    fail(begun.error(), activity_text_);
  else if (*begun == Begun::Now)
    // frees each statement early, since freeing 100,000 at the same time would take long
    script_->statements[script_->next++].reset();
  return true;
}

Status Session::choose_statements() {
  Statements& all = script_->statements;
  const auto range = TRY(context_.form->begin_script(all.size()));
  const auto at = [&all](size_t index) {
    return std::make_move_iterator(all.begin() + static_cast<ptrdiff_t>(index));
  };
  Statements chosen(at(range.first), at(range.end));
  discard(std::exchange(all, std::move(chosen)));
  return {};
}

bool Session::end_open_transaction() {
  if (transaction_ == TransactionStatus::Idle) return false;
  // The transaction is rolled back after an error, too: the client expects it, as from a connection
  // that psql closes.
  if (transaction_ == TransactionStatus::InTransaction)
    writer().notice({sql::NoticeLevel::Warning, "the open transaction was rolled back",
                     "The text ended without COMMIT, and a transaction does not continue in the "
                     "next request.",
                     "Send BEGIN, the statements and COMMIT in one request."});
  end_transaction(false);
  discard(std::exchange(script_->statements, {}));
  script_->is_parsed = true;
  script_->next = 0;
  begin_activity(make_rollback_activity(context_, "", waker()), nullptr);
  return true;
}

void Session::finish_script() {
  if (context_.form && end_open_transaction()) return;
  discard(std::move(script_->statements));
  script_.reset();
  settings_before_.reset();
  if (transaction_ == TransactionStatus::Idle) close_portals();
  send_ready();
}

namespace {

constexpr size_t kFewStatements = 64;

// Lets a worker thread destroy `things`: the work only owns them, and its end is not awaited.
template <class T>
void destroy_aside(sql::SessionBackend& backend, T things) {
  auto owned = std::make_shared<T>(std::move(things));
  backend.run_aside(
      sizeof(T), [owned = std::move(owned)](const std::atomic<bool>&) {}, [] {});
}

}  // namespace

// Frees statements that will not run. After an error, or when the client leaves, up to 100,000
// statements may be left. Freeing them would block a loop for too long, so a worker does it.
void Session::discard(Statements statements) {
  const auto left = std::ranges::find_if(statements, [](const auto& each) { return bool(each); });
  if (statements.end() - left > static_cast<ptrdiff_t>(kFewStatements))
    destroy_aside(*context_.backend, std::move(statements));
}

void Session::discard_prepared() {
  auto statements = std::exchange(statements_, {});
  if (statements.size() <= kFewStatements) return;
  // A statement that a portal still uses stays charged and is destroyed with the portal. The other
  // statements are no longer charged, since the session's memory account may be destroyed before
  // the worker frees them.
  std::erase_if(statements, [](const auto& entry) { return entry.second.use_count() > 1; });
  for (const auto& [name, statement] : statements) statement->charge.resize(0);
  destroy_aside(*context_.backend, std::move(statements));
}

Result<Session::Begun> Session::begin_statement(
    const std::shared_ptr<const ParsedStatement>& statement) {
  if (context_.form) TRY(context_.form->begin_statement(*statement));
  TRY(check_transaction(*statement));
  TRY(check_read_only(*statement));
  TRY(check_not_in_use(*statement));
  const std::optional<PreparedStatementPtr> found =
      TRY(analyse_here_or_aside(statement, script_->text, {}, {}));
  if (!found) return Begun::Later;
  const PreparedStatementPtr& analysed = *found;
  const bool is_part = joins_group(*analysed);
  if (!is_part && group_ == Group::Open) {
    begin_group_commit();
    return Begun::Later;
  }
  if (context_.form) TRY(context_.form->accept(analysed->plan.get()));
  if (!analysed->plan) {
    return run_own(*analysed, PortalRun::Start::DescribedRows);
  }
  if (!analysed->plan->parameters.empty())
    return Error{ErrorCode::UndefinedObject, "there is no parameter $1", "",
                 "Parameters need the extended protocol, or PREPARE and EXECUTE."};
  learn_look_up(*analysed);
  if (is_part && changes_anything(*analysed) && !script_->is_last()) begin_group();
  count_write(*analysed);
  begin_activity(make_portal_activity(context_, run_of_query(analysed)), script_->text);
  return Begun::Now;
}

PortalRun Session::run_of_query(const PreparedStatementPtr& statement) {
  PortalRun run;
  run.portal = std::make_shared<Portal>(statement, std::vector<engine::Value>{},
                                        std::vector<Format>{}, waker());
  run.portal->charge_rows_to(memory_);
  use_form(*run.portal);
  const bool is_only = script_->statements.size() == 1;
  const std::vector<sql::ResultColumn>& columns = statement->plan->columns;
  const PushOutput output =
      context_.form ? PushOutput::Rows
                    : choose_push_output(*statement, context_.settings, is_psql_ && is_only);
  switch (output) {
    case PushOutput::Rows:
      run.start = PortalRun::Start::DescribedRows;
      run.encoder = make_row_encoder(columns, {});
      run.limit = form_limit(*statement);
      break;
    case PushOutput::Table:
      run.start = PortalRun::Start::CopyOut;
      run.encoder = make_table_encoder(columns, context_.encoding, context_.forms);
      run.command = "COPY";
      break;
    case PushOutput::Copy: {
      CopyOptions options;
      options.has_header = true;
      run.start = PortalRun::Start::CopyOut;
      run.encoder =
          make_copy_encoder(columns, std::move(options), context_.encoding, context_.forms);
      run.command = "COPY";
      break;
    }
  }
  return run;
}

std::unique_ptr<RowEncoder> Session::make_row_encoder(const std::vector<sql::ResultColumn>& columns,
                                                      std::vector<Format> formats) const {
  if (context_.form) return make_form_encoder(*context_.form);
  return make_data_row_encoder(columns, std::move(formats), context_.encoding, context_.forms);
}

void Session::use_form(Portal& portal) const {
  if (context_.form && portal.statement()->plan->kind == sql::ResultKind::PushRows)
    portal.mark_changes();
}

// The limit is the form's limit plus one: an additional row shows whether the result has more rows.
std::optional<uint64_t> Session::form_limit(const PreparedStatement& statement) const {
  if (!context_.form || statement.plan->kind != sql::ResultKind::Rows) return std::nullopt;
  const std::optional<uint64_t> most = context_.form->max_rows();
  if (!most) return std::nullopt;
  return *most + 1;
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

// ---- Ends ----

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
    // The script has no further statements, and ends when the undo is done.
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

// Saves the settings before a statement that may change them.
void Session::keep_settings(const engine::ParsedStatement& statement) {
  const engine::Statement& own = statement.statement;
  const bool may_change = std::holds_alternative<engine::SetSetting>(own) ||
                          std::holds_alternative<engine::SetProperty>(own) ||
                          std::holds_alternative<engine::UnsetProperty>(own) ||
                          std::holds_alternative<engine::SetTransaction>(own) ||
                          std::holds_alternative<engine::ResetSetting>(own) ||
                          std::holds_alternative<engine::Query>(own);
  if (may_change && transaction_ == TransactionStatus::Idle && !settings_before_)
    settings_before_ = context_.settings.savepoint();
}

void Session::take_settings_back() {
  const auto before = std::exchange(settings_before_, std::nullopt);
  if (!before || transaction_ != TransactionStatus::Idle) return;
  context_.settings.rollback_to(*before);
  settings_charge_.resize(context_.settings.size_bytes());
  follow_settings();
}

void Session::follow_settings() {
  const std::string encoding = context_.settings.get("client_encoding").value_or("");
  const std::string known = context_.encoding ? context_.encoding->name() : "UTF8";
  // The answers of a script are JSON, so they stay UTF-8 whatever client_encoding is.
  if (encoding != known && !context_.form) context_.encoding = ClientEncoding::make(encoding);
  const std::string name = context_.settings.get("application_name").value_or("");
  if (name != shown_name_) status_->set_application_name(shown_name_ = name);
  const std::string zone = context_.settings.get("timezone").value_or("");
  const std::string dates = context_.settings.get("datestyle").value_or("");
  const std::string intervals = context_.settings.get("intervalstyle").value_or("");
  std::string forms_text = zone + '\n' + dates + '\n' + intervals;
  if (forms_text == context_.forms_text) return;
  context_.forms_text = std::move(forms_text);
  // The zone is known, because the check of the setting rejects unknown zones.
  const auto found = engine::find_postgres_zone(zone);
  context_.forms = {.zone = found ? found->clock : nullptr};
  if (!engine::read_date_style(dates, context_.forms)) return;
  engine::read_interval_style(intervals, context_.forms);
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
