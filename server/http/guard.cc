#include "server/http/guard.h"

#include <cctype>
#include <mutex>
#include <set>
#include <utility>

#include "base/log.h"
#include "server/auth/digest.h"
#include "server/net/interest.h"

namespace server::http {

namespace {

struct Credentials {
  std::string user, password;
};

// Of "Basic dXNlcjpwYXNz"; nothing when there are none.
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

Response refusal(int status, std::string_view message) {
  Response response = error_response(status * 100, message);
  if (status == 401)
    response.head.headers.push_back({"www-authenticate", "Basic realm=\"millrace\""});
  return response;
}

// Who was right lately. Any thread.
class Remembered {
 public:
  // What is kept of a user's password: neither it nor the verifier can be had from it.
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

// What a name may be in the log: short, and nothing that looks like another field or another line.
std::string for_log(std::string_view text) {
  std::string shown(text.substr(0, 100));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"') c = '?';
  return shown;
}

// Who was not let in: a line a second at most. Any thread.
class RefusalLog {
 public:
  void add(const ExchangeContext& context, std::string_view user, std::string_view why) {
    constexpr int64_t kPauseUs = 1'000'000;
    const int64_t now_us = context.clock.monotonic_us();
    const std::lock_guard lock(mutex_);
    if (logged_us_ && now_us - *logged_us_ < kPauseUs) {
      ++unlogged_;
      return;
    }
    logged_us_ = now_us;
    log_warn("http client refused peer={} user=\"{}\" reason=\"{}\" others={}",
             context.channel ? context.channel->peer_host : "", for_log(user), for_log(why),
             std::exchange(unlogged_, 0));
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_
  std::optional<int64_t> logged_us_;
  int64_t unlogged_ = 0;
};

struct Guard {
  explicit Guard(GuardView of) : view(std::move(of)) {}

  const GuardView view;
  Remembered remembered;
  RefusalLog log;
};

// Waits until the password is checked, then is what the route's handler makes.
class GuardedExchange final : public Exchange {
 public:
  GuardedExchange(std::shared_ptr<Guard> guard, const Handler& handler, Request request,
                  const ExchangeContext& context)
      : guard_(std::move(guard)),
        handler_(handler),
        request_(std::move(request)),
        context_(context) {}
  // False: too much waits.
  bool begin(Credentials who, std::string key) {
    struct Errand {
      Credentials who;
      std::string key;
    };
    auto errand = std::make_shared<Errand>(Errand{std::move(who), std::move(key)});
    return guard_->view.run_aside(
        [guard = guard_, errand, told = interest_.on(context_.loop, [this](bool is_right) {
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
    if (!is_right_ || is_over_) return;
    if (!*is_right_ || !guard_->view.access.check_login(request_.user)) {
      is_over_ = true;
      guard_->log.add(context_, request_.user, "wrong user or password");
      return context_.responder.answer(refusal(401, "wrong user or password"));
    }
    inner_ = handler_(std::move(request_), context_);
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
  // What has come already is kept; more waits in the socket.
  bool wants_body() const override { return inner_ ? inner_->wants_body() : is_over_; }
  std::optional<int64_t> deadline_us() const override {
    return inner_ ? inner_->deadline_us() : std::nullopt;
  }
  void shut_down(const Error& reason) override {
    if (inner_) inner_->shut_down(reason);
  }

 private:
  const std::shared_ptr<Guard> guard_;  // shared with the routes and what runs aside
  const Handler& handler_;
  Request request_;
  const ExchangeContext context_;
  std::unique_ptr<Exchange> inner_;
  std::optional<bool> is_right_;
  bool is_over_ = false, is_body_over_ = false;
  std::string body_;
  const Interest interest_;  // the check finds nobody when the client has gone
};

std::unique_ptr<Exchange> refuse(Guard& guard, const Request& request,
                                 const ExchangeContext& context, int status,
                                 std::string_view message) {
  guard.log.add(context, request.user, message);
  context.responder.answer(refusal(status, message));
  return nullptr;
}

std::unique_ptr<Exchange> ask_for_name(const ExchangeContext& context, std::string_view message) {
  context.responder.answer(refusal(401, message));
  return nullptr;
}

// The topic that a subject has the schemas of, by the names that serializers give them; else the subject's own.
std::string topic_of(std::string subject) {
  for (const std::string_view suffix : {"-key", "-value"})
    if (subject.ends_with(suffix)) return subject.substr(0, subject.size() - suffix.size());
  return subject;
}

// Of somebody who has been let in.
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
            ? "no right to INSERT into the topic of this subject, nor rights on everything"
            : "no rights on everything, and rights on single topics are not supported yet here";
    return refuse(*guard, request, context, 403, "user \"" + request.user + "\" has " + what);
  };
}

std::unique_ptr<Exchange> pass(const std::shared_ptr<Guard>& guard, const Handler& handler,
                               Request request, const ExchangeContext& context) {
  const auth::Access& access = guard->view.access;
  const auto who = credentials_of(request.header("authorization"));
  request.user = who ? who->user : context.channel->certificate_name;
  request.has_rights_of_user = true;
  const Result<auth::Method> method = access.admit("http", request.user, *context.channel);
  // Who asks without a name is told to say one: that is how HTTP's clients begin.
  if (!who && (!method || *method == auth::Method::Password))
    return ask_for_name(
        context, method ? "a user and a password are needed (HTTP Basic)" : method.error().message);
  if (!method) return refuse(*guard, request, context, 403, method.error().message);
  if (*method == auth::Method::Certificate)
    if (const Status right = access.check_certificate(request.user, *context.channel); !right)
      return refuse(*guard, request, context, 403, right.error().message);
  const auto may_login = access.check_login(request.user);
  if (*method != auth::Method::Password) {
    if (!may_login) return refuse(*guard, request, context, 403, may_login.error().message);
    return handler(std::move(request), context);
  }
  std::string key = guard->remembered.key_of(access, *who);
  if (may_login && guard->remembered.has(key)) return handler(std::move(request), context);
  auto exchange = std::make_unique<GuardedExchange>(guard, handler, std::move(request), context);
  if (!exchange->begin(*who, std::move(key))) {
    context.responder.answer(refusal(503, "too many passwords wait to be checked"));
    return nullptr;
  }
  return exchange;
}

}  // namespace

Routes guarded(Routes routes, GuardView view) {
  if (view.access.is_open()) return routes;
  auto guard = std::make_shared<Guard>(std::move(view));
  routes.wrap([&guard](const Route& route) -> Handler {
    if (route.path == "/healthz" || route.path == "/readyz") return route.handler;
    return [guard, handler = route.needs_all_rights ? with_rights(guard, route) : route.handler](
               Request request, const ExchangeContext& context) {
      return pass(guard, handler, std::move(request), context);
    };
  });
  return routes;
}

}  // namespace server::http
