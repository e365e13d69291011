#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using Filter = DescribeClientQuotasRequest::Component;

constexpr std::string_view kIp = "ip";

bool is_known_type(std::string_view type) {
  return type == "user" || type == "client-id" || type == kIp;
}

// --- Describing

constexpr int8_t kExact = 0, kDefault = 1, kAnyNamed = 2;

struct QuotaRefusal {
  KafkaError error;
  std::string message;
};

std::optional<QuotaRefusal> refusal(const DescribeClientQuotasRequest& request) {
  std::set<std::string_view> types;
  for (const Filter& filter : request.components) {
    if (!is_known_type(filter.entity_type))
      return QuotaRefusal{kUnsupportedVersion,
                          fmt::format("\"{}\" cannot have quotas", filter.entity_type)};
    if (!types.insert(filter.entity_type).second)
      return QuotaRefusal{KafkaError::InvalidRequest,
                          fmt::format("the filter names \"{}\" twice", filter.entity_type)};
    const bool is_whole = filter.match_type == kExact ? filter.match.has_value()
                          : filter.match_type == kDefault
                              ? !filter.match
                              : filter.match_type == kAnyNamed && !filter.match;
    if (!is_whole) return QuotaRefusal{KafkaError::InvalidRequest, "the filter is not complete"};
  }
  if (types.contains(kIp) && types.size() > 1)
    return QuotaRefusal{KafkaError::InvalidRequest,
                        "quotas of addresses cannot be combined with other entities"};
  return std::nullopt;
}

bool matches(const storage::QuotaEntity& entity, const Filter& filter) {
  const auto part = entity.find(filter.entity_type);
  if (part == entity.end()) return false;
  switch (filter.match_type) {
    case kExact:
      return part->second == filter.match;
    case kDefault:
      return !part->second;
    default:
      return true;
  }
}

DescribeClientQuotasResponse::Entry entry_of(const storage::QuotaEntity& entity,
                                             const storage::Quotas& quotas) {
  DescribeClientQuotasResponse::Entry entry;
  for (const auto& [type, name] : entity) entry.entity.push_back({type, name});
  for (const auto& [key, value] : quotas) entry.values.push_back({key, value});
  return entry;
}

// --- Altering

Result<storage::QuotaEntity> entity_of(const AlterClientQuotasRequest::Entry& entry) {
  storage::QuotaEntity entity;
  for (const AlterClientQuotasRequest::Entry::Part& part : entry.entity) {
    if (!is_known_type(part.entity_type))
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("\"{}\" cannot have quotas", part.entity_type)};
    constexpr size_t kMostEntityNameBytes = 1000;
    if (part.entity_name &&
        (part.entity_name->empty() || part.entity_name->size() > kMostEntityNameBytes))
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("a name must have 1 to {} bytes", kMostEntityNameBytes)};
    if (!entity.emplace(part.entity_type, part.entity_name).second)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("\"{}\" is named twice", part.entity_type)};
  }
  if (entity.empty()) return Error{ErrorCode::InvalidParameter, "the request names no entity"};
  if (entity.contains(std::string(kIp)) && entity.size() > 1)
    return Error{ErrorCode::InvalidParameter,
                 "quotas of addresses cannot be combined with other entities"};
  return entity;
}

Status check(const storage::QuotaEntity& entity, const AlterClientQuotasRequest::Entry::Op& op) {
  const bool is_of_address = entity.contains(std::string(kIp));
  const bool is_whole = op.key == "producer_byte_rate" || op.key == "consumer_byte_rate" ||
                        op.key == "connection_creation_rate";
  const bool is_known =
      is_of_address ? op.key == "connection_creation_rate"
                    : op.key == "producer_byte_rate" || op.key == "consumer_byte_rate" ||
                          op.key == "request_percentage" || op.key == "controller_mutation_rate";
  if (!is_known)
    return Error{ErrorCode::InvalidParameter, fmt::format("quota \"{}\" does not exist", op.key)};
  if (op.remove) return {};
  if (!(op.value > 0) || !std::isfinite(op.value))
    return Error{ErrorCode::InvalidParameter, fmt::format("{} must be greater than 0", op.key)};
  if (is_whole && op.value != std::floor(op.value))
    return Error{ErrorCode::InvalidParameter, fmt::format("{} must be a whole number", op.key)};
  return {};
}

Result<std::vector<storage::QuotaChange>> changes_of(const AlterClientQuotasRequest::Entry& entry) {
  const storage::QuotaEntity entity = TRY(entity_of(entry));
  std::vector<storage::QuotaChange> changes;
  for (const AlterClientQuotasRequest::Entry::Op& op : entry.ops) {
    TRY(check(entity, op));
    changes.push_back({entity, op.key, op.remove ? std::nullopt : std::optional(op.value)});
  }
  return changes;
}

}  // namespace

void handle_describe_client_quotas(HandlerContext& context, DescribeClientQuotasRequest request,
                                   Reply<DescribeClientQuotasResponse> reply) {
  DescribeClientQuotasResponse response;
  if (auto refused = refusal(request)) {
    response.error_code = refused->error;
    response.error_message = std::move(refused->message);
    return reply.send(response);
  }
  const auto quotas = context.backend.quotas();
  response.entries.emplace();
  for (const auto& [entity, values] : *quotas) {
    const bool is_wanted =
        std::ranges::all_of(request.components,
                            [&](const Filter& filter) { return matches(entity, filter); }) &&
        (!request.strict || entity.size() == request.components.size());
    if (is_wanted) response.entries->push_back(entry_of(entity, values));
  }
  reply.send(response);
}

// Changes quotas. Byte rates are enforced (quota_rates.h); the other quotas are only stored and
// described.
void handle_alter_client_quotas(HandlerContext& context, AlterClientQuotasRequest request,
                                Reply<AlterClientQuotasResponse> reply) {
  AlterClientQuotasResponse response;
  response.entries.resize(request.entries.size());
  // One command contains all changes, because each command costs a sync of the metadata log.
  std::vector<storage::QuotaChange> all;
  std::vector<size_t> altered_entries;
  for (size_t i = 0; i < request.entries.size(); ++i) {
    AlterClientQuotasResponse::Entry& answer = response.entries[i];
    for (const AlterClientQuotasRequest::Entry::Part& part : request.entries[i].entity)
      answer.entity.push_back({part.entity_type, part.entity_name});
    auto changes = changes_of(request.entries[i]);
    if (!changes) {
      answer.error_code = KafkaError::InvalidRequest;
      answer.error_message = changes.error().message;
      continue;
    }
    altered_entries.push_back(i);
    std::ranges::move(*changes, std::back_inserter(all));
  }
  if (request.validate_only || all.empty()) return reply.send(response);
  context.backend.alter_quotas(
      std::move(all), [reply, response = std::move(response),
                       entries = std::move(altered_entries)](Status altered) mutable {
        for (const size_t i : entries) {
          if (altered) break;
          response.entries[i].error_code = kafka_error(altered.error().code);
          response.entries[i].error_message = altered.error().message;
        }
        reply.send(response);
      });
}

}  // namespace server::kafka
