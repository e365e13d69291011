#include "storage/log/producer_snapshot.h"

#include <map>
#include <vector>

#include "base/bytes.h"
#include "records/batch.h"
#include "storage/log/batch_cursor.h"
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

// By producer: its first batch at or after `from`. Followers have not fetched these records yet, so
// the range is small.
using FirstBatches = std::map<ProducerId, records::BatchHeader>;
Result<FirstBatches> first_batches(Transaction& transaction, const Partition& partition,
                                   Offset from) {
  FirstBatches first;
  auto cursor = TRY(BatchCursor::open(transaction, partition));
  for (auto stored = TRY(cursor.seek(from)); stored; stored = TRY(cursor.next())) {
    const auto batch = TRY(records::parse_batch(stored->bytes, records::BatchCheck::Shape));
    if (batch.header.producer_id != records::kNoProducer && batch.header.base_sequence >= 0)
      first.emplace(batch.header.producer_id, batch.header);
  }
  return first;
}

Result<std::string> rewound(std::string_view bytes, const records::BatchHeader& next, Offset end) {
  if (is_task_producer(next.producer_id)) {
    TaskOutputState state;
    state.cut(next.base_sequence, end);
    return state.encode();
  }
  ProducerState state = TRY(ProducerState::decode(bytes));
  state.rewind(next, end);
  return state.encode();
}

}  // namespace

Result<std::string> producer_snapshot(Transaction& transaction, const LogTables& tables,
                                      const Partition& partition, Offset high_watermark) {
  const FirstBatches not_visible = TRY(first_batches(transaction, partition, high_watermark));
  std::string bytes(1, static_cast<char>(kVersion));
  const std::string end = producer_key(partition.number() + 1, ProducerId{0});
  const auto cursor = TRY(transaction.cursor(tables.producers));
  for (auto entry = TRY(cursor->seek(producer_key(partition.number(), ProducerId{0})));
       entry && entry->key < end; entry = TRY(cursor->next())) {
    const ProducerId id{TRY(decode_numbered_key(entry->key)).number};
    std::string state(entry->value);
    if (const auto first = not_visible.find(id); first != not_visible.end())
      state = TRY(rewound(state, first->second, high_watermark));
    append_be(bytes, id.value());
    append_be(bytes, static_cast<uint16_t>(state.size()));
    bytes += state;
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
