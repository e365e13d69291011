#include "storage/replica/follower_replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "records/batch.h"
#include "storage/replica/on_loop.h"

namespace storage {

FollowerReplica::FollowerReplica(ReplicaContext& context, PartitionAssignment assignment)
    : context_(context),
      assignment_(std::move(assignment)),
      status_(context.log.find_partition(assignment_.partition)),
      // The fetch numbers begin at the current time, so they are larger than the numbers of an earlier follower in
      // this process. A late answer to that follower is therefore not mistaken for an answer to this follower.
      number_(static_cast<uint64_t>(context.clock.monotonic_us())) {
  fetch();
}

template <class T>
std::function<void(T)> FollowerReplica::then_go_on() {
  return on_loop<T>(context_.port, alive_,
                    [this](const T& result) { go_on(result ? Status() : result.error()); });
}

void FollowerReplica::tick() {
  const int64_t now_us = context_.clock.monotonic_us();
  const bool is_lost =
      state_ == State::Fetches && now_us - since_us_ > context_.settings.fetch_timeout_us;
  if (is_lost || (state_ == State::Rests && now_us >= retry_at_us_)) fetch();
}

void FollowerReplica::ask_again() {
  if (state_ == State::Fetches) fetch();
}

std::string FollowerReplica::describe() const {
  constexpr std::string_view kStates[] = {"rests", "fetches", "writes"};
  return fmt::format("{} from offset {}{}{}", kStates[static_cast<size_t>(state_)],
                     status_->log_end().value(),
                     last_error_.empty() ? "" : ", last refused: ", last_error_);
}

void FollowerReplica::rest() {
  state_ = State::Rests;
  retry_at_us_ = context_.clock.monotonic_us() + context_.settings.retry_us;
}

// --- Fetching

Result<ReplicaFetch> FollowerReplica::next_fetch() const {
  ReplicaFetch fetch;
  fetch.partition = assignment_.partition;
  fetch.follower = context_.self;
  fetch.follower_epoch = context_.node_epoch;
  fetch.leader_epoch = assignment_.leader_epoch;
  fetch.from = status_->log_end();
  fetch.high_watermark = status_->high_watermark();
  fetch.log_start = status_->log_start();
  fetch.refuses_appends = context_.refuses_appends;
  fetch.last_epoch = TRY(context_.replica_log.last_epoch(assignment_.partition));
  // Offset -1 is before every log start. The leader therefore treats this follower as one that lacks deleted records:
  // it answers that the follower has to begin again at the leader's log start.
  if (has_nothing_common_) fetch.from = Offset{-1};
  return fetch;
}

void FollowerReplica::fetch() {
  rest();
  if (!assignment_.leader) return;
  if (is_throttled(assignment_, context_.self) &&
      context_.follower_budget.is_spent(context_.clock.monotonic_us()))
    return;
  auto next = next_fetch();
  if (!next) {
    log_error("a replica cannot be read partition={} error=\"{}\"",
              assignment_.partition.partition.value(), next.error().message);
    return;
  }
  next->number = ++number_;
  state_ = State::Fetches;
  since_us_ = context_.clock.monotonic_us();
  context_.port.send(*assignment_.leader, *std::move(next));
}

// --- Answers

void FollowerReplica::on_fetched(ReplicaFetched fetched) {
  // An answer that is late, or that was received twice, is ignored.
  if (state_ != State::Fetches || fetched.number != number_) return;
  if (fetched.error) {
    last_error_ = fetched.error->message;
    return rest();
  }
  if (fetched.leader_epoch != assignment_.leader_epoch) return rest();
  if (fetched.diverging) return truncate(*fetched.diverging);
  if (fetched.producers) return begin_anew(fetched.log_start, *std::move(fetched.producers));
  follow(std::move(fetched));
}

void FollowerReplica::follow(ReplicaFetched fetched) {
  fetched.log_start =
      std::min(fetched.log_start, context_.port.first_needed(assignment_.partition));
  const bool has_news =
      !fetched.batches.empty() ||
      std::min(fetched.high_watermark, status_->log_end()) > status_->high_watermark() ||
      fetched.log_start > status_->log_start();
  if (!has_news) return fetch();
  // Only the high watermark has advanced. The new value need not be durable, so the next fetch is sent without
  // waiting for the disk: the leader may be waiting for that fetch.
  if (fetched.batches.empty() && fetched.log_start <= status_->log_start()) {
    context_.replica_log.advance_high_watermark(assignment_.partition, assignment_.leader_epoch,
                                                fetched.high_watermark);
    return fetch();
  }
  // Batches that are damaged in the leader's log arrive damaged at every retry. They are refused
  // before they are written, so that go_on() pauses between the retries.
  if (Status checked = check_for_follow(fetched.batches); !checked) {
    Error why = std::move(checked).error();
    why.message = fmt::format("the leader has sent damaged data: {}", why.message);
    return go_on(why);
  }
  if (is_throttled(assignment_, context_.self))
    context_.follower_budget.spend(fetched.batches.size());
  state_ = State::Writes;
  write(std::make_shared<FollowRequest>(
      FollowRequest{assignment_.partition, assignment_.leader_epoch, std::move(fetched.batches),
                    fetched.high_watermark, fetched.log_start}));
}

void FollowerReplica::write(std::shared_ptr<FollowRequest> request) {
  if (!context_.rules.acknowledges_synced) acknowledge_unsynced(*request);
  AppendDone done = then_go_on<Result<Appended>>();
  if (context_.replica_log.try_follow(*request, done)) return;
  context_.log.when_room(
      [this, request, port = &context_.port, alive = std::weak_ptr<const char>(alive_)] {
        port->post([this, request, alive] {
          if (!alive.expired()) write(request);
        });
      });
}

// Acknowledges batches before they are synced. A server never does so; simulations do, to prove
// that they detect the loss (ReplicaRules::acknowledges_synced).
void FollowerReplica::acknowledge_unsynced(const FollowRequest& request) {
  auto next = next_fetch();
  if (!next) return;
  for (std::string_view rest = request.batches; !rest.empty();) {
    const auto batch = records::parse_batch(rest, records::BatchCheck::Shape);
    if (!batch) return;
    next->from = batch->header.last_offset() + 1;
    next->last_epoch = batch->header.leader_epoch;
    rest.remove_prefix(batch->header.size_bytes);
  }
  context_.port.send(*assignment_.leader, *std::move(next));
}

// Truncates the log to the end of the newest epoch that both logs have. If this end differs in the
// two logs, the smaller one counts (KIP-101, KIP-279). The logs may still differ at an earlier
// offset; the next fetch detects this.
void FollowerReplica::truncate(const EpochEnd& leaders) {
  const auto mine = context_.replica_log.end_of_epoch(assignment_.partition, leaders.epoch);
  if (!mine || leaders.end < Offset{0}) return rest();
  const Offset end = std::min(leaders.end, mine->end);
  // The leader's log ends before the start of this log, so the leader lacks records that retention
  // has already deleted here. Only an unclean election can elect such a leader.
  if (end < status_->log_start()) {
    has_nothing_common_ = true;
    return fetch();
  }
  tell_truncation(leaders, end);
  state_ = State::Writes;
  context_.replica_log.truncate(assignment_.partition, assignment_.leader_epoch, end,
                                then_go_on<Result<Offset>>());
}

// Logs a truncation that removes visible records, or records that an unclean election has lost.
// Consumers learn from the metadata which records such an election has lost. Without an unclean
// election, visible records are removed only if the leader has already trimmed all of them; this
// log then restarts as a copy of the leader's log.
void FollowerReplica::tell_truncation(const EpochEnd& leaders, Offset end) const {
  const TopicPartition& partition = assignment_.partition;
  const UncleanElection* unclean = context_.cluster->unclean_elections().get(partition);
  const auto newest = context_.replica_log.last_epoch(partition);
  if (unclean != nullptr && end < status_->log_end() && newest && *newest &&
      **newest < unclean->epoch)
    log_warn(
        "records were removed because an unclean election lost them topic={} partition={} epoch={} "
        "from={} to={}",
        partition.topic.to_string(), partition.partition.value(), unclean->epoch.value(),
        end.value(), status_->log_end().value());
  if (end < status_->high_watermark() && leaders.end < status_->high_watermark())
    log_error(
        "visible records were removed without an unclean election that explains it topic={} "
        "partition={} from={} to={}",
        partition.topic.to_string(), partition.partition.value(), end.value(),
        status_->high_watermark().value());
}

void FollowerReplica::begin_anew(Offset start, std::string producers) {
  has_nothing_common_ = false;
  state_ = State::Writes;
  context_.replica_log.start_at(assignment_.partition, assignment_.leader_epoch, start,
                                std::move(producers), then_go_on<Status>());
}

// Continues after a change of the log. The pause doubles with each error: a cause such as a full
// disk may last, and without the pause the leader would read and send the same batches again and
// again.
void FollowerReplica::go_on(const Status& status) {
  if (status) {
    refused_us_ = 0;
    return fetch();
  }
  constexpr int64_t kLongestUs = 2'000'000;
  if (refused_us_ == 0 || last_error_ != status.error().message)
    log_warn("a replica does not follow its leader topic={} partition={} error=\"{}\"",
             assignment_.partition.topic.to_string(), assignment_.partition.partition.value(),
             status.error().message);
  last_error_ = status.error().message;
  refused_us_ = std::clamp(2 * refused_us_, context_.settings.retry_us, kLongestUs);
  rest();
  retry_at_us_ = context_.clock.monotonic_us() + refused_us_;
}

}  // namespace storage
