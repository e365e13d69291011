// The rows of the table `positions` in state.mdb: for each task, the last commit that its checkpoint contains. Since
// version 4 of the file they have checksums.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

// The version of a state.mdb whose positions have checksums. An older file keeps its version until add_position_checks()
// changes it.
inline constexpr uint32_t kCheckedPositionsVersion = 4;

// The key of a row is the task. Its value is
//
//   Plain:   sequence i64, scalars
//   Checked: 0x81 u8, sequence i64, scalars, CRC-32C u32 of the task and of all bytes before it
//
// A sequence is less than 2^56, so a plain row begins with the byte 0.
enum class PositionFormat : uint8_t { Plain, Checked };
struct PositionRow {
  TaskSequence position;
  std::string_view scalars;  // as in Checkpoint
};

// Returns the format of the positions in a file of this version, which is given as the table `format` contains it.
PositionFormat position_format_of(std::string_view version);
std::string encode_position(std::string_view task, const PositionRow& row, PositionFormat format);
// Fails with DataCorrupted if the row is damaged or has another format.
Result<PositionRow> decode_position(const Entry& row, PositionFormat format);

// Adds checksums to the positions in `directory`/state.mdb, and creates the file if it is missing. Programs that do not
// know kCheckedPositionsVersion then refuse the file. Fails with the errors of open_lmdb_store(). A damaged position
// stays as it is, and counts as damaged from then on, too.
Status add_position_checks(const std::string& directory);

}  // namespace storage
