#include "storage/replica/journal_owner.h"

#include <vector>

#include "base/log.h"
#include "storage/replica/on_loop.h"

namespace storage {

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
  if (state_ == State::Open) outbox_->tick();
}

void JournalOwner::begin() {
  state_ = State::Begins;
  attempt_ = std::make_shared<const char>('\0');
  const std::function<void(const Status&)> restore_now = [this](const Status& status) {
    const Status restored = status ? restore() : status;
    if (!restored) return fail(restored.error());
    state_ = State::Open;
    tasks_.opened();
  };
  if (rules_.waits_for_epoch_start) return append(epoch_start_batch(), restore_now);
  append(epoch_start_batch(), [](const Status&) {});
  restore_now({});
}

void JournalOwner::append(std::string batch, std::function<void(const Status&)> done) {
  AppendRequest request;
  request.parts.push_back({journal_, std::move(batch)});
  AppendDone answered = on_loop<Result<Appended>>(
      context_.port, attempt_, [done = std::move(done)](const Result<Appended>& result) {
        done(result ? Status() : result.error());
      });
  if (!context_.log.try_append(request, answered))
    answered(Error{ErrorCode::OutOfMemory, "the log's queue is full"});
}

// All that is visible; the start of this epoch is.
Status JournalOwner::restore() {
  outbox_ = std::make_unique<Outbox>(port_, context_.clock, context_.settings.retry_us);
  const auto status = context_.log.find_partition(journal_);
  Offset next = status->log_start();
  while (true) {
    TRY(context_.reader.begin_turn());
    std::vector<std::string> batches;
    const auto found = context_.reader.read(journal_, next, context_.settings.fetch_max_bytes);
    for (size_t i = 0; found && i < found->size(); ++i) {
      batches.emplace_back((*found)[i].bytes);
      next = (*found)[i].last_offset + 1;
    }
    context_.reader.end_turn();
    if (!found) return found.error();
    if (batches.empty()) return {};
    for (const std::string& batch : batches) {
      const auto commit = TRY(read_replicated_commit(batch));
      if (!commit) continue;
      if (rules_.sends_again) outbox_->add(*commit);
      tasks_.restore(*commit);
    }
  }
}

void JournalOwner::commit(ReplicatedCommit commit, std::function<void()> done) {
  std::string batch = encode(commit);
  const auto kept = std::make_shared<ReplicatedCommit>(std::move(commit));
  if (!rules_.sends_what_is_committed) outbox_->add(*kept);
  append(std::move(batch), [this, kept, done = std::move(done)](const Status& status) {
    // It is not tried again, since nobody knows what became of it: the journal does.
    if (!status) return fail(status.error());
    if (rules_.sends_what_is_committed) outbox_->add(*kept);
    done();
  });
}

void JournalOwner::fail(const Error& error) {
  log_info("an owner of a journal begins anew journal={} error=\"{}\"", journal_.partition.value(),
           error.message);
  attempt_.reset();
  if (state_ == State::Open) tasks_.closed();
  outbox_.reset();
  state_ = State::Waits;
  begin_at_us_ = context_.clock.monotonic_us() + context_.settings.retry_us;
}

}  // namespace storage
