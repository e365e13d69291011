#include "storage/log/producer_snapshot.h"

#include <vector>

#include "base/bytes.h"
#include "storage/log/producer_state.h"
#include "storage/log/task_outputs.h"
#include "storage/log/transaction_index.h"

namespace storage {

namespace {

constexpr uint8_t kVersion = 1;

struct Remembered {
  ProducerId producer;
  std::string_view state;
};

Result<std::vector<Remembered>> decode(std::string_view snapshot) {
  const Error damaged{ErrorCode::CorruptRecord, "the snapshot of producers is damaged"};
  ByteReader in(snapshot);
  if (in.be<uint8_t>() != kVersion || !in.ok()) return damaged;
  std::vector<Remembered> all;
  while (!in.at_end()) {
    Remembered one;
    one.producer = ProducerId{in.be<int64_t>()};
    one.state = in.bytes(in.be<uint16_t>());
    const bool is_good = is_task_producer(one.producer)
                             ? TaskOutputState::decode(one.state).has_value()
                             : ProducerState::decode(one.state).has_value();
    if (!in.ok() || one.producer < ProducerId{0} || !is_good) return damaged;
    all.push_back(one);
  }
  return all;
}

}  // namespace

Result<std::string> producer_snapshot(Transaction& transaction, const LogTables& tables,
                                      LogNumber partition) {
  std::string bytes(1, static_cast<char>(kVersion));
  const std::string end = producer_key(partition + 1, ProducerId{0});
  const auto cursor = TRY(transaction.cursor(tables.producers));
  for (auto entry = TRY(cursor->seek(producer_key(partition, ProducerId{0})));
       entry && entry->key < end; entry = TRY(cursor->next())) {
    bytes += entry->key.substr(sizeof(int64_t));
    append_be(bytes, static_cast<uint16_t>(entry->value.size()));
    bytes += entry->value;
  }
  return bytes;
}

Status install_producers(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, Offset start, std::string_view snapshot) {
  const std::vector<Remembered> all = TRY(decode(snapshot));
  TRY(transaction.erase_range(tables.producers, producer_key(partition, ProducerId{0}),
                              producer_key(partition + 1, ProducerId{0})));
  TRY(transaction.erase_range(tables.transactions, numbered_key(partition.value(), 0),
                              numbered_key(partition.value() + 1, 0)));
  for (const Remembered& one : all) {
    const std::string key = producer_key(partition, one.producer);
    if (is_task_producer(one.producer)) {
      TRY(transaction.put(tables.producers, key, one.state));
      continue;
    }
    ProducerState state = TRY(ProducerState::decode(one.state));
    const auto first = state.open_since();
    if (first && *first < start)
      TRY(begin_transaction(transaction, tables, partition, {one.producer, *first}));
    else
      state.set_open_since({});
    TRY(transaction.put(tables.producers, key, state.encode()));
  }
  return {};
}

}  // namespace storage
