#include "storage/replica/outbox.h"

#include <algorithm>
#include <cassert>

#include "base/log.h"
#include "records/batch.h"
#include "storage/log/task_outputs.h"

namespace storage {

namespace {

// A delivery without an answer is sent again after kPatience * retry_us.
constexpr int64_t kPatience = 10;
// The most bytes that several batches in one delivery may have; a single batch may be larger.
constexpr size_t kMostBytesTogether = 512 << 10;

int32_t sequence_after(std::string_view batch) {
  const auto parsed = records::parse_batch(batch, records::BatchCheck::Shape);
  return records::advance_sequence(parsed->header.base_sequence,
                                   parsed->header.last_offset_delta + 1);
}

}  // namespace

void Outbox::add(const ReplicatedCommit& commit, Offset at) {
  for (const DeliveredOutputs& delivered : commit.delivered) {
    const auto found = lanes_.find({commit.task, delivered.partition});
    if (found == lanes_.end()) continue;
    // If a former owner has made this commit, the commit shows that outputs before
    // delivered.next_sequence are delivered. They are not sent again.
    Lane& lane = found->second;
    while (!lane.batches.empty() && lane.number == 0 &&
           !is_older_sequence(delivered.next_sequence, sequence_after(lane.batches.front().bytes)))
      lane.batches.pop_front();
  }
  for (const TaskOutput& output : commit.outputs) {
    // the sequence is read from the batch when the batch is delivered
    assert(!output.batch.empty());
    const Key key{commit.task, output.partition};
    lanes_[key].batches.push_back({output.batch, at});
    added_.insert(key);
  }
}

void Outbox::send_added() {
  const int64_t now_us = clock_.monotonic_us();
  for (const Key& key : std::exchange(added_, {}))
    if (Lane& lane = lanes_.at(key); lane.number == 0 && now_us >= lane.retry_at_us)
      send(key, lane);
}

void Outbox::tick() {
  const int64_t now_us = clock_.monotonic_us();
  added_.clear();
  for (auto& [key, lane] : lanes_) {
    if (lane.number != 0 && now_us - lane.sent_us > kPatience * retry_us_) {
      on_their_way_.erase(lane.number);
      lane.number = 0;
    }
    if (lane.number == 0 && now_us >= lane.retry_at_us) send(key, lane);
  }
}

void Outbox::send(const Key& key, Lane& lane) {
  if (lane.batches.empty()) return;
  lane.number = next_number_++;
  lane.sent_us = clock_.monotonic_us();
  on_their_way_.emplace(lane.number, key);
  std::string together = lane.batches.front().bytes;
  lane.sent = 1;
  for (; lane.sent < lane.batches.size(); ++lane.sent) {
    const std::string& next = lane.batches[lane.sent].bytes;
    if (together.size() + next.size() > kMostBytesTogether) break;
    together += next;
  }
  port_.deliver(key.second, std::move(together), lane.number);
}

void Outbox::answered(uint64_t number, const Status& status) {
  const auto found = on_their_way_.find(number);
  if (found == on_their_way_.end()) return;  // the batches were sent again under another number
  const Key key = found->second;
  on_their_way_.erase(found);
  Lane& lane = lanes_.at(key);
  lane.number = 0;
  if (!status) {
    // OutOfOrderSequence is a gap in the sequence numbers: the partition has lost an earlier batch
    // of this task that was visible before. The delivery is retried like after any other error.
    if (status.error().code == ErrorCode::OutOfOrderSequence)
      log_warn("the output of a task was rejected task={} error=\"{}\"", key.first,
               status.error().message);
    lane.retry_at_us = clock_.monotonic_us() + retry_us_;
    return;
  }
  assert(lane.sent > 0 && lane.sent <= lane.batches.size());
  lane.next_sequence = sequence_after(lane.batches[lane.sent - 1].bytes);
  lane.has_news = true;
  lane.batches.erase(lane.batches.begin(),
                     lane.batches.begin() + static_cast<ptrdiff_t>(lane.sent));
  send(key, lane);
}

std::vector<DeliveredOutputs> Outbox::take_delivered(const std::string& task) {
  std::vector<DeliveredOutputs> delivered;
  for (auto lane = lanes_.lower_bound({task, TopicPartition{}});
       lane != lanes_.end() && lane->first.first == task; ++lane)
    if (std::exchange(lane->second.has_news, false))
      delivered.push_back({lane->first.second, lane->second.next_sequence});
  return delivered;
}

size_t Outbox::undelivered_bytes(const std::string& task) const {
  size_t bytes = 0;
  for (auto lane = lanes_.lower_bound({task, TopicPartition{}});
       lane != lanes_.end() && lane->first.first == task; ++lane)
    for (const Lane::Batch& batch : lane->second.batches) bytes += batch.bytes.size();
  return bytes;
}

std::optional<Offset> Outbox::first_undelivered() const {
  std::optional<Offset> first;
  for (const auto& [key, lane] : lanes_)
    if (!lane.batches.empty())
      first = std::min(first.value_or(lane.batches.front().at), lane.batches.front().at);
  return first;
}

}  // namespace storage
