// How fast clients send and fetch, and how long those wait that are faster than their quotas let them
// (KIP-13, KIP-55).
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

// Bytes a second over the last ten to eleven seconds, in samples of one second: Kafka's quota.window.num and
// quota.window.size.seconds. Threads: one at a time.
class ByteRate {
 public:
  void record(int64_t bytes, int64_t now_ms);
  double per_second(int64_t now_ms) const;
  int64_t last_ms() const { return newest_second_ * 1000; }

  static constexpr int64_t kSamples = 11, kWindowMs = (kSamples - 1) * 1000;

 private:
  int64_t elapsed_ms(int64_t now_ms) const;

  std::array<int64_t, kSamples> bytes_{};  // of second s at s % kSamples
  int64_t newest_second_ = -kSamples, first_second_ = -1;
};

enum class QuotaKind : uint8_t { Produce, Fetch };

// Who sends. Everybody is the same user until there are users.
struct QuotaClient {
  std::string_view user, client_id;
};

// Threads: any. Owner: the server; clients that were silent for long are forgotten.
class QuotaRates {
 public:
  // The clock is Kafka's: monotonic milliseconds.

  struct Wait {
    int32_t ms = 0;             // before the client's next request; 0 where no quota says otherwise
    bool is_for_these = false;  // for these bytes alone: nothing else was moved within the window
  };
  // Notes that the client has moved so many bytes.
  Wait record(const storage::ClientQuotas& quotas, QuotaKind kind, const QuotaClient& client,
              int64_t bytes, int64_t now_ms);
  // Takes back what was not sent after all.
  void take_back(const storage::ClientQuotas& quotas, QuotaKind kind, const QuotaClient& client,
                 int64_t bytes, int64_t now_ms);
  // What the client may move within the window: an answer has no more. Nothing without a quota.
  static std::optional<int64_t> most_bytes(const storage::ClientQuotas& quotas, QuotaKind kind,
                                           const QuotaClient& client);

 private:
  void forget_silent(int64_t now_ms);

  std::mutex mutex_;
  // Guarded by mutex_
  absl::flat_hash_map<std::string, ByteRate> rates_;  // by kind and whom the quota is counted for
};

}  // namespace server::kafka
