#include "server/tasks/journal_snapshots.h"

#include <cassert>
#include <chrono>
#include <future>
#include <utility>

#include "base/log.h"
#include "server/tasks/journal_content.h"
#include "server/tasks/journal_source.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

constexpr int64_t kLookUs = 500'000, kPauseAfterFailureUs = 5'000'000;
constexpr std::chrono::milliseconds kAnswerPoll(100);
constexpr int64_t kTimesTheLast = 2;

}  // namespace

struct JournalSnapshots::Writing {
  ReplicatedJournals::Contents contents;
  int64_t number;  // the id of the snapshot
  std::unique_ptr<JournalSource> source;
  int32_t pieces = 0;
  size_t bytes = 0;  // bytes written so far
};

void JournalSnapshots::start_thread() {
  thread_ = std::thread([this] { run(); });
}

void JournalSnapshots::stop_thread() {
  {
    const std::lock_guard lock(mutex_);
    must_stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// Waits for this time. Returns false, possibly earlier, if the thread must stop.
bool JournalSnapshots::rest(int64_t us) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, std::chrono::microseconds(us), [this] { return must_stop_; });
}

void JournalSnapshots::run() {
  while (rest(kLookUs))
    for (PartitionId journal{0}; journal < PartitionId{storage::kReplicatedJournals}; ++journal) {
      if (!is_due(journal)) continue;
      const int64_t begun_us = clock_.monotonic_us();
      const Result<size_t> written = write(journal);
      not_before_us_[journal] = clock_.monotonic_us() + (written ? 0 : kPauseAfterFailureUs);
      if (written)
        log_info("a snapshot of a journal was written journal={} bytes={} ms={}", journal.value(),
                 *written, (clock_.monotonic_us() - begun_us) / 1000);
      else if (written.error().code == ErrorCode::ObjectState)
        log_debug("{} journal={}", written.error().message, journal.value());
      else if (written.error().code != ErrorCode::ShuttingDown)
        log_warn("cannot write a snapshot of a journal, it is tried again journal={} error=\"{}\"",
                 journal.value(), written.error().message);
    }
}

bool JournalSnapshots::is_due(PartitionId journal) {
  if (!may_write_()) return false;
  const auto term = journals_.term(journal);
  const auto status = log_.find_partition({storage::kReplicatedJournal, journal});
  if (!term || !status) return false;
  const auto last_one = last_.find(journal);
  if (last_one != last_.end() && last_one->second.term == *term &&
      status->log_start() < last_one->second.place)
    return false;
  const auto pause = not_before_us_.find(journal);
  if (pause != not_before_us_.end() && clock_.monotonic_us() < pause->second) return false;
  if (!reader_) {
    auto reader = storage::LogReader::open(log_);
    if (!reader) return false;
    reader_ = *std::move(reader);
  }
  if (!reader_->begin_turn()) return false;
  const auto size = reader_->size_bytes({storage::kReplicatedJournal, journal});
  reader_->end_turn();
  const auto last = static_cast<int64_t>(journals_.snapshot_bytes(journal));
  return size && static_cast<int64_t>(*size) > kTimesTheLast * last + least_bytes_;
}

Result<size_t> JournalSnapshots::write(PartitionId journal) {
  Writing writing = TRY(begin(journal));
  JournalContentWriter writer(
      [&](std::string piece) { return write_piece(journal, writing, false, std::move(piece)); });
  TRY(writing.source->write(writer));
  TRY(write_piece(journal, writing, true, writer.finish()));
  last_[journal] = {writing.contents.term, writing.contents.place.next};
  return writing.bytes;
}

// Opens the data of a snapshot. The application of commits pauses during the call, so that all data
// is as of the same moment.
Result<JournalSnapshots::Writing> JournalSnapshots::begin(PartitionId journal) {
  const ReplicatedJournals::Pause pause(journals_, {journal});
  auto contents = journals_.contents(pause, journal);
  if (!contents)
    return Error{ErrorCode::ObjectState,
                 "a snapshot of the journal is not possible now: some of its queries do not run "
                 "here"};
  assert(contents->place.first_needed <= contents->place.next);
  auto source = TRY(JournalSource::open(log_, state_, contents->queries, contents->tasks));
  return Writing{*std::move(contents), static_cast<int64_t>(random_() >> 1), std::move(source)};
}

// Writes a piece and waits until it is visible, so that at most one piece is in progress. The
// answer may arrive after this method has stopped waiting and returned.
Status JournalSnapshots::write_piece(PartitionId journal, Writing& writing, bool is_last,
                                     std::string content) {
  const int64_t begun_us = clock_.monotonic_us();
  writing.bytes += content.size();
  const auto written = std::make_shared<std::promise<bool>>();
  auto answer = written->get_future();
  const storage::SnapshotPiece piece{
      writing.number, writing.pieces++, is_last, writing.contents.place, {}};
  pieces_.write_piece(journal, writing.contents.term, piece, std::move(content),
                      [written](bool is) { written->set_value(is); });
  while (answer.wait_for(kAnswerPoll) != std::future_status::ready)
    if (!rest(0)) return Error{ErrorCode::ShuttingDown, "the server is shutting down"};
  if (!answer.get())
    return Error{ErrorCode::ObjectState,
                 "a snapshot of the journal is not possible now: another node leads it"};
  if (!rest(is_last ? 0 : clock_.monotonic_us() - begun_us))
    return Error{ErrorCode::ShuttingDown, "the server is shutting down"};
  return {};
}

}  // namespace server
