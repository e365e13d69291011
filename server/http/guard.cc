#include "server/http/guard.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/log_rate.h"
#include "server/auth/digest.h"
#include "server/auth/login_attempts.h"
#include "server/http/console/audit.h"
#include "server/http/console/sessions.h"
#include "server/http/refusal_log.h"
#include "server/net/weak_callback.h"

namespace server::http {

namespace {

// Reads "Basic dXNlcjpwYXNz"; nothing if the header has no credentials.
std::optional<Credentials> credentials_of(std::string_view header) {
  constexpr std::string_view kBasic = "basic ";
  constexpr size_t kMostBytes = 4096;
  if (header.size() < kBasic.size() || header.size() > kMostBytes) return std::nullopt;
  for (size_t i = 0; i < kBasic.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(header[i])) != kBasic[i]) return std::nullopt;
  const auto text = auth::from_base64(header.substr(kBasic.size()));
  const size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

// The challenge (a WWW-Authenticate header) with which the server answers a request without credentials; None: the
// answer has no challenge. A browser reacts to a challenge by asking its user for a password. The console has its
// own form for this, so requests of its scripts get no challenge.
enum class Challenge : uint8_t { Basic, None };

Challenge challenge_of(const Route& route, const Request& request) {
  const std::string_view mode = request.header("sec-fetch-mode");
  return route.credentials || (!mode.empty() && mode != "navigate") ? Challenge::None
                                                                    : Challenge::Basic;
}

Response refusal(int status, std::string_view message, Challenge challenge = Challenge::None) {
  Response response = error_response(status * 100, message);
  if (status == 401 && challenge == Challenge::Basic)
    response.head.headers.push_back({"www-authenticate", "Basic realm=\"millrace\""});
  return response;
}

// Digests of recently correct passwords. Any thread.
class Remembered {
 public:
  // Returns a digest of the password, from which neither the password nor the verifier can be
  // derived.
  std::string key_of(const auth::Access& access, const Credentials& who) const {
    return auth::hmac(auth::Hash::Sha256, secret_,
                      auth::to_text(access.verifier_of(who.user, auth::Hash::Sha256)) + '\0' +
                          auth::to_text(access.verifier_of(who.user, auth::Hash::Sha512)) + '\0' +
                          who.user + '\0' + who.password);
  }
  bool has(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    return keys_.contains(key);
  }
  void add(std::string key) {
    constexpr size_t kMost = 1000;
    const std::lock_guard lock(mutex_);
    if (keys_.size() >= kMost) keys_.clear();
    keys_.insert(std::move(key));
  }

 private:
  const std::string secret_ = auth::random_bytes(32);
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::set<std::string> keys_;
};

constexpr uint32_t kMostRefusedLogins = 10;  // lines of the audit in a second

struct Guard {
  explicit Guard(GuardView of) : view(std::move(of)) {}

  const GuardView view;
  Remembered remembered;
  auth::LoginAttempts attempts;
  RefusalLog log;
  // The number of log lines about wrong passwords is limited, so that a client that tries many
  // names does not fill the disk. The line of `log` about refused clients counts all of them.
  SharedLogRate refused_logins{kMostRefusedLogins};
};

void audit_refused_login(Guard& guard, const Clock& clock, const Request& request,
                         const Channel* channel, std::string_view reason) {
  if (guard.refused_logins.admit(clock.monotonic_us()))
    write_audit({.event = "login",
                 .user = request.user,
                 .channel = channel,
                 .outcome = reason,
                 .ring = guard.view.sessions ? guard.view.sessions->audit_ring() : nullptr});
}

std::unique_ptr<Exchange> refuse(Guard& guard, const Request& request,
                                 const ExchangeContext& context, int status,
                                 std::string_view message) {
  guard.log.add(context.clock, context.channel, request.user, message);
  context.responder.answer(refusal(status, message));
  return nullptr;
}

// Runs the handler. If the console may only read, a request that changes something is refused. The
// SQL session audits statements; other changes are audited here.
std::unique_ptr<Exchange> run_permitted(Guard& guard, RouteEffect effect, const Handler& handler,
                                        Request request, const ExchangeContext& context) {
  const bool is_change =
      effect == RouteEffect::ByMethod && request.method != "GET" && request.method != "HEAD";
  const bool is_refused = request.is_read_only && is_change;
  const std::string what = request.method + " " + request.path;
  if (!request.audited_session.empty() && (is_change || effect == RouteEffect::Rows))
    write_audit({.event = "request",
                 .user = request.has_rights_of_user ? request.user : "",
                 .session = request.audited_session,
                 .channel = context.channel,
                 .text = what,
                 .outcome = is_refused ? "refused" : "accepted",
                 .ring = request.audit_ring});
  if (is_refused)
    return refuse(guard, request, context, 403,
                  "this session of the console may only read, and " + what + " changes something");
  return handler(std::move(request), context);
}

// Waits until the password is checked, then passes the request to the route's handler.
class GuardedExchange final : public Exchange {
 public:
  GuardedExchange(std::shared_ptr<Guard> guard, const Route& route, const Handler& handler,
                  Request request, const ExchangeContext& context, bool is_login)
      : guard_(std::move(guard)),
        effect_(route.effect),
        handler_(handler),
        challenge_(challenge_of(route, request)),
        request_(std::move(request)),
        context_(context),
        is_login_(is_login) {}
  // Checks the password in the first run() at or after `at_us`. Returns false if the queue is full.
  bool begin(Credentials who, std::string key, int64_t at_us) {
    errand_ = std::make_shared<Errand>(Errand{std::move(who), std::move(key)});
    begins_us_ = at_us;
    return at_us > context_.clock.monotonic_us() || begin_check();
  }
  bool begin_check() {
    begins_us_.reset();
    const std::shared_ptr<Errand> errand = errand_;
    return guard_->view.run_aside(
        [guard = guard_, errand, told = callback_.on(context_.loop, [this](bool is_right) {
          is_right_ = is_right;
          context_.responder.wake();
        })] {
          const bool is_right =
              guard->view.access.check_password(errand->who.user, errand->who.password).has_value();
          if (is_right) guard->remembered.add(errand->key);
          told(is_right);
        });
  }

  void run() override {
    if (inner_) return inner_->run();
    if (begins_us_ && context_.clock.monotonic_us() >= *begins_us_ && !begin_check()) {
      is_over_ = true;
      return context_.responder.answer(refusal(503, "too many password checks are queued"));
    }
    if (!is_right_ || is_over_) return;
    guard_->attempts.end(auth::LoginAttempts::key_of(errand_->who.user, *context_.channel),
                         *is_right_, context_.clock.monotonic_us());
    if (!*is_right_ || !guard_->view.access.check_login(request_.user)) {
      is_over_ = true;
      constexpr std::string_view kWrong = "wrong user or password";
      guard_->log.add(context_.clock, context_.channel, request_.user, kWrong);
      if (is_login_)
        audit_refused_login(*guard_, context_.clock, request_, context_.channel, kWrong);
      return context_.responder.answer(refusal(401, kWrong, challenge_));
    }
    inner_ = run_permitted(*guard_, effect_, handler_, std::move(request_), context_);
    if (!inner_) {
      is_over_ = true;
      return;
    }
    if (is_body_over_) {
      inner_->on_body(std::exchange(body_, {}));
      inner_->on_body_end();
    } else if (!body_.empty()) {
      inner_->on_body(std::exchange(body_, {}));
    }
    inner_->run();
  }
  void on_body(std::string_view bytes) override {
    if (inner_) return inner_->on_body(bytes);
    if (!is_over_) body_ += bytes;
  }
  void on_body_end() override {
    if (inner_) return inner_->on_body_end();
    is_body_over_ = true;
  }
  // While the password is checked, the part of the body that has already arrived is kept. The rest of the body is
  // not read from the socket until the check has ended.
  bool wants_body() const override { return inner_ ? inner_->wants_body() : is_over_; }
  std::optional<int64_t> deadline_us() const override {
    return inner_ ? inner_->deadline_us() : begins_us_;
  }
  void shut_down(const Error& reason) override {
    if (inner_) inner_->shut_down(reason);
  }

 private:
  // The session's thread and the thread that checks the password share its ownership.
  struct Errand {
    Credentials who;
    std::string key;
  };

  const std::shared_ptr<Guard> guard_;  // shared with the routes and work on other threads
  const RouteEffect effect_;
  const Handler& handler_;
  const Challenge challenge_;
  Request request_;
  const ExchangeContext context_;
  const bool is_login_;  // the request is a login of the console
  std::unique_ptr<Exchange> inner_;
  std::shared_ptr<Errand> errand_;
  std::optional<int64_t> begins_us_;  // time until which the check of the password waits
  std::optional<bool> is_right_;
  bool is_over_ = false, is_body_over_ = false;
  std::string body_;
  const WeakCallback callback_;  // the result is dropped if the client has disconnected
};

// Returns the topic whose serializer uses this subject (TOPIC-key, TOPIC-value); otherwise the
// subject's own name.
std::string topic_of(std::string subject) {
  for (const std::string_view suffix : {"-key", "-value"})
    if (subject.ends_with(suffix)) return subject.substr(0, subject.size() - suffix.size());
  return subject;
}

// Checks the rights of an authenticated user.
Handler with_rights(const std::shared_ptr<Guard>& guard, const Route& route) {
  return [guard, handler = route.handler, of_subject = route.is_for_writers_of_subject](
             Request request, const ExchangeContext& context) {
    const auth::Access& access = guard->view.access;
    const bool may =
        access.has_all_rights(request.user) ||
        (of_subject && access.may_insert(request.user, topic_of(request.path_parameters.front())));
    if (may) return handler(std::move(request), context);
    const std::string what =
        of_subject
            ? "the right to INSERT into the topic of this subject, or rights on everything, are "
              "required"
            : "rights on everything are required; rights on single topics are not supported here "
              "yet";
    return refuse(*guard, request, context, 403,
                  "user \"" + request.user + "\" may not do this: " + what);
  };
}

// Answers a request whose cookie names no existing session, and removes the cookie.
std::unique_ptr<Exchange> refuse_ended(const Sessions& sessions, const ExchangeContext& context) {
  Response response = refusal(401, "the session of the console has ended; log in again");
  response.head.headers.push_back(sessions.clear_cookie(*context.channel));
  context.responder.answer(std::move(response));
  return nullptr;
}

// The session of a request. If `is_refused` is true, the request was already answered.
struct SessionOfRequest {
  std::optional<Sessions::Found> session = {};
  bool is_refused = false;
};
SessionOfRequest session_of(Guard& guard, const Route& route, Request& request,
                            const ExchangeContext& context) {
  Sessions* const sessions = guard.view.sessions;
  if (sessions == nullptr || context.channel == nullptr) return {};
  request.is_read_only = sessions->is_read_only() && request.is_of_own_page;
  // A request with an Authorization header comes from a tool and not from the console, even if it
  // also has a cookie.
  if (!request.header("authorization").empty()) return {};
  const std::optional<std::string> cookie = sessions->cookie_of(request, *context.channel);
  if (!cookie) return {};
  if (!request.may_use_cookie) {
    refuse(guard, request, context, 403,
           "a cookie authorises such a request only if a page of this server sends it, with the "
           "content type application/json");
    return {{}, true};
  }
  auto session = sessions->find(*cookie, *context.channel, context.clock.monotonic_us());
  if (!session) {
    // GET and POST /session are answered as if no cookie had been sent, because they begin a new session.
    if (route.credentials) return {};
    refuse_ended(*sessions, context);
    return {{}, true};
  }
  request.audited_session = session->name;
  request.audit_ring = sessions->audit_ring();
  request.is_read_only |= session->is_look_only || sessions->is_read_only();
  return {std::move(session), false};
}

// Handles requests on a server that has no users, so that no rights are checked.
std::unique_ptr<Exchange> pass_open(const std::shared_ptr<Guard>& guard, const Route& route,
                                    const Handler& handler, Request request,
                                    const ExchangeContext& context) {
  const auto [session, is_refused] = session_of(*guard, route, request, context);
  if (is_refused) return nullptr;
  if (!session) return run_permitted(*guard, route.effect, handler, std::move(request), context);
  const Handler permitted = [&](Request its, const ExchangeContext& with) {
    return run_permitted(*guard, route.effect, handler, std::move(its), with);
  };
  return run_in_session(*guard->view.sessions, session->key, permitted, std::move(request),
                        context);
}

std::unique_ptr<Exchange> pass(const std::shared_ptr<Guard>& guard, const Route& route,
                               const Handler& handler, Request request,
                               const ExchangeContext& context) {
  const auth::Access& access = guard->view.access;
  std::optional<Credentials> who;
  if (route.credentials) {
    auto read = route.credentials(request, context.channel);
    if (!read)
      return refuse(*guard, request, context,
                    read.error().code == ErrorCode::ProtocolViolation ? 400 : 403,
                    read.error().message);
    who = *std::move(read);
  }
  const bool is_login = who.has_value();
  if (!who) {
    auto [session, is_refused] = session_of(*guard, route, request, context);
    if (is_refused) return nullptr;
    if (session) {
      request.user = session->user;
      request.has_rights_of_user = true;
      const Handler permitted = [&](Request its, const ExchangeContext& with) {
        return run_permitted(*guard, route.effect, handler, std::move(its), with);
      };
      return run_in_session(*guard->view.sessions, session->key, permitted, std::move(request),
                            context);
    }
    who = credentials_of(request.header("authorization"));
  }
  request.user = who ? who->user : context.channel->certificate_name;
  request.has_rights_of_user = true;
  const auto refuse_login = [&](int status, std::string_view message) {
    if (is_login) audit_refused_login(*guard, context.clock, request, context.channel, message);
    return refuse(*guard, request, context, status, message);
  };
  const Result<auth::Method> method = access.admit("http", request.user, *context.channel);
  // A request without credentials is answered with a challenge, since HTTP clients send their first request without
  // credentials.
  if (!who && (!method || *method == auth::Method::Password)) {
    context.responder.answer(refusal(401,
                                     !method ? method.error().message
                                     : route.credentials
                                         ? "log in: POST /session with the user and the password"
                                         : "user name and password are required (HTTP Basic)",
                                     challenge_of(route, request)));
    return nullptr;
  }
  if (!method) return refuse_login(403, method.error().message);
  if (*method == auth::Method::Certificate)
    if (const Status right = access.check_certificate(request.user, *context.channel); !right)
      return refuse_login(403, right.error().message);
  const auto may_login = access.check_login(request.user);
  if (*method != auth::Method::Password) {
    if (!may_login) return refuse_login(403, may_login.error().message);
    return run_permitted(*guard, route.effect, handler, std::move(request), context);
  }
  std::string key = guard->remembered.key_of(access, *who);
  if (may_login && guard->remembered.has(key))
    return run_permitted(*guard, route.effect, handler, std::move(request), context);
  const auto at_us = guard->attempts.begin(auth::LoginAttempts::key_of(who->user, *context.channel),
                                           context.clock.monotonic_us());
  if (!at_us) return refuse_login(429, "too many wrong passwords; try again in a minute");
  auto exchange = std::make_unique<GuardedExchange>(guard, route, handler, std::move(request),
                                                    context, is_login);
  if (!exchange->begin(*who, std::move(key), *at_us)) {
    context.responder.answer(refusal(503, "too many password checks are queued"));
    return nullptr;
  }
  return exchange;
}

}  // namespace

Routes guarded(Routes routes, GuardView view) {
  const bool is_open = view.access.is_open();
  if (is_open && view.sessions == nullptr) return routes;
  auto guard = std::make_shared<Guard>(std::move(view));
  routes.wrap([&](const Route& route) -> Handler {
    if (route.is_public) return route.handler;
    const bool needs_rights = !is_open && route.needs_all_rights;
    return [guard, is_open, handler = needs_rights ? with_rights(guard, route) : route.handler,
            its = Route{.method = route.method,
                        .path = route.path,
                        .credentials = route.credentials,
                        .effect = route.effect}](Request request, const ExchangeContext& context) {
      return is_open ? pass_open(guard, its, handler, std::move(request), context)
                     : pass(guard, its, handler, std::move(request), context);
    };
  });
  return routes;
}

}  // namespace server::http
