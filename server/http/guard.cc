#include "server/http/guard.h"

#include <cctype>
#include <mutex>
#include <set>
#include <utility>

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

struct Guard {
  explicit Guard(GuardView of) : view(std::move(of)) {}

  const GuardView view;
  Remembered remembered;
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

std::unique_ptr<Exchange> refuse(const ExchangeContext& context, int status,
                                 std::string_view message) {
  context.responder.answer(refusal(status, message));
  return nullptr;
}

// Of somebody who has been let in.
Handler for_all_rights(const std::shared_ptr<Guard>& guard, const Handler& handler) {
  return [guard, handler](Request request, const ExchangeContext& context) {
    if (guard->view.access.has_all_rights(request.user))
      return handler(std::move(request), context);
    return refuse(context, 403,
                  "user \"" + request.user +
                      "\" has no rights on everything, and rights on single topics are not "
                      "supported yet here");
  };
}

std::unique_ptr<Exchange> pass(const std::shared_ptr<Guard>& guard, const Handler& handler,
                               Request request, const ExchangeContext& context) {
  const auth::Access& access = guard->view.access;
  const auto who = credentials_of(request.header("authorization"));
  request.user = who ? who->user : context.channel->certificate_name;
  request.has_rights_of_user = true;
  const Result<auth::Method> method = access.admit("http", request.user, *context.channel);
  if (!method && !who) return refuse(context, 401, method.error().message);
  if (!method) return refuse(context, 403, method.error().message);
  if (*method == auth::Method::Password && !who)
    return refuse(context, 401, "a user and a password are needed (HTTP Basic)");
  if (*method == auth::Method::Certificate)
    if (const Status right = access.check_certificate(request.user, *context.channel); !right)
      return refuse(context, 403, right.error().message);
  const Status may_login = access.check_login(request.user);
  if (*method != auth::Method::Password) {
    if (!may_login) return refuse(context, 403, may_login.error().message);
    return handler(std::move(request), context);
  }
  std::string key = guard->remembered.key_of(access, *who);
  if (may_login && guard->remembered.has(key)) return handler(std::move(request), context);
  auto exchange = std::make_unique<GuardedExchange>(guard, handler, std::move(request), context);
  if (!exchange->begin(*who, std::move(key)))
    return refuse(context, 503, "too many passwords wait to be checked");
  return exchange;
}

}  // namespace

Routes guarded(Routes routes, GuardView view) {
  if (view.access.is_open()) return routes;
  auto guard = std::make_shared<Guard>(std::move(view));
  routes.wrap([&guard](const Route& route) -> Handler {
    if (route.path == "/healthz" || route.path == "/readyz") return route.handler;
    return [guard, handler = route.needs_all_rights
                                 ? for_all_rights(guard, route.handler)
                                 : route.handler](Request request, const ExchangeContext& context) {
      return pass(guard, handler, std::move(request), context);
    };
  });
  return routes;
}

}  // namespace server::http
