#include "storage/log/epoch_history.h"

#include <optional>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace storage {

namespace {

std::string key_of(LogNumber partition, LeaderEpoch epoch) {
  return numbered_key(partition.value(), epoch.value());
}

// Returns the entry as the start of an epoch; nothing if it belongs to another partition.
Result<std::optional<EpochStart>> own(LogNumber partition,
                                      const Result<std::optional<Entry>>& read) {
  if (!read) return read.error();
  const std::optional<Entry>& entry = *read;
  if (!entry) return std::nullopt;
  const auto [owner, epoch] = TRY(decode_numbered_key(entry->key));
  if (owner != partition.value()) return std::nullopt;
  if (entry->value.size() != sizeof(int64_t))
    return damaged_data("the data file has a damaged history of epochs");
  return EpochStart{LeaderEpoch{static_cast<int32_t>(epoch)},
                    Offset{load_be<int64_t>(entry->value.data())}};
}

Result<std::optional<EpochStart>> last_start(Cursor& cursor, LogNumber partition) {
  const auto after = TRY(cursor.seek(epoch_keys(partition).end));
  return own(partition, after ? cursor.previous() : cursor.last());
}

// Erases the newest entries while `goes` returns true for them.
template <class Goes>
Status erase_newest(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                    const Goes& goes) {
  while (true) {
    const auto cursor = TRY(transaction.cursor(tables.epochs));
    const auto last = TRY(last_start(*cursor, partition));
    if (!last || !goes(*last)) return {};
    TRY(transaction.erase(tables.epochs, key_of(partition, last->epoch)));
  }
}

}  // namespace

EpochKeys epoch_keys(LogNumber partition) {
  return {key_of(partition, LeaderEpoch{0}), key_of(partition + 1, LeaderEpoch{0})};
}

Status begin_epoch(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                   LeaderEpoch epoch, Offset start) {
  if (epoch <= TRY(newest_epoch(transaction, tables, partition)).epoch) return {};
  TRY(cut_epochs(transaction, tables, partition, start));
  std::string value;
  append_be(value, start.value());
  return transaction.put(tables.epochs, key_of(partition, epoch), value);
}

Result<EpochStart> newest_epoch(Transaction& transaction, const LogTables& tables,
                                LogNumber partition) {
  const auto cursor = TRY(transaction.cursor(tables.epochs));
  return TRY(last_start(*cursor, partition)).value_or(EpochStart{});
}

Result<LeaderEpoch> last_written_epoch(Transaction& transaction, const LogTables& tables,
                                       LogNumber partition, Offset log_end) {
  const auto cursor = TRY(transaction.cursor(tables.epochs));
  auto last = TRY(last_start(*cursor, partition));
  while (last && last->start >= log_end) last = TRY(own(partition, cursor->previous()));
  return last ? last->epoch : LeaderEpoch{0};
}

Result<EpochEnd> end_of_epoch(Transaction& transaction, const LogTables& tables,
                              LogNumber partition, LeaderEpoch asked, LeaderEpoch leader_epoch,
                              Offset log_end) {
  if (asked < LeaderEpoch{0} || asked > leader_epoch) return EpochEnd{};
  const auto cursor = TRY(transaction.cursor(tables.epochs));
  const std::string behind = numbered_key(partition.value(), int64_t{asked.value()} + 1);
  const auto next = TRY(own(partition, cursor->seek(behind)));
  const auto found =
      next ? TRY(own(partition, cursor->previous())) : TRY(last_start(*cursor, partition));
  const LeaderEpoch epoch = found ? found->epoch : LeaderEpoch{0};
  return EpochEnd{epoch, next ? next->start : log_end};
}

Status cut_epochs(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                  Offset log_end) {
  return erase_newest(transaction, tables, partition,
                      [log_end](const EpochStart& last) { return last.start >= log_end; });
}

Status cut_newer_epochs(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                        LeaderEpoch epoch, Offset log_end) {
  return erase_newest(transaction, tables, partition, [=](const EpochStart& last) {
    return last.epoch > epoch && last.start >= log_end;
  });
}

Status forget_epochs_before(WriteTransaction& transaction, const LogTables& tables,
                            LogNumber partition, Offset log_start) {
  const auto [first, end] = epoch_keys(partition);
  while (true) {
    const auto cursor = TRY(transaction.cursor(tables.epochs));
    const auto oldest = TRY(own(partition, cursor->seek(first)));
    if (!oldest) return {};
    const auto next = TRY(own(partition, cursor->next()));
    if (!next || next->start > log_start) return {};
    TRY(transaction.erase(tables.epochs, key_of(partition, oldest->epoch)));
  }
}

}  // namespace storage
