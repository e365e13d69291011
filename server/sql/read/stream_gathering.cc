#include "server/sql/read/stream_gathering.h"

#include <cassert>
#include <utility>

namespace server {

StreamGathering::StreamGathering(SqlSession& session, MetadataImagePtr image,
                                 std::shared_ptr<const engine::StreamRows> stream, Use use)
    : session_(session),
      image_(std::move(image)),
      stream_(std::move(stream)),
      use_(std::move(use)) {}

Status StreamGathering::begin() {
  reading_ =
      TRY(run_transient(session_, *this, stream_->query, image_, TransientEnd::AtPresentEnd));
  return {};
}

void StreamGathering::pause() {
  if (reading_) reading_->pause();
}
void StreamGathering::resume() {
  if (reading_) reading_->resume();
}

void StreamGathering::on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
                              size_t end_row) {
  if (is_over_) return;
  // A query without LIMIT passes each batch on as a whole.
  assert(first_row == 0 && (columns.empty() || columns.front()->size() == end_row));
  engine::RowsChunk chunk{end_row - first_row,
                          engine::rows_in_layout(*stream_, columns, end_row - first_row)};
  if (Status charged = use_.charge(engine::bytes_of(chunk)); !charged) return finish(charged);
  rows_.push_back(std::move(chunk));
}

void StreamGathering::on_done(sql::Completion) { finish({}); }
void StreamGathering::on_error(Error error) { finish(std::move(error)); }

// Ends the reading. The query calls finish() within its step, so the query is destroyed in a later
// iteration of the loop.
void StreamGathering::finish(Status status) {
  if (std::exchange(is_over_, true)) return;
  callback_.on(session_.shard().loop(), [this, status = std::move(status)] {
    reading_.reset();
    const auto done = use_.on_done;
    if (status) return done(std::move(rows_));
    done(status.error());
  })();
}

}  // namespace server
