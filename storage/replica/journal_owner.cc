#include "storage/replica/journal_owner.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "records/batch.h"
#include "storage/replica/on_loop.h"

namespace storage {

namespace {

// limit for the commits in one append; a single commit may be larger
constexpr size_t kAppendBytes = 1 << 20;

Offset offset_of(std::string_view batch) {
  const auto parsed = records::parse_batch(batch, records::BatchCheck::Shape);
  return parsed ? parsed->header.base_offset : Offset{0};
}

}  // namespace

JournalOwner::JournalOwner(ReplicaContext& context, TopicPartition journal, JournalOwnerPort& tasks,
                           OutboxPort& outbox, JournalRules rules)
    : context_(context), journal_(journal), tasks_(tasks), port_(outbox), rules_(rules) {
  begin();
}

JournalOwner::~JournalOwner() {
  if (state_ == State::Open) tasks_.closed();
}

void JournalOwner::tick() {
  if (state_ == State::Waits && context_.clock.monotonic_us() >= begin_at_us_) begin();
  if (state_ != State::Open) return;
  outbox_->tick();
  mark_delivered();
  trim();
}

// Writes a delivered_mark() from time to time. A new owner starts to read at the last mark.
void JournalOwner::mark_delivered() {
  constexpr int64_t kPauseUs = 1'000'000, kRecords = 1'000;
  const Offset before = outbox_->first_undelivered().value_or(end_);
  if (before - marked_ < kRecords || context_.clock.monotonic_us() < mark_at_us_) return;
  mark_at_us_ = context_.clock.monotonic_us() + kPauseUs;
  marked_ = before;
  append(delivered_mark(before), [](const Result<Appended>&) {});
}

// Trims the journal up to the newest snapshot's position. The commits before it are needed only if
// they have undelivered outputs: a node that restarts restores the snapshot, and the next leader
// sends the outputs again.
void JournalOwner::trim() {
  if (is_trimming_) return;
  Offset end = trim_end_;
  if (rules_.keeps_undelivered) end = std::min(end, outbox_->first_undelivered().value_or(end));
  const auto status = context_.log.find_partition(journal_);
  if (!status || end <= status->log_start()) return;
  is_trimming_ = true;
  context_.log.trim({journal_, end},
                    on_loop<Status>(context_.port, attempt_, [this](const Status& trimmed) {
                      is_trimming_ = false;
                      if (!trimmed)
                        log_warn(
                            "a journal could not be trimmed and is tried again journal={} "
                            "error=\"{}\"",
                            journal_.partition.value(), trimmed.error().message);
                    }));
}

void JournalOwner::begin() {
  state_ = State::Begins;
  attempt_ = std::make_shared<const char>('\0');
  if (rules_.waits_for_epoch_start)
    return append(epoch_start_batch(), [this](const Result<Appended>& result) {
      result ? begin_restore() : fail(result.error());
    });
  append(epoch_start_batch(), [](const Result<Appended>&) {});
  begin_restore();
}

void JournalOwner::append(std::string batches, AppendedHere done) {
  const auto request = std::make_shared<AppendRequest>();
  request->parts.push_back({journal_, std::move(batches)});
  append_when_room(request, done);
}

// Appends, and tries again while the log's queue is full. A full queue loses nothing, whereas a
// failure and a restore would only add load.
void JournalOwner::append_when_room(const std::shared_ptr<AppendRequest>& request,
                                    const AppendedHere& done) {
  AppendDone answered = on_loop<Result<Appended>>(
      context_.port, attempt_, [done](const Result<Appended>& result) { done(result); });
  if (context_.log.try_append(*request, answered)) return;
  context_.log.when_room(
      [this, request, done, port = &context_.port, attempt = std::weak_ptr<const char>(attempt_)] {
        port->post([this, request, done, attempt] {
          if (!attempt.expired()) append_when_room(request, done);
        });
      });
}

// Restores all visible commits. They include everything that earlier leaders have committed,
// because the start of this epoch is visible.
void JournalOwner::begin_restore() {
  outbox_ = std::make_unique<Outbox>(port_, context_.clock, context_.settings.retry_us);
  const auto status = context_.log.find_partition(journal_);
  const Offset first = std::max(status->log_start(), tasks_.first_needed());
  marked_ = end_ = first;
  restore(first);
}

// Restores one portion in each loop iteration. A long read transaction would keep LMDB from reusing
// pages, and the loop has other work.
void JournalOwner::restore(Offset next) {
  const Result<Offset> read_to = restore_portion(next);
  if (!read_to) return fail(read_to.error());
  if (*read_to > next)
    return context_.port.post([this, at = *read_to, attempt = std::weak_ptr<const char>(attempt_)] {
      if (!attempt.expired()) restore(at);
    });
  state_ = State::Open;
  tasks_.opened();
}

// Restores a portion, and returns the offset at which the next portion starts. Returns `next`
// itself if no commit was left.
Result<Offset> JournalOwner::restore_portion(Offset next) {
  TRY(context_.reader.begin_turn());
  std::vector<std::string> batches;
  const auto found = context_.reader.read(journal_, next, context_.settings.fetch_max_bytes);
  for (size_t i = 0; found && i < found->size(); ++i) {
    batches.emplace_back((*found)[i].bytes);
    next = (*found)[i].last_offset + 1;
  }
  context_.reader.end_turn();
  if (!found) return found.error();
  for (const std::string& batch : batches) {
    const auto commit = TRY(read_replicated_commit(batch));
    if (!commit) continue;
    if (rules_.sends_again) outbox_->add(*commit, offset_of(batch));
    end_ = offset_of(batch) + 1;
    tasks_.restore(*commit);
  }
  return next;
}

void JournalOwner::commit(ReplicatedCommit commit, std::function<void()> done) {
  if (!rules_.sends_what_is_committed) outbox_->add(commit);
  waiting_.push_back({std::move(commit), std::nullopt, std::move(done)});
  write_waiting();
}

void JournalOwner::write_piece(const SnapshotPiece& piece, std::function<void()> done) {
  const bool is_whole = piece.is_last;
  if (!rules_.trims_behind_whole && !is_whole) trim_end_ = std::max(trim_end_, piece.place.next);
  waiting_.push_back({std::nullopt, encode(piece),
                      [this, is_whole, end = piece.place.next, done = std::move(done)] {
                        if (is_whole) trim_end_ = std::max(trim_end_, end);
                        done();
                      }});
  write_waiting();
}

void JournalOwner::write_mark(std::string mark, std::function<void()> done) {
  waiting_.push_back({std::nullopt, std::move(mark), std::move(done)});
  write_waiting();
}

void JournalOwner::when_visible(std::function<void()> done) {
  waiting_.push_back({std::nullopt, std::nullopt, std::move(done)});
  write_waiting();
}

void JournalOwner::write_waiting() {
  if (is_writing_ || waiting_.empty()) return;
  std::string batches;
  auto taken = std::make_shared<std::vector<Waiting>>();
  while (!waiting_.empty() && batches.size() < kAppendBytes) {
    if (waiting_.front().commit) batches += encode(*waiting_.front().commit);
    if (waiting_.front().piece) batches += *std::exchange(waiting_.front().piece, "");
    taken->push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  is_writing_ = true;
  if (batches.empty()) return written(*taken, {});
  append(std::move(batches), [this, taken](const Result<Appended>& result) {
    // A failed append is not retried: its outcome is unknown, so the batches may already be in the
    // journal. fail() leads to a restore, which reads the journal.
    if (!result) return fail(result.error());
    written(*taken, *result);
  });
}

void JournalOwner::written(std::vector<Waiting>& taken, const Appended& appended) {
  auto batch = appended.batches.begin();
  for (const Waiting& each : taken) {
    if (!each.commit && !each.piece) continue;
    assert(batch != appended.batches.end());
    if (each.commit) {
      assert(batch->base_offset >= end_);  // outputs are sent in the order of the commits
      if (rules_.sends_what_is_committed) outbox_->add(*each.commit, batch->base_offset);
      end_ = batch->last_offset + 1;
    }
    ++batch;
  }
  assert(batch == appended.batches.end());
  outbox_->send_added();
  for (Waiting& each : taken) each.done();
  is_writing_ = false;
  write_waiting();
}

void JournalOwner::fail(const Error& error) {
  log_info("an owner of a journal restarts journal={} error=\"{}\"", journal_.partition.value(),
           error.message);
  attempt_.reset();
  if (state_ == State::Open) tasks_.closed();
  outbox_.reset();
  waiting_.clear();
  is_writing_ = is_trimming_ = false;
  state_ = State::Waits;
  begin_at_us_ = context_.clock.monotonic_us() + context_.settings.retry_us;
}

}  // namespace storage
