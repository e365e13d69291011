#include "storage/kv/damage.h"

#include <fmt/format.h>

#include <utility>

namespace storage {

std::string advice_about_damage(std::string_view how_to_end) {
  return fmt::format(
      "\"millrace check --data-dir ...\" names what is damaged. {}, and create it again, or "
      "restore the data directory from a backup.",
      how_to_end);
}

Error damaged_data(std::string message) {
  return {.code = ErrorCode::DataCorrupted,
          .message = std::move(message),
          .hint = advice_about_damage()};
}

Error not_opened(Error error, const std::string& path) {
  if (error.code != ErrorCode::DataCorrupted) return error;
  error.message = fmt::format("{}: {}", path, error.message);
  error.hint =
      "\"millrace check --data-dir ...\" names what is damaged. Restore the data directory from a "
      "backup with "
      "\"millrace restore\".";
  return error;
}

}  // namespace storage
