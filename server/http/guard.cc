#include "server/http/guard.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "server/auth/digest.h"
#include "server/http/refusal_log.h"
#include "server/net/weak_callback.h"

namespace server::http {

namespace {

struct Credentials {
  std::string user, password;
};

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

Response refusal(int status, std::string_view message) {
  Response response = error_response(status * 100, message);
  if (status == 401)
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

// Limits guesses of passwords: after each wrong one, the next attempt of the same user from the
// same address waits longer, so that a list of passwords takes hours. A recently correct password
// is cached and does not wait. Any thread.
class Attempts {
 public:
  static std::string key_of(const Credentials& who, const Channel& channel) {
    return channel.peer_host + '\0' + who.user;
  }
  // Returns the time at which this attempt may be checked; nothing if too many attempts wait
  // already.
  std::optional<int64_t> begin(const std::string& key, int64_t now_us) {
    constexpr int64_t kMostWaitUs = 60'000'000;
    const std::lock_guard lock(mutex_);
    const auto found = wrong_.find(key);
    if (found == wrong_.end()) return now_us;
    Wrong& wrong = found->second;
    const int64_t at_us = std::max(now_us, wrong.next_us);
    if (at_us - now_us > kMostWaitUs) return std::nullopt;
    wrong.next_us = at_us + delay_us(wrong.count);
    return at_us;
  }
  void end(const std::string& key, bool is_right, int64_t now_us) {
    const std::lock_guard lock(mutex_);
    if (is_right) {
      wrong_.erase(key);
      return;
    }
    if (wrong_.size() >= kMost && !wrong_.contains(key)) forget(now_us);
    Wrong& wrong = wrong_[key];
    ++wrong.count;
    wrong.next_us = std::max(wrong.next_us, now_us + delay_us(wrong.count));
  }

 private:
  static constexpr size_t kMost = 10'000;
  struct Wrong {
    int count = 0;
    int64_t next_us = 0;  // time of the next check
  };
  static int64_t delay_us(int count) {
    constexpr int64_t kFirstUs = 500'000, kMostUs = 30'000'000;
    constexpr int kDoublings = 6;
    return std::min(kMostUs, kFirstUs << std::clamp(count - 1, 0, kDoublings));
  }
  // Removes entries whose wait is over, and all entries if none is: entries do not stop an attacker
  // with thousands of addresses.
  void forget(int64_t now_us) {
    std::erase_if(wrong_, [&](const auto& each) { return each.second.next_us < now_us; });
    if (wrong_.size() >= kMost) wrong_.clear();
  }

  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, Wrong> wrong_;
};

struct Guard {
  explicit Guard(GuardView of) : view(std::move(of)) {}

  const GuardView view;
  Remembered remembered;
  Attempts attempts;
  RefusalLog log;
};

// Waits until the password is checked, then passes the request to the route's handler.
class GuardedExchange final : public Exchange {
 public:
  GuardedExchange(std::shared_ptr<Guard> guard, const Handler& handler, Request request,
                  const ExchangeContext& context)
      : guard_(std::move(guard)),
        handler_(handler),
        request_(std::move(request)),
        context_(context) {}
  // Checks the password at `at_us`, when run() is called. Returns false if the queue is full.
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
    guard_->attempts.end(Attempts::key_of(errand_->who, *context_.channel), *is_right_,
                         context_.clock.monotonic_us());
    if (!*is_right_ || !guard_->view.access.check_login(request_.user)) {
      is_over_ = true;
      guard_->log.add(context_.clock, context_.channel, request_.user, "wrong user or password");
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
  // While the password is checked, bytes that have arrived are kept, and further bytes wait in the
  // socket.
  bool wants_body() const override { return inner_ ? inner_->wants_body() : is_over_; }
  std::optional<int64_t> deadline_us() const override {
    return inner_ ? inner_->deadline_us() : begins_us_;
  }
  void shut_down(const Error& reason) override {
    if (inner_) inner_->shut_down(reason);
  }

 private:
  // Shared with the thread that checks the password.
  struct Errand {
    Credentials who;
    std::string key;
  };

  const std::shared_ptr<Guard> guard_;  // shared with the routes and work on other threads
  const Handler& handler_;
  Request request_;
  const ExchangeContext context_;
  std::unique_ptr<Exchange> inner_;
  std::shared_ptr<Errand> errand_;
  std::optional<int64_t> begins_us_;  // the check waits until then
  std::optional<bool> is_right_;
  bool is_over_ = false, is_body_over_ = false;
  std::string body_;
  const WeakCallback callback_;  // the result is dropped if the client has disconnected
};

std::unique_ptr<Exchange> refuse(Guard& guard, const Request& request,
                                 const ExchangeContext& context, int status,
                                 std::string_view message) {
  guard.log.add(context.clock, context.channel, request.user, message);
  context.responder.answer(refusal(status, message));
  return nullptr;
}

std::unique_ptr<Exchange> ask_for_name(const ExchangeContext& context, std::string_view message) {
  context.responder.answer(refusal(401, message));
  return nullptr;
}

// Returns the topic of a subject, by the names that serializers use; otherwise the subject's own
// name.
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
  // A request without credentials is answered with a challenge, since HTTP clients first try
  // without them.
  if (!who && (!method || *method == auth::Method::Password))
    return ask_for_name(context, method ? "user name and password are required (HTTP Basic)"
                                        : method.error().message);
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
  const auto at_us =
      guard->attempts.begin(Attempts::key_of(*who, *context.channel), context.clock.monotonic_us());
  if (!at_us)
    return refuse(*guard, request, context, 429, "too many wrong passwords; try again in a minute");
  auto exchange = std::make_unique<GuardedExchange>(guard, handler, std::move(request), context);
  if (!exchange->begin(*who, std::move(key), *at_us)) {
    context.responder.answer(refusal(503, "too many password checks are queued"));
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
