// LISTEN "table:by_city": a notification whenever rows of a table or a stream change.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/pg/activity.h"
#include "server/pg/notifications.h"

namespace server::pg {

// One of a session. It follows what SELECT ... EMIT CHANGES would show, of a table its present rows first, of a stream
// what comes from now on; and keeps no rows: what has changed since the client was last told is one notification, with how many rows these were. So nobody who reads slowly is
// sent away, and a look-up that follows shows the change.
//
// Threads: the session's loop.
class TableListener final : private sql::Receiver {
 public:
  static bool is_meant(std::string_view channel) { return channel.starts_with(kPrefix); }

  // `wake` is called, perhaps within the call, when there is something to take. Fails as the SELECT does: there is no
  // such table, or the user may not read it.
  static Result<std::unique_ptr<TableListener>> begin(SessionContext& context,
                                                      const std::string& channel,
                                                      std::function<void()> wake);
  // {"rows": 3}; once, when the table is gone or cannot be read any more, {"ended": "why"}.
  std::optional<std::string> take();
  bool has_ended() const { return has_ended_; }  // and has told so

 private:
  static constexpr std::string_view kPrefix = "table:";
  explicit TableListener(std::function<void()> wake) : wake_(std::move(wake)) {}

  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override;
  void on_notice(sql::Notice notice) override;
  void on_done(sql::Completion completion) override;
  void on_error(Error error) override;
  void end(std::string reason);

  const std::function<void()> wake_;
  std::unique_ptr<sql::Execution> execution_;
  uint64_t changed_rows_ = 0;
  std::optional<std::string> end_reason_;
  bool has_ended_ = false;
};

}  // namespace server::pg
