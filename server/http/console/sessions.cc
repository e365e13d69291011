#include "server/http/console/sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/types/text_bytes.h"
#include "server/auth/digest.h"

namespace server::http {

namespace {

constexpr size_t kCookieBytes = 32;
constexpr size_t kNameBytes = 4;
// Interval of the checks whether the session of a long answer has ended.
constexpr int64_t kSessionCheckUs = 5'000'000;

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  engine::append_hex(text, bytes, engine::HexCase::Lower);
  return text;
}

std::string key_of_cookie(std::string_view cookie) {
  return auth::digest(auth::Hash::Sha256, cookie);
}

class SessionExchange final : public Exchange {
 public:
  SessionExchange(Sessions& sessions, std::string key, std::unique_ptr<Exchange> inner,
                  const ExchangeContext& context)
      : sessions_(sessions), key_(std::move(key)), context_(context), inner_(std::move(inner)) {}
  ~SessionExchange() override {
    inner_.reset();
    sessions_.close_request(key_, context_.clock.monotonic_us());
  }
  SessionExchange(const SessionExchange&) = delete;
  SessionExchange& operator=(const SessionExchange&) = delete;

  void run() override {
    const int64_t now_us = context_.clock.monotonic_us();
    if (now_us >= check_us_) {
      check_us_ = now_us + kSessionCheckUs;
      if (!sessions_.is_alive(key_, *context_.channel, now_us))
        inner_->shut_down({ErrorCode::InvalidAuthorization,
                           "the session of the console has ended",
                           {},
                           "Log in again."});
    }
    inner_->run();
  }
  void on_body(std::string_view bytes) override { inner_->on_body(bytes); }
  void on_body_end() override { inner_->on_body_end(); }
  bool wants_body() const override { return inner_->wants_body(); }
  std::optional<int64_t> deadline_us() const override {
    return std::min(inner_->deadline_us().value_or(check_us_), check_us_);
  }
  void shut_down(const Error& reason) override { inner_->shut_down(reason); }

 private:
  Sessions& sessions_;
  const std::string key_;
  const ExchangeContext context_;
  std::unique_ptr<Exchange> inner_;
  int64_t check_us_ = context_.clock.monotonic_us() + kSessionCheckUs;
};

}  // namespace

std::unique_ptr<Exchange> run_in_session(Sessions& sessions, const std::string& key,
                                         const Handler& handler, Request request,
                                         const ExchangeContext& context) {
  auto inner = handler(std::move(request), context);
  if (!inner) return nullptr;
  sessions.open_request(key);
  return std::make_unique<SessionExchange>(sessions, key, std::move(inner), context);
}

std::string Sessions::begin(const std::string& user, const Channel& channel, int64_t now_us) {
  std::string cookie = hexadecimal(auth::random_bytes(kCookieBytes));
  Session session{.user = user,
                  .name = hexadecimal(auth::random_bytes(kNameBytes)),
                  .address = channel.peer_host,
                  .begun_us = now_us,
                  .used_us = now_us};
  if (!access_.is_open()) session.login = access_.login_state(user);
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= kMostSessions)
    std::erase_if(sessions_, [&](const auto& each) { return is_expired(each.second, now_us); });
  if (sessions_.size() >= kMostSessions)
    sessions_.erase(std::ranges::min_element(sessions_, {}, [](const auto& each) {
      return std::pair(each.second.open_requests > 0, each.second.used_us);
    }));
  sessions_.emplace(key_of_cookie(cookie), std::move(session));
  return cookie;
}

bool Sessions::is_expired(const Session& session, int64_t now_us) {
  return now_us - session.begun_us >= kWholeUs ||
         (session.open_requests == 0 && now_us - session.used_us >= kIdleUs);
}

// Whether the user of the session was dropped, got another password, or is no longer admitted by the access file.
bool Sessions::has_lost_user(const Session& session, const Channel& channel) const {
  if (access_.is_open()) return false;
  const auth::LoginState now = access_.login_state(session.user);
  return !now.may_login || now != session.login || !access_.admit("http", session.user, channel);
}

// Returns a copy of a session, so that its user is looked up without the lock.
std::optional<Sessions::Session> Sessions::copy_of(const std::string& key, int64_t now_us) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) return std::nullopt;
  if (!is_expired(found->second, now_us)) return found->second;
  sessions_.erase(found);
  return std::nullopt;
}

std::optional<Sessions::Found> Sessions::find(std::string_view cookie, const Channel& channel,
                                              int64_t now_us) {
  std::string key = key_of_cookie(cookie);
  if (!is_alive(key, channel, now_us)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(key);
  if (found == sessions_.end()) return std::nullopt;
  Session& session = found->second;
  session.used_us = now_us;
  return Found{std::move(key), session.user, session.name, session.is_look_only};
}

bool Sessions::is_alive(const std::string& key, const Channel& channel, int64_t now_us) {
  const std::optional<Session> session = copy_of(key, now_us);
  if (!session || session->address != channel.peer_host) return false;
  if (!has_lost_user(*session, channel)) return true;
  end(key);
  return false;
}

void Sessions::set_look_only(const std::string& key, bool is_look_only) {
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(key); found != sessions_.end())
    found->second.is_look_only = is_look_only;
}

void Sessions::end(const std::string& key) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(key);
}

void Sessions::open_request(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(key); found != sessions_.end())
    ++found->second.open_requests;
}

void Sessions::close_request(const std::string& key, int64_t now_us) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(key);
  if (found == sessions_.end() || found->second.open_requests == 0) return;
  --found->second.open_requests;
  found->second.used_us = now_us;
}

// A browser sends a cookie to all ports of a host, so the name of the cookie contains the port. Otherwise two servers
// on one machine would overwrite each other's cookies. With the prefix __Host-, a browser accepts it only over TLS and
// only from this host.
std::string Sessions::cookie_name(const Channel& channel) const {
  return fmt::format("{}millrace-{}", channel.has_tls ? "__Host-" : "", options_.port());
}

std::optional<std::string> Sessions::cookie_of(const Request& request,
                                               const Channel& channel) const {
  const std::string name = cookie_name(channel) + '=';
  // The cookie may be in any of several headers, since HTTP/2 clients may send each cookie in a
  // header of its own.
  for (const Header& header : request.headers) {
    if (header.name != "cookie") continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      pair.remove_prefix(std::min(pair.size(), pair.find_first_not_of(" \t")));
      if (pair.starts_with(name)) return std::string(pair.substr(name.size()));
    }
  }
  return std::nullopt;
}

Header Sessions::cookie_header(std::string_view value, std::string_view more,
                               const Channel& channel) const {
  return {"set-cookie",
          fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}{}", cookie_name(channel), value,
                      channel.has_tls ? "; Secure" : "", more)};
}

// The cookie has no Max-Age, so the browser deletes it when it is closed.
Header Sessions::set_cookie(std::string_view cookie, const Channel& channel) const {
  return cookie_header(cookie, {}, channel);
}

Header Sessions::clear_cookie(const Channel& channel) const {
  return cookie_header({}, "; Max-Age=0", channel);
}

bool Sessions::may_send_password(const Channel& channel) const {
  const std::string& peer = channel.peer_host;
  return channel.has_tls || options_.is_insecure || peer == "::1" || peer.starts_with("127.") ||
         peer.starts_with("::ffff:127.");
}

}  // namespace server::http
