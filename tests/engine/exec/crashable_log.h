// The interfaces that a task uses, over a log in memory that can crash: the test decides when each commit becomes
// durable, and a crash loses all commits that are not durable.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "engine/exec/ports.h"
#include "engine/testing/memory_log.h"

namespace engine {

// Checks the rules of the real log: commits of one task carry consecutive sequences, and so do the batches of a
// producer in each partition.
class CrashableLog final : public Sources, public Sink {
 public:
  struct Journalled {
    TaskSequence sequence;
    std::string journal;
  };

  MemoryLog& topics() { return topics_; }
  const std::vector<Journalled>& journal_of(const std::string& task) { return journals_[task]; }

  // Makes the oldest pending commit durable and reports it to its task. Returns false if no commit
  // is pending.
  bool answer_one();
  bool answer_all();
  // Drops the pending commits, together with their callbacks.
  void crash() { on_their_way_.clear(); }
  // Reports the error for all pending commits.
  void refuse_all(const Error& error);
  void set_full(bool is_full) { is_full_ = is_full; }
  size_t on_their_way() const { return on_their_way_.size(); }
  // The largest sizes that were seen, in bytes: of a commit with its journal and outputs, and of a single output.
  size_t largest_commit() const { return largest_commit_; }
  size_t largest_output() const { return largest_output_; }
  // Overwrites the bytes from poll() after their release, as the log does with its memory map.
  void take_back_on_release() { takes_back_ = true; }
  // While an error is set, poll() of the inputs fails with it.
  void set_read_error(std::optional<Error> error) { read_error_ = std::move(error); }
  // While an error is set for a partition, poll() of this partition fails with it.
  void break_partition(const PartitionRef& partition, Error error) {
    broken_.insert_or_assign(partition, std::move(error));
  }

  Result<std::vector<Polled>> poll(std::span<const std::pair<PartitionRef, Offset>> positions,
                                   size_t max_bytes) override;
  void release() override;
  bool try_commit(TaskCommit& commit, CommitDone& done) override;
  void hurry() override { ++hurries_; }
  size_t hurries() const { return hurries_; }

 private:
  struct OnItsWay {
    TaskCommit commit;
    CommitDone done;
  };

  MemoryLog topics_;
  CommitId last_commit_;
  size_t hurries_ = 0;
  std::map<std::string, std::vector<Journalled>> journals_;
  std::map<std::pair<ProducerId, PartitionRef>, int32_t> next_sequences_;
  std::deque<OnItsWay> on_their_way_;
  std::optional<Error> read_error_;
  std::map<PartitionRef, Error> broken_;
  bool is_full_ = false, takes_back_ = false;
  size_t largest_commit_ = 0, largest_output_ = 0;
  // the bytes that poll() has returned, to be overwritten by release()
  std::vector<std::string> lent_;
};

}  // namespace engine
