// Determines when no reader can use an unpublished object any longer.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace storage {

// Epoch-based reclamation. A reader stores the current number in its slot while it has a turn. The
// writer unpublishes an object, takes the next number, and waits until no slot has an older one.
// All operations are sequentially consistent: if the writer does not see a reader's turn, that
// reader sees the object as unpublished in its turn.
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

  // Adds a reader. The slot has shared ownership, since the reader may be destroyed at any time.
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
