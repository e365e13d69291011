#include "storage/state/position_row.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/bytes.h"
#include "records/crc32c.h"
#include "storage/kv/damage.h"
#include "storage/kv/lmdb_store.h"
#include "storage/state/state_keys.h"

namespace storage {

namespace {

constexpr uint8_t kCheckedMark = 0x81;  // the first byte of a checked row
constexpr size_t kPositionCheckSize = sizeof(uint32_t);

uint32_t checksum_of_position(std::string_view task, std::string_view row) {
  return records::crc32c(std::string(task).append(row));
}

}  // namespace

PositionFormat position_format_of(std::string_view version) {
  const bool is_checked = version.size() == sizeof(uint32_t) &&
                          load_be<uint32_t>(version.data()) >= kCheckedPositionsVersion;
  return is_checked ? PositionFormat::Checked : PositionFormat::Plain;
}

std::string encode_position(std::string_view task, const PositionRow& row, PositionFormat format) {
  std::string bytes;
  if (format == PositionFormat::Checked) append_be(bytes, kCheckedMark);
  append_be(bytes, row.position.value());
  bytes += row.scalars;
  if (format == PositionFormat::Checked) append_be(bytes, checksum_of_position(task, bytes));
  return bytes;
}

Result<PositionRow> decode_position(const Entry& row, PositionFormat format) {
  std::string_view value = row.value;
  bool is_whole = true;
  if (format == PositionFormat::Checked) {
    is_whole = value.size() >= sizeof kCheckedMark + kPositionCheckSize &&
               static_cast<uint8_t>(value.front()) == kCheckedMark;
    if (is_whole) {
      const auto expected = load_be<uint32_t>(value.data() + value.size() - kPositionCheckSize);
      value.remove_suffix(kPositionCheckSize);
      is_whole = checksum_of_position(row.key, value) == expected;
      value.remove_prefix(sizeof kCheckedMark);
    }
  }
  ByteReader in(value);
  PositionRow decoded{.position = TaskSequence{in.be<int64_t>()}, .scalars = {}};
  decoded.scalars = in.rest();
  if (is_whole && in.ok() && decoded.position >= TaskSequence{0}) return decoded;
  return damaged_data(fmt::format("the state file has a damaged position of {}", row.key));
}

namespace {

Status add_checks(KeyValueStore& store) {
  auto transaction = TRY(store.begin_write());
  const TableHandle format = TRY(transaction->open_table(kFormatTable, KeyOrder::Bytes));
  const auto version = TRY(transaction->get(format, kVersionKey));
  if (position_format_of(version.value_or("")) == PositionFormat::Checked) return {};
  const TableHandle positions = TRY(transaction->open_table("positions", KeyOrder::Bytes));
  std::vector<std::pair<std::string, std::string>> rows;
  auto cursor = TRY(transaction->cursor(positions));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next()))
    if (const auto row = decode_position(*entry, PositionFormat::Plain))
      rows.emplace_back(entry->key, encode_position(entry->key, *row, PositionFormat::Checked));
  cursor.reset();
  for (const auto& [task, row] : rows) TRY(transaction->put(positions, task, row));
  std::string checked_version;
  append_be(checked_version, kCheckedPositionsVersion);
  TRY(transaction->put(format, kVersionKey, checked_version));
  return transaction->commit();
}

}  // namespace

Status add_position_checks(const std::string& directory) {
  const auto add = [&]() -> Status {
    const auto store =
        TRY(open_lmdb_store(directory, {.kind = "state",
                                        .format_version = kStateFormatVersion,
                                        .oldest_format_version = kOldestStateFormatVersion,
                                        .newest_format_version = kCheckedPositionsVersion,
                                        .max_tables = 16}));
    return add_checks(*store);
  };
  if (Status added = add(); !added)
    return not_opened(std::move(added).error(), directory + "/state.mdb");
  return {};
}

}  // namespace storage
