// Counts the memory that clients and queries hold together, and limits each holder.
//
//   budget    memory-limit
//     kind      buffers of connections, COPY, prepared statements, ...
//     account   one session or query: limited to a share of the free memory
//       charge    one buffer of it
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

enum class MemoryKind : uint8_t {
  Connections,  // incomplete messages, requests that are not answered yet
  Results,      // rows of answers that the client has not received yet
  Statements,   // prepared statements and portals
  Copy,         // rows of running COPYs and of open transactions
  Queues,       // queues of messages between threads
  Queries,      // data that a persistent query keeps between two steps
  State,        // tables of queries; never refused, clean entries leave memory instead
  Scans,        // old versions that open scans keep; never refused, the oldest scans are ended
  kCount
};
// Returns the name of the kind as an error's detail shows it, for example "connections" in
// "connections 400 MB".
std::string_view name(MemoryKind kind);

class MemoryAccount;

// The memory-limit and the memory that its accounts hold.
//
// Invariants: held_bytes() is the sum of all charges except those of MemoryKind::State and Scans;
//   an account gets at most a share of the free memory, so that the largest holders are refused
//   first and small holders can continue.
// Threads: any; the counters are atomics, and a reader may see them at slightly different times.
// Owner: the node, or a test; it outlives its accounts.
class MemoryBudget {
 public:
  static constexpr size_t kUnlimited = SIZE_MAX / 2;

  explicit MemoryBudget(size_t limit_bytes = kUnlimited)
      : MemoryBudget(limit_bytes, limit_bytes / 2) {}
  // `state_bytes` limits the memory of queries' tables, which does not count toward `limit_bytes`.
  MemoryBudget(size_t limit_bytes, size_t state_bytes)
      : limit_bytes_(limit_bytes), state_bytes_(state_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  size_t limit_bytes() const { return limit_bytes_; }
  size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  size_t held_bytes(MemoryKind kind) const {
    return kinds_[static_cast<size_t>(kind)].bytes.load(std::memory_order_relaxed);
  }
  // Returns whether less than a quarter of the limit is left. Connections that hold much memory and make no progress
  // are then ended.
  bool is_tight() const { return held_bytes() > limit_bytes_ / 4 * 3; }

  // Returns whether the answers that clients have not received yet take half of the limit, which is
  // their maximum. A session with more rows to send then waits, and keeps at most kShortAnswerBytes
  // of them in memory.
  bool has_many_answers() const { return held_bytes(MemoryKind::Results) >= limit_bytes_ / 2; }
  static constexpr size_t kShortAnswerBytes = 8 * 1024;

  // Returns whether the tables of queries have reached their limit. State that does not fit is then
  // read from checkpoints.
  bool is_state_full() const { return held_bytes(MemoryKind::State) > state_bytes_; }
  // Returns whether too much state waits for checkpoints. State cannot leave memory before it is in
  // a checkpoint.
  bool is_state_overfull() const { return held_bytes(MemoryKind::State) / 3 > state_bytes_ / 2; }
  // Returns whether open scans keep too much state in memory. The oldest scans must then be ended.
  bool holds_too_much_state() const {
    constexpr size_t kForScans = 64 << 20;
    return held_bytes(MemoryKind::State) > 2 * state_bytes_ + kForScans;
  }
  // Returns the bytes by which the memory of open scans exceeds its limit.
  size_t excess_of_scans() const {
    constexpr size_t kAlways = 16 << 20;  // allowed even if the limit of state is small
    const size_t held = held_bytes(MemoryKind::Scans), most = state_bytes_ / 2 + kAlways;
    return held > most ? held - most : 0;
  }

  // Returns OutOfMemory for a client, with the refused request ("a message of 60 MB"), the limit,
  // and the largest holders.
  Error refusal(std::string_view what, const MemoryAccount& account) const;

 private:
  friend class MemoryAccount;
  friend class MemoryCharge;

  // The last part of the limit is for accounts that hold little memory: these accounts can grow
  // while large accounts wait.
  size_t limit_for_large() const { return limit_bytes_ - limit_bytes_ / 8; }
  bool try_grow(MemoryAccount& account, MemoryKind kind, size_t bytes);
  void grow(MemoryAccount& account, MemoryKind kind, size_t bytes);
  void shrink(MemoryAccount& account, MemoryKind kind, size_t bytes);

  // each counter has its own cache line, because all loops change counters
  struct alignas(64) Counter {
    std::atomic<size_t> bytes = 0;
  };
  const size_t limit_bytes_, state_bytes_;
  alignas(64) std::atomic<size_t> held_bytes_ = 0;
  std::array<Counter, static_cast<size_t>(MemoryKind::kCount)> kinds_;
};

// Counts the memory of one session or query. Threads: any. Owner: the session or query; it outlives
// its charges.
class MemoryAccount {
 public:
  // An account up to this size is refused only when the whole budget is used up.
  static constexpr size_t kSmallBytes = 256 * 1024;

  explicit MemoryAccount(MemoryBudget& budget) : budget_(budget) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  MemoryBudget& budget() const { return budget_; }
  size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  // Returns the number of further bytes that the account would get now.
  size_t available_bytes() const;
  Error refusal(std::string_view what) const { return budget_.refusal(what, *this); }

 private:
  friend class MemoryBudget;
  MemoryBudget& budget_;
  std::atomic<size_t> held_bytes_ = 0;
};

// The part of an account that belongs to one buffer. It is released on destruction. A charge counts
// in steps of 4 KB, so that small changes do not touch counters that threads share.
//
// Threads: one at a time. Owner: the owner of the buffer.
class MemoryCharge {
 public:
  MemoryCharge() = default;  // without an account: everything is granted
  MemoryCharge(MemoryAccount* account, MemoryKind kind) : account_(account), kind_(kind) {}
  ~MemoryCharge() { resize(0); }
  MemoryCharge(MemoryCharge&& other) noexcept { *this = std::move(other); }
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(account_, other.account_);
    std::swap(kind_, other.kind_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // Returns false, and changes nothing, if the account cannot get that much now. Shrinking always
  // succeeds.
  bool try_resize(size_t bytes) { return change(bytes, Grant::WhenFree); }
  // Sets the size without a check against the budget. For memory that exists already and whose size
  // is limited elsewhere.
  void resize(size_t bytes) { change(bytes, Grant::Always); }
  size_t bytes() const { return bytes_; }

 private:
  enum class Grant : uint8_t { WhenFree, Always };
  static constexpr size_t kStepBytes = 4096;
  bool change(size_t bytes, Grant grant);

  MemoryAccount* account_ = nullptr;
  MemoryKind kind_ = MemoryKind::Connections;
  size_t bytes_ = 0;  // charged bytes, a multiple of kStepBytes
};

// A charge with an account of its own, for a buffer that outlives the session that created it.
class OwnedCharge {
 public:
  OwnedCharge(MemoryBudget& budget, MemoryKind kind)
      : account_(std::make_unique<MemoryAccount>(budget)), charge_(account_.get(), kind) {}

  bool try_resize(size_t bytes) { return charge_.try_resize(bytes); }
  void resize(size_t bytes) { charge_.resize(bytes); }
  Error refusal(std::string_view what) const { return account_->refusal(what); }

 private:
  std::unique_ptr<MemoryAccount> account_;  // declared before the charge, which refers to it
  MemoryCharge charge_;
};

// Formats a size as settings and errors show it, for example "512 MB", "1.5 GB" or "300 B".
std::string format_bytes(size_t bytes);
// Parses "512MB", "64 kB" or "1000000"; units are powers of 1024, as in PostgreSQL. Fails with
// InvalidParameter.
Result<size_t> parse_bytes(std::string_view text);
