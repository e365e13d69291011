// Starts a session: the startup packet, the authentication, and the settings that the client sends.
#include <utility>

#include "base/log.h"
#include "server/net/foreign_client.h"
#include "server/pg/advisory_locks.h"
#include "server/pg/authentication.h"
#include "server/pg/client_encoding.h"
#include "server/pg/notifications.h"
#include "server/pg/session.h"
#include "server/pg/startup.h"

namespace server::pg {

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

}  // namespace server::pg
