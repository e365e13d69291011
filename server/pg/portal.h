// Prepared statements, and portals: statements that run or can be run, whose rows go out in
// portions.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "server/pg/row_encoder.h"
#include "server/pg/scroll_rows.h"
#include "server/pg/wire_types.h"
#include "server/sql/port.h"

namespace server::pg {

// The text of a message: shared, since it may be megabytes long and hold 100,000 statements.
using SharedText = std::shared_ptr<const std::string>;

// A statement as parsed and, if the engine runs it, analysed. Shared by its name, by the
// portals made from it and by what runs: a name can be dropped while a portal goes on.
struct PreparedStatement {
  SharedText text;  // of the message that it came in: what positions of errors count in
  std::shared_ptr<const engine::ParsedStatement> parsed;  // null: an empty statement
  std::shared_ptr<const sql::Prepared> plan;              // null: the session's own statement
  std::vector<uint32_t> parameter_oids;                   // as the client sees them
  std::shared_ptr<const PreparedStatement> inner = {};    // of DECLARE with parameters: its query
  mutable bool tells_of_sessions = false;                 // of what they did when it was analysed
  mutable MemoryCharge charge;  // while it is kept by a name, or by a portal
  // Since when a name keeps it, and whether PREPARE or a Parse message gave the name.
  mutable int64_t kept_since_ms = 0;
  mutable bool is_of_prepare = false;
};
using PreparedStatementPtr = std::shared_ptr<const PreparedStatement>;

// Where the rows of one Execute or FETCH go.
struct Delivery {
  std::string& out;
  MemoryCharge& charge;           // of `out`, where it is not short
  RowEncoder* encoder = nullptr;  // null: the rows are only counted (MOVE)
  std::optional<uint64_t> limit = {};
  uint64_t sent = 0;

  bool is_full() const { return limit && sent >= *limit; }
  // More would only wait: the rest is encoded when this has been handed out.
  static constexpr size_t kEnoughBytes = 1024 * 1024;
  bool has_room() const { return out.size() < kEnoughBytes; }
  // A long row goes alone: nothing is held for the sake of what was before it.
  bool has_room_for(size_t row_bytes) const {
    return !encoder || out.empty() || (has_room() && row_bytes <= kEnoughBytes);
  }
};

// Invariants: rows reach the client in the order in which they came, each once; while a delivery
//             is open and neither full nor without room, nothing is kept back.
// Threads:    the session's loop.
// Owner:      the session, by name, or the activity that runs it alone.
class Portal final : public sql::Receiver {
 public:
  // `on_event` is called after each thing that the backend says, but within start(), and when continue_delivery() has
  // more to do as soon as output is handed out.
  Portal(PreparedStatementPtr statement, std::vector<engine::Value> parameters,
         std::vector<Format> formats, std::function<void()> on_event);

  const PreparedStatementPtr& statement() const { return statement_; }
  const std::vector<Format>& formats() const { return formats_; }
  // Until it starts.
  const std::vector<engine::Value>& parameters() const { return parameters_; }
  // Rows that wait to be fetched count there; when that is refused the portal ends with the error.
  void charge_rows_to(MemoryAccount* account);
  bool is_holdable = false;     // survives the end of the transaction
  bool is_uncommitted = false;  // but not a ROLLBACK of the one that has declared it
  uint64_t last_savepoint = 0;  // of the session when it was made: the number
  MemoryCharge charge;          // of its parameters

  // Of a cursor with SCROLL, before it starts: its rows are kept, and begin_fetch() says which of them go out next.
  void make_scrollable() { scroll_.emplace(); }
  bool is_scrollable() const { return scroll_.has_value(); }
  // Answers how many there are at most.
  std::optional<uint64_t> begin_fetch(engine::FetchDirection direction,
                                      std::optional<int64_t> count);

  // ---- Only for the session's own statements ----

  // One that gives rows gives the rest of them at the next Execute; any other runs once.
  struct OwnRun {
    bool has_begun = false, has_ended = false;
    uint64_t rows_sent = 0;
    std::shared_ptr<Portal> executed = {};  // by EXECUTE
  } own;

  // ---- Only for statements of the engine ----

  bool has_started() const { return has_started_; }
  Status start(sql::SessionBackend& backend);
  // Rows that are kept go out at once, then those that come, until the limit is reached or
  // close_delivery() is called. `delivery` must live until then.
  void open_delivery(Delivery& delivery);
  // Again when output has been handed out: what had no room.
  void continue_delivery();
  void close_delivery();
  // No further rows from the backend until it is lifted: the client reads slowly.
  void set_output_full(bool is_full);

  // Everything that will ever come has been delivered: error or completion are there.
  bool is_exhausted() const {
    return scroll_ ? error_ || scroll_->is_done() : kept_.empty() && (completion_ || error_);
  }
  // It goes on when output has been handed out.
  bool waits_for_room() const { return is_room_awaited_ || has_rows_to_go(); }
  const std::optional<sql::Completion>& completion() const { return completion_; }
  const std::optional<Error>& error() const { return error_; }
  std::vector<sql::Notice> take_notices() { return std::exchange(notices_, {}); }
  uint64_t rows_delivered() const { return rows_delivered_; }

  // Ends it as if no more rows had come.
  void finish_early();
  void stop_with(Error error);
  // Asks a statement without rows to give up; it answers as it can.
  void request_cancel();

  std::optional<int64_t> expires_us;  // push.timeout: the clock's time at which rows end

 private:
  struct KeptRows {
    std::vector<engine::ColumnPtr> columns;
    size_t next_row, end_row;
    size_t bytes;  // about
  };

  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override;
  bool has_room(size_t first_row_bytes) override;
  void on_notice(sql::Notice notice) override;
  void on_done(sql::Completion completion) override;
  void on_error(Error error) override;

  // How many of these may be encoded at once; fails when there is no memory for the first.
  Result<size_t> rows_with_room(std::span<const engine::ColumnPtr> columns, size_t first_row,
                                size_t end_row);
  size_t deliver(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row);
  // Much is held by answers that wait for their clients.
  bool must_be_short() const;
  void fail_with(Error error);
  void keep(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row);
  void drop_kept();
  bool has_ended() const { return completion_ || error_; }
  bool has_rows_to_go() const;
  void continue_scroll();
  void update_flow();
  void tell_event();

  const PreparedStatementPtr statement_;
  std::vector<engine::Value> parameters_;
  const std::vector<Format> formats_;
  const std::function<void()> on_event_;

  std::unique_ptr<sql::Execution> execution_;
  bool has_started_ = false, is_starting_ = false, is_paused_ = false, is_output_full_ = false;
  bool is_room_awaited_ = false;  // by the execution, which was told that there is none
  Delivery* delivery_ = nullptr;
  std::deque<KeptRows> kept_;
  mutable std::optional<ScrollRows> scroll_;  // looking at what is next may find the end
  MemoryAccount* account_ = nullptr;          // of kept rows; null: of nobody
  MemoryCharge kept_charge_;
  size_t kept_bytes_ = 0;
  std::vector<sql::Notice> notices_;
  std::optional<sql::Completion> completion_;
  std::optional<Error> error_;
  uint64_t rows_delivered_ = 0;
};

}  // namespace server::pg
