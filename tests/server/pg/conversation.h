// A client's side of a conversation with a Session. It builds messages, and reads the answer as one
// line, for instance `T(id,name) D(1,Ada) C(SELECT 1) Z(I)`.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "server/locks/named_locks.h"
#include "server/pg/notifications.h"
#include "server/pg/session.h"
#include "tests/server/pg/fake_backend.h"

namespace server::pg {

// ---- The messages of clients ----

inline std::string message(char type, std::string_view body) {
  std::string bytes(1, type);
  append_be(bytes, static_cast<uint32_t>(body.size() + 4));
  return bytes.append(body);
}
inline std::string text(std::string_view value) { return std::string(value) + '\0'; }
inline std::string number16(int value) {
  std::string bytes;
  append_be(bytes, static_cast<int16_t>(value));
  return bytes;
}
inline std::string number32(int64_t value) {
  std::string bytes;
  append_be(bytes, static_cast<int32_t>(value));
  return bytes;
}
inline std::string number64(int64_t value) {
  std::string bytes;
  append_be(bytes, value);
  return bytes;
}

inline std::string startup(const std::vector<std::pair<std::string, std::string>>& parameters,
                           int32_t version = 3 << 16) {
  std::string body = number32(version);
  for (const auto& [name, value] : parameters) body += text(name) + text(value);
  body += '\0';
  return number32(static_cast<int64_t>(body.size() + 4)) + body;
}
inline std::string query(std::string_view sql) { return message('Q', text(sql)); }
inline std::string parse(std::string_view sql, std::string_view name = "",
                         const std::vector<uint32_t>& oids = {}) {
  std::string body = text(name) + text(sql) + number16(static_cast<int>(oids.size()));
  for (const uint32_t oid : oids) body += number32(oid);
  return message('P', body);
}
struct BindOptions {
  std::string_view portal = "", statement = "";
  std::vector<int> parameter_formats = {}, result_formats = {};
};
inline std::string bind(const std::vector<std::optional<std::string>>& parameters = {},
                        const BindOptions& options = {}) {
  std::string body = text(options.portal) + text(options.statement);
  body += number16(static_cast<int>(options.parameter_formats.size()));
  for (const int format : options.parameter_formats) body += number16(format);
  body += number16(static_cast<int>(parameters.size()));
  for (const auto& parameter : parameters)
    body +=
        parameter ? number32(static_cast<int64_t>(parameter->size())) + *parameter : number32(-1);
  body += number16(static_cast<int>(options.result_formats.size()));
  for (const int format : options.result_formats) body += number16(format);
  return message('B', body);
}
inline std::string describe_statement(std::string_view name = "") {
  return message('D', "S" + text(name));
}
inline std::string describe_portal(std::string_view name = "") {
  return message('D', "P" + text(name));
}
inline std::string execute(int max_rows = 0, std::string_view portal = "") {
  return message('E', text(portal) + number32(max_rows));
}
inline std::string close_statement(std::string_view name) { return message('C', "S" + text(name)); }
inline std::string close_portal(std::string_view name) { return message('C', "P" + text(name)); }
inline std::string sync_up() { return message('S', ""); }
inline std::string flush() { return message('H', ""); }
inline std::string terminate() { return message('X', ""); }
inline std::string copy_data(std::string_view data) { return message('d', data); }
inline std::string copy_done() { return message('c', ""); }

// ---- The session ----

// Returns the server's messages in words. Unprintable bytes are shown as \xhh.
std::string in_words(std::string_view bytes);

class Conversation : public SessionHost, public SessionPeers {
 public:
  explicit Conversation(SessionLimits limits = {}, MemoryAccount* memory = nullptr);
  // Completes the start-up and drops the answer.
  static Conversation& begun(Conversation& conversation,
                             std::string_view application_name = "test");

  // Sends the bytes and returns the answer in words. Runs the session as long as it has more to do.
  std::string say(std::string_view bytes);
  std::string hear() { return say(""); }
  std::string hear_bytes(std::string_view bytes);
  void pass_ms(int64_t ms) { clock.advance_us(ms * 1000); }

  SimulatedClock clock;
  FakeBackend backend;
  std::vector<SessionKey> cancels;
  std::shared_ptr<Notifications> channels = std::make_shared<Notifications>();
  LocalLocks all_locks;
  Session session;

 private:
  void wake() override { is_woken_ = true; }
  void cancel_session(SessionKey key) override { cancels.push_back(key); }
  std::shared_ptr<Notifications> notifications() override { return channels; }
  NamedLocks& locks() override { return all_locks; }
  std::function<void()> waker_of(SessionKey) override {
    return [this] { is_woken_ = true; };
  }
  bool is_woken_ = false;
};

// A conversation after the usual start-up.
struct Begun : Conversation {
  explicit Begun(std::string_view application_name = "test") { begun(*this, application_name); }
};

}  // namespace server::pg
