// Measures how fast clients send and fetch, and how long they must wait when they exceed their
// quotas (KIP-13, KIP-55).
#pragma once
#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "storage/meta/client_quotas.h"

namespace server::kafka {

// Measures bytes per second over the last ten to eleven seconds, in samples of one second (Kafka's
// quota.window.num and quota.window.size.seconds). Threads: one at a time.
class ByteRate {
 public:
  void record(int64_t bytes, int64_t now_ms);
  double per_second(int64_t now_ms) const;
  int64_t last_ms() const { return newest_second_ * 1000; }

  static constexpr int64_t kSamples = 11, kWindowMs = (kSamples - 1) * 1000;

 private:
  int64_t elapsed_ms(int64_t now_ms) const;

  std::array<int64_t, kSamples> bytes_{};  // bytes_[s % kSamples] belongs to second s
  int64_t newest_second_ = -kSamples, first_second_ = -1;
};

enum class QuotaKind : uint8_t { Produce, Fetch };

// The client that a quota applies to. All clients have the same user name if no users exist.
struct QuotaClient {
  std::string_view user, client_id;
};

// The rates of all clients. Clients that were silent for the whole window are forgotten.
// Threads: any. Owner: the server.
class QuotaRates {
 public:
  // In the following functions, `now_ms` is the time of a monotonic clock, as in Kafka.

  struct Wait {
    int32_t ms = 0;             // delay before the client's next request; 0: within its quota
    bool is_for_these = false;  // the client has transferred only these bytes within the window
  };
  // Counts bytes that the client has transferred, and returns how long the client must wait.
  Wait record(const storage::ClientQuotas& quotas, QuotaKind kind, const QuotaClient& client,
              int64_t bytes, int64_t now_ms);
  // Subtracts bytes that were counted by record() and not sent in the end.
  void take_back(const storage::ClientQuotas& quotas, QuotaKind kind, const QuotaClient& client,
                 int64_t bytes, int64_t now_ms);
  // Returns the limit for an answer: the bytes that the quota allows within the window. Returns
  // nullopt if the client has no quota.
  static std::optional<int64_t> most_bytes(const storage::ClientQuotas& quotas, QuotaKind kind,
                                           const QuotaClient& client);

 private:
  void forget_silent(int64_t now_ms);

  std::mutex mutex_;
  // Rates by the kind of quota and the client's entity. Guarded by mutex_
  absl::flat_hash_map<std::string, ByteRate> rates_;
};

}  // namespace server::kafka
