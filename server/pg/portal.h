// Prepared statements and portals. A portal is a statement that runs or can run; its rows are sent
// in portions.
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

// The text of a message. It is shared, since it may be megabytes long and hold 100,000 statements.
using SharedText = std::shared_ptr<const std::string>;

// A statement as parsed and, if the engine runs it, analysed. The map of names, the portals made
// from the statement and the activity that runs it share ownership, because the name can be dropped
// while a portal continues.
struct PreparedStatement {
  SharedText text;  // text of the message, to which positions of errors refer
  std::shared_ptr<const engine::ParsedStatement> parsed;  // null: an empty statement
  // Null: the session runs the statement itself.
  std::shared_ptr<const sql::Prepared> plan;
  // types of the parameters as the client sees them
  std::vector<uint32_t> parameter_oids;
  // For DECLARE with parameters: the query of the cursor.
  std::shared_ptr<const PreparedStatement> inner = {};
  // The statement reads pg_stat_activity, so it is analysed again before it runs; see
  // Session::as_of_now().
  mutable bool tells_of_sessions = false;
  mutable MemoryCharge charge;  // set while a name or a portal keeps the statement
  // The time since when a name refers to the statement, and whether PREPARE or a Parse message
  // created this name.
  mutable int64_t kept_since_ms = 0;
  mutable bool is_of_prepare = false;
};
using PreparedStatementPtr = std::shared_ptr<const PreparedStatement>;

// The destination of the rows of one Execute or FETCH.
struct Delivery {
  std::string& out;
  MemoryCharge& charge;           // charge for `out`, unless `out` is short
  RowEncoder* encoder = nullptr;  // null: the rows are only counted (MOVE)
  std::optional<uint64_t> limit = {};
  uint64_t sent = 0;

  bool is_full() const { return limit && sent >= *limit; }
  // Limit of the output that is encoded ahead of the client. Further rows are encoded when this
  // output has been handed to the connection.
  static constexpr size_t kEnoughBytes = 1024 * 1024;
  bool has_room() const { return out.size() < kEnoughBytes; }
  // Returns whether another row may be encoded now. A row of more than kEnoughBytes is sent alone,
  // so that the rows before it need not wait for it.
  bool has_room_for(size_t row_bytes) const {
    return !encoder || out.empty() || (has_room() && row_bytes <= kEnoughBytes);
  }
};

// Invariants: rows reach the client in the order of their arrival, each once; while a delivery is
//             open and has room, all rows that have arrived are delivered.
// Threads:    the session's loop.
// Owner:      the session, under the portal's name, or the activity that runs the portal, if it has
// no name.
class Portal final : public sql::Receiver {
 public:
  // `on_event` is called after each call of a Receiver function by the backend, except within
  // start(). It is also called when continue_delivery() could deliver more rows once the present
  // output has been handed to the connection.
  Portal(PreparedStatementPtr statement, std::vector<engine::Value> parameters,
         std::vector<Format> formats, std::function<void()> on_event);

  const PreparedStatementPtr& statement() const { return statement_; }
  const std::vector<Format>& formats() const { return formats_; }
  // Valid until the portal starts.
  const std::vector<engine::Value>& parameters() const { return parameters_; }
  // Charges the rows that wait for a fetch to this account. If the account refuses the memory, the
  // portal ends with the error.
  void charge_rows_to(MemoryAccount* account);
  // Adds to each row of a push query the mark that sql::RowsKind::Changes describes. Call it before
  // the portal starts.
  void mark_changes() { marks_changes_ = true; }
  // Whether the running push query has shown all records that existed at its last step.
  bool has_caught_up() const {
    return execution_ && !has_rows_to_go() && execution_->has_caught_up();
  }
  bool is_holdable = false;  // set if the portal survives the end of the transaction
  // the transaction that has declared the cursor is still open; if it is rolled back, the portal is
  // closed
  bool is_uncommitted = false;
  uint64_t last_savepoint = 0;  // the session's newest savepoint when the portal was made
  MemoryCharge charge;          // charge for the parameters

  // Makes the portal keep all of its rows, for a cursor with SCROLL; begin_fetch() then selects the
  // rows to send. Call it before the portal starts.
  void make_scrollable() { scroll_.emplace(); }
  bool is_scrollable() const { return scroll_.has_value(); }
  // Begins a FETCH. Returns the maximum number of its rows, if it has one.
  std::optional<uint64_t> begin_fetch(engine::FetchDirection direction,
                                      std::optional<int64_t> count);

  // ---- Only for the session's own statements ----

  // A statement with rows continues with its remaining rows at the next Execute; any other
  // statement runs once.
  struct OwnRun {
    bool has_begun = false, has_ended = false;
    uint64_t rows_sent = 0;
    std::shared_ptr<Portal> executed = {};  // for EXECUTE: the portal that it runs
  } own;

  // ---- Only for statements of the engine ----

  bool has_started() const { return has_started_; }
  Status start(sql::SessionBackend& backend);
  // Sends the kept rows within the call, and later rows when they arrive, until the limit of
  // `delivery` is reached or close_delivery() is called. `delivery` must live until then.
  void open_delivery(Delivery& delivery);
  // Delivers the rows that had no room before. It is called when output has been handed to the
  // connection.
  void continue_delivery();
  void close_delivery();
  // Stops the rows from the backend while the client reads slowly.
  void set_output_full(bool is_full);

  // Whether everything has been delivered: the error or completion is known, and no rows are left.
  bool is_exhausted() const {
    return scroll_ ? error_ || scroll_->is_done() : kept_.empty() && (completion_ || error_);
  }
  // Whether the delivery continues as soon as output has been handed to the connection.
  bool waits_for_room() const { return is_room_awaited_ || has_rows_to_go(); }
  const std::optional<sql::Completion>& completion() const { return completion_; }
  const std::optional<Error>& error() const { return error_; }
  std::vector<sql::Notice> take_notices() { return std::exchange(notices_, {}); }
  uint64_t rows_delivered() const { return rows_delivered_; }

  // Ends the portal after the rows that have arrived, as if the query had no others.
  void finish_early();
  void stop_with(Error error);
  // Cancels a statement without rows, if that is still possible.
  void request_cancel();

  std::optional<int64_t> expires_us;  // push.timeout: time (monotonic) at which rows end

 private:
  struct KeptRows {
    std::vector<engine::ColumnPtr> columns;
    size_t next_row, end_row;
    size_t bytes;  // approximate size
  };

  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override;
  void on_changes(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row,
                  const engine::Bitmap& present) override;
  bool has_room(size_t first_row_bytes) override;
  void on_notice(sql::Notice notice) override;
  void on_done(sql::Completion completion) override;
  void on_error(Error error) override;

  // Returns the number of rows that may be encoded in one call. Fails if memory for the first row
  // is refused.
  Result<size_t> rows_with_room(std::span<const engine::ColumnPtr> columns, size_t first_row,
                                size_t end_row);
  void take_rows(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row);
  // Receives rows and, for the changes of a table, a mark for each row; without marks (null) each
  // row is present.
  void take_changes(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row,
                    const engine::Bitmap* present);
  size_t deliver(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row);
  // Whether few rows may be encoded ahead, because unsent answers take much memory.
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
  bool marks_changes_ = false;
  bool is_room_awaited_ = false;  // set if has_room() has returned false to the execution
  Delivery* delivery_ = nullptr;
  std::deque<KeptRows> kept_;
  // mutable, because next() may change it when it finds the end
  mutable std::optional<ScrollRows> scroll_;
  MemoryAccount* account_ = nullptr;  // account for kept rows; null: not charged
  MemoryCharge kept_charge_;
  size_t kept_bytes_ = 0;
  std::vector<sql::Notice> notices_;
  std::optional<sql::Completion> completion_;
  std::optional<Error> error_;
  uint64_t rows_delivered_ = 0;
};

}  // namespace server::pg
