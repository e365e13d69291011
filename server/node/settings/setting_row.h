// The settings of `millrace server` as rows, and the parsers of their values.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/node/settings.h"

namespace server {

// One setting. `name`, with hyphens, is used in the file and as a flag; the variable is MILLRACE_ and
// the name in upper case.
struct SettingRow {
  std::string_view name;
  std::string_view doc;  // empty: only for tests, not shown by --help
  Status (*set)(NodeSettings& settings, const std::string& text);
};

// Returns all settings in the order in which --help prints them.
const std::vector<SettingRow>& known_settings();

// The sections of this list.
std::span<const SettingRow> listener_settings();
std::span<const SettingRow> access_settings();
std::span<const SettingRow> limit_settings();
std::span<const SettingRow> group_settings();
std::span<const SettingRow> cluster_settings();
std::span<const SettingRow> log_settings();

// Parse a value and store it in `to`. Fail with InvalidParameter, and leave `to` unchanged, if the text is not a value
// of the type or is out of the range from `least` to `most`.
Status set_number(int64_t& to, const std::string& text, int64_t least, int64_t most);
Status set_int(int& to, const std::string& text, int least, int most);
Status set_bool(bool& to, const std::string& text);
Status set_on_or_off(bool& to, const std::string& text);
// Parses a list separated by commas.
Status set_addresses(std::vector<Address>& to, const std::string& text);

// Returns the error with the place of the setting before its message: the file and the name, a variable, or a flag.
Error about(std::string_view place, const Error& error);

}  // namespace server
