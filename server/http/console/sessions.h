// Sessions of the console: the cookie of one browser, and the user that it stands for.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "server/auth/access.h"
#include "server/http/message.h"
#include "server/http/routes.h"

namespace server::http {

// A session ends 30 min after its last request, 12 h after its login, at logout, when its user is
// dropped or gets another password, and when the server stops, because sessions are kept in memory
// only. While an answer is being sent, such as that of a push query, the session does not count as
// idle. The server stores only a digest of a cookie, from which the cookie cannot be derived.
//
// Threads: any. Owner: the node; it outlives the routes.
class Sessions {
 public:
  struct Options {
    bool is_read_only = false;  // all requests of the console may only read
    bool is_insecure = false;   // passwords may be sent in plain text over a network (--insecure)
    std::function<int()> port = {};   // port of the HTTP listener; called once requests arrive
    AuditRing* audit_ring = nullptr;  // outlives the sessions; null in some tests
  };
  Sessions(const auth::Access& access, Options options)
      : access_(access), options_(std::move(options)) {}

  static constexpr size_t kMostSessions = 1'000;
  static constexpr int64_t kIdleUs = int64_t{30} * 60 * 1'000'000;
  static constexpr int64_t kWholeUs = int64_t{12} * 3'600 * 1'000'000;

  // Begins a session and returns the value of its cookie. The session that was idle for the longest time ends if there
  // are too many. `user` is empty on a server without users.
  std::string begin(const std::string& user, const Channel& channel, int64_t now_us);

  struct Found {
    std::string key;   // key for open_request() and the other functions of this class
    std::string user;  // empty on a server without users
    std::string name;  // name of the session in the audit; it reveals nothing about the cookie
    bool is_look_only = false;
  };
  // Returns the session of a cookie. The call counts as activity of the session. Returns nothing if the session has
  // ended, or if the cookie comes from another address than at login.
  std::optional<Found> find(std::string_view cookie, const Channel& channel, int64_t now_us);
  void set_look_only(const std::string& key, bool is_look_only);
  void end(const std::string& key);

  // Notes that an answer to a request is still being sent, so that the session does not count as idle.
  void open_request(const std::string& key);
  void close_request(const std::string& key, int64_t now_us);
  // Whether the session has not ended; does not count as activity.
  bool is_alive(const std::string& key, const Channel& channel, int64_t now_us);

  // Returns the cookie of the console's session that the request contains; nothing if it contains
  // none.
  std::optional<std::string> cookie_of(const Request& request, const Channel& channel) const;
  // Return the Set-Cookie header that gives a cookie to the browser, or removes it.
  Header set_cookie(std::string_view cookie, const Channel& channel) const;
  Header clear_cookie(const Channel& channel) const;
  // Whether a password may be sent over the channel: with TLS, from this machine, or with --insecure.
  bool may_send_password(const Channel& channel) const;
  bool is_read_only() const { return options_.is_read_only; }
  AuditRing* audit_ring() const { return options_.audit_ring; }

 private:
  struct Session {
    std::string user = {}, name = {}, address = {};
    auth::LoginState login = {};  // state of the user at the time of the login
    int64_t begun_us = 0, used_us = 0;
    size_t open_requests = 0;
    bool is_look_only = false;
  };
  static bool is_expired(const Session& session, int64_t now_us);
  bool has_lost_user(const Session& session, const Channel& channel) const;
  std::optional<Session> copy_of(const std::string& key, int64_t now_us);
  std::string cookie_name(const Channel& channel) const;
  Header cookie_header(std::string_view value, std::string_view more, const Channel& channel) const;

  const auth::Access& access_;
  const Options options_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, Session> sessions_;  // by the digest of the session's cookie
};

// Runs a handler within a session. While its answer is being sent, the session does not become
// idle; if the session ends, the answer ends, too.
std::unique_ptr<Exchange> run_in_session(Sessions& sessions, const std::string& key,
                                         const Handler& handler, Request request,
                                         const ExchangeContext& context);

}  // namespace server::http
