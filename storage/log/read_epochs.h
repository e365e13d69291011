// Determines when an object that was unpublished can be freed, because no reader can still use it.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace storage {

// Epoch-based reclamation. A reader uses objects only within a turn. Its slot holds, for the length
// of the turn, the number that was current at the start of the turn. The writer makes an object
// unreachable, takes the next number with next(), and waits until no slot has an older number. All
// operations are sequentially consistent: if the writer does not see a reader's turn, that turn
// began after the object had become unreachable.
//
// Threads: any. A slot belongs to one reader.
class ReadEpochs {
 public:
  class Slot {
   public:
    void begin(const ReadEpochs& epochs) { number_.store(epochs.current_.load()); }
    void end() { number_.store(kNone); }

   private:
    friend class ReadEpochs;
    static constexpr uint64_t kNone = UINT64_MAX;
    std::atomic<uint64_t> number_{kNone};
  };

  // Adds a reader. The slot has shared ownership, because the reader may be destroyed at any time.
  std::shared_ptr<Slot> add_reader();

  uint64_t next() { return current_.fetch_add(1) + 1; }
  // Returns whether each reader has no turn now, or began its turn at `number` or later.
  bool all_passed(uint64_t number);

 private:
  std::atomic<uint64_t> current_{1};
  std::mutex mutex_;
  std::vector<std::weak_ptr<Slot>> slots_;  // Guarded by mutex_
};

}  // namespace storage
