#include "server/coordinator/transaction_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "records/batch.h"
#include "server/coordinator/record_codec.h"

namespace server::coordinator {

namespace {

// Versions and tagged fields of the records in Apache Kafka's schemas TransactionLogKey and
// TransactionLogValue (transaction-coordinator/src/main/resources/common/message in
// https://github.com/apache/kafka).
constexpr int16_t kKeyVersion = 0, kLastTransactionVersion = 1, kFirstFlexibleTransaction = 1;
constexpr uint64_t kPreviousProducerTag = 0, kNextProducerTag = 1, kClientVersionTag = 2;
constexpr std::string_view kNames[] = {"Empty",        "Ongoing",        "PrepareCommit",
                                       "PrepareAbort", "CompleteCommit", "CompleteAbort"};

Error unknown_transaction_version(std::string_view what, int16_t version) {
  return {ErrorCode::IncompatibleFormat,
          fmt::format("{} has the unknown version {}", what, version)};
}
Error cut_transaction(std::string_view what) {
  return {ErrorCode::DataCorrupted, fmt::format("{} is truncated", what)};
}

}  // namespace

std::string_view name(TransactionState state) { return kNames[static_cast<size_t>(state)]; }
bool is_transaction_state(std::string_view name) {
  return std::ranges::find(kNames, name) != std::end(kNames);
}

std::string encode_transaction_key(std::string_view transactional_id) {
  RecordWriter out(kKeyVersion);
  out.text(transactional_id);
  return out.take();
}

std::string encode(const TransactionValue& value) {
  RecordWriter out(kLastTransactionVersion, true);
  out.number(value.producer_id.value());
  out.number(value.epoch);
  out.number(value.timeout_ms);
  out.number(static_cast<int8_t>(value.state));
  out.array(value.partitions.size());
  for (const auto& [topic, partitions] : value.partitions) {
    out.text(topic);
    out.array(partitions.size());
    for (const int32_t partition : partitions) out.number(partition);
    out.no_tags();
  }
  out.number(value.last_update_ms);
  out.number(value.start_ms);
  std::map<uint64_t, std::string> tags;
  if (value.previous_producer_id >= ProducerId{0})
    append_be(tags[kPreviousProducerTag], value.previous_producer_id.value());
  if (value.next_producer_id >= ProducerId{0})
    append_be(tags[kNextProducerTag], value.next_producer_id.value());
  if (value.client_version != 0) append_be(tags[kClientVersionTag], value.client_version);
  out.tags(tags);
  return out.take();
}

Result<std::string> decode_transaction_key(std::string_view bytes) {
  RecordReading in(bytes);
  const auto version = in.number<int16_t>();
  if (in.ok() && version != kKeyVersion) return unknown_transaction_version("a key", version);
  std::string id = in.text();
  if (!in.ok()) return cut_transaction("a key");
  return id;
}

Result<TransactionValue> decode_transaction_value(std::string_view bytes) {
  RecordReading in(bytes);
  const auto version = in.number<int16_t>();
  if (in.ok() && (version < 0 || version > kLastTransactionVersion))
    return unknown_transaction_version("a transaction", version);
  in.set_flexible(version >= kFirstFlexibleTransaction);
  TransactionValue value;
  value.producer_id = ProducerId{in.number<int64_t>()};
  value.epoch = in.number<int16_t>();
  value.timeout_ms = in.number<int32_t>();
  const auto state = in.number<int8_t>();
  const size_t topics = in.array().value_or(0);
  for (size_t i = 0; i < topics && in.ok(); ++i) {
    auto& partitions = value.partitions[in.text()];
    const size_t count = in.array().value_or(0);
    for (size_t j = 0; j < count && in.ok(); ++j) partitions.push_back(in.number<int32_t>());
    in.skip_tags();
  }
  value.last_update_ms = in.number<int64_t>();
  value.start_ms = in.number<int64_t>();
  // Every negative id counts as no producer.
  const auto producer_of = [](std::string_view field) {
    return std::max(ProducerId{RecordReading(field).number<int64_t>()}, records::kNoProducer);
  };
  in.tags([&](uint64_t tag, std::string_view field) {
    if (tag == kPreviousProducerTag) value.previous_producer_id = producer_of(field);
    if (tag == kNextProducerTag) value.next_producer_id = producer_of(field);
    if (tag == kClientVersionTag) value.client_version = RecordReading(field).number<int16_t>();
  });
  if (!in.ok() || state < 0 || state > static_cast<int8_t>(TransactionState::CompleteAbort))
    return cut_transaction("a transaction");
  value.state = static_cast<TransactionState>(state);
  return value;
}

}  // namespace server::coordinator
