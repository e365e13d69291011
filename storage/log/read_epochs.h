// Finds out when no reader can still use an object that was unpublished at a known moment.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace storage {

// Epoch-based reclamation. A reader notes the current number while it has a turn; the writer
// unpublishes, takes the next number, and waits until no reader notes an older one. All operations
// are sequentially consistent: a reader that the writer did not see in a turn will see the
// unpublished state in its turn.
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

  // Adds a reader. Its slot is shared, since the reader may be destroyed at any time.
  std::shared_ptr<Slot> add_reader();

  uint64_t next() { return current_.fetch_add(1) + 1; }
  // Returns whether each reader is out of turn, or began its turn at `number` or later.
  bool all_passed(uint64_t number);

 private:
  std::atomic<uint64_t> current_{1};
  std::mutex mutex_;
  std::vector<std::weak_ptr<Slot>> slots_;  // Guarded by mutex_
};

}  // namespace storage
