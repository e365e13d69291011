// Quotas for the bytes that clients send and fetch: a pure state machine over the "quotas" parts of
// the metadata log.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace storage {

// A "quotas" part of a metadata command or snapshot.
inline constexpr std::string_view kQuotasPart = "quotas";

// The clients to which a quota applies. The key is a type ("user", "client-id" or "ip"). The value
// is a name, or nothing for all clients without quotas of their own (KIP-55, KIP-612).
using QuotaEntity = std::map<std::string, std::optional<std::string>>;
// Values of quotas by Kafka's names, such as producer_byte_rate.
using Quotas = std::map<std::string, double>;
using ClientQuotas = std::map<QuotaEntity, Quotas>;

struct QuotaChange {
  QuotaEntity entity;
  std::string key;
  std::optional<double> value;  // nothing: the quota is removed
  bool operator==(const QuotaChange&) const = default;
};

std::string encode_quota_changes(const std::vector<QuotaChange>& changes);
// Returns the quotas after the changes. Fails with IncompatibleFormat, StorageFailure or
// LimitExceeded, in the same way on all nodes.
Result<ClientQuotas> apply_quota_changes(const ClientQuotas& quotas, std::string_view part);
// Encodes the whole state, as changes to an empty one.
std::string encode_quotas(const ClientQuotas& quotas);

}  // namespace storage
