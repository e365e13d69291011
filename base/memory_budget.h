// How much memory clients and queries may hold together, and who holds it.
//
//   budget    memory-limit
//     kind      buffers of connections, COPY, prepared statements, ...
//     account   one session or query: bounded by a share of what is free
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
  Connections,  // messages that have not arrived whole, requests that are not answered yet
  Results,      // answers that the client has not taken
  Statements,   // prepared statements, portals
  Copy,         // rows of COPY and of open transactions
  Queues,       // between threads
  Queries,      // what a query needs between two steps
  State,        // tables of queries; counted, never refused: what is clean leaves memory instead
  Scans,        // what open scans of them keep from before it changed; likewise: the oldest end
  kCount
};
// As it stands in an error's detail: "connections 400 MB".
std::string_view name(MemoryKind kind);

class MemoryAccount;

// Invariants: held_bytes() is the sum of all charges but those of MemoryKind::State and Scans;
//             an account that asks gets no more than a share of what is free, so that the largest
//             holders are refused first and small ones go on.
// Threads:    any; the counters are atomics, and a reader may see them a little apart.
// Owner:      the node, or a test; it outlives its accounts.
class MemoryBudget {
 public:
  static constexpr size_t kUnlimited = SIZE_MAX / 2;

  explicit MemoryBudget(size_t limit_bytes = kUnlimited)
      : MemoryBudget(limit_bytes, limit_bytes / 2) {}
  // `state_bytes`: of tables of queries, beside the limit.
  MemoryBudget(size_t limit_bytes, size_t state_bytes)
      : limit_bytes_(limit_bytes), state_bytes_(state_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  size_t limit_bytes() const { return limit_bytes_; }
  size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  size_t held_bytes(MemoryKind kind) const {
    return kinds_[static_cast<size_t>(kind)].bytes.load(std::memory_order_relaxed);
  }
  // Less than a quarter is left: who holds much and gets on no further is to be ended.
  bool is_tight() const { return held_bytes() > limit_bytes_ / 4 * 3; }

  // Answers that clients do not take hold all that they may together. Who has more to tell waits, with no more than
  // kShortAnswerBytes made of it; the rest of the limit is for those who are not in anybody's way.
  bool has_many_answers() const { return held_bytes(MemoryKind::Results) >= limit_bytes_ / 2; }
  static constexpr size_t kShortAnswerBytes = 8 * 1024;

  // The tables of queries keep in memory what fits, and find the rest in checkpoints.
  bool is_state_full() const { return held_bytes(MemoryKind::State) > state_bytes_; }
  // So much waits for checkpoints that it cannot leave memory.
  bool is_state_overfull() const { return held_bytes(MemoryKind::State) / 3 > state_bytes_ / 2; }
  // Open scans keep so many entries from leaving that they must end.
  bool holds_too_much_state() const {
    constexpr size_t kForScans = 64 << 20;
    return held_bytes(MemoryKind::State) > 2 * state_bytes_ + kForScans;
  }
  // By how much what open scans keep is more than it may be.
  size_t excess_of_scans() const {
    constexpr size_t kAlways = 16 << 20;
    const size_t held = held_bytes(MemoryKind::Scans), most = state_bytes_ / 2 + kAlways;
    return held > most ? held - most : 0;
  }

  // OutOfMemory, for a client: what was asked for ("a message of 60 MB"), what the limit is and who
  // holds most.
  Error refusal(std::string_view what, const MemoryAccount& account) const;

 private:
  friend class MemoryAccount;
  friend class MemoryCharge;

  // The last part of the limit is for accounts that hold little: they go on while large ones wait.
  size_t limit_for_large() const { return limit_bytes_ - limit_bytes_ / 8; }
  bool try_grow(MemoryAccount& account, MemoryKind kind, size_t bytes);
  void grow(MemoryAccount& account, MemoryKind kind, size_t bytes);
  void shrink(MemoryAccount& account, MemoryKind kind, size_t bytes);

  struct alignas(64) Counter {  // a cache line each: loops count at the same time
    std::atomic<size_t> bytes = 0;
  };
  const size_t limit_bytes_, state_bytes_;
  alignas(64) std::atomic<size_t> held_bytes_ = 0;
  std::array<Counter, static_cast<size_t>(MemoryKind::kCount)> kinds_;
};

// What one session or query holds. Threads: any. Owner: the session or query; it outlives its
// charges.
class MemoryAccount {
 public:
  // So much is nobody's offence: it is refused only when the whole budget is used up.
  static constexpr size_t kSmallBytes = 256 * 1024;

  explicit MemoryAccount(MemoryBudget& budget) : budget_(budget) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  MemoryBudget& budget() const { return budget_; }
  size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  // How much more it would get now.
  size_t available_bytes() const;
  Error refusal(std::string_view what) const { return budget_.refusal(what, *this); }

 private:
  friend class MemoryBudget;
  MemoryBudget& budget_;
  std::atomic<size_t> held_bytes_ = 0;
};

// One buffer's part of an account; given back when it is destroyed. Counts in steps of 4 KB, so
// that small changes touch nothing that threads share.
//
// Threads: one at a time. Owner: whatever owns the buffer.
class MemoryCharge {
 public:
  MemoryCharge() = default;  // nobody's: everything is granted
  MemoryCharge(MemoryAccount* account, MemoryKind kind) : account_(account), kind_(kind) {}
  ~MemoryCharge() { resize(0); }
  MemoryCharge(MemoryCharge&& other) noexcept { *this = std::move(other); }
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(account_, other.account_);
    std::swap(kind_, other.kind_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // False when so much is not to be had now; then nothing has changed. Less is always granted.
  bool try_resize(size_t bytes) { return change(bytes, Grant::WhenFree); }
  // For what is there already, and bounded by something else.
  void resize(size_t bytes) { change(bytes, Grant::Always); }
  size_t bytes() const { return bytes_; }

 private:
  enum class Grant : uint8_t { WhenFree, Always };
  static constexpr size_t kStepBytes = 4096;
  bool change(size_t bytes, Grant grant);

  MemoryAccount* account_ = nullptr;
  MemoryKind kind_ = MemoryKind::Connections;
  size_t bytes_ = 0;  // whole steps
};

// A charge of what outlives whoever it came from, and so has an account of its own.
class OwnedCharge {
 public:
  OwnedCharge(MemoryBudget& budget, MemoryKind kind)
      : account_(std::make_unique<MemoryAccount>(budget)), charge_(account_.get(), kind) {}

  bool try_resize(size_t bytes) { return charge_.try_resize(bytes); }
  void resize(size_t bytes) { charge_.resize(bytes); }
  Error refusal(std::string_view what) const { return account_->refusal(what); }

 private:
  std::unique_ptr<MemoryAccount> account_;  // outlives the charge
  MemoryCharge charge_;
};

// "512 MB", "1.5 GB", "300 B": as settings and errors show sizes.
std::string format_bytes(size_t bytes);
// "512MB", "64 kB", "1000000": units are powers of 1024, as in PostgreSQL. Fails with
// InvalidParameter.
Result<size_t> parse_bytes(std::string_view text);
