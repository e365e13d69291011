// Reads the rows of a stream into memory, for a SELECT that groups, joins or sorts them.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "engine/query/rows_run.h"
#include "engine/query/stream_rows.h"
#include "server/sql/execution.h"

namespace server {

// Reads the records that the stream contains when the reading begins, and keeps their rows in
// memory.
//
// Threads: the session's loop. Owner: the SELECT; destroying it ends the reading.
class StreamGathering final : public sql::Receiver {
 public:
  struct Use {
    // Called before rows of `bytes` bytes are stored; an error ends the reading.
    std::function<Status(size_t bytes)> charge;
    std::function<void(sql::Notice)> on_notice;
    // Called once, never within begin(); it may destroy this object.
    std::function<void(Result<engine::RowsChunks>)> on_done;
  };
  StreamGathering(SqlSession& session, MetadataImagePtr image,
                  std::shared_ptr<const engine::StreamRows> stream, Use use);

  // Begins the reading. Fails if the stream cannot be read; on_done is not called then.
  Status begin();
  void pause();
  void resume();

  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override;
  void on_notice(sql::Notice notice) override { use_.on_notice(std::move(notice)); }
  void on_done(sql::Completion completion) override;
  void on_error(Error error) override;

 private:
  void finish(Status status);

  SqlSession& session_;
  const MetadataImagePtr image_;
  const std::shared_ptr<const engine::StreamRows> stream_;
  const Use use_;
  std::unique_ptr<sql::Execution> reading_;
  engine::RowsChunks rows_;
  bool is_over_ = false;
  const WeakCallback callback_;
};

}  // namespace server
