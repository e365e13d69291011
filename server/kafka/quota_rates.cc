#include "server/kafka/quota_rates.h"

#include <algorithm>
#include <cmath>

namespace server::kafka {

namespace {

// Limit for the number of clients whose rates are measured. A client that exceeds its quota was
// active recently, so it is rarely forgotten.
constexpr size_t kMostRates = 10'000;
// Clients choose their names freely, so only the beginning of a long name is used.
constexpr size_t kMostNameBytes = 256;

struct Found {
  double bytes_per_second;
  std::string counted_for;  // the entity whose bytes are counted together
};

// Finds the quota that applies to a client. This is the most specific quota, in KIP-55's order.
std::optional<Found> find(const storage::ClientQuotas& quotas, QuotaKind kind,
                          const QuotaClient& client) {
  if (quotas.empty()) return std::nullopt;
  const char* const key = kind == QuotaKind::Produce ? "producer_byte_rate" : "consumer_byte_rate";
  const std::optional<std::string> user(client.user), id(client.client_id), anybody;
  enum class By : uint8_t { User, Client, Both };
  const struct {
    storage::QuotaEntity entity;
    By counted;
  } kOrder[] = {
      {{{"user", user}, {"client-id", id}}, By::Both},
      {{{"user", user}, {"client-id", anybody}}, By::Both},
      {{{"user", user}}, By::User},
      {{{"user", anybody}, {"client-id", id}}, By::Both},
      {{{"user", anybody}, {"client-id", anybody}}, By::Both},
      {{{"user", anybody}}, By::User},
      {{{"client-id", id}}, By::Client},
      {{{"client-id", anybody}}, By::Client},
  };
  for (const auto& [entity, counted] : kOrder) {
    const auto values = quotas.find(entity);
    if (values == quotas.end()) continue;
    const auto value = values->second.find(key);
    if (value == values->second.end()) continue;
    std::string whom(1, static_cast<char>('0' + static_cast<int>(kind)));
    whom += static_cast<char>('0' + static_cast<int>(counted));
    if (counted != By::Client) whom.append(client.user.substr(0, kMostNameBytes)).push_back('\0');
    if (counted != By::User) whom.append(client.client_id.substr(0, kMostNameBytes));
    return Found{value->second, std::move(whom)};
  }
  return std::nullopt;
}

}  // namespace

void ByteRate::record(int64_t bytes, int64_t now_ms) {
  const int64_t second = now_ms / 1000;
  if (first_second_ < 0) first_second_ = second;
  for (int64_t passed = std::max<int64_t>({0, newest_second_ + 1, second - kSamples + 1});
       passed <= second; ++passed)
    bytes_[static_cast<size_t>(passed % kSamples)] = 0;
  newest_second_ = std::max(newest_second_, second);
  bytes_[static_cast<size_t>(second % kSamples)] += bytes;
}

// Returns the time over which the bytes are averaged. It is at least the whole window; otherwise a
// burst at the beginning would count as a high rate.
int64_t ByteRate::elapsed_ms(int64_t now_ms) const {
  const int64_t oldest = std::max(first_second_, now_ms / 1000 - kSamples + 1);
  return std::max(kWindowMs, now_ms - oldest * 1000);
}

double ByteRate::per_second(int64_t now_ms) const {
  int64_t total = 0;
  const int64_t oldest = now_ms / 1000 - kSamples + 1;
  for (int64_t second = std::max<int64_t>({0, oldest, newest_second_ - kSamples + 1});
       second <= newest_second_; ++second)
    total += bytes_[static_cast<size_t>(second % kSamples)];
  return static_cast<double>(total) * 1000 / static_cast<double>(elapsed_ms(now_ms));
}

QuotaRates::Wait QuotaRates::record(const storage::ClientQuotas& quotas, QuotaKind kind,
                                    const QuotaClient& client, int64_t bytes, int64_t now_ms) {
  const auto quota = find(quotas, kind, client);
  if (!quota) return {};
  std::lock_guard lock(mutex_);
  if (rates_.size() >= kMostRates) forget_silent(now_ms);
  ByteRate& rate = rates_[quota->counted_for];
  const bool is_first = rate.per_second(now_ms) <= 0;
  rate.record(bytes, now_ms);
  const double too_much = rate.per_second(now_ms) - quota->bytes_per_second;
  if (too_much <= 0) return {};
  // After this time without a byte the rate over the window has fallen to the quota.
  const double wait_ms =
      std::ceil(too_much / quota->bytes_per_second * static_cast<double>(ByteRate::kWindowMs));
  return {static_cast<int32_t>(std::min(wait_ms, 2e9)), is_first};
}

void QuotaRates::take_back(const storage::ClientQuotas& quotas, QuotaKind kind,
                           const QuotaClient& client, int64_t bytes, int64_t now_ms) {
  const auto quota = find(quotas, kind, client);
  if (!quota) return;
  std::lock_guard lock(mutex_);
  if (const auto found = rates_.find(quota->counted_for); found != rates_.end())
    found->second.record(-bytes, now_ms);
}

std::optional<int64_t> QuotaRates::most_bytes(const storage::ClientQuotas& quotas, QuotaKind kind,
                                              const QuotaClient& client) {
  const auto quota = find(quotas, kind, client);
  if (!quota) return std::nullopt;
  const double most = quota->bytes_per_second * static_cast<double>(ByteRate::kWindowMs) / 1000;
  return static_cast<int64_t>(std::clamp(most, 1.0, 1e15));
}

void QuotaRates::forget_silent(int64_t now_ms) {
  absl::erase_if(rates_, [&](const auto& rate) {
    return now_ms - rate.second.last_ms() > ByteRate::kSamples * 1000;
  });
  if (rates_.size() >= kMostRates) rates_.clear();  // all clients are active, so counting restarts
}

}  // namespace server::kafka
