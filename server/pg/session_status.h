// The present activity of each session, visible to all others: the rows of pg_stat_activity.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace server::pg {

struct SessionStatus {
  int32_t process_id = 0;
  std::string database = {}, user = {}, application_name = {};
  std::string client_host = {};  // empty: unknown
  std::optional<int> client_port = {};
  int64_t began_ms = 0;
  std::optional<int64_t> transaction_began_ms = {}, query_began_ms = {};
  int64_t changed_ms = 0;     // time of the last change of state
  std::string state = {};     // active, idle, idle in transaction, idle in transaction (aborted)
  std::string query = {};     // the running or last statement
  bool is_concealed = false;  // the reader may learn only that the session exists
};

// The part of a session that is ended: its statement by pg_cancel_backend(), its connection by
// pg_terminate_backend().
enum class SessionEnd : uint8_t { Statement, Connection };

// The status of one session.
//
// Threads: any.
// Owner:   the session; readers share it.
class StatusCell {
 public:
  // Limit of the text that is shown: PostgreSQL's default of track_activity_query_size.
  static constexpr size_t kMostQueryBytes = 1024;

  // Sets the address of the client: "127.0.0.1:51234" or "[::1]:51234". It is called before the
  // client is authenticated.
  void set_peer(std::string_view address);
  // Makes the session visible to readers. It is called when the client is authenticated.
  void let_in(int32_t process_id, const std::string& database, const std::string& user,
              int64_t now_ms);
  void set_application_name(const std::string& name);
  void work(std::string_view text, int64_t now_ms);
  // Sets the state in which the session waits for its client. `state` is one of the values of
  // SessionStatus::state. `is_in_transaction`: whether a transaction is open.
  void rest(std::string_view state, bool is_in_transaction, int64_t now_ms);
  // Returns the present status; nothing before the client is authenticated.
  std::optional<SessionStatus> read() const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_
  SessionStatus status_;
  bool is_in_ = false;
};

}  // namespace server::pg
