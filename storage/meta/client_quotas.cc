#include "storage/meta/client_quotas.h"

#include <fmt/format.h>

#include <bit>

#include "base/bytes.h"
#include "base/sized.h"

namespace storage {

namespace {

// part   = version u8, count of changes varint, changes * (entity, key, has value u8, value f64 or nothing)
// entity = count varint, count * (type, has name u8, name or nothing)
constexpr uint8_t kQuotasVersion = 1;

// The number of entities is limited: each change copies all of them, and each look-up of an unknown
// client searches several of them.
constexpr size_t kMostEntities = 10'000;

Error damaged_quotas() { return {ErrorCode::StorageFailure, "a change of quotas is damaged"}; }

void append(std::string& out, const QuotaChange& change) {
  append_varint(out, change.entity.size());
  for (const auto& [type, name] : change.entity) {
    append_sized(out, type);
    out += static_cast<char>(name.has_value());
    if (name) append_sized(out, *name);
  }
  append_sized(out, change.key);
  out += static_cast<char>(change.value.has_value());
  if (change.value) append_be(out, std::bit_cast<uint64_t>(*change.value));
}

QuotaChange read(ByteReader& in) {
  QuotaChange change;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string type(read_sized(in));
    std::optional<std::string> name;
    if (in.be<uint8_t>() != 0) name = read_sized(in);
    change.entity.insert_or_assign(std::move(type), std::move(name));
  }
  change.key = read_sized(in);
  if (in.be<uint8_t>() != 0) change.value = std::bit_cast<double>(in.be<uint64_t>());
  return change;
}

void apply(ClientQuotas& quotas, const QuotaChange& change) {
  if (change.value) {
    quotas[change.entity][change.key] = *change.value;
    return;
  }
  const auto found = quotas.find(change.entity);
  if (found == quotas.end()) return;
  found->second.erase(change.key);
  if (found->second.empty()) quotas.erase(found);
}

}  // namespace

std::string encode_quota_changes(const std::vector<QuotaChange>& changes) {
  std::string part(1, static_cast<char>(kQuotasVersion));
  append_varint(part, changes.size());
  for (const QuotaChange& change : changes) append(part, change);
  return part;
}

Result<ClientQuotas> apply_quota_changes(const ClientQuotas& quotas, std::string_view part) {
  ByteReader in(part);
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged_quotas();
  if (version > kQuotasVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a change of quotas was written by a newer version"};
  ClientQuotas changed = quotas;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const QuotaChange change = read(in);
    if (in.ok()) apply(changed, change);
  }
  if (!in.ok() || !in.at_end()) return damaged_quotas();
  if (changed.size() > kMostEntities)
    return Error{
        ErrorCode::LimitExceeded,
        fmt::format("at most {} users, clients and addresses can have quotas", kMostEntities)};
  return changed;
}

std::string encode_quotas(const ClientQuotas& quotas) {
  std::vector<QuotaChange> changes;
  for (const auto& [entity, values] : quotas)
    for (const auto& [key, value] : values) changes.push_back({entity, key, value});
  return encode_quota_changes(changes);
}

}  // namespace storage
