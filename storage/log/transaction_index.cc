#include "storage/log/transaction_index.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace storage {

namespace {

constexpr Offset kOpen{-1};
// The end of a transaction examines at most this many transactions for removal.
constexpr size_t kTidiedAtOnce = 64;

std::string key_of(LogNumber partition, Offset offset) {
  return numbered_key(partition.value(), offset.value());
}
std::string end_of(LogNumber partition) { return key_of(partition + 1, Offset{0}); }
Result<Offset> offset_of(std::string_view key) {
  return Offset{TRY(decode_numbered_key(key)).number};
}

struct Entered {
  OpenTransaction transaction;
  Offset marker;
  bool is_undecided(Offset high_watermark) const {
    return marker == kOpen || marker >= high_watermark;
  }
};

std::string encode(ProducerId producer, Offset marker) {
  std::string bytes;
  append_be(bytes, producer.value());
  append_be(bytes, marker.value());
  return bytes;
}

Result<Entered> decode_entered(const Entry& entry) {
  ByteReader in(entry.value);
  const ProducerId producer{in.be<int64_t>()};
  const Offset marker{in.be<int64_t>()};
  if (!in.ok()) return damaged_data("the data file has a damaged transaction");
  return Entered{{producer, TRY(offset_of(entry.key))}, marker};
}

struct Aborted {
  AbortedTransaction transaction;
  // The partition's first undecided offset (Kafka: last stable offset) when the marker was written.
  Offset undecided;
};

Result<Aborted> decode_aborted(const Entry& entry) {
  ByteReader in(entry.value);
  const ProducerId producer{in.be<int64_t>()};
  const Offset first{in.be<int64_t>()}, undecided{in.be<int64_t>()};
  if (!in.ok()) return damaged_data("the data file has a damaged entry of an aborted transaction");
  return Aborted{{producer, first, TRY(offset_of(entry.key))}, undecided};
}

// Removes transactions whose marker is visible. A truncation cannot reopen them, because it does
// not remove visible records.
Status tidy(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
            Offset high_watermark) {
  std::vector<std::string> decided;
  auto cursor = TRY(transaction.cursor(tables.transactions));
  const std::string end = end_of(partition);
  auto entry = TRY(cursor->seek(key_of(partition, Offset{0})));
  for (size_t i = 0; i < kTidiedAtOnce && entry && entry->key < end; ++i) {
    if (!TRY(decode_entered(*entry)).is_undecided(high_watermark)) decided.emplace_back(entry->key);
    entry = TRY(cursor->next());
  }
  cursor.reset();
  for (const std::string& key : decided) TRY(transaction.erase(tables.transactions, key));
  return {};
}

}  // namespace

AbortedBatches::AbortedBatches(std::vector<AbortedTransaction> transactions) {
  for (const AbortedTransaction& one : transactions) by_producer_[one.producer].push_back(one);
}

bool AbortedBatches::contains(const records::BatchHeader& batch) const {
  const auto found = by_producer_.find(batch.producer_id);
  if (found == by_producer_.end()) return false;
  const auto next =
      std::ranges::upper_bound(found->second, batch.base_offset, {}, &AbortedTransaction::marker);
  return next != found->second.end() && next->first_offset <= batch.base_offset;
}

Status begin_transaction(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, const OpenTransaction& open) {
  return transaction.put(tables.transactions, key_of(partition, open.first_offset),
                         encode(open.producer, kOpen));
}

Status end_transaction(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                       const OpenTransaction& open, Offset marker, records::TransactionEnd end,
                       Offset high_watermark) {
  TRY(transaction.put(tables.transactions, key_of(partition, open.first_offset),
                      encode(open.producer, marker)));
  TRY(tidy(transaction, tables, partition, high_watermark));
  if (end == records::TransactionEnd::Commit) return {};
  // The other open transactions will end after this marker. So the first undecided offset is the start of the
  // oldest of them.
  const Offset undecided =
      TRY(first_undecided(transaction, tables, partition, Offset{INT64_MAX})).value_or(marker + 1);
  std::string bytes;
  append_be(bytes, open.producer.value());
  append_be(bytes, open.first_offset.value());
  append_be(bytes, undecided.value());
  return transaction.put(tables.aborted, key_of(partition, marker), bytes);
}

Result<std::optional<Offset>> first_undecided(Transaction& transaction, const LogTables& tables,
                                              LogNumber partition, Offset high_watermark) {
  const auto cursor = TRY(transaction.cursor(tables.transactions));
  const std::string end = end_of(partition);
  for (auto entry = TRY(cursor->seek(key_of(partition, Offset{0}))); entry && entry->key < end;
       entry = TRY(cursor->next())) {
    const Entered entered = TRY(decode_entered(*entry));
    if (entered.is_undecided(high_watermark)) return entered.transaction.first_offset;
  }
  return std::nullopt;
}

Result<std::vector<AbortedTransaction>> aborted_between(Transaction& transaction,
                                                        const LogTables& tables,
                                                        LogNumber partition, Offset from,
                                                        Offset end) {
  std::vector<AbortedTransaction> found;
  const auto cursor = TRY(transaction.cursor(tables.aborted));
  const std::string end_key = end_of(partition);
  for (auto entry = TRY(cursor->seek(key_of(partition, from))); entry && entry->key < end_key;
       entry = TRY(cursor->next())) {
    const Aborted aborted = TRY(decode_aborted(*entry));
    if (aborted.transaction.first_offset < end) found.push_back(aborted.transaction);
    // All later entries belong to transactions that began at or after `end`: a transaction that began earlier would
    // have been undecided when this marker was written, and `undecided` would be lower.
    if (aborted.undecided >= end) break;
  }
  return found;
}

Result<std::vector<LogNumber>> partitions_with_transactions(Transaction& transaction,
                                                            const LogTables& tables) {
  std::vector<LogNumber> found;
  for (const TableHandle table : {tables.transactions, tables.aborted}) {
    const auto cursor = TRY(transaction.cursor(table));
    for (auto entry = TRY(cursor->first()); entry;) {
      found.emplace_back(TRY(decode_numbered_key(entry->key)).owner);
      entry = TRY(cursor->seek(end_of(found.back())));
    }
  }
  return found;
}

Result<std::vector<CutTransaction>> cut_transactions(WriteTransaction& transaction,
                                                     const LogTables& tables, LogNumber partition,
                                                     Offset log_end) {
  std::vector<CutTransaction> cut;
  std::vector<Entered> all;
  {
    const auto cursor = TRY(transaction.cursor(tables.transactions));
    const std::string end = end_of(partition);
    for (auto entry = TRY(cursor->seek(key_of(partition, Offset{0}))); entry && entry->key < end;
         entry = TRY(cursor->next()))
      all.push_back(TRY(decode_entered(*entry)));
  }
  for (const Entered& entered : all) {
    const auto& [producer, first_offset] = entered.transaction;
    if (first_offset >= log_end) {
      TRY(transaction.erase(tables.transactions, key_of(partition, first_offset)));
      cut.push_back({producer, std::nullopt});
    } else if (entered.marker >= log_end) {
      TRY(begin_transaction(transaction, tables, partition, entered.transaction));
      cut.push_back({producer, first_offset});
    }
  }
  TRY(transaction.erase_range(tables.aborted, key_of(partition, log_end), end_of(partition)));
  // A producer may occur several times in the list. Its open transaction is sorted last, so that it
  // takes effect.
  std::ranges::stable_sort(cut, {},
                           [](const CutTransaction& one) { return one.first_offset.has_value(); });
  return cut;
}

Status forget_aborted_before(WriteTransaction& transaction, const LogTables& tables,
                             LogNumber partition, Offset log_start) {
  TRY(transaction.erase_range(tables.aborted, key_of(partition, Offset{0}),
                              key_of(partition, log_start)));
  return {};
}

}  // namespace storage
