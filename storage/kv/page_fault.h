// Guarded calls of LMDB. If such a call meets a damaged page, it ends with an error, and the
// process continues. Used by the source files in this folder that call LMDB.
#pragma once
#include <atomic>
#include <csetjmp>
#include <cstdint>

#include <lmdb.h>

namespace storage {

// A call of LMDB in progress that may be ended. LMDB trusts the content of pages, so a damaged page
// may make it read an unmapped address, fail an assertion, or search in a circle (endless_call.h).
// In each of these cases only the call ends.
struct GuardedCall {
  sigjmp_buf where;
};
// The guarded call that this thread is in; null if it is in none.
extern constinit thread_local GuardedCall* guarded_call;

// Counts the guarded calls of this thread, for the thread that watches for endless calls.
struct GuardedCalls {
  std::atomic<uint64_t> count{0};  // number of begins and ends
  // value of `count` during the call that the watcher wants to end
  std::atomic<uint64_t> to_end{0};
  bool is_watched = false;
  static bool is_inside(uint64_t count) { return count % 2 == 1; }
  void step() { count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  void watch_this_thread();
};
extern constinit thread_local GuardedCalls guarded_calls;

// Ends the guarded call that this thread executes. Returns only if the thread executes none. May be
// used in signal handlers.
inline void leave_guarded_call() {
  if (guarded_call != nullptr) siglongjmp(guarded_call->where, 1);
}

// The result of a guarded call that was ended.
inline constexpr int kDamagedPage = MDB_CORRUPTED;

// Runs `call` and returns its result, or kDamagedPage if the call was ended. `call` must contain
// nothing but calls of LMDB, because destructors in `call` would not run. A transaction in which a
// call was ended can only be discarded.
template <class Call>
int guarded(const Call& call) {
  GuardedCall here;
  if (!guarded_calls.is_watched) guarded_calls.watch_this_thread();
  if (sigsetjmp(here.where, 0) != 0) {
    guarded_call = nullptr;
    guarded_calls.step();
    return kDamagedPage;
  }
  guarded_call = &here;
  guarded_calls.step();
  const int code = call();
  guarded_calls.step();
  guarded_call = nullptr;
  return code;
}

// Ends the guarded call. LMDB calls this function when an assertion fails; it is set in each
// environment.
void end_guarded_call(MDB_env* environment, const char* message);

// The range of addresses and the page size of a mapped data file, to check the pointers that LMDB
// returns. Each page begins with its number.
class MappedPages {
 public:
  MappedPages() = default;
  MappedPages(uintptr_t begin, uintptr_t end, size_t page_size)
      : begin_(begin), end_(end), page_size_(page_size) {}

  // Returns whether the bytes are at a place where LMDB can have stored a key or a value: in one
  // page or in successive pages of the file, all before the page with number `page_count`. Bytes
  // outside of the mapped file are not checked: the current transaction has written them in memory
  // of its own.
  bool is_sound(const MDB_val& bytes, size_t page_count) const {
    const auto at = reinterpret_cast<uintptr_t>(bytes.mv_data) - (bytes.mv_size == 0 ? 1 : 0);
    if (at < begin_ || at >= end_) return true;
    const size_t page = (at - begin_) / page_size_, used = page_count * page_size_;
    return page < page_count && bytes.mv_size <= used - (at - begin_) &&
           *reinterpret_cast<const uint64_t*>(begin_ + page * page_size_) == page;
  }

  // Returns the page of an entry's key; null if the current transaction has written the page.
  const char* page_of(const MDB_val& key) const {
    const auto at = reinterpret_cast<uintptr_t>(key.mv_data);
    if (at < begin_ || at >= end_) return nullptr;
    return reinterpret_cast<const char*>(at - (at - begin_) % page_size_);
  }
  size_t page_size() const { return page_size_; }
  // Returns whether the page is a leaf whose entries fill exactly the space that its header states.
  // LMDB stores entries without gaps.
  bool is_whole_leaf(const char* page) const;

 private:
  uintptr_t begin_ = 0, end_ = 0;  // both 0: nothing is checked
  size_t page_size_ = 4096;
};

}  // namespace storage
