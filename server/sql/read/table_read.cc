#include "server/sql/read/table_read.h"

#include <algorithm>
#include <utility>

namespace server {

namespace {
constexpr int64_t kBetween_ms = 20;
}

void TableRead::pause() {
  SqlExecution::pause();
  if (again_) again_->pause();
}

void TableRead::resume() {
  SqlExecution::resume();
  if (again_) again_->resume();
}

void TableRead::note_opened(int64_t waited_ms) {
  if (waited_ms > session().read_wait_ms()) begun_.awaits_tables_since_us = 0;
}

void TableRead::not_there(const MaterializedTable& table) {
  SqlParts& parts = session().parts();
  NotKept why = not_kept(parts, table);
  const int64_t now_us = parts.clock.monotonic_us();
  if (begun_.awaits_tables_since_us == 0) begun_.awaits_tables_since_us = now_us;
  const int64_t waited_ms = (now_us - begun_.awaits_tables_since_us) / 1000;
  const int64_t left_ms = session().read_wait_ms() - waited_ms;
  if (!why.passes || left_ms <= 0) return receiver().on_error(std::move(why.error));
  timer_.emplace(session().shard().loop(), "reads begun again", [this] { begin_again(); });
  timer_->start_once(std::min(kBetween_ms, left_ms));
}

void TableRead::begin_again() {
  auto started = session().start_again(std::move(begun_), receiver());
  if (!started) return receiver().on_error(std::move(started).error());
  again_ = *std::move(started);
  if (is_paused()) again_->pause();
}

}  // namespace server
