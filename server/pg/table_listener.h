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

// One listener of a session. It runs SELECT ... EMIT CHANGES. For a table, this query first returns
// the present rows; for a stream, it returns only new records. The listener keeps no rows: all
// changes since the last notification become one notification with their number. So a client that
// reads slowly causes no backlog, and a look-up after a notification shows the change.
//
// Threads: the session's loop.
class TableListener final : private sql::Receiver {
 public:
  static bool is_meant(std::string_view channel) { return channel.starts_with(kPrefix); }

  // Begins to listen. `wake` is called, perhaps within the call, when take() has something to
  // return. Fails like the SELECT: the table does not exist, or the user may not read it.
  static Result<std::unique_ptr<TableListener>> begin(SessionContext& context,
                                                      const std::string& channel,
                                                      std::function<void()> wake);
  // Returns {"rows": 3}. When the table was dropped or can no longer be read, returns {"ended":
  // "why"} once.
  std::optional<std::string> take();
  bool has_ended() const { return has_ended_; }  // true after take() has returned "ended"

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
