#include "storage/files/check.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/uuid.h"
#include "storage/files/check_parts.h"

namespace storage {

Status check_format(LmdbSnapshot& file, const FileKind& expected, const CheckOptions& options) {
  options.begins(expected.name);
  const std::string place = fmt::format("{}, table format", expected.name);
  const LmdbSnapshot::Table* table = file.find("format");
  if (table == nullptr) {
    options.found({place, "it is missing"});
    return {};
  }
  if (TRY(file.transaction().get(table->handle, "kind")) != expected.kind)
    return Error{ErrorCode::IncompatibleFormat, "the file holds something else"};
  const auto version = TRY(file.transaction().get(table->handle, "version"));
  const auto instance = TRY(file.transaction().get(table->handle, "instance"));
  if (!instance || instance->size() != sizeof(Uuid))
    options.found({place, "the file's instance is damaged"});
  if (!version || version->size() != sizeof(uint32_t)) {
    options.found({place, "the file's version is damaged"});
    return {};
  }
  const auto written = load_be<uint32_t>(version->data());
  if (written < expected.oldest_version || written > expected.newest_version)
    return Error{ErrorCode::IncompatibleFormat,
                 fmt::format("the file has format version {}, this program knows {} to {}", written,
                             expected.oldest_version, expected.newest_version)};
  return {};
}

Result<CheckCounts> check_data(DataSnapshot& data, const CheckOptions& options) {
  CheckCounts counts;
  TRY(check_log(data, options, counts));
  TRY(check_state(data, options, counts));
  return counts;
}

}  // namespace storage
