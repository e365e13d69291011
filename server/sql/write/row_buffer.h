// Collects rows of one stream or table before they are appended to its topic. Rows are encoded as
// soon as they are added, into record batches for each partition.
#pragma once
#include <absl/container/flat_hash_set.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/catalog/catalog.h"
#include "engine/formats/format.h"
#include "engine/types/column.h"
#include "records/batch_builder.h"
#include "server/sql/port.h"
#include "server/sql/write/written_rows.h"
#include "storage/log/requests.h"

namespace server {

// Whether add() refuses rows whose event time no reader can use (engine/plan/event_times.h). ksqlDB accepts them, and so
// does a server with --compat ksqldb.
enum class EventTimes : uint8_t { Checked, Unchecked };

// Threads: one at a time. Owner: the statement or the transaction that writes.
class RowBuffer {
 public:
  static Result<std::unique_ptr<RowBuffer>> make(std::shared_ptr<const engine::DataSource> source,
                                                 Uuid topic, int32_t partitions,
                                                 EventTimes event_times);

  using Keys = absl::flat_hash_set<std::string>;
  // Adds all rows or none. `columns` has the columns of the source's schema in order. The call
  // replaces them by the values that are stored (VARCHAR(20) cuts blanks, TIMESTAMP(0) rounds).
  // HEADERS columns are ignored. `lines` (may be empty) has the numbers of input lines, for error
  // messages.
  //
  // If `once` is set, a row whose key is in this set is an error, and the keys of the added rows
  // are added to the set. A new key of a table must not contain NULL. If another writer has stored
  // a row with such a key, that row can still be changed (KeysOf).
  Status add(std::vector<engine::ColumnPtr>& columns, size_t rows,
             std::span<const int64_t> timestamps, std::span<const uint64_t> lines = {},
             Keys* once = nullptr, KeysOf keys = KeysOf::NewRows);
  // Returns a notice if an event time of the rows that were added since the last call seems to
  // count seconds instead of milliseconds.
  std::optional<sql::Notice> take_notice();
  // For a topic with message.timestamp.type = LogAppendTime: the records get the time at which
  // take() is called. The clock outlives the buffer.
  void stamp_append_times(const Clock& clock) { append_clock_ = &clock; }
  // Returns the keys in the same bytes in which add() and remove() write them.
  Result<std::vector<std::string>> keys_of(std::span<const engine::ColumnPtr> columns,
                                           size_t rows) const;
  // Adds records that delete the rows with these keys. The call reads only the key columns of
  // `columns`.
  Status remove(std::span<const engine::ColumnPtr> columns, size_t rows,
                std::span<const int64_t> timestamps);
  size_t size_bytes() const { return size_bytes_; }
  uint64_t rows() const { return rows_; }
  // Moves the rows of another buffer of the same source to the end of this buffer. If the source
  // was given another topic after one of the buffers was made, fails with ObjectState and moves
  // nothing.
  Status absorb(RowBuffer& other);
  // Moves all rows into the request, and so empties the buffer.
  void take(storage::AppendRequest& into);
  // Returns a copy of the batches that take() would move, by partition.
  std::vector<std::string> batches();
  // The content of the buffer at a savepoint of a transaction. go_back() drops the rows that were added after it.
  struct Mark {
    Uuid topic;
    std::vector<size_t> sealed_bytes = {};  // bytes of full batches, by partition
    size_t size_bytes = 0;
    uint64_t rows = 0;
  };
  Mark mark();
  bool may_go_back(const Mark& mark) const { return mark.topic == topic_ && mark.rows <= rows_; }
  void go_back(const Mark& mark);
  const Uuid& topic() const { return topic_; }
  const engine::DataSource& source() const { return *source_; }

 private:
  RowBuffer(std::shared_ptr<const engine::DataSource> source, Uuid topic, int32_t partitions,
            EventTimes event_times);
  void seal(size_t partition);
  void append(int64_t timestamp, std::optional<std::string_view> key,
              std::optional<std::string_view> value);
  Status check_times(std::span<const engine::ColumnPtr> columns,
                     std::span<const int64_t> timestamps, std::span<const uint64_t> lines);
  Status check_not_null(std::span<const engine::ColumnPtr> columns, size_t rows,
                        std::span<const uint64_t> lines, KeysOf keys) const;

  const std::shared_ptr<const engine::DataSource> source_;
  const Uuid topic_;
  const EventTimes event_times_;
  std::optional<int64_t> time_in_seconds_;  // see take_notice()
  std::vector<size_t> key_columns_, value_columns_;
  std::unique_ptr<engine::Writer> key_writer_, value_writer_;
  std::vector<records::BatchBuilder> builders_;
  std::vector<std::string> sealed_;      // by partition: full batches
  const Clock* append_clock_ = nullptr;  // null: rows keep their times
  size_t next_partition_ = 0;            // round robin for rows without a key
  size_t size_bytes_ = 0;
  uint64_t rows_ = 0;
};

}  // namespace server
