// The log and the loop of a coordinator in memory: nothing runs or becomes durable before the test
// triggers it.
#pragma once
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "server/coordinator/coordinator_port.h"

namespace server::coordinator {

class MemoryPort final : public CoordinatorPort {
 public:
  explicit MemoryPort(const Clock& clock) : clock_(clock) {}

  const Clock& clock() const override { return clock_; }
  bool can_move() const override { return has_other_nodes; }
  Result<Offset> read(PartitionId partition, Offset from, size_t max_bytes,
                      const EachBatch& each) override {
    ++reads;
    size_t size = 0;
    for (std::string& bytes : logs_[partition].batches) {
      const auto batch = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc).value();
      if (batch.header.last_offset() < from) continue;
      if (size > 0 && size + bytes.size() > max_bytes) break;
      size += bytes.size();
      TRY(each(batch));
      from = batch.header.last_offset() + 1;
    }
    return from;
  }
  Result<Extent> extent(PartitionId partition) override {
    return Extent{Offset(0), logs_[partition].end};
  }
  void append(PartitionId partition, LeaderEpoch under, std::string batch,
              std::vector<Elsewhere> with, Guard, std::function<void(Status)> done) override {
    under_way_.push_back({partition, under, std::move(batch), std::move(with), std::move(done)});
  }
  void defer(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  void post_rest(std::function<void()> task) override { tasks_.push_back(std::move(task)); }

  // Runs all tasks and makes all appends durable, until nothing is left.
  void settle() {
    while (!tasks_.empty() || (!holds_appends && !under_way_.empty())) {
      if (!tasks_.empty())
        take(tasks_)();
      else
        store(take(under_way_));
    }
  }
  bool is_idle() const { return tasks_.empty() && (holds_appends || under_way_.empty()); }
  // Answers the first waiting append with an error, without storing it.
  void fail_append(Error why) { take(under_way_).done(std::move(why)); }

  size_t under_way() const { return under_way_.size(); }
  // Ends the process: the first `kept` of the waiting appends become durable, and none is answered.
  void crash(size_t kept) {
    for (; kept > 0 && !under_way_.empty(); --kept) {
      Append append = take(under_way_);
      append.done = [](const Status&) {};
      store(std::move(append));
    }
    under_way_.clear();
  }

  // Returns the size of all stored batches, without compaction.
  size_t bytes() const {
    size_t size = 0;
    for (const auto& [partition, log] : logs_)
      for (const std::string& batch : log.batches) size += batch.size();
    return size;
  }

  LeaderEpoch epoch{0};  // epoch of the log; appends with another epoch are refused
  bool holds_appends = false;
  bool has_other_nodes = false;
  bool refuses_elsewhere = false;
  std::vector<Elsewhere> elsewhere = {};  // batches for other partitions
  int reads = 0, appends = 0;

 private:
  struct Append {
    PartitionId partition;
    LeaderEpoch epoch;
    std::string batch;
    std::vector<Elsewhere> with;
    std::function<void(Status)> done;
  };
  struct Log {
    std::vector<std::string> batches;
    Offset end;
  };
  template <class T>
  static T take(std::deque<T>& from) {
    T first = std::move(from.front());
    from.pop_front();
    return first;
  }
  void store(Append append) {
    if (append.epoch != epoch)
      return append.done(Error{ErrorCode::FencedLeaderEpoch, "another leader"});
    if (!append.with.empty() && refuses_elsewhere)
      return append.done(Error{ErrorCode::ObjectState, "another node leads that partition"});
    for (Elsewhere& each : append.with) elsewhere.push_back(std::move(each));
    ++appends;
    Log& log = logs_[append.partition];
    records::set_base_offset(append.batch.data(), log.end);
    const auto batch = records::parse_batch(append.batch, records::BatchCheck::ShapeAndCrc).value();
    log.end = batch.header.last_offset() + 1;
    log.batches.push_back(std::move(append.batch));
    append.done({});
  }

  const Clock& clock_;
  std::map<PartitionId, Log> logs_;
  std::deque<std::function<void()>> tasks_;
  std::deque<Append> under_way_;
};

}  // namespace server::coordinator
