#include "storage/files/check.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/uuid.h"
#include "storage/files/check_parts.h"
#include "storage/log/stored_keys.h"

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
    return Error{
        .code = ErrorCode::NotSupported,
        .message = fmt::format("the file has format version {}, this program checks {} to {}",
                               written, expected.oldest_version, expected.newest_version),
        .hint = written > expected.newest_version
                    ? "Check it with the version of Millrace that wrote it, or a later one."
                    : "Start a server of this version on the data directory, which upgrades it, "
                      "then check it again."};
  return {};
}

namespace {

void check_pages(LmdbSnapshot& file, std::string_view name, const CheckOptions& options) {
  const std::string place = fmt::format("{}, the list of free pages", name);
  options.begins(place);
  if (const Status checked = file.check_pages(); !checked)
    options.found({place, checked.error().message});
}

// Reads the tables whose rows no other part of the check reads, such as `owner` and `counters`.
void check_other_tables(LmdbSnapshot& file, std::string_view name, const CheckOptions& options) {
  for (const LmdbSnapshot::Table& table : file.tables()) {
    if (file.was_visited(table.name) || is_partition_table(table.name)) continue;
    const std::string place = fmt::format("{}, table {}", name, table.name);
    options.begins(place);
    const Status read = file.visit(table.name, [](const Entry&) { return Status{}; });
    if (!read) options.found({place, read.error().message});
  }
}

}  // namespace

Result<CheckCounts> check_data(DataSnapshot& data, const CheckOptions& options) {
  CheckCounts counts;
  check_pages(*data.log, kLogFile, options);
  check_pages(*data.state, kStateFile, options);
  TRY(check_log(data, options, counts));
  TRY(check_state(data, options, counts));
  check_other_tables(*data.log, kLogFile, options);
  check_other_tables(*data.state, kStateFile, options);
  return counts;
}

}  // namespace storage
